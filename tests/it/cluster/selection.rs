//! Which namespaces are asked for, and what may be asked for with a Role of one namespace.

use landfall::testing::apiserver::Trouble;
use landfall::testing::objects::settings as config_map;
use landfall::testing::{ApiServer, Origin};
use serde_json::{Value, json};

use super::{admin, ingress, metric, objects_of_one, serve, status, until_status};

/// The objects in another namespace.
fn moved(objects: Vec<Value>, namespace: &str) -> Vec<Value> {
    let moved = objects.into_iter().map(|mut object| {
        object["metadata"]["namespace"] = json!(namespace);
        object
    });
    moved.collect()
}

fn namespace(name: &str, team: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name, "labels": { "team": team } } })
}

#[tokio::test]
async fn with_one_namespace_nothing_is_asked_for_outside_of_it() {
    let origin = Origin::start("web").await;
    let mut objects = moved(objects_of_one(&origin), "shop");
    objects.push(ingress("foreign", "b.test"));
    let cluster = ApiServer::start(objects).await;
    let server = serve(&cluster, &["--watch-namespace=shop"]).await;
    assert_eq!(status(&server, "a.test").await, 200);
    assert_eq!(status(&server, "b.test").await, 404);
    // The Lease is where the pod is.
    let outside =
        cluster.requests().into_iter().filter(|asked| asked.namespace != "shop" && asked.resource != "leases");
    let outside: Vec<_> = outside.map(|asked| asked.resource).collect();
    assert!(outside.iter().all(|resource| resource == "ingressclasses"), "{outside:?}");
    server.shutdown().await;
}

#[tokio::test]
async fn what_flags_name_is_asked_for_by_its_name_in_other_namespaces() {
    let origin = Origin::start("web").await;
    let mut objects = moved(objects_of_one(&origin), "shop");
    objects.extend(moved(vec![config_map([])], "system"));
    objects.extend(objects_of_one(&origin).into_iter().filter(|object| object["kind"] != "Ingress"));
    let cluster = ApiServer::start(objects).await;
    let flags = ["--watch-namespace=shop", "--configmap=system/settings", "--default-backend-service=default/web"];
    let server = serve(&cluster, &flags).await;
    assert!((metric(&server, "landfall_objects{kind=\"ConfigMap\"}").await - 1.0).abs() < 0.1);
    assert_eq!(status(&server, "unknown.test").await, 200, "the default backend answers");
    let asked = cluster.until_asked(|asked| asked.resource == "configmaps" && asked.namespace == "system").await;
    assert_eq!(asked.parameter("fieldSelector"), "metadata.name=settings");
    let asked = cluster.until_asked(|asked| asked.resource == "endpointslices" && asked.namespace == "default").await;
    assert_eq!(asked.parameter("labelSelector"), "kubernetes.io/service-name=web");
    server.shutdown().await;
}

#[tokio::test]
async fn with_one_namespace_classes_that_may_not_be_read_go_by_name() {
    let origin = Origin::start("web").await;
    let mut objects = moved(objects_of_one(&origin), "shop");
    let mut foreign = moved(vec![ingress("foreign", "b.test")], "shop");
    foreign[0]["spec"]["ingressClassName"] = json!("other");
    objects.extend(foreign);
    for object in objects.iter_mut().filter(|object| object["metadata"]["name"] == "web" && object["kind"] == "Ingress")
    {
        object["spec"]["ingressClassName"] = json!("nginx");
    }
    let cluster = ApiServer::start(objects).await;
    cluster.trouble(|asked| (asked.resource == "ingressclasses").then_some(Trouble::Refuse(403, None)));
    let server = serve(&cluster, &["--watch-namespace=shop"]).await;
    assert_eq!(status(&server, "a.test").await, 200);
    assert_eq!(status(&server, "b.test").await, 404);
    let exposition = admin(&server, "/metrics").await;
    assert!(exposition.text().contains("code=\"ingress-classes-forbidden\""), "{}", exposition.text());
    server.shutdown().await;
}

#[tokio::test]
async fn ingresses_come_and_go_with_the_labels_of_their_namespace() {
    let origin = Origin::start("web").await;
    let mut objects = moved(objects_of_one(&origin), "shop");
    let mut elsewhere = objects_of_one(&origin);
    elsewhere.retain(|object| object["kind"] != "Ingress");
    elsewhere.push(ingress("more", "b.test"));
    objects.extend(moved(elsewhere, "bank"));
    objects.extend([namespace("shop", "web"), namespace("bank", "money")]);
    let cluster = ApiServer::start(objects).await;
    let server = serve(&cluster, &["--watch-namespace-selector=team=web"]).await;
    assert_eq!(status(&server, "a.test").await, 200);
    assert_eq!(status(&server, "b.test").await, 404);
    cluster.apply(namespace("bank", "web"));
    until_status(&server, "b.test", 404, 200).await;
    cluster.apply(namespace("shop", "money"));
    until_status(&server, "a.test", 200, 404).await;
    cluster.delete(&namespace("bank", "web"));
    until_status(&server, "b.test", 200, 404).await;
    server.shutdown().await;
}
