//! Content both ways: lengths, chunks, trailers, interim responses, limits, back-pressure.

use landfall::testing::objects::service;
use landfall::testing::origin::Asked;
use landfall::testing::{Ingress, Origin, Raw, TestServer};

use crate::fixtures::{OK, get, with_origin, with_raw_origin, with_raw_origin_and};

on_workers! {
    async fn a_length_is_passed_on(workers) {
        let (server, origin) = with_raw_origin(workers).await;
        let mut client = Raw::connect(server.http()).await;
        client.send("PUT /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhello").await;
        let mut upstream = origin.accept().await;
        let request = upstream.request().await;
        assert_eq!((request.one("content-length"), request.text()), (Some("5"), "hello"));
        upstream.send("HTTP/1.1 201 Created\r\nContent-Length: 3\r\n\r\nyes").await;
        let answer = client.response().await;
        assert_eq!((answer.status(), answer.one("content-length"), answer.text()), (201, Some("3"), "yes"));
    }

    async fn an_empty_content_stays_one(workers) {
        let (server, origin) = with_raw_origin(workers).await;
        let mut client = Raw::connect(server.http()).await;
        client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0\r\n\r\n").await;
        let mut upstream = origin.accept().await;
        assert_eq!(upstream.request().await.one("content-length"), Some("0"));
        upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        assert_eq!(client.response().await.one("content-length"), Some("0"));
    }

    async fn a_request_without_content_is_given_none(workers) {
        let (server, origin) = with_raw_origin(workers).await;
        let mut client = Raw::connect(server.http()).await;
        client.send(get("a.test", "/")).await;
        let request = origin.accept().await.request().await;
        assert_eq!((request.one("content-length"), request.one("transfer-encoding")), (None, None));
    }

    async fn chunks_and_trailers_go_both_ways(workers) {
        let (server, origin) = with_raw_origin(workers).await;
        let mut client = Raw::connect(server.http()).await;
        let head = "POST / HTTP/1.1\r\nHost: a.test\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n\r\n";
        client.send(format!("{head}5;ext=1\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 1\r\nHost: b.test\r\n\r\n")).await;
        let mut upstream = origin.accept().await;
        let request = upstream.request().await;
        assert_eq!(request.text(), "hello world");
        assert_eq!(request.trailers, [("X-Sum".to_owned(), "1".to_owned())]);
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Done\r\n\r\n";
        upstream.send(format!("{head}2;a=b\r\nab\r\n1\r\nc\r\n0\r\nX-Done: yes\r\nContent-Length: 9\r\n\r\n")).await;
        let answer = client.response().await;
        assert_eq!(answer.text(), "abc");
        assert_eq!(answer.trailers, [("X-Done".to_owned(), "yes".to_owned())]);
    }

    async fn content_until_the_close_is_chunked_for_the_client(workers) {
        let (server, origin) = with_raw_origin(workers).await;
        let mut client = Raw::connect(server.http()).await;
        client.send(get("a.test", "/")).await;
        let mut upstream = origin.accept().await;
        upstream.request().await;
        upstream.send("HTTP/1.0 200 OK\r\n\r\nall that there is").await;
        drop(upstream);
        let answer = client.response().await;
        assert_eq!((answer.one("transfer-encoding"), answer.text()), (Some("chunked"), "all that there is"));
        client.send(get("a.test", "/2")).await;
        assert_eq!(origin.accept().await.request().await.start, "GET /2 HTTP/1.1");
    }

    async fn each_piece_is_passed_on_as_it_comes(workers) {
        let (server, origin) = with_raw_origin(workers).await;
        let mut client = Raw::connect(server.http()).await;
        client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 4\r\n\r\nab").await;
        let mut upstream = origin.accept().await;
        upstream.head().await;
        assert_eq!(upstream.octets(2).await, b"ab");
        // The answer begins before the request has ended, and both go on.
        upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n12").await;
        client.head().await;
        assert_eq!(client.octets(2).await, b"12");
        client.send("cd").await;
        assert_eq!(upstream.octets(2).await, b"cd");
        upstream.send("34").await;
        assert_eq!(client.octets(2).await, b"34");
    }

    async fn the_answer_to_head_has_a_length_and_no_content(workers) {
        let (server, origin) = with_raw_origin(workers).await;
        let mut client = Raw::connect(server.http()).await;
        client.send("HEAD /1 HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
        let mut upstream = origin.accept().await;
        assert_eq!(upstream.request().await.start, "HEAD /1 HTTP/1.1");
        upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n").await;
        assert_eq!(client.response_to_head().await.one("content-length"), Some("1000"));
        client.send(get("a.test", "/2")).await;
        assert_eq!(upstream.request().await.start, "GET /2 HTTP/1.1");
        upstream.send(OK).await;
        assert_eq!(client.response().await.text(), "ok");
    }

    async fn answers_without_content_keep_both_connections_in_step(workers) {
        let (server, origin) = with_raw_origin(workers).await;
        let mut client = Raw::connect(server.http()).await;
        client.send(get("a.test", "/1")).await;
        let mut upstream = origin.accept().await;
        upstream.request().await;
        upstream.send("HTTP/1.1 204 No Content\r\n\r\n").await;
        let answer = client.response().await;
        assert_eq!((answer.status(), answer.one("content-length"), answer.one("transfer-encoding")), (204, None, None));
        client.send(get("a.test", "/2")).await;
        upstream.request().await;
        upstream.send("HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\nContent-Length: 7\r\n\r\n").await;
        let answer = client.response().await;
        assert_eq!((answer.status(), answer.one("etag")), (304, Some("\"x\"")));
        client.send(get("a.test", "/3")).await;
        assert_eq!(upstream.request().await.start, "GET /3 HTTP/1.1");
        upstream.send(OK).await;
        assert_eq!(client.response().await.text(), "ok");
    }

    async fn interim_responses_come_before_the_answer(workers) {
        let (server, origin) = with_raw_origin(workers).await;
        let mut client = Raw::connect(server.http()).await;
        client.send(get("a.test", "/")).await;
        let mut upstream = origin.accept().await;
        upstream.request().await;
        upstream.send("HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n").await;
        let hints = client.response().await;
        assert_eq!((hints.status(), hints.one("link")), (103, Some("</style.css>")));
        upstream.send(OK).await;
        assert_eq!(client.response().await.status(), 200);
    }

    async fn fields_of_one_hop_do_not_pass_with_interim_responses(workers) {
        let (server, origin) = with_raw_origin(workers).await;
        let mut client = Raw::connect(server.http()).await;
        client.send(get("a.test", "/")).await;
        let mut upstream = origin.accept().await;
        upstream.request().await;
        let hop = "Connection: close, x-hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=1\r\nServer: s\r\nContent-Length: 0\r\n";
        upstream.send(format!("HTTP/1.1 103 Early Hints\r\n{hop}Link: </style.css>\r\n\r\n{OK}")).await;
        let hints = client.response().await;
        assert_eq!((hints.status(), hints.fields), (103, vec![("Link".to_owned(), "</style.css>".to_owned())]));
        assert_eq!(client.response().await.status(), 200);
    }

    async fn http10_clients_get_no_interim_responses(workers) {
        let (server, origin) = with_raw_origin(workers).await;
        let mut client = Raw::connect(server.http()).await;
        client.send("GET / HTTP/1.0\r\nHost: a.test\r\n\r\n").await;
        let mut upstream = origin.accept().await;
        upstream.request().await;
        upstream.send(format!("HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n{OK}")).await;
        assert_eq!(client.response().await.status(), 200);
    }

    async fn a_client_that_waits_for_100_is_told_to_go_on(workers) {
        let (server, _origin) = with_origin(workers).await;
        let mut client = Raw::connect(server.http()).await;
        let head = "POST / HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
        client.send(head).await;
        assert_eq!(client.response().await.status(), 100);
        client.send("hello").await;
        let answer = client.response().await;
        assert_eq!((answer.status(), Asked::of(&answer.body).body_octets), (200, 5));
    }

    async fn a_refusal_before_the_content_is_not_preceded_by_100(workers) {
        let (server, origin) = with_raw_origin_and(workers, Ingress::named("web").with("proxy-body-size", "4")).await;
        let mut client = Raw::connect(server.http()).await;
        let head = "POST / HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
        client.send(head).await;
        assert_eq!(client.response().await.status(), 413);
        assert!(!origin.is_called().await);
    }

    async fn an_unknown_expectation_fails(workers) {
        let (server, origin) = with_raw_origin(workers).await;
        let mut client = Raw::connect(server.http()).await;
        client.send("POST / HTTP/1.1\r\nHost: a.test\r\nExpect: a-pony\r\nContent-Length: 0\r\n\r\n").await;
        assert_eq!(client.response().await.status(), 417);
        client.closed().await;
        assert!(!origin.is_called().await);
    }

    async fn a_stated_length_over_the_limit_is_refused_unread(workers) {
        let (server, origin) = with_raw_origin_and(workers, Ingress::named("web").with("proxy-body-size", "10")).await;
        let mut client = Raw::connect(server.http()).await;
        client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 11\r\n\r\n").await;
        assert_eq!(client.response().await.status(), 413);
        assert!(!origin.is_called().await);
    }

    async fn chunks_over_the_limit_are_refused(workers) {
        let (server, _origin) = with_raw_origin_and(workers, Ingress::named("web").with("proxy-body-size", "10")).await;
        let mut client = Raw::connect(server.http()).await;
        client.send("POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n5\r\nghijk\r\n").await;
        assert_eq!(client.response().await.status(), 413);
    }

    async fn the_limit_itself_is_allowed_and_zero_is_none(workers) {
        let origin = Origin::start("web").await;
        let mut objects = service("web", &[origin.address()]);
        objects.push(Ingress::named("ten").with("proxy-body-size", "10").route("ten.test", "/", "web").build());
        objects.push(Ingress::named("any").with("proxy-body-size", "0").route("any.test", "/", "web").build());
        let server = TestServer::start(workers, objects);
        for (host, octets) in [("ten.test", 10), ("any.test", 3 << 20)] {
            let mut client = Raw::connect(server.http()).await;
            client.send(format!("POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: {octets}\r\n\r\n")).await;
            client.send(vec![b'x'; octets]).await;
            assert_eq!(Asked::of(&client.response().await.body).body_octets, octets, "{host}");
        }
    }

    async fn large_contents_pass_through(workers) {
        const OCTETS: usize = 24 << 20;
        let (server, _origin) = with_origin(workers).await;
        let mut client = Raw::connect(server.http()).await;
        client.send(get("a.test", &format!("/stream-{OCTETS}"))).await;
        assert_eq!(client.response().await.body.len(), OCTETS);
    }

    async fn contents_of_any_size_come_as_they_were_sent_over_the_same_connections(workers) {
        let web = Ingress::named("web").with("proxy-body-size", "0");
        let (server, origin) = with_raw_origin_and(workers, web).await;
        let mut client = Raw::connect(server.http()).await;
        let mut upstream = None;
        for octets in [16 << 10, (32 << 10) - 1, 32 << 10, (32 << 10) + 1, 64 << 10, (64 << 10) + 1, 200_001, 3 << 20] {
            let content: Vec<u8> = (0..octets).map(|at: usize| u8::try_from((at / 251 + at) % 256).unwrap()).collect();
            let head = format!("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: {octets}\r\n\r\n");
            let origin_side = async {
                if upstream.is_none() {
                    upstream = Some(origin.accept().await);
                }
                let upstream = upstream.as_mut().unwrap();
                assert!(upstream.request().await.body == content, "{octets} octets changed on their way up");
                upstream.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {octets}\r\n\r\n")).await;
                upstream.send(content.clone()).await;
            };
            // Requests and answers may be on their way at once: each side reads while the other writes.
            let client_side = async {
                client.send(head).await;
                client.send(content.clone()).await;
                assert!(client.response().await.body == content, "{octets} octets changed on their way down");
            };
            tokio::join!(origin_side, client_side);
        }
        assert!(!origin.is_called().await, "one connection was enough");
    }

    async fn a_large_content_that_breaks_off_is_not_made_to_look_complete(workers) {
        let (server, origin) = with_raw_origin(workers).await;
        let mut client = Raw::connect(server.http()).await;
        client.send(get("a.test", "/")).await;
        let mut upstream = origin.accept().await;
        upstream.request().await;
        let (head, sent) = ("HTTP/1.1 200 OK\r\nContent-Length: 300001\r\n\r\n", vec![b'x'; 300_000]);
        let sending = async {
            upstream.send([head.as_bytes(), &sent].concat()).await;
            drop(upstream);
        };
        let reading = async {
            client.head().await;
            assert_eq!(client.rest().await.len(), sent.len());
        };
        tokio::join!(sending, reading);
    }

    async fn many_chunks_pass_through(workers) {
        let (server, origin) = with_raw_origin(workers).await;
        let mut client = Raw::connect(server.http()).await;
        client.send(get("a.test", "/")).await;
        let mut upstream = origin.accept().await;
        upstream.request().await;
        let mut answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        let mut content = Vec::new();
        for size in (1..3000).chain([70_000, 1, 300_000]) {
            answer.extend_from_slice(format!("{size:x}\r\n").as_bytes());
            answer.resize(answer.len() + size, b'a' + u8::try_from(size % 26).unwrap());
            content.resize(content.len() + size, b'a' + u8::try_from(size % 26).unwrap());
            answer.extend_from_slice(b"\r\n");
        }
        answer.extend_from_slice(b"0\r\n\r\n");
        let (received, ()) = tokio::join!(client.response(), upstream.send(answer));
        assert!(received.body == content, "the content is changed");
    }

    async fn a_client_that_does_not_read_holds_the_origin_back(workers) {
        const OCTETS: usize = 64 << 20;
        let (server, origin) = with_raw_origin(workers).await;
        let mut client = Raw::connect(server.http()).await;
        client.send(get("a.test", "/")).await;
        let mut upstream = origin.accept().await;
        upstream.request().await;
        upstream.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {OCTETS}\r\n\r\n")).await;
        let taken = send_until_held_back(&mut upstream, OCTETS).await;
        assert!(taken < OCTETS, "all of it was taken while nobody read");
        let sending = async {
            upstream.send(vec![b'x'; OCTETS - taken]).await;
        };
        let reading = async {
            client.head().await;
            assert_eq!(client.octets(OCTETS).await.len(), OCTETS);
        };
        tokio::join!(sending, reading);
    }

    async fn an_origin_that_does_not_read_holds_the_client_back(workers) {
        const OCTETS: usize = 64 << 20;
        let (server, origin) = with_raw_origin_and(workers, Ingress::named("web").with("proxy-body-size", "0")).await;
        let mut client = Raw::connect(server.http()).await;
        client.send(format!("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: {OCTETS}\r\n\r\n")).await;
        let mut upstream = origin.accept().await;
        let taken = send_until_held_back(&mut client, OCTETS).await;
        assert!(taken < OCTETS, "all of it was taken while nobody read");
        let sending = async { client.send(vec![b'x'; OCTETS - taken]).await };
        let reading = async {
            upstream.head().await;
            assert_eq!(upstream.octets(OCTETS).await.len(), OCTETS);
        };
        tokio::join!(sending, reading);
        upstream.send(OK).await;
        assert_eq!(client.response().await.text(), "ok");
    }

    async fn an_early_answer_ends_the_upload(workers) {
        let (server, origin) = with_raw_origin(workers).await;
        let mut client = Raw::connect(server.http()).await;
        client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1000\r\n\r\nsome").await;
        let mut upstream = origin.accept().await;
        upstream.head().await;
        upstream.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno").await;
        let answer = client.response().await;
        assert_eq!((answer.status(), answer.text()), (403, "no"));
        // What is left of the content is never taken for a request, and the upstream connection is not used again.
        client.send(vec![b'x'; 996]).await;
        upstream.rest().await;
    }
}

/// Sends zeros until the other end takes no more, or all are sent; how many were taken.
async fn send_until_held_back(raw: &mut Raw, octets: usize) -> usize {
    use tokio::io::AsyncWriteExt;
    let mut transport = std::pin::pin!(raw.transport_mut());
    let piece = vec![b'x'; 64 << 10];
    let mut taken = 0;
    while taken < octets {
        let wanted = piece.len().min(octets - taken);
        // No event says that nobody will ever read; a second without room is what stands for it.
        let patience = std::time::Duration::from_secs(1);
        match tokio::time::timeout(patience, transport.write(&piece[..wanted])).await {
            Ok(written) => taken += written.unwrap(),
            Err(_) => break,
        }
    }
    taken
}
