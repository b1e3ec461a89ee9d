//! Finds the points of ingress: given ones, those of a Service, or those of the nodes with ready pods like ours.
//!
//! Verbs: `services` list, unless the Service is among the objects that are followed anyway; `pods` list in the pod's own
//! namespace; `nodes` get.

use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::api::core::v1::{Node, Pod, Service};
use kube::Client;
use kube::api::{Api, ListParams};

use super::addresses::{UnknownType, nodes_of, of_node, of_service, others_stay, selector};
use super::point::{Point, Points};
use crate::controller::cluster::fault::Fault;
use crate::controller::reporting::request::within;
use crate::ir::ObjectRef;
use crate::settings::reporting::{AddressSource, NodeAddresses, Pod as Environment};
use crate::snapshot::Snapshot;

/// The longest that a look may take.
const LOOK: Duration = Duration::from_secs(30);
/// Nodes asked for at a time.
const CONCURRENT: usize = 10;

/// Why the points are not known.
#[derive(Debug, thiserror::Error)]
pub(super) enum Blind {
    #[error("{0}")]
    Fault(#[from] Fault),
    #[error("{0} (--publish-service) does not exist")]
    MissingService(ObjectRef),
    #[error(transparent)]
    UnknownType(#[from] UnknownType),
    #[error("pod {namespace}/{name}, named by POD_NAMESPACE and POD_NAME, does not exist")]
    MissingPod { namespace: String, name: String },
    #[error(
        "POD_NAMESPACE and POD_NAME do not say which pods to look for, and neither --publish-service nor \
         --publish-status-address is given"
    )]
    NoPod,
}

impl Blind {
    /// How long the server asks to be left alone.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Fault(fault) => fault.retry_after(),
            Self::MissingService(_) | Self::UnknownType(_) | Self::MissingPod { .. } | Self::NoPod => None,
        }
    }
}

/// Looks for the points.
pub(super) struct Lookout {
    client: Client,
    source: AddressSource,
    own: Option<OwnPod>,
}

/// The pod that this process runs in.
struct OwnPod {
    namespace: String,
    name: String,
    /// What selects the pods like it, once that is known.
    like_it: Option<Selection>,
}

/// Which pods are like ours.
enum Selection {
    Labelled(String),
    /// No label tells it from others.
    Itself,
}

impl Lookout {
    pub(super) fn new(client: Client, source: AddressSource, environment: &Environment) -> Self {
        let Environment { name, namespace } = environment.clone();
        let own = namespace.zip(name).map(|(namespace, name)| OwnPod { namespace, name, like_it: None });
        Self { client, source, own }
    }

    /// The points as they are now; `None` if no pod is ready on a node with an address, which says nothing: the one
    /// that asks is a pod too, and not ready yet.
    pub(super) async fn look(&mut self, snapshot: &Snapshot) -> Result<Option<Points>, Blind> {
        within(LOOK, self.look_patiently(snapshot)).await
    }

    async fn look_patiently(&mut self, snapshot: &Snapshot) -> Result<Option<Points>, Blind> {
        match &self.source {
            AddressSource::Given(addresses) => Ok(Some(addresses.iter().map(Point::from).collect())),
            AddressSource::Service(reference) => {
                let points = match snapshot.services.get(&reference.namespace, &reference.name) {
                    Some(service) => of_service(service)?,
                    None => of_service(&self.service(reference).await?)?,
                };
                Ok(Some(points))
            }
            AddressSource::Nodes(which) => {
                let which = *which;
                let pods = self.pods().await?;
                let points = self.points_of_nodes(&pods, which).await?;
                Ok((!points.is_empty()).then_some(points))
            }
        }
    }

    /// Whether a pod like this one stays when this one ends. Outside of a pod, the process is taken for the only one.
    pub(super) async fn others_stay(&mut self) -> Result<bool, Blind> {
        let Some(name) = self.own.as_ref().map(|own| own.name.clone()) else { return Ok(false) };
        let pods = within(LOOK, self.pods()).await?;
        Ok(others_stay(&pods, &name))
    }

    async fn service(&self, reference: &ObjectRef) -> Result<Service, Blind> {
        let services: Api<Service> = Api::namespaced(self.client.clone(), &reference.namespace);
        // A list of one takes no right beside those for following Services.
        let one = ListParams::default().fields(&format!("metadata.name={}", reference.name));
        let found = services.list(&one).await.map_err(Fault::from)?;
        found.items.into_iter().next().ok_or_else(|| Blind::MissingService(reference.clone()))
    }

    /// Every pod like ours, ours included.
    async fn pods(&mut self) -> Result<Vec<Pod>, Blind> {
        let own = self.own.as_mut().ok_or(Blind::NoPod)?;
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), &own.namespace);
        let itself = ListParams::default().fields(&format!("metadata.name={}", own.name));
        if own.like_it.is_none() {
            let found = pods.list(&itself).await.map_err(Fault::from)?;
            let pod = found.items.into_iter().next().ok_or_else(|| own.missing())?;
            let labels = pod.metadata.labels.unwrap_or_default();
            own.like_it = Some(selector(&labels).map_or(Selection::Itself, Selection::Labelled));
        }
        let wanted = match &own.like_it {
            Some(Selection::Labelled(selector)) => ListParams::default().labels(selector),
            Some(Selection::Itself) | None => itself,
        };
        Ok(pods.list(&wanted).await.map_err(Fault::from)?.items)
    }

    async fn points_of_nodes(&self, pods: &[Pod], which: NodeAddresses) -> Result<Points, Blind> {
        let nodes: Api<Node> = Api::all(self.client.clone());
        let answers = stream::iter(nodes_of(pods)).map(|name| {
            let nodes = nodes.clone();
            async move { nodes.get_opt(&name).await }
        });
        let found: Vec<Option<Node>> = answers.buffer_unordered(CONCURRENT).try_collect().await.map_err(Fault::from)?;
        Ok(found.iter().flatten().flat_map(|node| of_node(node, which)).collect())
    }
}

impl OwnPod {
    fn missing(&self) -> Blind {
        Blind::MissingPod { namespace: self.namespace.clone(), name: self.name.clone() }
    }
}
