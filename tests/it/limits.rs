//! Limits on clients at their boundaries: what is within is served, what is one beyond is not, and is counted.

use std::net::{Ipv4Addr, SocketAddr};

use landfall::testing::objects::settings;
use landfall::testing::raw::Transport;
use landfall::testing::{Ingress, Raw, TestServer};
use tokio::net::TcpSocket;

use crate::fixtures::{get, with_origin, with_raw_origin_and};

/// A hit of a limit, as a metric.
pub(crate) fn hits(limit: &str) -> String {
    format!("landfall_limits_hit_total{{limit=\"{limit}\"}}")
}

/// A client that has been answered and is kept.
async fn kept(server: &TestServer) -> Raw {
    let mut client = Raw::connect(server.http()).await;
    client.send(get("a.test", "/")).await;
    assert_eq!(client.response().await.status(), 200);
    client
}

/// A client that has sent a request but for its last two octets.
async fn busy(server: &TestServer) -> Raw {
    let mut client = Raw::connect(server.http()).await;
    client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 4\r\n\r\nha").await;
    client
}

/// What a request that is sent as it stands is answered with.
async fn status(server: &TestServer, request: &str) -> u16 {
    let mut client = Raw::connect(server.http()).await;
    client.send(request).await;
    client.response().await.status()
}

/// A request whose head is so many octets long.
fn head_of(octets: usize) -> String {
    let rest = "GET / HTTP/1.1\r\nHost: a.test\r\nX: \r\n\r\n".len();
    format!("GET / HTTP/1.1\r\nHost: a.test\r\nX: {}\r\n\r\n", "x".repeat(octets - rest))
}

fn target_of(octets: usize) -> String {
    get("a.test", &format!("/{}", "x".repeat(octets - 1)))
}

fn with_fields(count: usize) -> String {
    format!("GET / HTTP/1.1\r\nHost: a.test\r\n{}\r\n", "X: y\r\n".repeat(count - 1))
}

fn chunked(framing: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n{framing}")
}

/// Sends one request within a limit and one beyond it.
async fn at_the_boundary(workers: usize, (limit, value): (&str, &str), within: &str, (beyond, refusal): (&str, u16)) {
    let (mut server, _origin) = with_origin(workers).await;
    server.apply([settings([(limit, value)])]);
    assert_eq!(status(&server, within).await, 200, "{limit}");
    assert_eq!(status(&server, beyond).await, refusal, "{limit}");
    server.counted(&hits(limit), 1).await;
}

