//! Honest clients: one that keeps its connection, one that opens another for each request. Every request must be answered.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use landfall::testing::Raw;
use tokio::task::JoinSet;

/// What a request is answered within, on a machine with much else to do.
const PATIENCE: Duration = Duration::from_secs(20);

const KEPT: &str = "GET /status-200 HTTP/1.1\r\nHost: a.test\r\n\r\n";
const SINGLE: &str = "GET /status-200 HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";

/// Clients at work.
pub(crate) struct Honest {
    stop: Arc<AtomicBool>,
    clients: JoinSet<Vec<Duration>>,
}

impl Honest {
    pub(crate) fn start(server: SocketAddr) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let mut clients = JoinSet::new();
        clients.spawn(keeping(server, Arc::clone(&stop)));
        clients.spawn(connecting(server, Arc::clone(&stop)));
        Self { stop, clients }
    }

    /// Stops them; how long each request took, sorted. Panics if one was not answered.
    pub(crate) async fn stop(self) -> Vec<Duration> {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = self.clients.join_all().await.concat();
        all.sort_unstable();
        assert!(!all.is_empty(), "no honest request was made");
        all
    }
}

async fn keeping(server: SocketAddr, stop: Arc<AtomicBool>) -> Vec<Duration> {
    let mut took = Vec::new();
    let mut client = Raw::connect(server).await;
    while !stop.load(Ordering::Relaxed) {
        took.push(ask(&mut client, KEPT).await);
        // `keep-alive-requests` ends a connection after a thousand.
        if took.len().is_multiple_of(900) {
            client = Raw::connect(server).await;
        }
    }
    took
}

async fn connecting(server: SocketAddr, stop: Arc<AtomicBool>) -> Vec<Duration> {
    let mut took = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let began = Instant::now();
        let mut client = Raw::connect(server).await;
        ask(&mut client, SINGLE).await;
        took.push(began.elapsed());
        // Closed connections keep their ports for a while: there is an end to them.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    took
}

async fn ask(client: &mut Raw, request: &str) -> Duration {
    let began = Instant::now();
    client.send(request).await;
    let answer = tokio::time::timeout(PATIENCE, client.response()).await.expect("an honest request is answered");
    assert_eq!(answer.status(), 200);
    began.elapsed()
}
