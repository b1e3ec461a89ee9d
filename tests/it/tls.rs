//! Which certificate a client is given, and what is spoken behind it.

use landfall::testing::certificates::{KeyPairPem, TestCa};
use landfall::testing::hello::{SERVER_NAME, TLS12, chosen, client_hello_of, server_name};
use landfall::testing::objects::{service, settings, tls_secret};
use landfall::testing::origin::Asked;
use landfall::testing::{Ingress, Origin, Raw, RawOrigin, TestServer};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::fixtures::{OK, get};

const HTTP1: &[&[u8]] = &[b"http/1.1"];

/// A server with a certificate each for `a.test` and `*.b.test`.
async fn with_certificates(workers: usize, ca: &TestCa) -> (TestServer, Origin) {
    let origin = Origin::start("web").await;
    let mut objects = service("web", &[origin.address()]);
    objects.push(tls_secret("exact", &ca.issue_for(["a.test"])));
    objects.push(tls_secret("wild", &ca.issue_for(["*.b.test"])));
    let ingress = Ingress::named("web").route("a.test", "/", "web").route("*.b.test", "/", "web");
    objects.push(ingress.tls("a.test", "exact").tls("*.b.test", "wild").build());
    (TestServer::start(workers, objects), origin)
}

/// A client that takes any certificate.
fn trusting() -> rustls::ClientConfig {
    let mut config = landfall::tls::client::unverified(landfall::tls::client::UpstreamAlpn::Http1);
    config.enable_sni = true;
    config
}

fn leaf(pair: &KeyPairPem) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pair.certificate_pem.as_bytes()).unwrap()
}

