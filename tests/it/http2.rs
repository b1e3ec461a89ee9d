//! HTTP/2 towards clients, and between the versions.

use hyper::Request;
use landfall::testing::certificates::TestCa;
use landfall::testing::http2::{self, Http2};
use landfall::testing::objects::{service, tls_secret};
use landfall::testing::origin::Asked;
use landfall::testing::{Ingress, Origin, Raw, TestServer};
use tokio::task::JoinSet;

use crate::fixtures::{OK, with_origin, with_raw_origin, with_raw_origin_and};

const H2: &[&[u8]] = &[b"h2", b"http/1.1"];

/// A client with prior knowledge.
async fn client(server: &TestServer) -> Http2 {
    Http2::over(Raw::connect(server.http()).await.into_transport()).await
}

on_workers! {
    async fn alpn_chooses_the_version(workers) {
        let ca = TestCa::new();
        let origin = Origin::start("web").await;
        let mut objects = service("web", &[origin.address()]);
        objects.push(tls_secret("cert", &ca.issue_for(["a.test"])));
        objects.push(Ingress::named("web").route("a.test", "/", "web").tls("a.test", "cert").build());
        let server = TestServer::start(workers, objects);
        let raw = Raw::connect_tls(server.https(), "a.test", ca.client(H2)).await.unwrap();
        let mut client = Http2::over(raw.into_transport()).await;
        let answer = client.ask(http2::get("https://a.test/p?q")).await.unwrap();
        let asked = Asked::of(&answer.body);
        assert_eq!((answer.status, asked.target.as_str(), asked.version.as_str()), (200, "/p?q", "HTTP/1.1"));
        assert_eq!((asked.one("host"), asked.one("x-forwarded-proto")), (Some("a.test"), Some("https")));
    }

    async fn prior_knowledge_is_enough_in_the_clear(workers) {
        let (server, _origin) = with_origin(workers).await;
        let answer = client(&server).await.ask(http2::get("http://a.test/")).await.unwrap();
        assert_eq!((answer.status, Asked::of(&answer.body).one("host")), (200, Some("a.test")));
    }

    async fn one_connection_carries_many_requests_at_once(workers) {
        let (server, origin) = with_origin(workers).await;
        let client = client(&server).await;
        let mut requests = JoinSet::new();
        for number in 0..100 {
            let mut sender = client.sender();
            requests.spawn(async move {
                let uri = format!("http://a.test/{number}");
                let answer = sender.send_request(http2::post(&uri, vec![b'x'; number])).await.unwrap();
                let asked = Asked::of(&http2::Answer::of(answer).await.unwrap().body);
                assert_eq!((asked.target, asked.body_octets), (format!("/{number}"), number));
            });
        }
        while let Some(request) = requests.join_next().await {
            request.unwrap();
        }
        assert_eq!(origin.served(), 100);
    }

    async fn contents_and_trailers_cross_the_versions(workers) {
        let (server, origin) = with_raw_origin(workers).await;
        let mut client = client(&server).await;
        let asking = client.ask(http2::post("http://a.test/", "hello"));
        let answering = async {
            let mut upstream = origin.accept().await;
            let request = upstream.request().await;
            assert_eq!((request.one("content-length"), request.text()), (Some("5"), "hello"));
            upstream.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Done: yes\r\n\r\n").await;
        };
        let (answer, ()) = tokio::join!(asking, answering);
        let answer = answer.unwrap();
        assert_eq!((&answer.body[..], answer.trailers["x-done"].to_str().unwrap()), (&b"hi"[..], "yes"));
        assert_eq!((answer.one("transfer-encoding"), answer.one("connection")), (None, None));
    }

    async fn large_contents_pass_through(workers) {
        const OCTETS: usize = 8 << 20;
        let (server, _origin) = with_origin(workers).await;
        let answer = client(&server).await.ask(http2::get(&format!("http://a.test/stream-{OCTETS}"))).await.unwrap();
        assert_eq!(answer.body.len(), OCTETS);
    }

    async fn answers_of_ours_come_over_http2_too(workers) {
        let (server, origin) = with_raw_origin_and(workers, Ingress::named("web").with("proxy-body-size", "4")).await;
        let mut client = client(&server).await;
        for (request, status) in [
            (http2::get("http://nobody.test/"), 404),
            (http2::post("http://a.test/", "hello"), 413),
            (http2::get("http://a.test/%2e%2e/x"), 400),
        ] {
            assert_eq!(client.ask(request).await.unwrap().status, status);
        }
        assert!(!origin.is_called().await);
    }

    async fn a_request_that_is_given_up_is_given_up_upstream(workers) {
        let (server, origin) = with_raw_origin(workers).await;
        let client = client(&server).await;
        let mut sender = client.sender();
        let mut asking = JoinSet::new();
        asking.spawn(async move { sender.send_request(http2::get("http://a.test/")).await });
        let mut upstream = origin.accept().await;
        upstream.request().await;
        asking.abort_all();
        upstream.closed().await;
        assert!(server.access_log_of(1).await[0].contains(" 499 "));
    }

    async fn an_answer_that_breaks_off_resets_the_stream_alone(workers) {
        let (server, origin) = with_raw_origin(workers).await;
        let mut client = client(&server).await;
        let asking = client.begin(http2::get("http://a.test/"));
        let answering = async {
            let mut upstream = origin.accept().await;
            upstream.request().await;
            upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf").await;
            upstream
        };
        let (answer, upstream) = tokio::join!(asking, answering);
        drop(upstream);
        assert!(http2::Answer::of(answer.unwrap()).await.is_err());
        let answering = async {
            let mut upstream = origin.accept().await;
            upstream.request().await;
            upstream.send(OK).await;
        };
        let (answer, ()) = tokio::join!(client.ask(http2::get("http://a.test/")), answering);
        assert_eq!(&answer.unwrap().body[..], b"ok");
    }

    async fn authority_and_host_must_agree(workers) {
        let (server, origin) = with_origin(workers).await;
        let mut client = client(&server).await;
        let mut request = http2::get("http://a.test/");
        request.headers_mut().insert("host", "b.test".parse().unwrap());
        match client.ask(request).await {
            Ok(answer) => assert_eq!(answer.status, 400),
            Err(reset) => assert!(reset.to_string().contains("http2"), "{reset}"),
        }
        assert_eq!(origin.served(), 0);
    }

    async fn draining_says_goaway_and_finishes_what_has_begun(workers) {
        let (server, origin) = with_raw_origin(workers).await;
        let client = client(&server).await;
        let mut sender = client.sender();
        let mut asking = JoinSet::new();
        asking.spawn(async move { sender.send_request(http2::get("http://a.test/")).await });
        let mut upstream = origin.accept().await;
        upstream.request().await;
        let drained = server.drain();
        upstream.send(OK).await;
        let answer = http2::Answer::of(asking.join_next().await.unwrap().unwrap().unwrap()).await.unwrap();
        assert_eq!(&answer.body[..], b"ok");
        client.closed().await.unwrap();
        drained.await.unwrap();
    }

    async fn backends_may_speak_http2_in_the_clear_and_over_tls(workers) {
        let ca = TestCa::new();
        let plain = Origin::start("plain").await;
        let secure = Origin::start_tls("secure", &ca.issue_for(["backend.test"])).await;
        let mut objects = service("plain", &[plain.address()]);
        objects.extend(service("secure", &[secure.address()]));
        for (name, protocol) in [("plain", "GRPC"), ("secure", "GRPCS")] {
            let ingress = Ingress::named(name).with("backend-protocol", protocol);
            objects.push(ingress.route(&format!("{name}.test"), "/", name).build());
        }
        let server = TestServer::start(workers, objects);
        let mut client = client(&server).await;
        for name in ["plain", "secure"] {
            for version in ["1", "2"] {
                let uri = format!("http://{name}.test/x");
                let body = if version == "2" {
                    client.ask(http2::get(&uri)).await.unwrap().body.to_vec()
                } else {
                    crate::fixtures::ask(&server, crate::fixtures::get(&format!("{name}.test"), "/x")).await.body
                };
                let asked = Asked::of(&body);
                assert_eq!((asked.origin.as_str(), asked.version.as_str()), (name, "HTTP/2.0"), "from HTTP/{version}");
            }
        }
    }

    async fn grpc_goes_through_with_its_trailers(workers) {
        let origin = Origin::start("web").await;
        let mut objects = service("web", &[origin.address()]);
        objects.push(Ingress::named("web").with("backend-protocol", "GRPC").route("a.test", "/", "web").build());
        let server = TestServer::start(workers, objects);
        let mut client = client(&server).await;
        for message in [&b"\0\0\0\0\x02hi"[..], b"\0\0\0\0\0"] {
            let (mut parts, content) = http2::post("http://a.test/pkg.Service/grpc", message.to_vec()).into_parts();
            parts.headers.insert("te", "trailers".parse().unwrap());
            parts.headers.insert("content-type", "application/grpc".parse().unwrap());
            let answer = client.ask(Request::from_parts(parts, content)).await.unwrap();
            assert_eq!((answer.status, &answer.body[..]), (200, message));
            assert_eq!(answer.one("content-type"), Some("application/grpc"));
            assert_eq!(answer.trailers["grpc-status"], "0");
        }
    }
}
