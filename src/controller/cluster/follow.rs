//! The watches of a cluster and what they have told: started in order, and asked further for what is referred to.
//!
//! Secrets, ConfigMaps and Endpoints are asked for once it is known which of them count.

#![expect(clippy::disallowed_methods, reason = "the control plane measures real time")]

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, Endpoints, Namespace, Secret, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::{Ingress, IngressClass};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, watch as cell};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::delivery::Delivery;
use super::fetch::Fetches;
use super::line::Line;
use super::plan;
use super::reflector::{Keep, Reflector, Sink};
use super::scope::Scope;
use super::store::{Effect, Store, Subject};
use super::trim::Trim;
use super::until;
use crate::compile::references::Names;
use crate::controller::holdoff::HoldOff;
use crate::diagnostic::Diagnostic;
use crate::ir::ObjectKind;
use crate::settings::{Cluster, Settings};
use crate::snapshot::Snapshot;
use crate::telemetry::watch::Watches;

/// How many deliveries may wait to be taken up; beyond, watches wait, and with them their connections.
const DELIVERIES: usize = 256;
/// How many objects are asked for at a time, as Kubernetes's own clients do.
const PAGE: u32 = 500;
/// The same for kinds of which most are dropped, and which may be large: a page is in memory some five times while it is
/// read, and a Secret holds up to a mebibyte, as those do in which Helm keeps its releases.
const PAGE_BY_NAME: u32 = 25;
/// How long a Service may be without EndpointSlices before Endpoints are asked for: a new one is for a moment.
const WITHOUT_SLICES: Duration = Duration::from_secs(5);

/// The names to keep of one kind; `None` until they are known.
type NamesCell = cell::Sender<Option<Arc<Names>>>;

/// All watches and what they have told. Dropping it ends them.
pub(in crate::controller) struct Following {
    store: Store,
    deliveries: mpsc::Receiver<Delivery>,
    watches: JoinSet<()>,
    fetches: Fetches,
    secrets: NamesCell,
    config_maps: NamesCell,
    endpoints: NamesCell,
    /// When Endpoints are asked for, because a Service has no slices.
    endpoints_due: Option<Instant>,
    /// Whether it has been said that everything is there.
    announced: bool,
}

impl Following {
    /// Starts every watch.
    pub(in crate::controller) fn start(
        client: &Client,
        settings: &Settings,
        cluster: &Cluster,
        metrics: &Watches,
    ) -> Self {
        let planned = plan::watches(cluster, &settings.objects);
        let (sender, deliveries) = mpsc::channel(DELIVERIES);
        let prefix: Arc<str> = settings.objects.annotations_prefix.as_str().into();
        let mut following = Self {
            store: Store::new(settings.classes.clone(), settings.objects.clone(), &planned),
            deliveries,
            watches: JoinSet::new(),
            fetches: Fetches::new(client.clone(), Arc::clone(&prefix)),
            secrets: cell::Sender::new(None),
            config_maps: cell::Sender::new(None),
            endpoints: cell::Sender::new(None),
            endpoints_due: None,
            announced: false,
        };
        let start = Start { client, cluster, metrics, prefix, deliveries: sender };
        for (number, (subject, scope)) in planned.into_iter().enumerate() {
            following.watch(&start, number, subject, scope);
        }
        following
    }

    fn watch(&mut self, start: &Start<'_>, number: usize, subject: Subject, scope: Scope) {
        let client = || start.client.clone();
        match subject {
            Subject::Namespaces => self.spawn::<Namespace>(start, number, Api::all(client()), scope, None),
            Subject::Objects(kind) => match kind {
                ObjectKind::Ingress => self.spawn::<Ingress>(start, number, scope.api(client()), scope, None),
                ObjectKind::IngressClass => self.spawn::<IngressClass>(start, number, Api::all(client()), scope, None),
                ObjectKind::Service => self.spawn::<Service>(start, number, scope.api(client()), scope, None),
                ObjectKind::EndpointSlice => {
                    self.spawn::<EndpointSlice>(start, number, scope.api(client()), scope, None);
                }
                ObjectKind::Secret => {
                    let names = self.secrets.subscribe();
                    self.spawn::<Secret>(start, number, scope.api(client()), scope, Some(names));
                }
                ObjectKind::ConfigMap => {
                    let names = self.config_maps.subscribe();
                    self.spawn::<ConfigMap>(start, number, scope.api(client()), scope, Some(names));
                }
                ObjectKind::Endpoints => {
                    let names = self.endpoints.subscribe();
                    self.spawn::<Endpoints>(start, number, scope.api(client()), scope, Some(names));
                }
                ObjectKind::File | ObjectKind::Setting => {}
            },
        }
    }

