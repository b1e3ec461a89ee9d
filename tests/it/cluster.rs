//! The whole server on a cluster: what the API server tells is served, what it cannot tell is served as it was.
//!
//! The API server is one of ours, which makes every trouble on demand.

use std::net::SocketAddr;
use std::num::NonZeroUsize;

use landfall::cli::Server;
use landfall::settings::{Flags, Settings};
use landfall::testing::objects::service;
use landfall::testing::raw::PATIENCE;
use landfall::testing::{ApiServer, Ingress, Message, Origin, Raw};
use serde_json::Value;

use crate::fixtures::get;

/// The settings of a server on `cluster`, with more flags.
fn settings(cluster: &ApiServer, flags: &[&str]) -> Settings {
    let mut all: Vec<String> = [
        "--watch-ingress-without-class",
        "--allow-loopback-endpoints",
        "--bind-address=127.0.0.1",
        "--healthz-host=127.0.0.1",
        "--http-port=0",
        "--https-port=0",
        "--healthz-port=0",
        "--access-log=off",
        "--enable-metrics",
    ]
    .map(str::to_owned)
    .into();
    all.push(format!("--apiserver-host={}", cluster.url()));
    all.extend(flags.iter().map(|flag| (*flag).to_owned()));
    let (mut settings, _) = Settings::from_flags(&Flags::parse(all).unwrap()).unwrap();
    settings.listen.workers = NonZeroUsize::new(1);
    settings
}

async fn serve(cluster: &ApiServer, flags: &[&str]) -> Server {
    tokio::time::timeout(PATIENCE, Server::start(settings(cluster, flags)))
        .await
        .expect("it comes to be ready")
        .unwrap()
}

/// A Service of an origin, and an Ingress that sends `a.test` there.
fn objects_of_one(origin: &Origin) -> Vec<Value> {
    let mut objects = service("web", &[origin.address()]);
    objects.push(Ingress::named("web").route("a.test", "/", "web").build());
    objects
}

async fn ask(address: SocketAddr, host: &str) -> Message {
    let mut client = Raw::connect(address).await;
    client.send(get(host, "/")).await;
    client.response().await
}

async fn status(server: &Server, host: &str) -> u16 {
    ask(server.http_addresses()[0], host).await.status()
}

/// Asks until the answer has this status: the change is live.
async fn until_status(server: &Server, host: &str, wanted: u16) {
    let asking = async { while status(server, host).await != wanted {} };
    tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("{host} does not come to answer {wanted}"));
}

#[tokio::test]
async fn objects_that_are_created_and_deleted_are_served_and_withdrawn() {
    let origin = Origin::start("web").await;
    let cluster = ApiServer::start(objects_of_one(&origin)).await;
    let server = serve(&cluster, &[]).await;
    assert_eq!(status(&server, "a.test").await, 200);
    assert_eq!(status(&server, "b.test").await, 404);
    let more = Ingress::named("more").route("b.test", "/", "web").build();
    cluster.apply(more.clone());
    until_status(&server, "b.test", 200).await;
    cluster.delete(&more);
    until_status(&server, "b.test", 404).await;
    assert_eq!(status(&server, "a.test").await, 200);
    server.shutdown().await;
}
