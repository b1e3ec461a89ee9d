//! Which points of ingress there are, by what a Service, nodes and pods say. ingress-nginx's rules, but for what a
//! comment says.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Node, Pod, Service};

use super::point::{Point, Points};
use crate::settings::reporting::NodeAddresses;

/// Labels that pods of one workload do not share: of its revisions, and of its single pods. ingress-nginx goes by the
/// revision too where it looks for nodes, and so forgets half of them while a workload is rolled out.
const LABELS_OF_SOME: [&str; 5] = [
    "pod-template-hash",
    "controller-revision-hash",
    "pod-template-generation",
    "statefulset.kubernetes.io/pod-name",
    "apps.kubernetes.io/pod-index",
];

/// A Service of a type that is not known.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the Service is of type {0:?}, which has no address for a status")]
pub(super) struct UnknownType(String);

/// The points of a Service: what a load balancer and `externalIPs` give, a name, or the cluster address. Text that is
/// no address, such as the `None` of a headless Service, is left out.
pub(super) fn of_service(service: &Service) -> Result<Points, UnknownType> {
    let spec = service.spec.clone().unwrap_or_default();
    let cluster = || spec.cluster_ip.as_deref().and_then(Point::of_ip);
    let external = || spec.external_ips.iter().flatten().filter_map(|ip| Point::of_ip(ip));
    match spec.type_.as_deref().unwrap_or("ClusterIP") {
        "ExternalName" => Ok(spec.external_name.as_deref().and_then(Point::of_address).into_iter().collect()),
        "ClusterIP" => Ok(cluster().into_iter().collect()),
        "NodePort" if spec.external_ips.is_none() => Ok(cluster().into_iter().collect()),
        "NodePort" => Ok(external().collect()),
        "LoadBalancer" => {
            let balanced: Vec<Point> = of_load_balancer(service);
            let known: BTreeSet<String> = balanced.iter().map(|point| point.ip.clone()).collect();
            Ok(balanced.into_iter().chain(external().filter(|point| !known.contains(&point.ip))).collect())
        }
        other => Err(UnknownType(other.to_owned())),
    }
}

fn of_load_balancer(service: &Service) -> Vec<Point> {
    let status = service.status.as_ref().and_then(|status| status.load_balancer.as_ref());
    let list = status.and_then(|balancer| balancer.ingress.as_ref()).into_iter().flatten();
    list.filter_map(|ingress| {
        Point::new(ingress.hostname.as_deref().unwrap_or_default(), ingress.ip.as_deref().unwrap_or_default())
    })
    .collect()
}

/// The addresses of one node.
pub(super) fn of_node(node: &Node, which: NodeAddresses) -> Vec<Point> {
    let addresses = node.status.as_ref().and_then(|status| status.addresses.as_ref());
    let of_type = |wanted: &str| -> Vec<Point> {
        let wanted = addresses.into_iter().flatten().filter(|address| address.type_ == wanted);
        wanted.filter_map(|address| Point::of_ip(&address.address)).collect()
    };
    let external = match which {
        NodeAddresses::External => of_type("ExternalIP"),
        NodeAddresses::Internal => Vec::new(),
    };
    if external.is_empty() { of_type("InternalIP") } else { external }
}

/// The nodes that run pods which are ready, and not about to end (which ingress-nginx does not look at).
pub(super) fn nodes_of(pods: &[Pod]) -> BTreeSet<String> {
    let serving = pods.iter().filter(|pod| pod.metadata.deletion_timestamp.is_none() && is_ready(pod));
    serving.filter_map(|pod| pod.spec.as_ref()?.node_name.clone()).filter(|node| !node.is_empty()).collect()
}

fn is_ready(pod: &Pod) -> bool {
    let Some(status) = &pod.status else { return false };
    let is_ready = |of: &k8s_openapi::api::core::v1::PodCondition| of.type_ == "Ready" && of.status == "True";
    status.phase.as_deref() == Some("Running") && status.conditions.iter().flatten().any(is_ready)
}

/// Whether another pod than `own` stays or is about to serve: one that has neither ended nor is about to. ingress-nginx
/// counts those too, and so leaves statuses behind when all pods end at once.
pub(super) fn others_stay(pods: &[Pod], own: &str) -> bool {
    pods.iter().any(|pod| {
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
        let has_ended = matches!(phase, Some("Succeeded" | "Failed"));
        pod.metadata.name.as_deref() != Some(own) && pod.metadata.deletion_timestamp.is_none() && !has_ended
    })
}