    fn spawn<K>(
        &mut self,
        start: &Start<'_>,
        number: usize,
        api: Api<K>,
        scope: Scope,
        names: Option<cell::Receiver<Option<Arc<Names>>>>,
    ) where
        K: Resource<DynamicType = ()> + Trim + Clone + Debug + DeserializeOwned + Send + 'static,
        K: k8s_openapi::Resource,
    {
        let page = if names.is_some() { PAGE_BY_NAME } else { PAGE };
        let keep = names.map_or(Keep::All, Keep::Named);
        let line = Line::new(<K as k8s_openapi::Resource>::KIND, scope.clone(), start.metrics.add(K::KIND));
        let prefix = Arc::clone(&start.prefix);
        let sink = Sink { watch: number, keep, prefix, deliveries: start.deliveries.clone() };
        let reflector = Reflector { api, scope, page, sync_period: start.cluster.sync_period, sink, line };
        self.watches.spawn(reflector.run());
    }

    pub(in crate::controller) fn snapshot(&self) -> &Snapshot {
        self.store.snapshot()
    }

    pub(in crate::controller) fn diagnostics(&self) -> &[Diagnostic] {
        self.store.diagnostics()
    }

    /// Returns when there is something new to publish. Safe to drop: nothing is lost.
    pub(in crate::controller) async fn changed(&mut self) {
        loop {
            let effect = tokio::select! {
                Some(delivery) = self.deliveries.recv() => self.store.take(delivery),
                Some(item) = self.fetches.next() => self.store.take_read(item),
                () = until(self.endpoints_due) => {
                    self.ask_for_endpoints();
                    Effect::Same
                }
            };
            if self.secrets.borrow().is_none() && self.store.can_refer() {
                self.refer();
            }
            if !self.store.is_synced() {
                continue;
            }
            let first = !std::mem::replace(&mut self.announced, true);
            if first || effect == Effect::Changed {
                return;
            }
        }
    }

    /// When what has changed is to be published: as the hold-off says, but not before what it newly refers to is
    /// there, for as long as that can be waited for.
    pub(in crate::controller) fn due(&self, hold_off: &HoldOff) -> Option<Instant> {
        let due = hold_off.due().filter(|_| self.announced)?;
        Some(self.fetches.deadline().map_or(due, |deadline| due.max(deadline)))
    }

    /// Asks for what is newly referred to. Returns whether there is nothing to wait for.
    pub(in crate::controller) fn is_settled(&mut self) -> bool {
        self.refer();
        self.fetches.deadline().is_none_or(|deadline| deadline <= Instant::now())
    }

    fn refer(&mut self) {
        let asked_before = self.secrets.borrow().is_some();
        let newly = self.store.refer();
        let references = self.store.references();
        publish(&self.secrets, &references.secrets);
        publish(&self.config_maps, &references.config_maps);
        if self.endpoints.borrow().is_some() {
            publish(&self.endpoints, &references.endpoints);
        }
        self.fetches.retain(|object| match object.kind {
            ObjectKind::Secret => references.secrets.contains(&object.namespace, &object.name),
            ObjectKind::ConfigMap => references.config_maps.contains(&object.namespace, &object.name),
            ObjectKind::Endpoints => references.endpoints.contains(&object.namespace, &object.name),
            ObjectKind::Ingress
            | ObjectKind::IngressClass
            | ObjectKind::Service
            | ObjectKind::EndpointSlice
            | ObjectKind::File
            | ObjectKind::Setting => false,
        });
        let endpoints = self.endpoints.borrow().is_some();
        let missed = !endpoints && !references.endpoints.is_empty();
        self.endpoints_due = missed.then(|| self.endpoints_due.unwrap_or_else(|| Instant::now() + WITHOUT_SLICES));
        if missed && !asked_before {
            self.store.await_endpoints();
            self.ask_for_endpoints();
        }
        for object in newly {
            if asked_before && (object.kind != ObjectKind::Endpoints || endpoints) {
                self.fetches.begin(object);
            }
        }
    }

    fn ask_for_endpoints(&mut self) {
        self.endpoints_due = None;
        publish(&self.endpoints, &self.store.references().endpoints);
    }
}

/// What every watch is started with.
struct Start<'a> {
    client: &'a Client,
    cluster: &'a Cluster,
    metrics: &'a Watches,
    prefix: Arc<str>,
    deliveries: mpsc::Sender<Delivery>,
}

/// Tells the watches of a kind which names to keep.
fn publish(cell: &NamesCell, names: &Names) {
    cell.send_if_modified(|known| {
        let changed = known.as_deref() != Some(names);
        if changed {
            *known = Some(Arc::new(names.clone()));
        }
        changed
    });
}