on_workers! {
    async fn each_name_is_given_its_certificate(workers) {
        let ca = TestCa::new();
        let (server, _origin) = with_certificates(workers, &ca).await;
        for name in ["a.test", "x.b.test", "y.b.test"] {
            let mut client = Raw::connect_tls(server.https(), name, ca.client(HTTP1)).await.unwrap();
            client.send(get(name, "/")).await;
            assert_eq!(client.response().await.status(), 200, "{name}");
        }
    }

    async fn names_without_a_certificate_are_given_the_default(workers) {
        let ca = TestCa::new();
        let (server, _origin) = with_certificates(workers, &ca).await;
        for name in ["other.test", "x.y.b.test", "b.test", "127.0.0.1"] {
            let client = Raw::connect_tls(server.https(), name, trusting()).await.unwrap();
            let presented = client.peer_certificate();
            assert!(presented.windows(34).any(|text| text == b"Ingress Controller Fake Certificat"), "{name}");
            assert!(Raw::connect_tls(server.https(), name, ca.client(HTTP1)).await.is_err(), "{name} is not trusted");
        }
    }

    async fn a_new_certificate_is_served_on_the_next_handshake(workers) {
        let ca = TestCa::new();
        let (mut server, _origin) = with_certificates(workers, &ca).await;
        let mut before = Raw::connect_tls(server.https(), "a.test", ca.client(HTTP1)).await.unwrap();
        let renewed = ca.issue_for(["a.test"]);
        server.apply([tls_secret("exact", &renewed)]);
        let after = Raw::connect_tls(server.https(), "a.test", ca.client(HTTP1)).await.unwrap();
        assert_eq!(after.peer_certificate(), leaf(&renewed).as_ref());
        assert_ne!(before.peer_certificate(), leaf(&renewed).as_ref());
        before.send(get("a.test", "/")).await;
        assert_eq!(before.response().await.status(), 200);
    }

    async fn both_versions_of_tls_are_spoken_and_one_can_be_left_out(workers) {
        let ca = TestCa::new();
        let (mut server, _origin) = with_certificates(workers, &ca).await;
        let only = |version| {
            let builder = rustls::ClientConfig::builder_with_provider(landfall::tls::provider());
            let builder = builder.with_protocol_versions(&[version]).unwrap();
            builder.with_root_certificates(ca.roots()).with_no_client_auth()
        };
        for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
            let mut client = Raw::connect_tls(server.https(), "a.test", only(version)).await.unwrap();
            client.send(get("a.test", "/")).await;
            assert_eq!(client.response().await.status(), 200);
        }
        server.apply([settings([("ssl-protocols", "TLSv1.3")])]);
        assert!(Raw::connect_tls(server.https(), "a.test", only(&rustls::version::TLS12)).await.is_err());
        assert!(Raw::connect_tls(server.https(), "a.test", only(&rustls::version::TLS13)).await.is_ok());
    }

    async fn weak_suites_old_versions_and_compression_are_impossible(workers) {
        let ca = TestCa::new();
        let (server, _origin) = with_certificates(workers, &ca).await;
        let name = server_name(b"a.test");
        let offer = async |version, suites: &[u16]| {
            let mut client = Raw::connect(server.https()).await;
            client.send(client_hello_of(version, suites, &[(SERVER_NAME, &name)])).await;
            client.finish_sending().await;
            chosen(&client.rest().await)
        };
        assert_eq!(offer(TLS12, &[0xc02b]).await, Some((0xc02b, 0)), "compression is offered, and not taken up");
        // NULL, RC4, 3DES, export; without forward secrecy; with CBC; with finite fields; anonymous.
        let weak = [
            0x0001, 0x0005, 0x000a, 0x0003, 0x0014, 0x002f, 0x0035, 0x009c, 0x009d, 0x003c, 0xc007, 0xc008, 0xc009, 0xc00a,
            0xc023, 0xc024, 0xc006, 0x0033, 0x009e, 0x009f, 0x0016, 0xc017, 0xc018, 0xc019, 0x006c, 0x00a6, 0xc0ac, 0xc0ae,
        ];
        for suite in weak {
            assert_eq!(offer(TLS12, &[suite]).await, None, "{suite:#06x}");
        }
        assert_eq!(offer(TLS12, &weak).await, None);
        for version in [0x0302, 0x0301, 0x0300, 0x0002] {
            assert_eq!(offer(version, &[0xc02b, 0xc009, 0xc00a, 0x002f]).await, None, "{version:#06x}");
        }
    }

    async fn the_backend_is_told_that_it_was_https(workers) {
        let ca = TestCa::new();
        let (server, _origin) = with_certificates(workers, &ca).await;
        let mut client = Raw::connect_tls(server.https(), "a.test", ca.client(HTTP1)).await.unwrap();
        client.send(get("a.test", "/")).await;
        let answer = client.response().await;
        assert!(answer.one("strict-transport-security").is_some_and(|value| value.contains("max-age=31536000")));
        let asked = Asked::of(&answer.body);
        for name in ["x-forwarded-proto", "x-forwarded-scheme", "x-scheme"] {
            assert_eq!(asked.one(name), Some("https"), "{name}");
        }
    }

    async fn large_contents_pass_through_tls(workers) {
        const OCTETS: usize = 4 << 20;
        let ca = TestCa::new();
        let (server, _origin) = with_certificates(workers, &ca).await;
        let mut client = Raw::connect_tls(server.https(), "a.test", ca.client(HTTP1)).await.unwrap();
        client.send(get("a.test", &format!("/stream-{OCTETS}"))).await;
        assert_eq!(client.response().await.body.len(), OCTETS);
    }

    async fn an_orderly_close_says_so(workers) {
        let ca = TestCa::new();
        let (server, _origin) = with_certificates(workers, &ca).await;
        let mut client = Raw::connect_tls(server.https(), "a.test", ca.client(HTTP1)).await.unwrap();
        client.send("GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n").await;
        assert_eq!(client.response().await.status(), 200);
        client.closed_orderly().await;
    }

    async fn who_says_goodbye_is_answered_and_may_resume(workers) {
        let ca = TestCa::new();
        let (server, _origin) = with_certificates(workers, &ca).await;
        // Clones share what they keep for resuming.
        let config = ca.client(HTTP1);
        for resumed in [false, true, true] {
            let mut client = Raw::connect_tls(server.https(), "a.test", config.clone()).await.unwrap();
            assert_eq!(client.is_resumed(), resumed);
            client.finish_sending().await;
            client.closed_orderly().await;
        }
    }

    async fn a_connection_at_rest_ends_orderly(workers) {
        let ca = TestCa::new();
        let (server, _origin) = with_certificates(workers, &ca).await;
        let mut fresh = Raw::connect_tls(server.https(), "a.test", ca.client(HTTP1)).await.unwrap();
        let mut used = Raw::connect_tls(server.https(), "a.test", ca.client(HTTP1)).await.unwrap();
        used.send(get("a.test", "/")).await;
        assert_eq!(used.response().await.status(), 200);
        let drained = server.drain();
        used.closed_orderly().await;
        fresh.send(get("a.test", "/")).await;
        assert_eq!(fresh.response().await.one("connection"), Some("close"));
        fresh.closed_orderly().await;
        drained.await.unwrap();
    }

    async fn plain_http_on_the_https_port_is_told_so(workers) {
        let ca = TestCa::new();
        let (server, origin) = with_certificates(workers, &ca).await;
        let mut client = Raw::connect(server.https()).await;
        client.send(get("a.test", "/")).await;
        assert_eq!(client.response().await.status(), 400);
        client.closed().await;
        assert_eq!(origin.served(), 0);
    }

    async fn octets_that_are_no_handshake_end_the_connection(workers) {
        let ca = TestCa::new();
        let (server, _origin) = with_certificates(workers, &ca).await;
        let mut client = Raw::connect(server.https()).await;
        client.send([0x16, 3, 1, 0, 5, 1, 0xff, 0xff, 0xff, 0xff]).await;
        // An alert may come first (RFC 8446 §6), nothing else.
        let answer = client.rest().await;
        assert!(answer.is_empty() || answer.starts_with(&[0x15, 3]), "{}", answer.escape_ascii());
    }

    async fn backends_are_spoken_to_over_tls_where_that_is_asked(workers) {
        let ca = TestCa::new();
        let origin = Origin::start_tls("secure", &ca.issue_for(["backend.test"])).await;
        let mut objects = service("web", &[origin.address()]);
        let ingress = Ingress::named("web").with("backend-protocol", "HTTPS");
        objects.push(ingress.route("a.test", "/", "web").build());
        let server = TestServer::start(workers, objects);
        let mut client = Raw::connect(server.http()).await;
        for _ in 0..3 {
            client.send(get("a.test", "/")).await;
            let asked = Asked::of(&client.response().await.body);
            assert_eq!((asked.origin.as_str(), asked.version.as_str()), ("secure", "HTTP/1.1"));
        }
    }

    async fn a_backend_that_speaks_no_tls_is_a_bad_gateway(workers) {
        let origin = RawOrigin::start().await;
        let mut objects = service("web", &[origin.address()]);
        let ingress = Ingress::named("web").with("backend-protocol", "HTTPS").with("proxy-next-upstream", "off");
        objects.push(ingress.route("a.test", "/", "web").build());
        let server = TestServer::start(workers, objects);
        let mut client = Raw::connect(server.http()).await;
        client.send(get("a.test", "/")).await;
        let mut upstream = origin.accept().await;
        upstream.send(OK).await;
        assert_eq!(client.response().await.status(), 502);
    }
}
