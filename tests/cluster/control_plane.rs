//! The test cluster itself: what the other modules rely on.

use serde_json::json;

use crate::support::{Cluster, eventually, on_own_cluster, on_shared_cluster};

fn config_map(namespace: &str, value: &str) -> serde_json::Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "kept", "namespace": namespace },
        "data": { "value": value },
    })
}

async fn is_allowed(cluster: &Cluster, user: &crate::support::User, namespace: &str) -> bool {
    let client = cluster.client_of(user).await;
    let path = format!("/api/v1/namespaces/{namespace}/configmaps");
    client.request_text(http::Request::get(path).body(Vec::new()).unwrap()).await.is_ok()
}

#[test]
fn a_user_may_do_what_is_granted_and_nothing_else() {
    on_shared_cluster(async |cluster| {
        let (user, namespace) = (cluster.new_user(), cluster.namespace("granted").await);
        assert!(!is_allowed(&cluster, &user, &namespace).await);
        cluster.grant(&user, json!([{ "apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"] }])).await;
        eventually("the grant is known", async || is_allowed(&cluster, &user, &namespace).await).await;
        cluster.grant(&user, json!([])).await;
        eventually("the grant is gone", async || !is_allowed(&cluster, &user, &namespace).await).await;
    });
}

#[test]
fn a_service_account_has_a_token_that_the_server_takes() {
    on_shared_cluster(async |cluster| {
        let namespace = cluster.namespace("accounts").await;
        let account = json!({
            "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "robot", "namespace": namespace },
        });
        cluster.apply(account).await;
        let robot = cluster.service_account(&namespace, "robot").await;
        let review = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview" });
        let request = http::Request::post("/apis/authentication.k8s.io/v1/selfsubjectreviews")
            .body(review.to_string().into_bytes())
            .unwrap();
        let answer: serde_json::Value = cluster.client_of(&robot).await.request(request).await.unwrap();
        assert_eq!(answer["status"]["userInfo"]["username"], robot.name.as_str());
    });
}

#[test]
fn a_control_plane_that_was_killed_comes_back_with_its_objects() {
    on_own_cluster(async |cluster| {
        let namespace = cluster.namespace("kept").await;
        cluster.apply(config_map(&namespace, "1")).await;
        cluster.plane().kill_apiserver();
        assert!(cluster.try_apply(&config_map(&namespace, "2")).await.is_err());
        cluster.plane().kill_etcd();
        cluster.plane().start_etcd();
        cluster.plane().start_apiserver();
        cluster.ready().await;
        assert_eq!(cluster.read(&config_map(&namespace, "")).await["data"]["value"], "1");
    });
}

#[test]
fn controllers_make_slices_of_pods() {
    on_shared_cluster(async |cluster| {
        if !cluster.start_controllers() {
            return;
        }
        let namespace = cluster.namespace("slices").await;
        let service = json!({
            "apiVersion": "v1", "kind": "Service", "metadata": { "name": "web", "namespace": namespace },
            "spec": { "selector": { "app": "web" }, "ports": [{ "port": 80, "targetPort": 8080 }] },
        });
        cluster.apply(service).await;
        let slices = format!("/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices");
        eventually("the Service has a slice", async || {
            let request = http::Request::get(&slices).body(Vec::new()).unwrap();
            let list: serde_json::Value = cluster.admin().request(request).await.unwrap();
            !list["items"].as_array().unwrap().is_empty()
        })
        .await;
    });
}
