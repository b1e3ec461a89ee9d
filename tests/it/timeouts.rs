//! What happens when one side keeps the other waiting.
//!
//! Limits are set to a second, the least that can be said; where a test must do something in time, to [`REACTION`].

use landfall::testing::objects::settings;
use landfall::testing::{Ingress, Raw};

use crate::fixtures::{get, with_origin, with_raw_origin_and};

/// Seconds within which a test is sure to react, on a machine with much else to do.
const REACTION: &str = "8";

/// An upstream may keep us waiting so many seconds.
fn impatient(seconds: &str) -> Ingress {
    Ingress::named("web")
        .with("proxy-read-timeout", seconds)
        .with("proxy-send-timeout", seconds)
        .with("proxy-next-upstream", "off")
}

on_workers! {
    async fn an_upstream_that_does_not_answer_times_out(workers) {
        let (server, origin) = with_raw_origin_and(workers, impatient("1")).await;
        let mut client = Raw::connect(server.http()).await;
        client.send(get("a.test", "/")).await;
        let mut upstream = origin.accept().await;
        upstream.request().await;
        assert_eq!(client.response().await.status(), 504);
        upstream.closed().await;
        assert!(server.access_log_of(1).await[0].contains(" 504 "));
    }

    async fn an_answer_that_stops_in_the_middle_breaks_off(workers) {
        let (server, origin) = with_raw_origin_and(workers, impatient(REACTION)).await;
        let mut client = Raw::connect(server.http()).await;
        client.send(get("a.test", "/")).await;
        let mut upstream = origin.accept().await;
        upstream.request().await;
        upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf").await;
        assert_eq!(client.head().await.status(), 200);
        assert_eq!(client.rest().await, b"half");
        upstream.closed().await;
    }

    async fn a_head_that_does_not_end_times_out(workers) {
        let (mut server, _origin) = with_origin(workers).await;
        server.apply([settings([("client-header-timeout", REACTION)])]);
        let mut client = Raw::connect(server.http()).await;
        client.send("GET / HTTP/1.1\r\nHost: a.test\r\n").await;
        assert_eq!(client.response().await.status(), 408);
        client.closed().await;
    }

    async fn content_that_does_not_come_times_out(workers) {
        let (mut server, origin) = with_raw_origin_and(workers, Ingress::named("web")).await;
        server.apply([settings([("client-body-timeout", "1")])]);
        let mut client = Raw::connect(server.http()).await;
        client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10\r\n\r\nhalf").await;
        let mut upstream = origin.accept().await;
        upstream.head().await;
        assert_eq!(client.response().await.status(), 408);
        assert_eq!(upstream.rest().await, b"half");
    }

    async fn an_idle_connection_is_closed(workers) {
        let (mut server, _origin) = with_origin(workers).await;
        server.apply([settings([("keep-alive", "1")])]);
        let mut client = Raw::connect(server.http()).await;
        client.send(get("a.test", "/")).await;
        assert_eq!(client.response().await.status(), 200);
        client.closed().await;
    }

    async fn a_connection_that_has_been_quiet_serves_on_and_is_closed_in_time(workers) {
        let (mut server, _origin) = with_origin(workers).await;
        server.apply([settings([("keep-alive", "3"), ("client-header-timeout", "2")])]);
        let mut client = Raw::connect(server.http()).await;
        client.send(get("a.test", "/")).await;
        assert_eq!(client.response().await.status(), 200);
        // Another client's patience is the clock: two seconds, after one of which a quiet connection holds nothing.
        let mut slow = Raw::connect(server.http()).await;
        slow.send("GET / HT").await;
        assert_eq!(slow.response().await.status(), 408);
        client.send(get("a.test", "/")).await;
        assert_eq!(client.response().await.status(), 200);
        client.closed().await;
    }

    async fn an_idle_tunnel_is_closed(workers) {
        let (server, origin) = with_raw_origin_and(workers, impatient(REACTION)).await;
        let mut client = Raw::connect(server.http()).await;
        client.send("GET / HTTP/1.1\r\nHost: a.test\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n").await;
        let mut upstream = origin.accept().await;
        upstream.head().await;
        upstream.send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n").await;
        assert_eq!(client.head().await.status(), 101);
        client.closed().await;
        upstream.closed().await;
    }
}
