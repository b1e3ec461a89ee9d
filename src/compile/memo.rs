//! What the compiler remembers between updates: lowered Ingresses and endpoints, by the identity of what they read.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Endpoints, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::Ingress;

use crate::annotations::EndpointMode;
use crate::diagnostic::Diagnostic;
use crate::ir::{BackendId, EndpointSource};
use crate::settings::Objects;
use crate::snapshot::Snapshot;

use super::configmap::Live;
use super::endpoints::{self, Query};
use super::lower::{self, Environment, Lowered};

/// The lowered Ingresses of the last update, by the address of the object, which is kept alive.
#[derive(Debug, Default)]
pub(super) struct Lowerings {
    kept: HashMap<usize, KeptLowering>,
}

#[derive(Debug)]
struct KeptLowering {
    ingress: Arc<Ingress>,
    live: Arc<Live>,
    /// The Services of its backends, in their order.
    services: Vec<Option<Arc<Service>>>,
    lowered: Arc<Lowered>,
}

impl Lowerings {
    /// Lowers the Ingresses, in their order; those whose inputs are the same objects as before are the same.
    pub(super) fn update(
        &mut self,
        ingresses: &[&Arc<Ingress>],
        live: &Arc<Live>,
        objects: &Objects,
        snapshot: &Snapshot,
    ) -> Vec<Arc<Lowered>> {
        let mut previous = std::mem::take(&mut self.kept);
        let mut lowered = Vec::with_capacity(ingresses.len());
        for ingress in ingresses {
            let address = Arc::as_ptr(ingress).addr();
            let kept = match previous.remove(&address) {
                Some(kept) if kept.holds(ingress, live, snapshot) => kept,
                Some(_) | None => KeptLowering::make(ingress, live, objects, snapshot),
            };
            lowered.push(Arc::clone(&kept.lowered));
            self.kept.insert(address, kept);
        }
        lowered
    }
}

impl KeptLowering {
    fn make(ingress: &Arc<Ingress>, live: &Arc<Live>, objects: &Objects, snapshot: &Snapshot) -> Self {
        let lowered = Arc::new(lower::lower(ingress, Environment { objects, live, snapshot }));
        let services = lowered.backends.iter().map(|(id, _)| service_of(id, snapshot).cloned()).collect();
        Self { ingress: Arc::clone(ingress), live: Arc::clone(live), services, lowered }
    }

    fn holds(&self, ingress: &Arc<Ingress>, live: &Arc<Live>, snapshot: &Snapshot) -> bool {
        let services = self.lowered.backends.iter().map(|(id, _)| service_of(id, snapshot));
        Arc::ptr_eq(&self.ingress, ingress)
            && Arc::ptr_eq(&self.live, live)
            && self.services.iter().zip(services).all(|(kept, now)| same(kept.as_ref(), now))
    }
}

fn service_of<'s>(id: &BackendId, snapshot: &'s Snapshot) -> Option<&'s Arc<Service>> {
    snapshot.services.get(&id.namespace, &id.service)
}

fn same<T>(kept: Option<&Arc<T>>, now: Option<&Arc<T>>) -> bool {
    match (kept, now) {
        (Some(kept), Some(now)) => Arc::ptr_eq(kept, now),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// The endpoints of the last update.
#[derive(Debug, Default)]
pub(super) struct Resolutions {
    kept: HashMap<BackendId, KeptResolution>,
}

#[derive(Debug)]
struct KeptResolution {
    mode: EndpointMode,
    service: Option<Arc<Service>>,
    slices: Vec<Arc<EndpointSlice>>,
    endpoints: Option<Arc<Endpoints>>,
    source: EndpointSource,
    diagnostics: Vec<Diagnostic>,
}

impl Resolutions {
    /// Finds the endpoints of every backend.
    pub(super) fn update(
        &mut self,
        backends: &BTreeMap<BackendId, EndpointMode>,
        objects: &Objects,
        snapshot: &Snapshot,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> BTreeMap<BackendId, EndpointSource> {
        let mut previous = std::mem::take(&mut self.kept);
        let mut sources = BTreeMap::new();
        for (id, mode) in backends {
            let query = Query { id, mode: *mode, objects, snapshot };
            let kept = match previous.remove(id) {
                Some(kept) if kept.holds(query) => kept,
                Some(_) | None => KeptResolution::make(query),
            };
            diagnostics.extend(kept.diagnostics.iter().cloned());
            sources.insert(id.clone(), kept.source.clone());
            self.kept.insert(id.clone(), kept);
        }
        sources
    }
}

impl KeptResolution {
    fn make(query: Query<'_>) -> Self {
        let mut diagnostics = Vec::new();
        let source = endpoints::resolve(query, &mut diagnostics);
        let Query { id, mode, objects: _, snapshot } = query;
        Self {
            mode,
            service: service_of(id, snapshot).cloned(),
            slices: snapshot.endpoint_slices.of_service(&id.namespace, &id.service).to_vec(),
            endpoints: snapshot.endpoints.get(&id.namespace, &id.service).cloned(),
            source,
            diagnostics,
        }
    }

    fn holds(&self, query: Query<'_>) -> bool {
        let Query { id, mode, objects: _, snapshot } = query;
        let slices = snapshot.endpoint_slices.of_service(&id.namespace, &id.service);
        self.mode == mode
            && same(self.service.as_ref(), service_of(id, snapshot))
            && same(self.endpoints.as_ref(), snapshot.endpoints.get(&id.namespace, &id.service))
            && self.slices.len() == slices.len()
            && self.slices.iter().zip(slices).all(|(kept, now)| Arc::ptr_eq(kept, now))
    }
}
