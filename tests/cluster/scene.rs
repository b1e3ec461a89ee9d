//! The scene that most tests play in: a namespace with a Service, its pod, and a Landfall that watches it.

use landfall::testing::Origin;
use serde_json::Value;

use crate::support::objects::{CLASS, CONTROLLER, class, ingress, service, slice};
use crate::support::{Cluster, Landfall};

/// A namespace of a test's own and what is in it.
pub(crate) struct Scene {
    pub(crate) namespace: String,
    pub(crate) landfall: Landfall,
    /// The pod `web-1` behind the Service `web`.
    pub(crate) pod: Origin,
}

impl Scene {
    /// An Ingress `web` that sends `a.test` to the Service `web`, whose one endpoint is the pod `web-1`; served by a
    /// Landfall that watches this namespace alone.
    pub(crate) async fn of_one(cluster: &Cluster) -> Self {
        Self::with_flags(cluster, &[]).await
    }

    /// As [`Scene::of_one`], with flags besides.
    pub(crate) async fn with_flags(cluster: &Cluster, flags: &[&str]) -> Self {
        let (namespace, pod) = (cluster.namespace("scene").await, cluster.pod("web-1").await);
        cluster.apply_all(objects(&namespace, &pod)).await;
        let watched = format!("--watch-namespace={namespace}");
        let flags = [&[watched.as_str()][..], flags].concat();
        let landfall = Landfall::serve(cluster, &cluster.admin_user(), &flags).await;
        let scene = Self { namespace, landfall, pod };
        scene.landfall.until_answer("a.test", "/", "web-1").await;
        scene
    }
}

/// The class, and what sends `a.test` to a pod, in a namespace.
pub(crate) fn objects(namespace: &str, pod: &Origin) -> Vec<Value> {
    vec![
        class(CLASS, CONTROLLER),
        service(namespace, "web"),
        slice(namespace, "web", "web-1", &[pod.address()]),
        ingress(namespace, "web", "a.test", "/", "web"),
    ]
}
