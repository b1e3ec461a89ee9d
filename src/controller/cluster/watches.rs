//! The running watches, one task each.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, Endpoints, Namespace, Secret, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::{Ingress, IngressClass};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, watch as cell};
use tokio::task::{Id, JoinSet};

use super::delivery::Delivery;
use super::line::Line;
use super::page::Page;
use super::reflector::{Keep, Reflector, Sink};
use super::scope::Scope;
use super::store::Subject;
use super::trim::Trim;
use crate::compile::References;
use crate::compile::references::Names;
use crate::ir::ObjectKind;
use crate::telemetry::watch::{WatchCell, Watches as Metrics};

/// How long a watch that has panicked is left alone.
const AFTER_A_PANIC: Duration = Duration::from_secs(10);

/// The names to keep of one kind; `None` until they are known.
type NamesCell = cell::Sender<Option<Arc<Names>>>;

/// The tasks. Dropping it ends them.
pub(super) struct Watches {
    client: Client,
    sync_period: Option<Duration>,
    prefix: Arc<str>,
    deliveries: mpsc::Sender<Delivery>,
    tasks: JoinSet<()>,
    running: HashMap<Id, Running>,
    secrets: NamesCell,
    config_maps: NamesCell,
    endpoints: NamesCell,
}

/// What a task was started with.
#[derive(Clone)]
struct Running {
    number: usize,
    subject: Subject,
    scope: Scope,
    cell: Arc<WatchCell>,
}

impl Watches {
    pub(super) fn new(
        client: Client,
        sync_period: Option<Duration>,
        prefix: Arc<str>,
        deliveries: mpsc::Sender<Delivery>,
    ) -> Self {
        Self {
            client,
            sync_period,
            prefix,
            deliveries,
            tasks: JoinSet::new(),
            running: HashMap::new(),
            secrets: cell::Sender::new(None),
            config_maps: cell::Sender::new(None),
            endpoints: cell::Sender::new(None),
        }
    }

    /// Starts a watch. One of a kind that is kept by name asks for nothing until the names are known.
    pub(super) fn start(&mut self, number: usize, subject: Subject, scope: &Scope, metrics: &Metrics) {
        let cell = metrics.add(subject.as_str());
        self.run(Running { number, subject, scope: scope.clone(), cell }, Duration::ZERO);
    }

    /// Whether it is known which Secrets and ConfigMaps to keep.
    pub(super) fn names_are_known(&self) -> bool {
        self.secrets.borrow().is_some()
    }

    /// Whether Endpoints are asked for.
    pub(super) fn follow_endpoints(&self) -> bool {
        self.endpoints.borrow().is_some()
    }

    /// From now on only these are kept. Endpoints are not asked for on that account.
    pub(super) fn keep(&self, references: &References) {
        let References { secrets, config_maps, endpoints } = references;
        publish(&self.secrets, secrets);
        publish(&self.config_maps, config_maps);
        if self.follow_endpoints() {
            publish(&self.endpoints, endpoints);
        }
    }

    /// Asks for Endpoints, and keeps these.
    pub(super) fn keep_endpoints(&self, names: &Names) {
        publish(&self.endpoints, names);
    }

    /// Returns when a watch had to be started anew after a fault of ours. Safe to drop.
    pub(super) async fn restarted(&mut self) {
        loop {
            match self.tasks.join_next_with_id().await {
                None => std::future::pending().await,
                // A watch ends by itself only when nobody takes its deliveries any more.
                Some(Ok((id, ()))) => _ = self.running.remove(&id),
                Some(Err(error)) => {
                    let Some(running) = self.running.remove(&error.id()) else { continue };
                    tracing::error!(kind = running.subject.as_str(), "a watch panicked and is started anew: {error}");
                    self.run(running, AFTER_A_PANIC);
                    return;
                }
            }
        }
    }

    fn run(&mut self, running: Running, delay: Duration) {
        let api = self.client.clone();
        let scope = &running.scope;
        let id = match running.subject {
            Subject::Namespaces => self.spawn::<Namespace>(&running, Api::all(api), Keep::All, delay),
            Subject::Objects(kind) => match kind {
                ObjectKind::Ingress => self.spawn::<Ingress>(&running, scope.api(api), Keep::All, delay),
                ObjectKind::IngressClass => self.spawn::<IngressClass>(&running, Api::all(api), Keep::All, delay),
                ObjectKind::Service => self.spawn::<Service>(&running, scope.api(api), Keep::All, delay),
                ObjectKind::EndpointSlice => self.spawn::<EndpointSlice>(&running, scope.api(api), Keep::All, delay),
                ObjectKind::Secret => {
                    let keep = Keep::Named(self.secrets.subscribe());
                    self.spawn::<Secret>(&running, scope.api(api), keep, delay)
                }
                ObjectKind::ConfigMap => {
                    let keep = Keep::Named(self.config_maps.subscribe());
                    self.spawn::<ConfigMap>(&running, scope.api(api), keep, delay)
                }
                ObjectKind::Endpoints => {
                    let keep = Keep::Named(self.endpoints.subscribe());
                    self.spawn::<Endpoints>(&running, scope.api(api), keep, delay)
                }
                ObjectKind::File | ObjectKind::Setting => return,
            },
        };
        self.running.insert(id, running);
    }

    fn spawn<K>(&mut self, running: &Running, api: Api<K>, keep: Keep, delay: Duration) -> Id
    where
        K: Resource<DynamicType = ()> + Trim + Clone + Debug + DeserializeOwned + Send + 'static,
    {
        let Running { number, subject, scope, cell } = running;
        let page = if subject.is_by_name() { Page::of_heavy_kind() } else { Page::of_light_kind() };
        let reflector = Reflector {
            api,
            labels: scope.labels(),
            fields: scope.fields::<K>(),
            page,
            sync_period: self.sync_period,
            sink: Sink { watch: *number, keep, prefix: Arc::clone(&self.prefix), deliveries: self.deliveries.clone() },
            line: Line::new(subject.as_str(), scope.clone(), Arc::clone(cell)),
        };
        self.tasks.spawn(reflector.run(delay)).id()
    }
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
