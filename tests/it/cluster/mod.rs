//! The whole server on a cluster: what the API server tells is served, what it cannot tell is served as it was.
//!
//! The API server is one of ours, which makes every trouble on demand.

mod following;
mod secrets;
mod selection;
mod trouble;
mod withdrawal;

use std::net::SocketAddr;
use std::num::NonZeroUsize;

use landfall::cli::Server;
use landfall::settings::{Flags, Settings};
use landfall::testing::objects::service;
use landfall::testing::raw::PATIENCE;
use landfall::testing::{ApiServer, Ingress, Message, Origin, Raw};
use serde_json::Value;
use tokio::time::timeout;

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
    timeout(PATIENCE, Server::start(settings(cluster, flags))).await.expect("it comes to be ready").unwrap()
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

/// Asks until the answer has this status: the change is live. Every answer until then is the old one.
async fn until_status(server: &Server, host: &str, old: u16, new: u16) {
    let asking = async {
        loop {
            match status(server, host).await {
                answered if answered == new => return,
                answered => assert_eq!(answered, old, "neither the old answer of {host} nor the new"),
            }
        }
    };
    timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("{host} does not come to answer {new}"));
}

/// What the admin server answers.
async fn admin(server: &Server, path: &str) -> Message {
    let mut client = Raw::connect(server.admin_addresses()[0]).await;
    client.send(get("admin", path)).await;
    client.response().await
}

/// The value of a series.
async fn metric(server: &Server, series: &str) -> f64 {
    let exposition = admin(server, "/metrics").await;
    let value = exposition.text().lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok());
    value.unwrap_or_else(|| panic!("there is no {series}"))
}

/// Reads a series until it has this value.
async fn until_metric(server: &Server, series: &str, wanted: f64) {
    let reading = async { while (metric(server, series).await - wanted).abs() > 0.1 {} };
    timeout(PATIENCE, reading).await.unwrap_or_else(|_| panic!("{series} does not come to be {wanted}"));
}

/// `a.test` in the cluster, and a server that serves it and watches.
async fn serve_one(origin: &Origin) -> (ApiServer, Server) {
    let cluster = ApiServer::start(objects_of_one(origin)).await;
    let server = serve(&cluster, &[]).await;
    assert_eq!(status(&server, "a.test").await, 200);
    for kind in ["Ingress", "IngressClass", "Service", "EndpointSlice", "Secret", "ConfigMap"] {
        until_metric(&server, &format!("landfall_watch_up{{kind=\"{kind}\"}}"), 1.0).await;
    }
    (cluster, server)
}

/// An Ingress that sends a host to the Service `web`.
fn ingress(name: &str, host: &str) -> Value {
    Ingress::named(name).route(host, "/", "web").build()
}
