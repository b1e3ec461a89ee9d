//! Objects are created, changed and deleted, and requests follow.

use serde_json::json;

use crate::scene::Scene;
use crate::support::objects::{ingress, service, slice};
use crate::support::on_shared_cluster;

#[test]
fn an_ingress_is_served_from_its_creation_to_its_deletion() {
    on_shared_cluster(async |cluster| {
        let scene = Scene::of_one(&cluster).await;
        let another = ingress(&scene.namespace, "another", "b.test", "/", "web");
        assert_eq!(scene.landfall.answer("b.test", "/").await, Err(404));
        cluster.apply(another.clone()).await;
        scene.landfall.until_answer("b.test", "/", "web-1").await;
        cluster.delete(&another).await;
        scene.landfall.until_status("b.test", "/", 404).await;
        assert_eq!(scene.landfall.answer("a.test", "/").await.unwrap(), "web-1");
    });
}

#[test]
fn a_changed_rule_moves_its_host_and_its_path() {
    on_shared_cluster(async |cluster| {
        let scene = Scene::of_one(&cluster).await;
        cluster.apply(ingress(&scene.namespace, "web", "moved.test", "/shop", "web")).await;
        scene.landfall.until_answer("moved.test", "/shop/cart", "web-1").await;
        assert_eq!(scene.landfall.answer("moved.test", "/").await, Err(404));
        assert_eq!(scene.landfall.answer("a.test", "/").await, Err(404));
    });
}

#[test]
fn a_changed_annotation_is_followed() {
    on_shared_cluster(async |cluster| {
        let scene = Scene::of_one(&cluster).await;
        let mut object = ingress(&scene.namespace, "web", "a.test", "/", "web");
        let redirect = "nginx.ingress.kubernetes.io/permanent-redirect";
        object["metadata"]["annotations"] = json!({ redirect: "https://elsewhere.test/" });
        cluster.apply(object).await;
        scene.landfall.until_status("a.test", "/", 301).await;
        cluster.apply(ingress(&scene.namespace, "web", "a.test", "/", "web")).await;
        scene.landfall.until_answer("a.test", "/", "web-1").await;
    });
}

#[test]
fn a_service_that_comes_after_its_ingress_is_served() {
    on_shared_cluster(async |cluster| {
        let scene = Scene::of_one(&cluster).await;
        let pod = cluster.pod("late-1").await;
        cluster.apply(ingress(&scene.namespace, "late", "late.test", "/", "late")).await;
        scene.landfall.until_status("late.test", "/", 503).await;
        cluster.apply(service(&scene.namespace, "late")).await;
        cluster.apply(slice(&scene.namespace, "late", "late-1", &[pod.address()])).await;
        scene.landfall.until_answer("late.test", "/", "late-1").await;
        cluster.delete(&service(&scene.namespace, "late")).await;
        scene.landfall.until_status("late.test", "/", 503).await;
    });
}

#[test]
fn the_config_map_of_settings_is_followed() {
    on_shared_cluster(async |cluster| {
        let namespace = cluster.namespace("settings").await;
        let settings = |data| {
            json!({
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": { "name": "landfall", "namespace": namespace }, "data": data,
            })
        };
        // The settings need not be in the namespace that is watched.
        let flag = format!("--configmap={namespace}/landfall");
        let scene = Scene::with_flags(&cluster, &[&flag]).await;
        cluster.apply(settings(json!({ "force-ssl-redirect": "true" }))).await;
        scene.landfall.until_status("a.test", "/", 308).await;
        cluster.apply(settings(json!({ "force-ssl-redirect": "true", "http-redirect-code": "301" }))).await;
        scene.landfall.until_status("a.test", "/", 301).await;
        cluster.delete(&settings(json!({}))).await;
        scene.landfall.until_answer("a.test", "/", "web-1").await;
    });
}

#[test]
fn an_object_that_others_keep_writing_to_is_still_read() {
    on_shared_cluster(async |cluster| {
        let scene = Scene::of_one(&cluster).await;
        let object = ingress(&scene.namespace, "web", "a.test", "/", "web");
        // Another controller's status, on an object that is ours to serve.
        cluster.patch_status(&object, json!({ "loadBalancer": { "ingress": [{ "ip": "192.0.2.7" }] } })).await;
        let pod = cluster.pod("web-2").await;
        cluster.apply(slice(&scene.namespace, "web", "web-1", &[pod.address()])).await;
        scene.landfall.until_answer("a.test", "/", "web-2").await;
    });
}
