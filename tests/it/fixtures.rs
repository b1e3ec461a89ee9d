//! The scenes that most tests play in.

use landfall::testing::objects::service;
use landfall::testing::origin::Asked;
use landfall::testing::{Ingress, Message, Origin, Raw, RawOrigin, TestServer};

/// A server that sends everything for `a.test` to one origin that the test answers for.
pub(crate) async fn with_raw_origin(workers: usize) -> (TestServer, RawOrigin) {
    with_raw_origin_and(workers, Ingress::named("web")).await
}

/// As [`with_raw_origin`], with what else the Ingress says.
pub(crate) async fn with_raw_origin_and(workers: usize, ingress: Ingress) -> (TestServer, RawOrigin) {
    let origin = RawOrigin::start().await;
    let mut objects = service("web", &[origin.address()]);
    objects.push(ingress.route("a.test", "/", "web").build());
    (TestServer::start(workers, objects), origin)
}

/// A server that sends everything for `a.test` to one origin that answers by itself.
pub(crate) async fn with_origin(workers: usize) -> (TestServer, Origin) {
    let origin = Origin::start("web").await;
    let mut objects = service("web", &[origin.address()]);
    objects.push(Ingress::named("web").route("a.test", "/", "web").build());
    (TestServer::start(workers, objects), origin)
}

/// A request without content.
pub(crate) fn get(host: &str, target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n")
}

/// The answer to one request on a connection of its own.
pub(crate) async fn ask(server: &TestServer, request: impl AsRef<[u8]>) -> Message {
    let mut client = Raw::connect(server.http()).await;
    client.send(request).await;
    client.response().await
}

/// What the origin says it was asked, for a request on a connection of its own.
pub(crate) async fn asked(server: &TestServer, request: impl AsRef<[u8]>) -> Asked {
    let answer = ask(server, request).await;
    assert_eq!(answer.status(), 200, "{answer:?}");
    Asked::of(&answer.body)
}

/// A short answer of an origin.
pub(crate) const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
