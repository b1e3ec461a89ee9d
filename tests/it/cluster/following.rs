//! What the API server tells is served.

use std::pin::pin;

use landfall::cli::Server;
use landfall::testing::apiserver::Trouble;
use landfall::testing::{ApiServer, Origin};
use serde_json::{Value, json};

use super::{ingress, objects_of_one, serve, serve_one, settings, status, until_status};

#[tokio::test]
async fn objects_that_are_created_and_deleted_are_served_and_withdrawn() {
    let origin = Origin::start("web").await;
    let (cluster, server) = serve_one(&origin).await;
    assert_eq!(status(&server, "b.test").await, 404);
    cluster.apply(ingress("more", "b.test"));
    until_status(&server, "b.test", 404, 200).await;
    cluster.delete(&ingress("more", "b.test"));
    until_status(&server, "b.test", 200, 404).await;
    assert_eq!(status(&server, "a.test").await, 200);
    server.shutdown().await;
}

#[tokio::test]
async fn more_objects_than_a_page_holds_are_all_there_at_the_start() {
    let origin = Origin::start("web").await;
    let more = (0..1100).map(|number| ingress(&format!("more-{number}"), &format!("host-{number}.test")));
    let cluster = ApiServer::start(objects_of_one(&origin).into_iter().chain(more)).await;
    let server = serve(&cluster, &[]).await;
    for number in [0, 499, 500, 999, 1000, 1099] {
        assert_eq!(status(&server, &format!("host-{number}.test")).await, 200, "{number}");
    }
    let lists = cluster.requests().into_iter().filter(|asked| asked.resource == "ingresses" && asked.is_list());
    assert_eq!(lists.count(), 3);
    server.shutdown().await;
}

#[tokio::test]
async fn nothing_is_served_before_everything_is_told() {
    let origin = Origin::start("web").await;
    for kind in ["ingresses", "ingressclasses", "services", "endpointslices", "secrets", "configmaps"] {
        let cluster = ApiServer::start(objects_of_one(&origin)).await;
        cluster.trouble(move |asked| (asked.resource == kind && asked.is_list()).then_some(Trouble::Refuse(500, None)));
        let mut starting = pin!(Server::start(settings(&cluster, &[])));
        tokio::select! {
            _ = &mut starting => panic!("it serves without {kind}"),
            _ = cluster.until_asked(|asked| asked.resource == kind) => {}
        }
        cluster.no_trouble();
        let server = starting.await.unwrap();
        assert_eq!(status(&server, "a.test").await, 200, "{kind}");
        server.shutdown().await;
    }
}

#[tokio::test]
async fn an_empty_cluster_is_served_as_such() {
    let cluster = ApiServer::start([]).await;
    let server = serve(&cluster, &[]).await;
    assert_eq!(status(&server, "a.test").await, 404);
    server.shutdown().await;
}

#[tokio::test]
async fn a_burst_of_changes_makes_few_generations() {
    let origin = Origin::start("web").await;
    let (cluster, server) = serve_one(&origin).await;
    for number in 0..500 {
        cluster.apply(ingress(&format!("more-{number}"), &format!("host-{number}.test")));
    }
    until_status(&server, "host-499.test", 404, 200).await;
    let generation = server.live().current().generation;
    assert!(generation < 50, "generation {generation}");
    server.shutdown().await;
}

#[tokio::test]
async fn what_nothing_is_made_of_makes_no_generation() {
    let origin = Origin::start("web").await;
    let (cluster, server) = serve_one(&origin).await;
    let before = server.live().current().generation;
    let mut noise: Vec<Value> = objects_of_one(&origin);
    for object in &mut noise {
        object["metadata"]["managedFields"] = json!([{ "manager": "kubectl", "operation": "Apply" }]);
        object["metadata"]["generation"] = json!(7);
    }
    let class =
        json!({ "apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": { "name": "other" } });
    noise.extend([
        class,
        json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "x", "namespace": "y" } }),
    ]);
    for object in noise {
        cluster.apply(object);
    }
    cluster.apply(ingress("more", "b.test"));
    until_status(&server, "b.test", 404, 200).await;
    assert_eq!(server.live().current().generation, before + 1);
    server.shutdown().await;
}

/// Endpoints are deprecated, and most are told twice; they are asked for where nothing else tells of a Service.
#[tokio::test]
async fn endpoints_are_asked_for_only_where_a_service_has_no_slices() {
    let origin = Origin::start("web").await;
    let (cluster, server) = serve_one(&origin).await;
    assert!(!cluster.requests().iter().any(|asked| asked.resource == "endpoints"));
    server.shutdown().await;

    let mut objects = objects_of_one(&origin);
    objects.retain(|object| object["kind"] != "EndpointSlice");
    let address = origin.address();
    objects.push(json!({
        "apiVersion": "v1", "kind": "Endpoints", "metadata": { "name": "web", "namespace": "default" },
        "subsets": [{
            "addresses": [{ "ip": address.ip().to_string() }],
            "ports": [{ "name": "http", "port": address.port(), "protocol": "TCP" }],
        }],
    }));
    let cluster = ApiServer::start(objects).await;
    let server = serve(&cluster, &[]).await;
    assert_eq!(status(&server, "a.test").await, 200);
    server.shutdown().await;
}

#[tokio::test]
async fn endpoints_that_may_not_be_read_hold_nothing_up() {
    let origin = Origin::start("web").await;
    let mut objects = objects_of_one(&origin);
    objects.retain(|object| object["kind"] != "EndpointSlice");
    objects.extend([ingress("more", "b.test")]);
    let cluster = ApiServer::start(objects).await;
    cluster.trouble(|asked| (asked.resource == "endpoints").then_some(Trouble::Refuse(403, None)));
    let server = serve(&cluster, &[]).await;
    assert_eq!(status(&server, "a.test").await, 503);
    server.shutdown().await;
}

#[tokio::test]
async fn everything_is_listed_again_after_the_sync_period() {
    let origin = Origin::start("web").await;
    let cluster = ApiServer::start(objects_of_one(&origin)).await;
    let server = serve(&cluster, &["--sync-period=20ms"]).await;
    cluster.forget_requests();
    for kind in ["ingresses", "services", "secrets"] {
        cluster.until_asked(|asked| asked.resource == kind && asked.is_list()).await;
    }
    assert_eq!(status(&server, "a.test").await, 200);
    server.shutdown().await;
}
