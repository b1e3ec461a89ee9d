//! Requests that two readers could read differently: refused, and nothing behind them is read.
//!
//! Every case is followed by a marker on the same connection. What is refused is answered once, the connection is
//! closed, the marker is never answered, and the backend sees nothing.

use landfall::testing::objects::service;
use landfall::testing::origin::Asked;
use landfall::testing::{Ingress, Message, Origin, Raw, TestServer};

use crate::fixtures::{get, with_origin, with_raw_origin};

/// Sends the case and a marker; the answers until the connection closes, checked to be one refusal.
async fn refusal(server: &TestServer, origin: &Origin, case: &[u8]) -> u16 {
    let shown = case.escape_ascii();
    let mut client = Raw::connect(server.http()).await;
    let mut octets = case.to_vec();
    octets.extend_from_slice(get("a.test", "/marker").as_bytes());
    client.send(octets).await;
    let answer = client.response().await;
    let rest = client.rest_as_text().await;
    assert!(rest.is_empty(), "{shown} is answered twice: {rest}");
    assert_eq!(origin.served(), 0, "{shown} reaches the backend");
    answer.status()
}

/// Sends the case and a marker; both are answered, and the backend sees both.
async fn acceptance(server: &TestServer, case: &str) -> (Message, Asked) {
    let mut client = Raw::connect(server.http()).await;
    client.send(case.to_owned() + &get("a.test", "/marker")).await;
    let answer = client.response().await;
    let marker = client.response().await;
    assert_eq!(marker.status(), 200, "{case:?} {answer:?}");
    let marker = Asked::of(&marker.body);
    assert_eq!(marker.target, "/marker", "{case:?}");
    (answer, marker)
}