on_workers! {
    async fn connections_beyond_the_number_in_all_are_closed_at_once(workers) {
        let (mut server, _origin) = with_origin(workers).await;
        server.apply([settings([("max-connections", "3")])]);
        // Busy ones: where there are so many, idle ones are told to leave.
        let mut clients = vec![busy(&server).await, busy(&server).await, busy(&server).await];
        server.counted("landfall_connections_active{listener=\"http\"}", 3).await;
        Raw::connect(server.http()).await.closed().await;
        Raw::connect(server.https()).await.closed().await;
        server.counted(&hits("max-connections"), 2).await;
        server.counted("landfall_connections_shed_total{listener=\"http\"}", 1).await;
        clients.pop();
        server.counted("landfall_connections_active{listener=\"http\"}", 2).await;
        clients.push(busy(&server).await);
        for client in &mut clients {
            client.send("lf").await;
            assert_eq!(client.response().await.status(), 200);
        }
    }

    async fn an_address_that_has_enough_connections_gets_no_more(workers) {
        let (mut server, _origin) = with_origin(workers).await;
        server.apply([settings([("max-connections-per-address", "2")])]);
        let _clients = [kept(&server).await, kept(&server).await];
        Raw::connect(server.http()).await.closed().await;
        server.counted(&hits("max-connections-per-address"), 1).await;
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), 0))).unwrap();
        let mut other = Raw::over(Transport::Plain(socket.connect(server.http()).await.unwrap()));
        other.send(get("a.test", "/")).await;
        assert_eq!(other.response().await.status(), 200);
    }

    async fn a_handshake_that_takes_too_long_is_ended(workers) {
        let (mut server, _origin) = with_origin(workers).await;
        server.apply([settings([("tls-handshake-timeout", "1")])]);
        Raw::connect(server.https()).await.closed().await;
        server.counted(&hits("tls-handshake-timeout"), 1).await;
        server.counted("landfall_tls_handshakes_total{outcome=\"timed-out\"}", 1).await;
    }

    async fn heads_are_taken_up_to_their_limits(workers) {
        let (within, beyond) = (head_of(1024), head_of(1025));
        at_the_boundary(workers, ("max-request-head-size", "1k"), &within, (&beyond, 431)).await;
        let (within, beyond) = (target_of(1024), target_of(1025));
        at_the_boundary(workers, ("max-request-target-size", "1024"), &within, (&beyond, 414)).await;
        let (within, beyond) = (with_fields(3), with_fields(4));
        at_the_boundary(workers, ("max-request-header-fields", "3"), &within, (&beyond, 431)).await;
    }

    async fn what_comes_with_chunks_is_taken_up_to_its_limits(workers) {
        let (within, beyond) = (chunked("1;abcd\r\nx\r\n0\r\n\r\n"), chunked("1;abcde\r\nx\r\n0\r\n\r\n"));
        at_the_boundary(workers, ("max-chunk-extensions-size", "5"), &within, (&beyond, 400)).await;
        let (within, beyond) = (chunked("0\r\nA: bcdef\r\n\r\n"), chunked("0\r\nA: bcdefg\r\n\r\n"));
        at_the_boundary(workers, ("max-trailers-size", "12"), &within, (&beyond, 400)).await;
        let within = chunked(&format!("0\r\n{}\r\n", "A: b\r\n".repeat(3)));
        let beyond = chunked(&format!("0\r\n{}\r\n", "A: b\r\n".repeat(4)));
        at_the_boundary(workers, ("max-request-header-fields", "3"), &within, (&beyond, 400)).await;
    }

    async fn a_client_that_sends_no_head_is_closed_in_time(workers) {
        let (mut server, _origin) = with_origin(workers).await;
        server.apply([settings([("client-header-timeout", "1")])]);
        Raw::connect(server.http()).await.closed().await;
        let mut halfway = Raw::connect(server.http()).await;
        halfway.send("GET / HTTP/1.1\r\n").await;
        assert_eq!(halfway.response().await.status(), 408);
        server.counted(&hits("client-header-timeout"), 2).await;
    }

    async fn a_client_that_sends_no_body_is_answered_in_time(workers) {
        let (mut server, _origin) = with_origin(workers).await;
        server.apply([settings([("client-body-timeout", "1")])]);
        assert_eq!(status(&server, "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2\r\n\r\nx").await, 408);
        server.counted(&hits("client-body-timeout"), 1).await;
    }

    async fn idle_connections_and_old_ones_are_counted(workers) {
        let (mut server, _origin) = with_origin(workers).await;
        server.apply([settings([("keep-alive", "1"), ("keep-alive-requests", "2")])]);
        kept(&server).await.closed().await;
        server.counted(&hits("keep-alive"), 1).await;
        let mut client = kept(&server).await;
        client.send(get("a.test", "/")).await;
        assert_eq!(client.response().await.one("connection"), Some("close"));
        server.counted(&hits("keep-alive-requests"), 1).await;
    }

    async fn a_client_that_reads_nothing_is_ended_in_time(workers) {
        let (mut server, origin) = with_raw_origin_and(workers, Ingress::named("web")).await;
        server.apply([settings([("client-send-timeout", "1")])]);
        let mut client = Raw::connect(server.http()).await;
        client.send(get("a.test", "/")).await;
        let mut upstream = origin.accept().await;
        upstream.request().await;
        upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n").await;
        // Ends when the server has had enough of its client and closes.
        let piece = vec![0; 64 * 1024];
        while upstream.try_send(&piece).await.is_ok() {}
        server.counted(&hits("client-send-timeout"), 1).await;
        assert!(client.rest().await.len() < 1_000_000_000);
    }
}

#[tokio::test]
async fn connections_beyond_the_number_of_one_worker_are_closed_at_once() {
    let (mut server, _origin) = with_origin(1).await;
    server.apply([settings([("max-worker-connections", "2")])]);
    let _clients = [kept(&server).await, kept(&server).await];
    Raw::connect(server.http()).await.closed().await;
    server.counted(&hits("max-worker-connections"), 1).await;
}

#[tokio::test]
async fn the_oldest_handshake_gives_way_to_a_new_one() {
    let (mut server, _origin) = with_origin(1).await;
    server.apply([settings([("max-worker-pending-handshakes", "2")])]);
    let (mut oldest, _old) = (Raw::connect(server.https()).await, Raw::connect(server.https()).await);
    let trusting = landfall::tls::client::unverified(landfall::tls::client::UpstreamAlpn::Http1);
    let mut honest = Raw::connect_tls(server.https(), "a.test", trusting).await.unwrap();
    oldest.closed().await;
    honest.send(get("a.test", "/")).await;
    assert_eq!(honest.response().await.status(), 200);
    server.counted(&hits("max-worker-pending-handshakes"), 1).await;
}
