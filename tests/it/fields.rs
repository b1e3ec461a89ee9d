//! The fields that are added, replaced and removed on the way.

use landfall::testing::Raw;
use landfall::testing::objects::settings;

use crate::fixtures::{OK, ask, asked, get, with_origin, with_raw_origin};

on_workers! {
    async fn the_backend_is_told_where_the_request_came_from(workers) {
        let (server, _origin) = with_origin(workers).await;
        let asked = asked(&server, get("a.test", "/p")).await;
        let port = server.http().port().to_string();
        for (name, value) in [
            ("host", "a.test"),
            ("x-real-ip", "127.0.0.1"),
            ("x-forwarded-for", "127.0.0.1"),
            ("x-forwarded-host", "a.test"),
            ("x-forwarded-proto", "http"),
            ("x-forwarded-scheme", "http"),
            ("x-scheme", "http"),
        ] {
            assert_eq!(asked.one(name), Some(value), "{name}");
        }
        let said = asked.one("x-forwarded-port").unwrap();
        assert!(said == port || said == "80", "{said}");
        let id = asked.one("x-request-id").unwrap();
        assert!(id.len() == 32 && id.bytes().all(|octet| octet.is_ascii_hexdigit()), "{id}");
    }

    async fn what_a_client_claims_of_itself_is_replaced(workers) {
        let (server, _origin) = with_origin(workers).await;
        let claims = "X-Forwarded-For: 1.2.3.4\r\nX-Real-IP: 1.2.3.4\r\nX-Forwarded-Proto: https\r\n\
            X-Forwarded-Host: evil.test\r\nX-Scheme: https\r\nX-Request-ID: mine-7\r\n";
        let asked = asked(&server, format!("GET / HTTP/1.1\r\nHost: a.test\r\n{claims}\r\n")).await;
        for (name, value) in [
            ("x-real-ip", "127.0.0.1"),
            ("x-forwarded-for", "127.0.0.1"),
            ("x-forwarded-host", "a.test"),
            ("x-forwarded-proto", "http"),
            ("x-scheme", "http"),
            ("x-request-id", "mine-7"),
            ("x-original-forwarded-for", "1.2.3.4"),
        ] {
            assert_eq!(asked.one(name), Some(value), "{name}");
        }
    }

    async fn trusted_peers_are_believed(workers) {
        let (mut server, _origin) = with_origin(workers).await;
        server.apply([settings([("use-forwarded-headers", "true"), ("proxy-real-ip-cidr", "127.0.0.0/8")])]);
        let claims = "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\n";
        let asked = asked(&server, format!("GET / HTTP/1.1\r\nHost: a.test\r\n{claims}\r\n")).await;
        assert_eq!((asked.one("x-real-ip"), asked.one("x-forwarded-proto")), (Some("1.2.3.4"), Some("https")));
    }

    async fn fields_of_one_hop_are_not_passed_on(workers) {
        let (server, _origin) = with_origin(workers).await;
        let hop = "Connection: keep-alive, X-Mine\r\nX-Mine: 1\r\nKeep-Alive: timeout=5\r\nProxy-Connection: close\r\n\
            Proxy-Authorization: Basic x\r\nTE: gzip\r\nUpgrade: websocket\r\nProxy: http://evil.test\r\nX-Kept: 1\r\n";
        let asked = asked(&server, format!("GET / HTTP/1.1\r\nHost: a.test\r\n{hop}\r\n")).await;
        for name in
            ["connection", "x-mine", "keep-alive", "proxy-connection", "proxy-authorization", "te", "upgrade", "proxy"]
        {
            assert_eq!(asked.one(name), None, "{name}");
        }
        assert_eq!(asked.one("x-kept"), Some("1"));
    }

    async fn connection_cannot_name_away_what_we_or_backends_rely_on(workers) {
        let (server, _origin) = with_origin(workers).await;
        let named = "Connection: Host, X-Forwarded-For, X-Real-IP, Authorization, Cookie, Content-Length\r\n\
            Authorization: Basic eA==\r\nCookie: a=b\r\nContent-Length: 2\r\n";
        let asked = asked(&server, format!("POST / HTTP/1.1\r\nHost: a.test\r\n{named}\r\nhi")).await;
        for (name, value) in [
            ("host", "a.test"),
            ("x-forwarded-for", "127.0.0.1"),
            ("x-real-ip", "127.0.0.1"),
            ("authorization", "Basic eA=="),
            ("cookie", "a=b"),
        ] {
            assert_eq!(asked.one(name), Some(value), "{name}");
        }
        assert_eq!(asked.body_octets, 2);
    }

    async fn names_with_underscores_are_dropped_unless_kept(workers) {
        let (mut server, _origin) = with_origin(workers).await;
        let request = "GET / HTTP/1.1\r\nHost: a.test\r\nX_Mine: 1\r\nTransfer_Encoding: chunked\r\n\r\n";
        let dropped = asked(&server, request).await;
        assert_eq!((dropped.one("x_mine"), dropped.one("transfer_encoding")), (None, None));
        server.apply([settings([("enable-underscores-in-headers", "true")])]);
        assert_eq!(asked(&server, request).await.one("x_mine"), Some("1"));
    }

    async fn fields_keep_their_order_and_values(workers) {
        let (server, origin) = with_raw_origin(workers).await;
        let mut client = Raw::connect(server.http()).await;
        client.send("GET / HTTP/1.1\r\nHost: a.test\r\nb: 1\r\nA: \t x\ty \r\nb: 2\r\nEmpty:\r\n\r\n").await;
        let mut upstream = origin.accept().await;
        let request = upstream.request().await;
        assert_eq!(request.fields[0], ("Host".to_owned(), "a.test".to_owned()));
        let kept: Vec<_> = request.fields.iter().filter(|(name, _)| ["b", "A", "Empty"].contains(&name.as_str())).collect();
        let text: Vec<_> = kept.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(text, ["b=1", "A=x\ty", "b=2", "Empty="]);
        upstream.send(OK).await;
        client.response().await;
    }

    async fn answers_lose_what_belongs_to_one_hop(workers) {
        let (server, origin) = with_raw_origin(workers).await;
        let mut client = Raw::connect(server.http()).await;
        client.send(get("a.test", "/")).await;
        let mut upstream = origin.accept().await;
        upstream.request().await;
        let fields = "Server: secret/1\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n\
            Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Folded: one\r\n two\r\n";
        upstream.send(format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: 2\r\n\r\nok")).await;
        let answer = client.response().await;
        for name in ["server", "x-hop", "keep-alive", "connection"] {
            assert_eq!(answer.one(name), None, "{name}");
        }
        assert_eq!(answer.all("set-cookie"), ["a=1", "b=2"]);
        assert_eq!(answer.one("x-folded"), Some("one two"));
    }

    async fn our_own_answers_carry_a_date_and_a_length(workers) {
        let (server, _origin) = with_origin(workers).await;
        let answer = ask(&server, get("nobody.test", "/")).await;
        assert_eq!(answer.status(), 404);
        assert!(answer.one("date").is_some_and(|date| date.ends_with(" GMT")), "{answer:?}");
        assert_eq!(answer.one("content-length"), Some(answer.body.len().to_string().as_str()));
    }
}
