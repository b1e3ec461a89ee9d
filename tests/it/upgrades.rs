//! Connections that change their protocol, and those that must not.

use landfall::testing::Raw;

use crate::fixtures::{OK, get, with_raw_origin};

const UPGRADE: &str = "GET /chat HTTP/1.1\r\nHost: a.test\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const SWITCHED: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

on_workers! {
    async fn octets_go_both_ways_after_a_101(workers) {
        let (server, origin) = with_raw_origin(workers).await;
        let mut client = Raw::connect(server.http()).await;
        client.send(UPGRADE).await;
        let mut upstream = origin.accept().await;
        let request = upstream.head().await;
        assert_eq!((request.one("upgrade"), request.one("connection")), (Some("websocket"), Some("upgrade")));
        assert_eq!(request.one("sec-websocket-key"), Some("dGhlIHNhbXBsZSBub25jZQ=="));
        upstream.send(SWITCHED).await;
        let answer = client.head().await;
        assert_eq!((answer.status(), answer.one("upgrade")), (101, Some("websocket")));
        assert_eq!(answer.one("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        for number in 0..10_u8 {
            client.send([b'c', number]).await;
            assert_eq!(upstream.octets(2).await, [b'c', number]);
            upstream.send([b's', number]).await;
            assert_eq!(client.octets(2).await, [b's', number]);
        }
    }

    async fn octets_sent_right_behind_the_101_are_not_lost(workers) {
        let (server, origin) = with_raw_origin(workers).await;
        let mut client = Raw::connect(server.http()).await;
        client.send(UPGRADE).await;
        let mut upstream = origin.accept().await;
        upstream.head().await;
        upstream.send(format!("{SWITCHED}first words")).await;
        assert_eq!(client.head().await.status(), 101);
        assert_eq!(client.octets(11).await, b"first words");
    }

    async fn each_direction_of_a_tunnel_ends_on_its_own(workers) {
        let (server, origin) = with_raw_origin(workers).await;
        let mut client = Raw::connect(server.http()).await;
        client.send(UPGRADE).await;
        let mut upstream = origin.accept().await;
        upstream.head().await;
        upstream.send(SWITCHED).await;
        client.head().await;
        client.send("that is all").await;
        client.finish_sending().await;
        assert_eq!(upstream.rest().await, b"that is all");
        upstream.send("and still an answer").await;
        drop(upstream);
        assert_eq!(client.rest().await, b"and still an answer");
    }

    async fn a_tunnel_carries_large_contents(workers) {
        const OCTETS: usize = 4 << 20;
        let (server, origin) = with_raw_origin(workers).await;
        let mut client = Raw::connect(server.http()).await;
        client.send(UPGRADE).await;
        let mut upstream = origin.accept().await;
        upstream.head().await;
        upstream.send(SWITCHED).await;
        client.head().await;
        let echo = async {
            for _ in 0..64 {
                let piece = upstream.octets(OCTETS / 64).await;
                upstream.send(piece).await;
            }
        };
        let ask = async {
            for number in 0..64 {
                client.send(vec![number; OCTETS / 64]).await;
                assert_eq!(client.octets(OCTETS / 64).await, vec![number; OCTETS / 64]);
            }
        };
        tokio::join!(echo, ask);
    }

    async fn what_follows_a_request_for_an_upgrade_waits_for_the_101(workers) {
        let (server, origin) = with_raw_origin(workers).await;
        let mut client = Raw::connect(server.http()).await;
        client.send(UPGRADE.to_owned() + &get("a.test", "/next")).await;
        let mut upstream = origin.accept().await;
        upstream.head().await;
        // The upgrade is declined: what follows is the next request, and nothing of it came before the answer.
        upstream.send("HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n").await;
        assert_eq!(client.response().await.status(), 426);
        let mut next = either(&origin, upstream).await;
        assert_eq!(next.request().await.start, "GET /next HTTP/1.1");
        next.send(OK).await;
        assert_eq!(client.response().await.text(), "ok");
    }

    async fn only_a_101_opens_a_tunnel(workers) {
        let (server, origin) = with_raw_origin(workers).await;
        let mut client = Raw::connect(server.http()).await;
        client.send(UPGRADE).await;
        let mut upstream = origin.accept().await;
        upstream.head().await;
        upstream.send("HTTP/1.1 200 OK\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\nok").await;
        let answer = client.response().await;
        assert_eq!((answer.status(), answer.text()), (200, "ok"));
        client.send(get("a.test", "/next")).await;
        let mut next = either(&origin, upstream).await;
        assert_eq!(next.request().await.start, "GET /next HTTP/1.1");
    }

    async fn a_101_that_nobody_asked_for_is_a_bad_gateway(workers) {
        let (server, origin) = with_raw_origin(workers).await;
        let mut client = Raw::connect(server.http()).await;
        client.send(get("a.test", "/")).await;
        let mut upstream = origin.accept().await;
        upstream.head().await;
        upstream.send(SWITCHED).await;
        assert_eq!(client.response().await.status(), 502);
        upstream.rest().await;
    }

    async fn protocols_that_would_bypass_us_are_not_offered(workers) {
        let (server, origin) = with_raw_origin(workers).await;
        for upgrade in ["h2c", "HTTP/2.0", "TLS/1.0", "h2c, TLS/1.2"] {
            let mut client = Raw::connect(server.http()).await;
            let fields = format!("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: {upgrade}\r\nHTTP2-Settings: AAMAAABk\r\n");
            client.send(format!("GET / HTTP/1.1\r\nHost: a.test\r\n{fields}\r\n")).await;
            let mut upstream = origin.accept().await;
            let request = upstream.head().await;
            assert_eq!((request.one("upgrade"), request.one("http2-settings")), (None, None), "{upgrade}");
            upstream.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").await;
            assert_eq!(client.response().await.status(), 200);
        }
    }

    async fn an_upgrade_without_connection_is_not_offered(workers) {
        let (server, origin) = with_raw_origin(workers).await;
        let mut client = Raw::connect(server.http()).await;
        client.send("GET / HTTP/1.1\r\nHost: a.test\r\nUpgrade: websocket\r\n\r\n").await;
        assert_eq!(origin.accept().await.head().await.one("upgrade"), None);
    }
}

/// The connection that the next request comes on: the one that was used, or a new one.
async fn either(origin: &landfall::testing::RawOrigin, used: Raw) -> Raw {
    if origin.is_called().await { origin.accept().await } else { used }
}