/// The selector of all pods like the one with these labels; `None` if they do not tell it from any other pod.
pub(super) fn selector(labels: &BTreeMap<String, String>) -> Option<String> {
    let shared = labels.iter().filter(|(name, _)| !LABELS_OF_SOME.contains(&name.as_str()));
    let terms: Vec<String> = shared.map(|(name, value)| format!("{name}={value}")).collect();
    (!terms.is_empty()).then(|| terms.join(","))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read<T: serde::de::DeserializeOwned>(value: Value) -> T {
        serde_json::from_value(value).unwrap()
    }

    fn texts(points: impl IntoIterator<Item = Point>) -> Vec<String> {
        points.into_iter().map(|Point { hostname, ip }| format!("{hostname}{ip}")).collect()
    }

    fn service(spec: &Value, balanced: &Value) -> Vec<String> {
        let service = read(json!({ "spec": spec, "status": { "loadBalancer": { "ingress": balanced } } }));
        texts(of_service(&service).unwrap().iter().cloned())
    }

    #[test]
    fn a_load_balancer_gives_its_status_and_the_external_addresses() {
        let balanced = json!([{ "hostname": "lb.example.com" }, { "ip": "192.0.2.1" }, { "ip": "2001:DB8::1" }]);
        let spec =
            json!({ "type": "LoadBalancer", "clusterIP": "10.0.0.1", "externalIPs": ["192.0.2.1", "192.0.2.2"] });
        assert_eq!(service(&spec, &balanced), ["192.0.2.1", "192.0.2.2", "2001:db8::1", "lb.example.com"]);
        assert_eq!(
            service(&json!({ "type": "LoadBalancer", "clusterIP": "10.0.0.1" }), &json!([])),
            Vec::<String>::new()
        );
    }

    #[test]
    fn other_types_give_what_ingress_nginx_takes_of_them() {
        let balanced = json!([{ "ip": "192.0.2.9" }]);
        let of = |spec: Value| service(&spec, &balanced);
        assert_eq!(of(json!({ "type": "ExternalName", "externalName": "edge.example.com" })), ["edge.example.com"]);
        assert_eq!(
            of(json!({ "type": "ClusterIP", "clusterIP": "10.0.0.1", "externalIPs": ["192.0.2.1"] })),
            ["10.0.0.1"]
        );
        assert_eq!(of(json!({ "clusterIP": "fd00::1" })), ["fd00::1"]);
        assert_eq!(of(json!({ "type": "NodePort", "clusterIP": "10.0.0.1" })), ["10.0.0.1"]);
        assert_eq!(
            of(json!({ "type": "NodePort", "clusterIP": "10.0.0.1", "externalIPs": ["192.0.2.1"] })),
            ["192.0.2.1"]
        );
    }

    #[test]
    fn what_is_no_address_is_left_out() {
        assert_eq!(service(&json!({ "clusterIP": "None" }), &json!([])), ["none"; 0]);
        assert_eq!(service(&json!({ "type": "ExternalName", "externalName": "not_a_name" }), &json!([])), ["none"; 0]);
    }

    #[test]
    fn a_type_that_is_not_known_has_no_points() {
        let unknown = of_service(&read(json!({ "spec": { "type": "Teleport" } })));
        assert_eq!(unknown, Err(UnknownType("Teleport".into())));
    }

    #[test]
    fn a_node_gives_its_external_addresses_or_else_the_internal_ones() {
        let node = |addresses: Value| -> Node { read(json!({ "status": { "addresses": addresses } })) };
        let both = node(json!([
            { "type": "Hostname", "address": "node-1" },
            { "type": "InternalIP", "address": "10.0.0.1" },
            { "type": "InternalIP", "address": "fd00::1" },
            { "type": "ExternalIP", "address": "192.0.2.1" },
            { "type": "ExternalIP", "address": "2001:db8::1" },
        ]));
        assert_eq!(texts(of_node(&both, NodeAddresses::External)), ["192.0.2.1", "2001:db8::1"]);
        assert_eq!(texts(of_node(&both, NodeAddresses::Internal)), ["10.0.0.1", "fd00::1"]);
        let inner =
            node(json!([{ "type": "InternalIP", "address": "10.0.0.1" }, { "type": "ExternalIP", "address": "" }]));
        assert_eq!(texts(of_node(&inner, NodeAddresses::External)), ["10.0.0.1"]);
    }

    fn pod(name: &str, node: &str, phase: &str, ready: &str) -> Pod {
        read(json!({
            "metadata": { "name": name },
            "spec": { "nodeName": node, "containers": [] },
            "status": { "phase": phase, "conditions": [{ "type": "Ready", "status": ready }] },
        }))
    }

    fn ending(mut pod: Pod) -> Pod {
        pod.metadata.deletion_timestamp = Some(read(json!("2026-01-01T00:00:00Z")));
        pod
    }

    #[test]
    fn only_pods_that_are_ready_and_stay_give_their_nodes() {
        let pods = [
            pod("a", "node-1", "Running", "True"),
            pod("b", "node-1", "Running", "True"),
            pod("c", "node-2", "Running", "False"),
            pod("d", "node-3", "Failed", "True"),
            pod("e", "", "Running", "True"),
            ending(pod("f", "node-4", "Running", "True")),
        ];
        assert_eq!(nodes_of(&pods), BTreeSet::from(["node-1".to_owned()]));
    }

    #[test]
    fn others_stay_unless_they_have_ended_or_are_about_to() {
        let own = || pod("own", "node-1", "Running", "True");
        assert!(!others_stay(&[own(), pod("old", "node-2", "Succeeded", "False")], "own"));
        assert!(!others_stay(&[own(), ending(pod("b", "node-2", "Running", "True"))], "own"));
        assert!(others_stay(&[own(), pod("b", "node-2", "Pending", "False")], "own"), "it is about to serve");
    }

    #[test]
    fn pods_are_selected_by_the_labels_that_all_revisions_share() {
        let labels = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
        let own = [("app", "landfall"), ("pod-template-hash", "x"), ("controller-revision-hash", "y"), ("tier", "")];
        assert_eq!(selector(&labels(&own)).as_deref(), Some("app=landfall,tier="));
        assert_eq!(selector(&labels(&[("pod-template-hash", "x")])), None, "any pod of the namespace would match");
    }
}
