//! Host and path to backend.

use landfall::testing::objects::service;
use landfall::testing::{Ingress, Origin, Raw, TestServer};

use crate::fixtures::{ask, asked, get};

on_workers! {
    async fn the_longest_path_of_the_host_wins(workers) {
        let (short, long, other) = (Origin::start("short").await, Origin::start("long").await, Origin::start("other").await);
        let mut objects = service("short", &[short.address()]);
        objects.extend(service("long", &[long.address()]));
        objects.extend(service("other", &[other.address()]));
        let ingress = Ingress::named("web").route("a.test", "/", "short").route("a.test", "/long", "long");
        objects.push(ingress.route("b.test", "/", "other").build());
        let server = TestServer::start(workers, objects);
        for (host, target, origin) in [
            ("a.test", "/", "short"),
            ("a.test", "/longer", "short"),
            ("a.test", "/long", "long"),
            ("a.test", "/long/er?x=y", "long"),
            ("A.TEST:80", "/long", "long"),
            ("a.test.", "/", "short"),
            ("b.test", "/long", "other"),
        ] {
            assert_eq!(asked(&server, get(host, target)).await.origin, origin, "{host} {target}");
        }
    }

    async fn an_exact_path_wins_over_a_prefix(workers) {
        let (exact, prefix) = (Origin::start("exact").await, Origin::start("prefix").await);
        let mut objects = service("exact", &[exact.address()]);
        objects.extend(service("prefix", &[prefix.address()]));
        let ingress = Ingress::named("web").route("a.test", "/a", "prefix");
        objects.push(ingress.route_of_type("a.test", "/a", "Exact", "exact").build());
        let server = TestServer::start(workers, objects);
        for (target, origin) in [("/a", "exact"), ("/a?q", "exact"), ("/a/", "prefix"), ("/a/b", "prefix")] {
            assert_eq!(asked(&server, get("a.test", target)).await.origin, origin, "{target}");
        }
    }

    async fn a_wildcard_serves_one_label(workers) {
        let (wild, exact) = (Origin::start("wild").await, Origin::start("exact").await);
        let mut objects = service("wild", &[wild.address()]);
        objects.extend(service("exact", &[exact.address()]));
        objects.push(Ingress::named("web").route("*.a.test", "/", "wild").route("x.a.test", "/", "exact").build());
        let server = TestServer::start(workers, objects);
        assert_eq!(asked(&server, get("y.a.test", "/")).await.origin, "wild");
        assert_eq!(asked(&server, get("x.a.test", "/")).await.origin, "exact");
        for host in ["a.test", "y.z.a.test"] {
            assert_eq!(ask(&server, get(host, "/")).await.status(), 404, "{host}");
        }
    }

    async fn what_nothing_claims_is_not_found(workers) {
        let origin = Origin::start("web").await;
        let mut objects = service("web", &[origin.address()]);
        objects.push(Ingress::named("web").route("a.test", "/a", "web").build());
        let server = TestServer::start(workers, objects);
        let mut client = Raw::connect(server.http()).await;
        for (host, target, status) in [("a.test", "/b", 404), ("b.test", "/a", 404), ("a.test", "/a", 200)] {
            client.send(get(host, target)).await;
            assert_eq!(client.response().await.status(), status, "{host} {target}");
        }
        assert_eq!(origin.served(), 1);
    }

    async fn a_rule_without_host_serves_every_name(workers) {
        let origin = Origin::start("web").await;
        let mut objects = service("web", &[origin.address()]);
        objects.push(Ingress::named("web").route("", "/", "web").build());
        let server = TestServer::start(workers, objects);
        for host in ["a.test", "127.0.0.1", "[::1]:8080"] {
            assert_eq!(asked(&server, get(host, "/")).await.origin, "web", "{host}");
        }
    }

    async fn endpoints_take_turns(workers) {
        let (one, two) = (Origin::start("one").await, Origin::start("two").await);
        let mut objects = service("web", &[one.address(), two.address()]);
        objects.push(Ingress::named("web").route("a.test", "/", "web").build());
        let server = TestServer::start(workers, objects);
        let mut client = Raw::connect(server.http()).await;
        for _ in 0..10 {
            client.send(get("a.test", "/")).await;
            assert_eq!(client.response().await.status(), 200);
        }
        assert_eq!((one.served(), two.served()), (5, 5));
    }

    async fn a_target_in_absolute_form_routes_by_its_authority(workers) {
        let (a, b) = (Origin::start("a").await, Origin::start("b").await);
        let mut objects = service("a", &[a.address()]);
        objects.extend(service("b", &[b.address()]));
        objects.push(Ingress::named("web").route("a.test", "/", "a").route("b.test", "/", "b").build());
        let server = TestServer::start(workers, objects);
        let asked = asked(&server, get("a.test", "http://b.test/p?q")).await;
        assert_eq!((asked.origin.as_str(), asked.target.as_str()), ("b", "/p?q"));
        assert_eq!(asked.one("host"), Some("b.test"));
    }
}
