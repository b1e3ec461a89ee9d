//! Which namespaces are watched.

use serde_json::json;

use crate::scene::objects;
use crate::support::{Cluster, Landfall, on_shared_cluster};

#[test]
fn of_other_namespaces_than_the_watched_one_nothing_is_served() {
    on_shared_cluster(async |cluster| {
        let (ours, theirs) = (cluster.namespace("ours").await, cluster.namespace("theirs").await);
        let pod = cluster.pod("web-1").await;
        cluster.apply_all(objects(&ours, &pod)).await;
        let mut other = objects(&theirs, &pod);
        other[3]["spec"]["rules"][0]["host"] = json!("theirs.test");
        cluster.apply_all(other).await;
        let flag = format!("--watch-namespace={ours}");
        let landfall = Landfall::serve(&cluster, &cluster.admin_user(), &[&flag]).await;
        landfall.until_answer("a.test", "/", "web-1").await;
        assert_eq!(landfall.answer("theirs.test", "/").await, Err(404));
        assert_eq!(landfall.metric("landfall_objects", &["kind=\"Ingress\""]).await, Some(1.0));
    });
}

async fn label(cluster: &Cluster, namespace: &str, labels: serde_json::Value) {
    let object = json!({
        "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace, "labels": labels },
    });
    cluster.apply(object).await;
}

#[test]
fn a_namespace_is_served_while_its_labels_are_selected() {
    on_shared_cluster(async |cluster| {
        let (namespace, pod) = (cluster.namespace("selected").await, cluster.pod("web-1").await);
        cluster.apply_all(objects(&namespace, &pod)).await;
        let flag = format!("--watch-namespace-selector=watched={namespace}");
        let landfall = Landfall::serve(&cluster, &cluster.admin_user(), &[&flag]).await;
        assert_eq!(landfall.answer("a.test", "/").await, Err(404));
        label(&cluster, &namespace, json!({ "watched": namespace })).await;
        landfall.until_answer("a.test", "/", "web-1").await;
        label(&cluster, &namespace, json!({})).await;
        landfall.until_status("a.test", "/", 404).await;
    });
}

#[test]
fn a_deleted_namespace_is_no_longer_served() {
    on_shared_cluster(async |cluster| {
        if !cluster.start_controllers() {
            return;
        }
        let (namespace, pod) = (cluster.namespace("doomed").await, cluster.pod("web-1").await);
        cluster.apply_all(objects(&namespace, &pod)).await;
        let flag = format!("--watch-namespace={namespace}");
        let landfall = Landfall::serve(&cluster, &cluster.admin_user(), &[&flag]).await;
        landfall.until_answer("a.test", "/", "web-1").await;
        cluster.delete(&json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace } })).await;
        landfall.until_status("a.test", "/", 404).await;
    });
}
