//! Which worker serves a connection: few are shared out exactly, whoever accepts them, and none is lost on the way.

use landfall::testing::objects::settings;
use landfall::testing::{Raw, TestServer};

use crate::fixtures::{get, with_origin};
use crate::limits::hits;

/// A metric of the plain listener.
fn plain(name: &str) -> String {
    format!("landfall_connections_{name}{{listener=\"http\"}}")
}

/// A client that has been answered and is kept.
async fn kept(server: &TestServer) -> Raw {
    let mut client = Raw::connect(server.http()).await;
    client.send(get("a.test", "/")).await;
    assert_eq!(client.response().await.status(), 200);
    client
}

// Each worker may have four: without sharing out, one of them would nearly always have to refuse its fifth of the eight.
#[tokio::test]
async fn eight_long_connections_are_four_for_each_of_two_workers() {
    let (mut server, _origin) = with_origin(2).await;
    server.apply([settings([("max-worker-connections", "4")])]);
    for round in 1..4 {
        let mut clients = Vec::new();
        for _ in 0..8 {
            clients.push(kept(&server).await);
        }
        Raw::connect(server.http()).await.closed().await;
        server.counted(&hits("max-worker-connections"), round).await;
        clients.clear();
        server.counted(&plain("active"), 0).await;
    }
}

#[tokio::test]
async fn connections_that_are_handed_over_count_once() {
    let (server, _origin) = with_origin(4).await;
    for _ in 0..8 {
        let mut clients = Vec::new();
        for _ in 0..4 {
            clients.push(kept(&server).await);
        }
        server.counted(&plain("active"), 4).await;
        clients.clear();
        server.counted(&plain("active"), 0).await;
    }
    server.counted(&plain("accepted_total"), 32).await;
    server.counted(&plain("handled_total"), 32).await;
    // That the kernel spreads all of them evenly by itself happens less than once in 10^8 runs.
    assert!(!server.metrics().contains(&format!("{} 0\n", plain("handed_over_total"))));
}

#[tokio::test]
async fn a_worker_alone_hands_nothing_over() {
    let (server, _origin) = with_origin(1).await;
    let _clients = [kept(&server).await, kept(&server).await];
    server.counted(&plain("handed_over_total"), 0).await;
}
