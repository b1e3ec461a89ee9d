//! Which Ingresses are ours. Each test has a control plane of its own, for classes belong to no namespace.

use serde_json::{Value, json};

use crate::support::objects::{CLASS, CONTROLLER, class, ingress, service, slice};
use crate::support::{Cluster, Landfall, on_own_cluster};

/// The annotation that names a class (deprecated since Kubernetes 1.18, and in use everywhere).
const ANNOTATION: &str = "kubernetes.io/ingress.class";

/// A namespace with a Service that a pod stands behind, and a Landfall for the whole cluster.
async fn served(cluster: &Cluster, flags: &[&str]) -> (String, landfall::testing::Origin, Landfall) {
    let (namespace, pod) = (cluster.namespace("classes").await, cluster.pod("web-1").await);
    cluster.apply_all([service(&namespace, "web"), slice(&namespace, "web", "web-1", &[pod.address()])]).await;
    let landfall = Landfall::serve(cluster, &cluster.admin_user(), flags).await;
    (namespace, pod, landfall)
}

/// An Ingress for the host `NAME.test` of a class by its field, if one is given.
fn of_class(namespace: &str, name: &str, class: Option<&str>) -> Value {
    let mut object = ingress(namespace, name, &format!("{name}.test"), "/", "web");
    object["spec"]["ingressClassName"] = json!(class);
    object
}

#[test]
fn an_ingress_is_ours_by_the_controller_of_its_class_whatever_the_class_is_called() {
    on_own_cluster(async |cluster| {
        let (namespace, _pod, landfall) = served(&cluster, &[]).await;
        let classes = [class("ours", CONTROLLER), class("theirs", "example.com/other")];
        cluster.apply_all(classes).await;
        cluster.apply(of_class(&namespace, "theirs", Some("theirs"))).await;
        cluster.apply(of_class(&namespace, "missing", Some("missing"))).await;
        cluster.apply(of_class(&namespace, "none", None)).await;
        cluster.apply(of_class(&namespace, "ours", Some("ours"))).await;
        landfall.until_answer("ours.test", "/", "web-1").await;
        for host in ["theirs.test", "missing.test", "none.test"] {
            assert_eq!(landfall.answer(host, "/").await, Err(404), "{host}");
        }
        // A class that comes later makes its Ingresses ours, and one that goes takes them away.
        cluster.apply(class("missing", CONTROLLER)).await;
        landfall.until_answer("missing.test", "/", "web-1").await;
        cluster.delete(&class("ours", "")).await;
        landfall.until_status("ours.test", "/", 404).await;
    });
}

#[test]
fn the_annotation_names_our_class_where_the_field_is_not_set() {
    on_own_cluster(async |cluster| {
        let (namespace, _pod, landfall) = served(&cluster, &[]).await;
        for (name, value) in [("ours", CLASS), ("theirs", "traefik")] {
            let mut object = of_class(&namespace, name, None);
            object["metadata"]["annotations"] = json!({ ANNOTATION: value });
            cluster.apply(object).await;
        }
        landfall.until_answer("ours.test", "/", "web-1").await;
        assert_eq!(landfall.answer("theirs.test", "/").await, Err(404));
    });
}

#[test]
fn the_api_server_gives_the_default_class_to_an_ingress_without_one() {
    on_own_cluster(async |cluster| {
        let (namespace, _pod, landfall) = served(&cluster, &[]).await;
        let mut default = class(CLASS, CONTROLLER);
        default["metadata"]["annotations"] = json!({ "ingressclass.kubernetes.io/is-default-class": "true" });
        cluster.apply(default).await;
        crate::support::eventually("the admission plugin knows the class", async || {
            let name = "probe";
            let read = cluster.apply(of_class(&namespace, name, None)).await;
            let given = read.data["spec"]["ingressClassName"] == CLASS;
            cluster.delete(&of_class(&namespace, name, None)).await;
            given
        })
        .await;
        cluster.apply(of_class(&namespace, "plain", None)).await;
        landfall.until_answer("plain.test", "/", "web-1").await;
    });
}

#[test]
fn ingresses_without_a_class_are_ours_where_a_flag_says_so() {
    on_own_cluster(async |cluster| {
        let (namespace, _pod, landfall) = served(&cluster, &["--watch-ingress-without-class"]).await;
        cluster.apply(of_class(&namespace, "plain", None)).await;
        landfall.until_answer("plain.test", "/", "web-1").await;
    });
}
