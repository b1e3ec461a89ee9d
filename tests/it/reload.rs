//! Changes under load, and the end of serving: nothing is dropped.

use landfall::testing::objects::service;
use landfall::testing::origin::Asked;
use landfall::testing::{Ingress, Origin, Raw, TestServer};

use crate::fixtures::{OK, get, with_origin, with_raw_origin};

on_workers! {
    async fn the_next_request_is_served_by_the_change(workers) {
        let (mut server, _origin) = with_origin(workers).await;
        let mut client = Raw::connect(server.http()).await;
        client.send(get("a.test", "/")).await;
        assert_eq!(Asked::of(&client.response().await.body).origin, "web");
        let other = Origin::start("other").await;
        let mut objects = service("other", &[other.address()]);
        objects.push(Ingress::named("web").route("a.test", "/", "other").build());
        server.apply(objects);
        client.send(get("a.test", "/")).await;
        assert_eq!(Asked::of(&client.response().await.body).origin, "other");
        server.remove_ingress("web");
        client.send(get("a.test", "/")).await;
        assert_eq!(client.response().await.status(), 404);
    }

    async fn a_request_under_way_ends_where_it_began(workers) {
        let (mut server, origin) = with_raw_origin(workers).await;
        let mut client = Raw::connect(server.http()).await;
        client.send(get("a.test", "/")).await;
        let mut upstream = origin.accept().await;
        upstream.request().await;
        upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n12").await;
        client.head().await;
        server.remove_ingress("web");
        upstream.send("34").await;
        assert_eq!(client.octets(4).await, b"1234");
        client.send(get("a.test", "/")).await;
        assert_eq!(client.response().await.status(), 404);
    }

    async fn an_endpoint_that_goes_takes_no_more_requests(workers) {
        let (one, two) = (Origin::start("one").await, Origin::start("two").await);
        let mut objects = service("web", &[one.address(), two.address()]);
        objects.push(Ingress::named("web").route("a.test", "/", "web").build());
        let mut server = TestServer::start(workers, objects);
        let mut client = Raw::connect(server.http()).await;
        for _ in 0..4 {
            client.send(get("a.test", "/")).await;
            assert_eq!(client.response().await.status(), 200);
        }
        // The slice of the second endpoint now says that it is not ready.
        let mut slice = service("web", &[two.address()]).remove(1);
        slice["endpoints"][0]["conditions"]["ready"] = false.into();
        server.apply([slice]);
        let before = two.served();
        for _ in 0..6 {
            client.send(get("a.test", "/")).await;
            assert_eq!(Asked::of(&client.response().await.body).origin, "one");
        }
        assert_eq!(two.served(), before);
    }

    async fn changes_while_many_ask_lose_nothing(workers) {
        let (mut server, _origin) = with_origin(workers).await;
        let other = Origin::start("other").await;
        server.apply(service("other", &[other.address()]));
        let address = server.http();
        let mut clients = tokio::task::JoinSet::new();
        for _ in 0..8 {
            clients.spawn(async move {
                let mut client = Raw::connect(address).await;
                for _ in 0..100 {
                    client.send(get("a.test", "/")).await;
                    assert_eq!(client.response().await.status(), 200);
                }
            });
        }
        for round in 0..50 {
            let service = if round % 2 == 0 { "other" } else { "web" };
            server.apply([Ingress::named("web").route("a.test", "/", service).build()]);
            tokio::task::yield_now().await;
        }
        while let Some(client) = clients.join_next().await {
            client.unwrap();
        }
    }

    async fn draining_finishes_what_has_begun_and_takes_no_more(workers) {
        let (server, origin) = with_raw_origin(workers).await;
        let address = server.http();
        let mut idle = Raw::connect(address).await;
        idle.send(get("nobody.test", "/")).await;
        idle.response().await;
        let mut client = Raw::connect(address).await;
        client.send(get("a.test", "/")).await;
        let mut upstream = origin.accept().await;
        upstream.request().await;
        let drained = server.drain();
        idle.closed().await;
        // Each worker learns of it by itself. When nobody listens any more, the last one has.
        while tokio::net::TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
        upstream.send(OK).await;
        let answer = client.response().await;
        assert_eq!((answer.text(), answer.one("connection")), ("ok", Some("close")));
        client.closed().await;
        drained.await.unwrap();
    }

    // Every client has asked before draining begins, while workers are still about to accept and to share out.
    async fn what_was_asked_before_draining_began_is_answered(workers) {
        for clients in [30, 30, 30, 30, 300] {
            let (server, _origin) = with_origin(workers).await;
            let mut asked = Vec::new();
            for _ in 0..clients {
                let mut client = Raw::connect(server.http()).await;
                client.send(get("a.test", "/")).await;
                asked.push(client);
            }
            let drained = server.drain();
            for client in &mut asked {
                assert_eq!(client.response().await.status(), 200);
            }
            asked.clear();
            drained.await.unwrap();
        }
    }
}
