//! EndpointSlices: several of one Service, conditions, both families of addresses, and those of the real controller.

use std::collections::BTreeSet;

use landfall::testing::Origin;
use serde_json::{Value, json};

use crate::scene::Scene;
use crate::support::objects::{ingress, slice};
use crate::support::{Landfall, on_shared_cluster};

/// Who answers, asked often enough that everybody in turn has.
async fn answering(landfall: &Landfall, host: &str, pods: usize) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for _ in 0..pods * 3 {
        found.insert(landfall.answer(host, "/").await.unwrap_or_else(|status| status.to_string()));
    }
    found
}

/// Returns when those pods answer and nobody else does.
async fn until_answering(landfall: &Landfall, host: &str, pods: &[&str]) {
    let wanted: BTreeSet<String> = pods.iter().map(|pod| (*pod).to_owned()).collect();
    landfall.until(&format!("{pods:?} answer"), async || answering(landfall, host, pods.len()).await == wanted).await;
}

fn endpoint(pod: &Origin, conditions: &Value) -> Value {
    json!({ "addresses": [pod.address().ip().to_string()], "conditions": conditions })
}

#[test]
fn the_slices_of_a_service_add_up() {
    on_shared_cluster(async |cluster| {
        let scene = Scene::of_one(&cluster).await;
        let pods = [cluster.pod("web-2").await, cluster.pod("web-3").await];
        let other = slice(&scene.namespace, "web", "web-2", &[pods[0].address(), pods[1].address()]);
        cluster.apply(other.clone()).await;
        until_answering(&scene.landfall, "a.test", &["web-1", "web-2", "web-3"]).await;
        cluster.delete(&other).await;
        until_answering(&scene.landfall, "a.test", &["web-1"]).await;
    });
}

#[test]
fn an_endpoint_that_moves_between_slices_is_never_missed() {
    on_shared_cluster(async |cluster| {
        let scene = Scene::of_one(&cluster).await;
        let load = crate::load::Load::on(scene.landfall.http, "a.test");
        let both = slice(&scene.namespace, "web", "web-2", &[scene.pod.address()]);
        for _ in 0..5 {
            cluster.apply(both.clone()).await;
            cluster.delete(&slice(&scene.namespace, "web", "web-1", &[scene.pod.address()])).await;
            cluster.apply(slice(&scene.namespace, "web", "web-1", &[scene.pod.address()])).await;
            cluster.delete(&both).await;
        }
        load.end().await.assert_flawless();
    });
}

#[test]
fn conditions_decide_who_is_asked() {
    on_shared_cluster(async |cluster| {
        let scene = Scene::of_one(&cluster).await;
        let other = cluster.pod("web-2").await;
        let with = |first: &Value, second: &Value| {
            let mut object = slice(&scene.namespace, "web", "web-1", &[scene.pod.address()]);
            object["endpoints"] = json!([endpoint(&scene.pod, first), endpoint(&other, second)]);
            object
        };
        let ready = json!({ "ready": true, "serving": true, "terminating": false });
        let unready = json!({ "ready": false, "serving": false, "terminating": false });
        let leaving = json!({ "ready": false, "serving": true, "terminating": true });
        let landfall = &scene.landfall;
        cluster.apply(with(&ready, &unready)).await;
        until_answering(landfall, "a.test", &["web-1"]).await;
        cluster.apply(with(&unready, &ready)).await;
        until_answering(landfall, "a.test", &["web-2"]).await;
        // One that leaves is asked no more while another is ready.
        cluster.apply(with(&leaving, &ready)).await;
        until_answering(landfall, "a.test", &["web-2"]).await;
        // An unknown condition counts as ready.
        cluster.apply(with(&json!({}), &ready)).await;
        until_answering(landfall, "a.test", &["web-1", "web-2"]).await;
        cluster.apply(with(&unready, &unready)).await;
        until_answering(landfall, "a.test", &["503"]).await;
    });
}

#[test]
fn pods_of_both_families_answer() {
    on_shared_cluster(async |cluster| {
        let scene = Scene::of_one(&cluster).await;
        let six = cluster.pod_v6("web-six").await;
        cluster.apply(slice(&scene.namespace, "web", "web-six", &[six.address()])).await;
        until_answering(&scene.landfall, "a.test", &["web-1", "web-six"]).await;
        cluster.delete(&slice(&scene.namespace, "web", "web-1", &[scene.pod.address()])).await;
        until_answering(&scene.landfall, "a.test", &["web-six"]).await;
    });
}

/// More than one slice holds (`--max-endpoints-per-slice` of kube-controller-manager is 100).
const MANY: usize = 120;

const NODE: &str = "edge-1";

fn pod_object(namespace: &str, number: usize) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": format!("many-{number}"), "namespace": namespace, "labels": { "app": "many" } },
        "spec": { "nodeName": NODE, "containers": [{ "name": "web", "image": "none" }] },
    })
}

#[test]
fn the_slices_that_the_controller_splits_are_all_served() {
    on_shared_cluster(async |cluster| {
        if !cluster.start_controllers() {
            return;
        }
        let scene = Scene::of_one(&cluster).await;
        cluster
            .apply(json!({
                "apiVersion": "v1", "kind": "Service",
                "metadata": { "name": "many", "namespace": scene.namespace },
                "spec": { "selector": { "app": "many" }, "ports": [{ "port": 80, "targetPort": 8080 }] },
            }))
            .await;
        cluster.apply(ingress(&scene.namespace, "many", "many.test", "/", "many")).await;
        // Pods of a node that does not exist get no endpoint.
        cluster.apply(json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": NODE } })).await;
        cluster.create_all((0..MANY).map(|number| pod_object(&scene.namespace, number))).await;
        let mut pods = Vec::new();
        for number in 0..MANY {
            let pod = cluster.pod(&format!("many-{number}")).await;
            let address = pod.address().ip().to_string();
            let status = json!({
                "phase": "Running", "podIP": address, "podIPs": [{ "ip": address }],
                "conditions": [{ "type": "Ready", "status": "True" }],
            });
            cluster.patch_status(&pod_object(&scene.namespace, number), status).await;
            pods.push(pod);
        }
        let names: Vec<String> = (0..MANY).map(|number| format!("many-{number}")).collect();
        until_answering(&scene.landfall, "many.test", &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    });
}
