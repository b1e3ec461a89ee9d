//! What the tests of statuses and Events share: a namespace with pods that are there by name only, and Landfalls that
//! take themselves for them.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::support::objects::{CLASS, CONTROLLER, class, ingress};
use crate::support::{Cluster, Landfall, User, eventually};

/// What following objects takes: group, resource and verbs.
const FOLLOWING: [(&str, &str, &[&str]); 7] = [
    ("", "services", &["list", "watch"]),
    ("", "endpoints", &["list", "watch"]),
    ("", "secrets", &["list", "watch"]),
    ("", "configmaps", &["list", "watch"]),
    ("discovery.k8s.io", "endpointslices", &["list", "watch"]),
    ("networking.k8s.io", "ingressclasses", &["list", "watch"]),
    ("networking.k8s.io", "ingresses", &["list", "watch"]),
];

/// What reporting takes beside it, as the README says. `services` list is there for following already.
pub(crate) const REPORTING: [(&str, &str, &[&str]); 6] = [
    ("networking.k8s.io", "ingresses", &["get"]),
    ("networking.k8s.io", "ingresses/status", &["update"]),
    ("coordination.k8s.io", "leases", &["get", "create", "update"]),
    ("", "pods", &["list"]),
    ("", "nodes", &["get"]),
    ("", "events", &["create", "patch"]),
];

/// A resource and a verb on it.
pub(crate) type Right = (&'static str, &'static str);

/// The rules of a role that allows all of that, but for one right.
fn rules(but: Option<Right>) -> Value {
    let rule = |(group, resource, verbs): &(&str, &str, &[&str])| {
        let granted = verbs.iter().filter(|verb| but != Some((*resource, **verb)));
        json!({ "apiGroups": [group], "resources": [resource], "verbs": granted.collect::<Vec<_>>() })
    };
    let rules = FOLLOWING.iter().chain(&REPORTING).map(rule);
    rules.filter(|rule| rule["verbs"].as_array().is_some_and(|verbs| !verbs.is_empty())).collect()
}

/// A namespace where Landfall runs and serves.
pub(crate) struct Edge {
    pub(crate) cluster: Cluster,
    pub(crate) namespace: String,
    pub(crate) user: User,
}

impl Edge {
    pub(crate) async fn new(cluster: Cluster) -> Self {
        Self::without(cluster, None).await
    }

    /// One where Landfall lacks a right.
    pub(crate) async fn without(cluster: Cluster, right: Option<Right>) -> Self {
        let (namespace, user) = (cluster.namespace("edge").await, cluster.new_user());
        cluster.apply(class(CLASS, CONTROLLER)).await;
        cluster.grant(&user, rules(right)).await;
        let path = format!("/apis/networking.k8s.io/v1/namespaces/{namespace}/ingresses");
        let request = || http::Request::get(&path).body(Vec::new()).unwrap();
        let client = cluster.client_of(&user).await;
        eventually("the grant is known", async || client.request_text(request()).await.is_ok()).await;
        Self { cluster, namespace, user }
    }

    /// Starts a Landfall that takes itself for a pod of this name, and returns when it is ready.
    pub(crate) async fn landfall(&self, pod: &str, flags: &[&str]) -> Landfall {
        let watched = format!("--watch-namespace={}", self.namespace);
        // A second is the shortest that a Lease can hold for; it is not so that slow machines lose it.
        let all: Vec<&str> = [watched.as_str(), "--election-ttl=4s", "--status-update-interval=5"]
            .into_iter()
            .chain(flags.iter().copied())
            .collect();
        let variables = [("POD_NAME", pod), ("POD_NAMESPACE", self.namespace.as_str())];
        let landfall = Landfall::start_with(&self.cluster, &self.user, &all, &variables);
        landfall.until("it is ready", async || landfall.is_ready().await).await;
        landfall
    }

    /// Creates the object of a pod of Landfall's, running on a node and ready.
    pub(crate) async fn pod(&self, name: &str, node: &str) -> Value {
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "name": name, "namespace": self.namespace,
                "labels": { "app": "landfall", "pod-template-hash": name },
            },
            "spec": { "nodeName": node, "containers": [{ "name": "landfall", "image": "landfall" }] },
        });
        self.cluster.apply(pod.clone()).await;
        self.is_ready(&pod, "True").await;
        pod
    }

    /// Says of a pod whether it is ready, as a kubelet would.
    pub(crate) async fn is_ready(&self, pod: &Value, ready: &str) {
        let conditions = json!([{ "type": "Ready", "status": ready }]);
        self.cluster.patch_status(pod, json!({ "phase": "Running", "conditions": conditions })).await;
    }

    /// Creates a node with addresses, by type, and gives its name, which no other node has.
    pub(crate) async fn node(&self, addresses: &[(&str, &str)]) -> String {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("node-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let node = json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": name } });
        self.cluster.apply(node.clone()).await;
        let addresses: Vec<_> =
            addresses.iter().map(|(kind, address)| json!({ "type": kind, "address": address })).collect();
        self.cluster.patch_status(&node, json!({ "addresses": addresses })).await;
        name
    }

    /// Creates an Ingress of ours.
    pub(crate) async fn ingress(&self, name: &str) -> Value {
        let object = ingress(&self.namespace, name, &format!("{name}.test"), "/", "web");
        self.cluster.apply(object.clone()).await;
        object
    }

    /// What stands in the status of an Ingress.
    pub(crate) async fn status(&self, ingress: &Value) -> Value {
        self.cluster.read(ingress).await["status"]["loadBalancer"]["ingress"].clone()
    }

    /// Returns when the status of an Ingress is this.
    pub(crate) async fn until_status(&self, landfall: &Landfall, ingress: &Value, wanted: &Value) {
        let what = format!("the status is {wanted}");
        landfall.until(&what, async || self.status(ingress).await == *wanted).await;
    }

    /// The Events of the namespace with that reason.
    pub(crate) async fn events(&self, reason: &str) -> Vec<Value> {
        let path = format!("/api/v1/namespaces/{}/events?fieldSelector=reason%3D{reason}", self.namespace);
        let request = http::Request::get(path).body(Vec::new()).unwrap();
        let list: Value = self.cluster.admin().request(request).await.unwrap();
        list["items"].as_array().unwrap().clone()
    }

    /// Who holds the Lease.
    pub(crate) async fn holder(&self) -> Value {
        let lease = json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": { "name": "ingress-controller-leader", "namespace": self.namespace },
        });
        self.cluster.read(&lease).await["spec"]["holderIdentity"].clone()
    }
}
