//! Connections on both sides: how long they last, and what is asked over them.

use landfall::testing::Raw;
use landfall::testing::objects::settings;
use landfall::testing::origin::Asked;

use crate::fixtures::{OK, get, with_origin, with_raw_origin};

on_workers! {
    async fn one_connection_serves_many_requests(workers) {
        let (server, origin) = with_origin(workers).await;
        let mut client = Raw::connect(server.http()).await;
        for number in 0..50 {
            client.send(get("a.test", &format!("/{number}"))).await;
            let asked = Asked::of(&client.response().await.body);
            assert_eq!(asked.target, format!("/{number}"));
        }
        assert_eq!(origin.served(), 50);
    }

    async fn pipelined_requests_are_answered_in_order(workers) {
        let (server, _origin) = with_origin(workers).await;
        let mut client = Raw::connect(server.http()).await;
        let requests: Vec<String> = (0..20)
            .map(|number| format!("POST /{number} HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\nabc"))
            .collect();
        client.send(requests.concat()).await;
        for number in 0..20 {
            let asked = Asked::of(&client.response().await.body);
            assert_eq!((asked.target, asked.body_octets), (format!("/{number}"), 3));
        }
    }

    async fn a_request_may_arrive_octet_by_octet(workers) {
        let (server, _origin) = with_origin(workers).await;
        let mut client = Raw::connect(server.http()).await;
        let request = "POST /slow HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n";
        for octet in request.as_bytes() {
            client.send([*octet]).await;
        }
        assert_eq!(Asked::of(&client.response().await.body).body_octets, 2);
    }

    async fn a_backend_connection_is_used_again(workers) {
        let (server, origin) = with_raw_origin(workers).await;
        let mut client = Raw::connect(server.http()).await;
        client.send(get("a.test", "/1")).await;
        let mut upstream = origin.accept().await;
        for number in 1..5 {
            assert_eq!(upstream.request().await.start, format!("GET /{number} HTTP/1.1"));
            upstream.send(OK).await;
            assert_eq!(client.response().await.text(), "ok");
            client.send(get("a.test", &format!("/{}", number + 1))).await;
        }
        assert!(!origin.is_called().await);
    }

    async fn a_client_that_asks_to_close_is_closed(workers) {
        let (server, _origin) = with_origin(workers).await;
        let mut client = Raw::connect(server.http()).await;
        client.send("GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n").await;
        assert_eq!(client.response().await.one("connection"), Some("close"));
        client.closed().await;
    }

    async fn http10_closes_unless_asked_to_stay(workers) {
        let (server, _origin) = with_origin(workers).await;
        let mut client = Raw::connect(server.http()).await;
        client.send("GET /1 HTTP/1.0\r\nHost: a.test\r\nConnection: keep-alive\r\n\r\n").await;
        let answer = client.response().await;
        assert_eq!((answer.status(), answer.one("connection")), (200, Some("keep-alive")));
        client.send("GET /2 HTTP/1.0\r\nHost: a.test\r\n\r\n").await;
        assert_eq!(client.response().await.one("connection"), Some("close"));
        client.closed().await;
    }

    async fn a_chunked_answer_to_http10_ends_with_the_connection(workers) {
        let (server, origin) = with_raw_origin(workers).await;
        let mut client = Raw::connect(server.http()).await;
        client.send("GET / HTTP/1.0\r\nHost: a.test\r\nConnection: keep-alive\r\n\r\n").await;
        let mut upstream = origin.accept().await;
        upstream.request().await;
        upstream.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n").await;
        let answer = client.response().await;
        assert_eq!((answer.one("transfer-encoding"), answer.one("connection"), answer.text()), (None, Some("close"), "hi"));
    }

    async fn a_client_that_has_finished_sending_is_answered(workers) {
        let (server, origin) = with_raw_origin(workers).await;
        let mut client = Raw::connect(server.http()).await;
        client.send(get("a.test", "/")).await;
        client.finish_sending().await;
        let mut upstream = origin.accept().await;
        upstream.request().await;
        upstream.send(OK).await;
        assert_eq!(client.response().await.text(), "ok");
        client.closed().await;
    }

    async fn an_empty_connection_is_closed_without_a_word(workers) {
        let (server, _origin) = with_origin(workers).await;
        let mut client = Raw::connect(server.http()).await;
        client.finish_sending().await;
        client.closed().await;
    }

    async fn keep_alive_requests_are_counted(workers) {
        let (mut server, _origin) = with_origin(workers).await;
        server.apply([settings([("keep-alive-requests", "2")])]);
        let mut client = Raw::connect(server.http()).await;
        client.send(get("a.test", "/1") + &get("a.test", "/2") + &get("a.test", "/3")).await;
        assert_eq!(client.response().await.one("connection"), None);
        assert_eq!(client.response().await.one("connection"), Some("close"));
        client.closed().await;
    }

    async fn keep_alive_can_be_switched_off(workers) {
        let (mut server, _origin) = with_origin(workers).await;
        server.apply([settings([("keep-alive", "0")])]);
        let mut client = Raw::connect(server.http()).await;
        client.send(get("a.test", "/")).await;
        assert_eq!(client.response().await.one("connection"), Some("close"));
        client.closed().await;
    }

    async fn an_upstream_that_says_close_is_not_used_again(workers) {
        let (server, origin) = with_raw_origin(workers).await;
        let mut client = Raw::connect(server.http()).await;
        client.send(get("a.test", "/1")).await;
        let mut first = origin.accept().await;
        first.request().await;
        first.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok").await;
        let answer = client.response().await;
        assert_eq!((answer.text(), answer.one("connection")), ("ok", None));
        client.send(get("a.test", "/2")).await;
        assert_eq!(origin.accept().await.request().await.start, "GET /2 HTTP/1.1");
        first.closed().await;
    }
}
