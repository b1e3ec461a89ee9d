//! What is withdrawn is served no longer, and that within a second: a Secret, an Ingress, a Service, over connections
//! that are new and over those that were there.

use std::time::Duration;

use landfall::testing::certificates::TestCa;
use landfall::testing::objects::service;
use landfall::testing::{ApiServer, Ingress, Origin, Raw};
use serde_json::Value;
use tokio::time::timeout;

use super::secrets::{leaf, presented, secret};
use super::{ingress, serve, status};
use crate::fixtures::get;

const AT_ONCE: Duration = Duration::from_secs(1);

/// An Ingress of another namespace that says the same.
fn of_namespace(namespace: &str, mut object: Value) -> Value {
    object["metadata"]["namespace"] = namespace.into();
    object
}

#[tokio::test]
async fn a_withdrawn_secret_is_presented_no_longer_within_a_second() {
    let (origin, ca) = (Origin::start("web").await, TestCa::new());
    let (pair, other) = (ca.issue_for(["b.test"]), ca.issue_for(["c.test"]));
    let with_tls = |name, host, secret| Ingress::named(name).route(host, "/", "web").tls(host, secret).build();
    let mut objects = service("web", &[origin.address()]);
    objects.extend([with_tls("more", "b.test", "cert"), with_tls("other", "c.test", "other")]);
    objects.extend([secret("cert", "kubernetes.io/tls", &pair), secret("other", "kubernetes.io/tls", &other)]);
    let cluster = ApiServer::start(objects).await;
    let server = serve(&cluster, &[]).await;
    assert_eq!(presented(&server, "b.test").await, leaf(&pair));

    cluster.delete(&secret("cert", "kubernetes.io/tls", &pair));
    let gone = async { while presented(&server, "b.test").await == leaf(&pair) {} };
    timeout(AT_ONCE, gone).await.expect("the certificate is withdrawn");
    assert_ne!(presented(&server, "b.test").await, leaf(&other), "nobody else's takes its place");
    assert_eq!(presented(&server, "c.test").await, leaf(&other));
    server.shutdown().await;
}

#[tokio::test]
async fn a_withdrawn_ingress_is_served_no_longer_within_a_second_also_over_connections_that_are_open() {
    let origin = Origin::start("web").await;
    let mut objects = service("web", &[origin.address()]);
    objects.extend([ingress("web", "a.test"), ingress("more", "b.test")]);
    let cluster = ApiServer::start(objects).await;
    let server = serve(&cluster, &[]).await;
    let mut open = Raw::connect(server.http_addresses()[0]).await;
    open.send(get("b.test", "/")).await;
    assert_eq!(open.response().await.status(), 200);

    cluster.delete(&ingress("more", "b.test"));
    let gone = async {
        loop {
            open.send(get("b.test", "/")).await;
            if open.response().await.status() == 404 {
                return;
            }
        }
    };
    timeout(AT_ONCE, gone).await.expect("the Ingress is withdrawn");
    assert_eq!(status(&server, "b.test").await, 404);
    assert_eq!(status(&server, "a.test").await, 200);
    server.shutdown().await;
}

/// Two namespaces have the same host; the older goes, and the younger has it with its own Service, which there is none of.
#[tokio::test]
async fn what_an_ingress_leaves_behind_is_served_by_the_next_from_its_own_namespace_alone() {
    let origin = Origin::start("web").await;
    let mut first = ingress("web", "a.test");
    first["metadata"]["creationTimestamp"] = "2024-01-01T00:00:00Z".into();
    let mut second = of_namespace("other", ingress("web", "a.test"));
    second["metadata"]["creationTimestamp"] = "2025-01-01T00:00:00Z".into();
    let mut objects = service("web", &[origin.address()]);
    objects.extend([first.clone(), second]);
    let cluster = ApiServer::start(objects).await;
    let server = serve(&cluster, &[]).await;
    assert_eq!(status(&server, "a.test").await, 200);

    cluster.delete(&first);
    let gone = async { while status(&server, "a.test").await == 200 {} };
    timeout(AT_ONCE, gone).await.expect("the older is withdrawn");
    assert_eq!(status(&server, "a.test").await, 503, "the other namespace has no Service of that name");
    server.shutdown().await;
}
