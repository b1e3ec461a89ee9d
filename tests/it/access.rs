//! Access lists: who is let in, by the address that the client has after trusted proxies were believed.

use landfall::testing::objects::{service, settings};
use landfall::testing::{Ingress, Origin, TestServer};

use crate::fixtures::{ask, asked, get};

async fn scene(workers: usize, ingress: Ingress) -> (TestServer, Origin) {
    let origin = Origin::start("web").await;
    let mut objects = service("web", &[origin.address()]);
    objects.push(ingress.route("a.test", "/", "web").build());
    (TestServer::start(workers, objects), origin)
}

fn from(address: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: {address}\r\n\r\n")
}

on_workers! {
    async fn lists_of_the_configmap_hold_until_an_ingress_has_its_own(workers) {
        let (mut server, origin) = scene(workers, Ingress::named("web")).await;
        asked(&server, get("a.test", "/")).await;
        server.apply([settings([("whitelist-source-range", "10.0.0.0/8")])]);
        assert_eq!(ask(&server, get("a.test", "/")).await.status(), 403);
        server.apply([settings([("whitelist-source-range", "127.0.0.0/8"), ("denylist-source-range", "127.0.0.1")])]);
        assert_eq!(ask(&server, get("a.test", "/")).await.status(), 403, "deny comes first");
        let own = Ingress::named("web").with("denylist-source-range", "192.0.2.1").route("a.test", "/", "web");
        server.apply([own.build()]);
        asked(&server, get("a.test", "/")).await;
        assert_eq!(origin.served(), 2);
    }

    async fn a_list_that_cannot_be_read_keeps_everybody_out(workers) {
        let (mut server, origin) = scene(workers, Ingress::named("web").with("allowlist-source-range", "127.0.0.1,x")).await;
        assert_eq!(ask(&server, get("a.test", "/")).await.status(), 503);
        server.apply([Ingress::named("web").route("a.test", "/", "web").build(), settings([("denylist-source-range", "x")])]);
        assert_eq!(ask(&server, get("a.test", "/")).await.status(), 503);
        assert!(server.diagnostics().iter().any(|diagnostic| diagnostic.code == "invalid-access-list"));
        assert_eq!(origin.served(), 0);
    }

    async fn trusted_proxies_tell_whom_the_lists_are_about(workers) {
        let (mut server, origin) = scene(workers, Ingress::named("web").with("allowlist-source-range", "10.0.0.0/8")).await;
        assert_eq!(ask(&server, from("10.1.1.1")).await.status(), 403, "nobody is trusted yet");
        server.apply([settings([("use-forwarded-headers", "true"), ("proxy-real-ip-cidr", "127.0.0.0/8")])]);
        asked(&server, from("10.1.1.1")).await;
        asked(&server, from("203.0.113.9, 10.1.1.1")).await;
        assert_eq!(ask(&server, from("10.1.1.1, 203.0.113.9")).await.status(), 403);
        assert_eq!(ask(&server, from("::ffff:203.0.113.9")).await.status(), 403);
        asked(&server, from("::ffff:10.1.1.1")).await;
        server.apply([settings([("use-forwarded-headers", "true"), ("proxy-real-ip-cidr", "192.0.2.0/24")])]);
        assert_eq!(ask(&server, from("10.1.1.1")).await.status(), 403, "this peer is not trusted");
        assert_eq!(origin.served(), 3);
    }

    async fn redirects_come_before_the_lists(workers) {
        let ingress = Ingress::named("web")
            .with("denylist-source-range", "127.0.0.1")
            .with("permanent-redirect", "https://elsewhere.test/");
        let (server, origin) = scene(workers, ingress).await;
        assert_eq!(ask(&server, get("a.test", "/")).await.status(), 301);
        assert_eq!(origin.served(), 0);
    }
}
