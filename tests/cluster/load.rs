//! Requests without end from several clients, and what became of them.

use std::net::SocketAddr;
use std::time::Duration;

use landfall::testing::Raw;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How many clients ask at once.
const CLIENTS: usize = 4;

/// How long a client rests between two requests: some hundred requests a second are enough to hit any gap.
const REST: Duration = Duration::from_millis(5);

/// Clients that ask for `/` of a host over and over, each on a connection that it keeps. Dropping it ends them.
#[derive(Debug)]
pub(crate) struct Load {
    end: watch::Sender<bool>,
    clients: JoinSet<Tally>,
}

/// What became of the requests.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) answered: usize,
    /// The first line of every answer that was not 200.
    pub(crate) failed: Vec<String>,
}

impl Tally {
    /// Panics if a request failed or there was none.
    pub(crate) fn assert_flawless(&self) {
        assert!(self.failed.is_empty() && self.answered > 0, "{self:?}");
    }
}

impl Load {
    /// Starts the clients.
    pub(crate) fn on(address: SocketAddr, host: &'static str) -> Self {
        let end = watch::Sender::new(false);
        let mut clients = JoinSet::new();
        for _ in 0..CLIENTS {
            clients.spawn(ask_on(address, host, end.subscribe()));
        }
        Self { end, clients }
    }

    /// Ends every client after the answer it waits for. A connection that breaks fails the test.
    pub(crate) async fn end(mut self) -> Tally {
        self.end.send_replace(true);
        let mut all = Tally::default();
        while let Some(client) = self.clients.join_next().await {
            let Tally { answered, failed } = client.expect("no connection breaks");
            all.answered += answered;
            all.failed.extend(failed);
        }
        all
    }
}

async fn ask_on(address: SocketAddr, host: &str, mut end: watch::Receiver<bool>) -> Tally {
    let mut connection = Raw::connect(address).await;
    let mut tally = Tally::default();
    while !*end.borrow() {
        connection.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
        let answer = connection.response().await;
        tally.answered += 1;
        if answer.one("connection").is_some_and(|value| value.eq_ignore_ascii_case("close")) {
            connection = Raw::connect(address).await;
        }
        if answer.status() != 200 {
            tally.failed.push(answer.start);
        }
        let _rested = tokio::time::timeout(REST, end.changed()).await;
    }
    tally
}
