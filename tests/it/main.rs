//! The data plane from outside: real sockets, real TLS, origins and clients that say exactly what the test says.
//!
//! One module per feature. Every test runs with one worker and with two. Nothing sleeps: a test waits for what must
//! come, and a wait that is in vain fails with what came instead.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

/// Writes each test twice: on one worker and on two.
macro_rules! on_workers {
    ($(async fn $name:ident($workers:ident) $body:block)+) => {$(
        async fn $name($workers: usize) $body

        mod $name {
            #[tokio::test]
            async fn on_one_worker() {
                Box::pin(super::$name(1)).await;
            }

            #[tokio::test]
            async fn on_two_workers() {
                Box::pin(super::$name(2)).await;
            }
        }
    )+};
}

mod access;
mod bodies;
mod cluster;
mod connections;
mod failures;
mod fields;
mod fixtures;
mod folder;
mod handover;
mod hostile;
mod http2;
mod http2_flow;
mod http2_hostile;
mod labels;
mod limits;
mod limits_flow;
mod limits_http2;
mod overload;
mod panics;
mod redirects;
mod reload;
mod rewrite;
mod routing;
mod server_names;
mod timeouts;
mod tls;
mod upgrades;
