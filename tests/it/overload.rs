//! Too much: new requests are answered 503, then connections leave, then none are taken on. What is being served goes on.

use landfall::testing::http2;
use landfall::testing::objects::settings;
use landfall::testing::raw::Transport;
use landfall::testing::{Http2, Raw, TestServer};
use tokio::net::TcpStream;

use crate::fixtures::{OK, get, with_origin, with_raw_origin};
use crate::limits::hits;

/// Thousandths of the memory at which each stage has begun.
const SHEDDING: u64 = 860;
const LEAVING: u64 = 910;
const REFUSING: u64 = 960;

async fn http2(server: &TestServer) -> Http2 {
    Http2::over(Transport::Plain(TcpStream::connect(server.http()).await.unwrap())).await
}

/// So many clients that have been answered and stay.
async fn kept(server: &TestServer, count: usize) -> Vec<Raw> {
    let mut kept = Vec::new();
    for _ in 0..count {
        let mut client = Raw::connect(server.http()).await;
        client.send(get("a.test", "/")).await;
        assert_eq!(client.response().await.status(), 200);
        kept.push(client);
    }
    kept
}

/// Waits until every worker has noticed: until requests on so many new connections are all answered so.
async fn until_answered(server: &TestServer, host: &str, status: u16) {
    let mut answered = 0;
    while answered < 20 {
        let mut client = Raw::connect(server.http()).await;
        client.send(get(host, "/")).await;
        answered = if client.response().await.status() == status { answered + 1 } else { 0 };
    }
}

on_workers! {
    async fn without_memory_new_requests_are_shed_and_those_in_flight_go_on(workers) {
        let (server, origin) = with_raw_origin(workers).await;
        let mut waiting = Raw::connect(server.http()).await;
        waiting.send(get("a.test", "/")).await;
        let mut upstream = origin.accept().await;
        upstream.request().await;
        server.holds_memory(SHEDDING);
        until_answered(&server, "none.test", 503).await;
        let mut client = Raw::connect(server.http()).await;
        client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2\r\n\r\nab").await;
        let answer = client.response().await;
        assert_eq!((answer.status(), answer.one("retry-after"), answer.one("connection")), (503, Some("5"), Some("close")));
        client.closed().await;
        let answer = http2(&server).await.ask(http2::get("http://a.test/")).await.unwrap();
        assert_eq!((answer.status, answer.one("retry-after")), (503, Some("5")));
        upstream.send(OK).await;
        assert_eq!(waiting.response().await.text(), "ok");
        assert!(!origin.is_called().await);
    }

    async fn with_less_memory_idle_connections_leave(workers) {
        let (server, _origin) = with_origin(workers).await;
        let mut idle = Raw::connect(server.http()).await;
        idle.send(get("a.test", "/")).await;
        assert_eq!(idle.response().await.status(), 200);
        let mut multiplexed = http2(&server).await;
        assert_eq!(multiplexed.ask(http2::get("http://a.test/")).await.unwrap().status, 200);
        server.holds_memory(LEAVING);
        idle.closed().await;
        multiplexed.closed().await.unwrap();
        until_answered(&server, "none.test", 503).await;
        server.holds_memory(0);
        until_answered(&server, "a.test", 200).await;
    }

    async fn with_hardly_any_memory_connections_are_refused(workers) {
        let (server, _origin) = with_origin(workers).await;
        server.holds_memory(REFUSING);
        let mut refused = 0;
        while refused < 20 {
            let mut client = Raw::connect(server.http()).await;
            // It may be closed before it has said anything.
            let _sent = client.try_send(get("a.test", "/")).await;
            refused = if client.rest().await.is_empty() { refused + 1 } else { 0 };
        }
        server.holds_memory(0);
        let mut welcome = 0;
        while welcome < 20 {
            let mut client = Raw::connect(server.http()).await;
            let _sent = client.try_send("GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n").await;
            welcome = if client.rest().await.starts_with(b"HTTP/1.1 200 ") { welcome + 1 } else { 0 };
        }
    }

    async fn connections_beyond_nine_tenths_are_told_to_come_again_and_the_others_go_on(workers) {
        let (mut server, _origin) = with_origin(workers).await;
        server.apply([settings([("max-connections", "100")])]);
        let mut kept = kept(&server, 90).await;
        let mut surplus = Raw::connect(server.http()).await;
        surplus.send(get("a.test", "/")).await;
        let answer = surplus.response().await;
        assert_eq!((answer.status(), answer.one("retry-after")), (503, Some("5")));
        surplus.closed().await;
        server.counted(&hits("max-connections"), 1).await;
        for client in &mut kept {
            client.send(get("a.test", "/")).await;
            assert_eq!(client.response().await.status(), 200);
        }
    }
}

#[tokio::test]
async fn idle_connections_leave_before_the_last_places_are_taken() {
    let (mut server, _origin) = with_origin(1).await;
    server.apply([settings([("max-connections", "100")])]);
    let idle = kept(&server, 90).await;
    // Connections that say nothing.
    let mut silent = Vec::new();
    for _ in 0..5 {
        silent.push(Raw::connect(server.http()).await);
    }
    for mut client in idle {
        client.closed().await;
    }
}