on_workers! {
    async fn ambiguous_lengths_are_refused(workers) {
        let (server, origin) = with_origin(workers).await;
        for (fields, status) in [
            ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", 400),
            ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", 400),
            ("Content-Length: 5\r\nContent-Length: 5\r\n", 400),
            ("Content-Length: 5\r\nContent-Length: 6\r\n", 400),
            ("Content-Length: 5, 5\r\n", 400),
            ("Content-Length: +5\r\n", 400),
            ("Content-Length: -1\r\n", 400),
            ("Content-Length: 0x5\r\n", 400),
            ("Content-Length: 05\r\n", 400),
            ("Content-Length: \r\n", 400),
            ("Content-Length: 99999999999999999999\r\n", 400),
            ("Transfer-Encoding: xchunked\r\n", 501),
            ("Transfer-Encoding: identity\r\n", 501),
            ("Transfer-Encoding: gzip, chunked\r\n", 501),
            ("Transfer-Encoding: chunked, chunked\r\n", 400),
            ("Transfer-Encoding: chunked, identity\r\n", 400),
            ("Transfer-Encoding: ,chunked\r\n", 400),
            ("Transfer-Encoding: chunked,\r\n", 400),
            ("Transfer-Encoding: chunked;x=1\r\n", 400),
            ("Transfer-Encoding: \"chunked\"\r\n", 400),
            ("Transfer-Encoding: \x0bchunked\r\n", 400),
            ("Transfer-Encoding: chunked\0\r\n", 400),
            ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400),
            ("Transfer-Encoding : chunked\r\n", 400),
            ("Transfer-Encoding:\r\n chunked\r\n", 400),
        ] {
            let case = format!("POST / HTTP/1.1\r\nHost: a.test\r\n{fields}\r\n0\r\n\r\n");
            assert_eq!(refusal(&server, &origin, case.as_bytes()).await, status, "{fields:?}");
        }
        let old = b"POST / HTTP/1.0\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
        assert_eq!(refusal(&server, &origin, old).await, 400);
    }

    async fn malformed_heads_are_refused(workers) {
        let (server, origin) = with_origin(workers).await;
        for (case, status) in [
            (&b"GET / HTTP/1.1\nHost: a.test\n\n"[..], 400),
            (b"GET / HTTP/1.1\r\nHost: a.test\nX: y\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\nHost: a.test\rX: y\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\nHost: a.test\r\nX: a\0b\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\nHost: a.test\r\nX: a\r\n b\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\nHost: a.test\r\nX : y\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\n Host: a.test\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\nHost: a.test\r\n: y\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\nHost: a.test\r\nX\r\n\r\n", 400),
            (b"GET  / HTTP/1.1\r\nHost: a.test\r\n\r\n", 400),
            (b"GET\t/ HTTP/1.1\r\nHost: a.test\r\n\r\n", 400),
            (b"GET / http/1.1\r\nHost: a.test\r\n\r\n", 400),
            (b"GET /\r\n\r\n", 400),
            (b"GET / HTTP/1.2\r\nHost: a.test\r\n\r\n", 505),
            (b"GET / HTTP/2.0\r\nHost: a.test\r\n\r\n", 505),
            (b"GET /a b HTTP/1.1\r\nHost: a.test\r\n\r\n", 400),
            (b"GET /a#b HTTP/1.1\r\nHost: a.test\r\n\r\n", 400),
            (b"GET /\xc3\xa9 HTTP/1.1\r\nHost: a.test\r\n\r\n", 400),
            (b"GET * HTTP/1.1\r\nHost: a.test\r\n\r\n", 400),
            (b"GET a.test:80 HTTP/1.1\r\nHost: a.test\r\n\r\n", 400),
            (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        ] {
            assert_eq!(refusal(&server, &origin, case).await, status, "{}", case.escape_ascii());
        }
    }

    async fn heads_over_the_limits_are_refused(workers) {
        let (server, origin) = with_origin(workers).await;
        let many = "x: y\r\n".repeat(101);
        for (case, status) in [
            (format!("GET /{} HTTP/1.1\r\nHost: a.test\r\n\r\n", "a".repeat(20_000)), 414),
            (format!("GET / HTTP/1.1\r\nHost: a.test\r\nX: {}\r\n\r\n", "a".repeat(40_000)), 431),
            (format!("GET / HTTP/1.1\r\nHost: a.test\r\n{many}\r\n"), 431),
        ] {
            assert_eq!(refusal(&server, &origin, case.as_bytes()).await, status, "{}", case.get(..20).unwrap_or(&case));
        }
    }

    async fn hosts_that_name_nothing_or_two_things_are_refused(workers) {
        let (server, origin) = with_origin(workers).await;
        for fields in [
            "",
            "Host: a.test\r\nHost: a.test\r\n",
            "Host: a.test\r\nHost: b.test\r\n",
            "Host:\r\n",
            "Host: user@a.test\r\n",
            "Host: a.test/path\r\n",
            "Host: a.test,b.test\r\n",
            "Host: a.test:99999\r\n",
            "Host: a.test:+80\r\n",
            "Host: a.test:80:80\r\n",
            "Host: a b\r\n",
        ] {
            let mut client = Raw::connect(server.http()).await;
            client.send(format!("GET / HTTP/1.1\r\n{fields}\r\n")).await;
            assert_eq!(client.response().await.status(), 400, "{fields:?}");
        }
        assert_eq!(origin.served(), 0);
    }

    async fn malformed_chunks_end_the_connection(workers) {
        let (server, origin) = with_raw_origin(workers).await;
        for content in [
            "+5\r\nhello\r\n0\r\n\r\n",
            "0x5\r\nhello\r\n0\r\n\r\n",
            "5 \r\nhello\r\n0\r\n\r\n",
            " 5\r\nhello\r\n0\r\n\r\n",
            "5;\r\nhello\r\n0\r\n\r\n",
            "5\nhello\r\n0\r\n\r\n",
            "5\r\nhello0\r\n\r\n",
            "5\r\nhello!!\r\n0\r\n\r\n",
            "10000000000000000\r\nhello\r\n0\r\n\r\n",
            "0\r\nX : y\r\n\r\n",
        ] {
            let mut client = Raw::connect(server.http()).await;
            let head = "POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n";
            client.send(format!("{head}{content}{}", get("a.test", "/marker"))).await;
            let answers = client.rest_as_text().await;
            assert!(answers.matches("HTTP/1.1 ").count() <= 1, "{content:?} is answered twice: {answers}");
            assert!(answers.is_empty() || answers.starts_with("HTTP/1.1 400 "), "{content:?}: {answers}");
            // The backend may have seen the beginning, but no end, and nothing of the marker.
            if origin.is_called().await {
                let seen = origin.accept().await.rest_as_text().await;
                assert!(!seen.contains("marker") && !seen.ends_with("0\r\n\r\n"), "{content:?}: {seen}");
            }
        }
    }

    async fn content_is_never_read_as_a_request(workers) {
        let (server, _origin) = with_origin(workers).await;
        let smuggled = get("a.test", "/smuggled");
        for method in ["GET", "HEAD", "OPTIONS", "DELETE", "POST", "XYZ"] {
            let length = smuggled.len();
            let mut client = Raw::connect(server.http()).await;
            let head = format!("{method} / HTTP/1.1\r\nHost: a.test\r\nContent-Length: {length}\r\n\r\n");
            client.send(head + &smuggled + &get("a.test", "/marker")).await;
            let first = if method == "HEAD" { client.response_to_head().await } else { client.response().await };
            assert_eq!(first.status(), 200, "{method}");
            assert_eq!(Asked::of(&client.response().await.body).target, "/marker", "{method}");
        }
    }

    async fn methods_that_are_not_served_close_the_connection(workers) {
        let (server, origin) = with_origin(workers).await;
        for case in ["TRACE / HTTP/1.1\r\nHost: a.test\r\n\r\n", "CONNECT a.test:80 HTTP/1.1\r\nHost: a.test:80\r\n\r\n"] {
            assert_eq!(refusal(&server, &origin, case.as_bytes()).await, 405, "{case:?}");
        }
    }

    async fn legal_oddities_are_read_as_they_are_meant(workers) {
        let (server, _origin) = with_origin(workers).await;
        for case in [
            "\r\nGET / HTTP/1.1\r\nHost: a.test\r\n\r\n",
            "GET / HTTP/1.1\r\nhOsT:a.test\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: \t a.test \t\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a.test\r\ntransfer-encoding: \t CHUNKED \r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n00A\r\n0123456789\r\n000\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a.test\r\nTransfer_Encoding: chunked\r\nContent-Length: 0\r\n\r\n",
            "GET http://a.test HTTP/1.1\r\nHost: b.test\r\n\r\n",
        ] {
            let (answer, _marker) = acceptance(&server, case).await;
            assert_eq!(answer.status(), 200, "{case:?}");
        }
    }

    async fn options_asterisk_is_about_the_server(workers) {
        let (server, _origin) = with_origin(workers).await;
        let mut client = Raw::connect(server.http()).await;
        client.send("OPTIONS * HTTP/1.1\r\nHost: a.test\r\n\r\n".to_owned() + &get("a.test", "/marker")).await;
        let status = client.response().await.status();
        assert!(status < 500, "{status}");
        assert_eq!(Asked::of(&client.response().await.body).target, "/marker");
    }

    async fn connections_beside_a_broken_one_are_served(workers) {
        let origin = Origin::start("web").await;
        let mut objects = service("web", &[origin.address()]);
        objects.push(Ingress::named("web").route("a.test", "/", "web").build());
        let server = TestServer::start(workers, objects);
        let mut steady = Raw::connect(server.http()).await;
        for _ in 0..20 {
            let mut broken = Raw::connect(server.http()).await;
            broken.send("GET / HTTP/1.1\r\nHost: a.test\r\nContent-Length: x\r\n\r\n").await;
            let left = Raw::connect(server.http()).await;
            steady.send(get("a.test", "/")).await;
            assert_eq!(steady.response().await.status(), 200);
            assert_eq!(broken.response().await.status(), 400);
            left.reset();
        }
    }
}
