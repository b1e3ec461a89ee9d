//! Answers that send the client elsewhere.

use landfall::testing::certificates::TestCa;
use landfall::testing::objects::{service, tls_secret};
use landfall::testing::{Ingress, Origin, TestServer};

use crate::fixtures::{ask, get};

on_workers! {
    async fn a_host_with_a_certificate_is_redirected_to_https(workers) {
        let origin = Origin::start("web").await;
        let mut objects = service("web", &[origin.address()]);
        objects.push(tls_secret("cert", &TestCa::new().issue_for(["a.test"])));
        objects.push(Ingress::named("web").route("a.test", "/", "web").tls("a.test", "cert").build());
        let server = TestServer::start(workers, objects);
        let answer = ask(&server, get("a.test:8080", "/p?q=r")).await;
        assert_eq!((answer.status(), answer.one("location")), (308, Some("https://a.test/p?q=r")));
        assert_eq!(origin.served(), 0);
    }

    async fn ssl_redirect_can_be_switched_off(workers) {
        let origin = Origin::start("web").await;
        let mut objects = service("web", &[origin.address()]);
        objects.push(tls_secret("cert", &TestCa::new().issue_for(["a.test"])));
        let ingress = Ingress::named("web").with("ssl-redirect", "false");
        objects.push(ingress.route("a.test", "/", "web").tls("a.test", "cert").build());
        let server = TestServer::start(workers, objects);
        assert_eq!(ask(&server, get("a.test", "/")).await.status(), 200);
    }

    async fn annotations_redirect(workers) {
        let origin = Origin::start("web").await;
        let mut objects = service("web", &[origin.address()]);
        for (host, annotation, value) in [
            ("permanent.test", "permanent-redirect", "https://elsewhere.test/x"),
            ("temporal.test", "temporal-redirect", "https://elsewhere.test/y"),
            ("root.test", "app-root", "/app"),
            ("force.test", "force-ssl-redirect", "true"),
        ] {
            let name = host.trim_end_matches(".test");
            objects.push(Ingress::named(name).with(annotation, value).route(host, "/", "web").build());
        }
        let server = TestServer::start(workers, objects);
        for (host, target, status, location) in [
            ("permanent.test", "/a", 301, Some("https://elsewhere.test/x")),
            ("temporal.test", "/a", 302, Some("https://elsewhere.test/y")),
            ("root.test", "/", 302, Some("http://root.test/app")),
            ("root.test", "/app", 200, None),
            ("force.test", "/a", 308, Some("https://force.test/a")),
        ] {
            let answer = ask(&server, get(host, target)).await;
            assert_eq!((answer.status(), answer.one("location")), (status, location), "{host}");
        }
    }

    async fn a_redirect_keeps_the_connection_in_step(workers) {
        let origin = Origin::start("web").await;
        let mut objects = service("web", &[origin.address()]);
        let ingress = Ingress::named("gone").with("permanent-redirect", "https://b.test");
        objects.push(ingress.route("gone.test", "/", "web").build());
        objects.push(Ingress::named("web").route("a.test", "/", "web").build());
        let server = TestServer::start(workers, objects);
        let mut client = landfall::testing::Raw::connect(server.http()).await;
        // The content looks like a request: read as one, it would be answered.
        let content = get("a.test", "/smuggled");
        let first = format!("POST / HTTP/1.1\r\nHost: gone.test\r\nContent-Length: {}\r\n\r\n{content}", content.len());
        client.send(first + &get("a.test", "/marker")).await;
        assert_eq!(client.response().await.status(), 301);
        let marker = landfall::testing::origin::Asked::of(&client.response().await.body);
        assert_eq!((marker.target.as_str(), origin.served()), ("/marker", 1));
    }
}
