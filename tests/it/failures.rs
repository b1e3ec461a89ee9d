//! Backends that fail: what the client gets, what is tried again, and what never is.

use std::net::SocketAddr;

use landfall::testing::objects::service;
use landfall::testing::{Ingress, Origin, Raw, RawOrigin, Refusing, TestServer};

use crate::fixtures::{OK, ask, get, with_raw_origin, with_raw_origin_and};

fn routed(addresses: &[SocketAddr], ingress: Ingress) -> Vec<serde_json::Value> {
    let mut objects = service("web", addresses);
    objects.push(ingress.route("a.test", "/", "web").build());
    objects
}

on_workers! {
    async fn a_backend_without_endpoints_is_unavailable(workers) {
        let server = TestServer::start(workers, routed(&[], Ingress::named("web")));
        assert_eq!(ask(&server, get("a.test", "/")).await.status(), 503);
        assert!(server.access_log_of(1).await[0].contains(" 503 "));
    }

    async fn an_endpoint_that_refuses_is_a_bad_gateway(workers) {
        let nobody = Refusing::start();
        let server = TestServer::start(workers, routed(&[nobody.address()], Ingress::named("web")));
        assert_eq!(ask(&server, get("a.test", "/")).await.status(), 502);
    }

    async fn a_refused_connection_is_tried_elsewhere_even_for_post(workers) {
        let (nobody, origin) = (Refusing::start(), Origin::start("web").await);
        let server = TestServer::start(workers, routed(&[nobody.address(), origin.address()], Ingress::named("web")));
        for _ in 0..4 {
            let request = "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhello";
            assert_eq!(ask(&server, request).await.status(), 200);
        }
        assert_eq!(origin.served(), 4);
    }

    async fn nothing_is_tried_again_where_that_is_off(workers) {
        let (nobody, origin) = (Refusing::start(), Origin::start("web").await);
        let ingress = Ingress::named("web").with("proxy-next-upstream", "off");
        let server = TestServer::start(workers, routed(&[nobody.address(), origin.address()], ingress));
        let mut client = Raw::connect(server.http()).await;
        let mut statuses = Vec::new();
        for _ in 0..4 {
            client.send(get("a.test", "/")).await;
            statuses.push(client.response().await.status());
        }
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 200, 502, 502]);
    }

    async fn a_stale_pooled_connection_is_replaced(workers) {
        let (server, origin) = with_raw_origin(workers).await;
        let mut client = Raw::connect(server.http()).await;
        client.send(get("a.test", "/1")).await;
        let mut stale = origin.accept().await;
        stale.request().await;
        stale.send(OK).await;
        assert_eq!(client.response().await.text(), "ok");
        drop(stale);
        client.send(get("a.test", "/2")).await;
        let mut fresh = origin.accept().await;
        assert_eq!(fresh.request().await.start, "GET /2 HTTP/1.1");
        fresh.send(OK).await;
        assert_eq!(client.response().await.text(), "ok");
    }

    async fn a_pooled_connection_that_closes_under_a_get_is_replaced(workers) {
        let (server, origin) = with_raw_origin(workers).await;
        let mut client = Raw::connect(server.http()).await;
        client.send(get("a.test", "/1")).await;
        let mut pooled = origin.accept().await;
        pooled.request().await;
        pooled.send(OK).await;
        client.response().await;
        client.send(get("a.test", "/2")).await;
        pooled.request().await;
        drop(pooled);
        let mut fresh = origin.accept().await;
        assert_eq!(fresh.request().await.start, "GET /2 HTTP/1.1");
        fresh.send(OK).await;
        assert_eq!(client.response().await.text(), "ok");
    }

    async fn a_post_that_was_sent_is_never_sent_again(workers) {
        let (server, origin) = with_raw_origin(workers).await;
        let mut client = Raw::connect(server.http()).await;
        client.send(get("a.test", "/1")).await;
        let mut pooled = origin.accept().await;
        pooled.request().await;
        pooled.send(OK).await;
        client.response().await;
        client.send("POST /2 HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhello").await;
        pooled.request().await;
        drop(pooled);
        assert_eq!(client.response().await.status(), 502);
        assert!(!origin.is_called().await);
    }

    async fn a_get_is_tried_at_the_next_endpoint_and_no_further_than_allowed(workers) {
        let (one, two, three) = (RawOrigin::start().await, RawOrigin::start().await, RawOrigin::start().await);
        let ingress = Ingress::named("web").with("proxy-next-upstream-tries", "2");
        let addresses = [one.address(), two.address(), three.address()];
        let server = TestServer::start(workers, routed(&addresses, ingress));
        let mut client = Raw::connect(server.http()).await;
        client.send(get("a.test", "/")).await;
        for _ in 0..2 {
            let mut upstream = tokio::select! {
                upstream = one.accept() => upstream,
                upstream = two.accept() => upstream,
                upstream = three.accept() => upstream,
            };
            upstream.request().await;
        }
        assert_eq!(client.response().await.status(), 502);
    }

    async fn statuses_are_tried_elsewhere_where_that_is_asked(workers) {
        let (one, two) = (RawOrigin::start().await, RawOrigin::start().await);
        let ingress = Ingress::named("web").with("proxy-next-upstream", "http_503");
        let server = TestServer::start(workers, routed(&[one.address(), two.address()], ingress));
        let mut client = Raw::connect(server.http()).await;
        client.send(get("a.test", "/")).await;
        let (mut first, second) = tokio::select! {
            upstream = one.accept() => (upstream, &two),
            upstream = two.accept() => (upstream, &one),
        };
        first.request().await;
        first.send("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy").await;
        let mut second = second.accept().await;
        second.request().await;
        second.send(OK).await;
        assert_eq!(client.response().await.text(), "ok");
    }

    async fn answers_that_cannot_be_read_are_bad_gateways(workers) {
        let (server, origin) = with_raw_origin_and(workers, Ingress::named("web").with("proxy-next-upstream", "off")).await;
        for answer in [
            "garbage\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
            "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nX : y\r\n\r\n",
            "HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
            "HTTP/2 200 OK\r\n\r\n",
            "",
        ] {
            let mut client = Raw::connect(server.http()).await;
            client.send(get("a.test", "/")).await;
            let mut upstream = origin.accept().await;
            upstream.request().await;
            upstream.send(answer).await;
            if answer.is_empty() {
                upstream.finish_sending().await;
            }
            assert_eq!(client.response().await.status(), 502, "{answer:?}");
            upstream.rest().await;
            client.send(get("other.test", "/marker")).await;
            assert_eq!(client.response().await.status(), 404, "the connection goes on after {answer:?}");
        }
    }

    async fn too_many_interim_responses_are_a_bad_gateway(workers) {
        let (server, origin) = with_raw_origin(workers).await;
        let mut client = Raw::connect(server.http()).await;
        client.send(get("a.test", "/")).await;
        let mut upstream = origin.accept().await;
        upstream.request().await;
        upstream.send("HTTP/1.1 102 Processing\r\n\r\n".repeat(50)).await;
        let last = loop {
            let answer = client.response().await;
            if answer.status() != 102 {
                break answer.status();
            }
        };
        assert_eq!(last, 502);
        upstream.rest().await;
    }

    async fn an_answer_that_breaks_off_breaks_off_for_the_client(workers) {
        let (server, origin) = with_raw_origin(workers).await;
        for (answer, rest) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", &b"half"[..]),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", b"4\r\nhalf\r\n"),
        ] {
            let mut client = Raw::connect(server.http()).await;
            client.send(get("a.test", "/")).await;
            let mut upstream = origin.accept().await;
            upstream.request().await;
            upstream.send(answer).await;
            drop(upstream);
            assert_eq!(client.head().await.status(), 200);
            assert_eq!(client.rest().await, rest, "no last chunk, no more octets");
        }
    }

    async fn octets_behind_an_answer_are_not_the_next_answer(workers) {
        let (server, origin) = with_raw_origin(workers).await;
        let mut client = Raw::connect(server.http()).await;
        client.send(get("a.test", "/1")).await;
        let mut upstream = origin.accept().await;
        upstream.request().await;
        upstream.send(format!("{OK}HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")).await;
        assert_eq!(client.response().await.text(), "ok");
        client.send(get("a.test", "/2")).await;
        let mut fresh = origin.accept().await;
        assert_eq!(fresh.request().await.start, "GET /2 HTTP/1.1");
        fresh.send(OK).await;
        assert_eq!(client.response().await.text(), "ok");
    }

    async fn a_client_that_leaves_while_it_is_answered_ends_the_request_upstream(workers) {
        let (server, origin) = with_raw_origin(workers).await;
        let mut client = Raw::connect(server.http()).await;
        client.send(get("a.test", "/")).await;
        let mut upstream = origin.accept().await;
        upstream.request().await;
        upstream.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
        client.head().await;
        client.reset();
        // Sooner or later a piece meets the reset, and the upstream is hung up on.
        while upstream.try_send("4\r\nmore\r\n").await.is_ok() {}
        assert!(server.access_log_of(1).await[0].contains(" 200 "));
    }
}
