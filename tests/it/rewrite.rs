//! What target reaches the backend.

use landfall::testing::objects::service;
use landfall::testing::{Ingress, Origin, TestServer};

use crate::fixtures::{ask, asked, get, with_origin};

on_workers! {
    async fn captures_are_inserted_into_the_target(workers) {
        let origin = Origin::start("web").await;
        let mut objects = service("web", &[origin.address()]);
        let ingress = Ingress::named("web").with("rewrite-target", "/$2").with("use-regex", "true");
        objects.push(ingress.route_of_type("a.test", "/api(/|$)(.*)", "ImplementationSpecific", "web").build());
        let server = TestServer::start(workers, objects);
        for (target, forwarded) in [
            ("/api", "/"),
            ("/api/", "/"),
            ("/api/users/7?full=1", "/users/7?full=1"),
        ] {
            assert_eq!(asked(&server, get("a.test", target)).await.target, forwarded, "{target}");
        }
    }

    async fn without_a_rewrite_the_target_is_forwarded_as_it_came(workers) {
        let (server, _origin) = with_origin(workers).await;
        for target in ["/a%20b", "/a//b", "/%7euser", "/a%2Fb", "/a;b=c", "/a?b=%00&c=d?e", "/a?", "/caf%C3%A9"] {
            assert_eq!(asked(&server, get("a.test", target)).await.target, target);
        }
    }

    async fn dot_segments_never_reach_the_backend(workers) {
        let (server, _origin) = with_origin(workers).await;
        for (target, forwarded) in [("/a/../b", "/b"), ("/a/./b", "/a/b"), ("/a/%2e%2e/b?q", "/b?q"), ("/a/b/..", "/a/")] {
            assert_eq!(asked(&server, get("a.test", target)).await.target, forwarded, "{target}");
        }
    }

    async fn paths_without_a_canonical_form_are_refused(workers) {
        let (server, origin) = with_origin(workers).await;
        for target in ["/..", "/a/../../b", "/%2e%2e/a", "/%00", "/a%2", "/a%zz", "/a\\b"] {
            assert_eq!(ask(&server, get("a.test", target)).await.status(), 400, "{target}");
        }
        assert_eq!(origin.served(), 0);
    }
}
