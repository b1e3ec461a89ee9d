//! Hostile connections beside honest ones. What single requests may hold is in `tests/hostile/`, case by case.

use landfall::testing::objects::service;
use landfall::testing::origin::Asked;
use landfall::testing::{Ingress, Origin, Raw, TestServer};

use crate::fixtures::{get, with_origin};

on_workers! {
    async fn content_is_never_read_as_a_request(workers) {
        let (server, _origin) = with_origin(workers).await;
        let smuggled = get("a.test", "/smuggled");
        for method in ["GET", "HEAD", "OPTIONS", "DELETE", "POST", "XYZ"] {
            let length = smuggled.len();
            let mut client = Raw::connect(server.http()).await;
            let head = format!("{method} / HTTP/1.1\r\nHost: a.test\r\nContent-Length: {length}\r\n\r\n");
            client.send(head + &smuggled + &get("a.test", "/marker")).await;
            let first = if method == "HEAD" { client.response_to_head().await } else { client.response().await };
            assert_eq!(first.status(), 200, "{method}");
            assert_eq!(Asked::of(&client.response().await.body).target, "/marker", "{method}");
        }
    }

    async fn connections_beside_a_broken_one_are_served(workers) {
        let origin = Origin::start("web").await;
        let mut objects = service("web", &[origin.address()]);
        objects.push(Ingress::named("web").route("a.test", "/", "web").build());
        let server = TestServer::start(workers, objects);
        let mut steady = Raw::connect(server.http()).await;
        for _ in 0..20 {
            let mut broken = Raw::connect(server.http()).await;
            broken.send("GET / HTTP/1.1\r\nHost: a.test\r\nContent-Length: x\r\n\r\n").await;
            let left = Raw::connect(server.http()).await;
            steady.send(get("a.test", "/")).await;
            assert_eq!(steady.response().await.status(), 200);
            assert_eq!(broken.response().await.status(), 400);
            left.reset();
        }
    }
}
