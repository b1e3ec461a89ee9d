//! The backends in use and their endpoints, each found again only if something they depend on has changed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::annotations::EndpointMode;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::ir::{BackendId, EndpointSource, ObjectRef};
use crate::persistent::Map;
use crate::settings::Objects;
use crate::snapshot::Snapshot;

use super::age::Age;
use super::changes::Changes;
use super::endpoints::{self, Query};
use super::ingresses::Remade;

/// The backends of the last update.
#[derive(Debug, Default)]
pub(super) struct Backends {
    known: BTreeMap<BackendId, Known>,
    sources: Map<BackendId, EndpointSource>,
    /// That of `--default-backend-service`.
    fallback: Option<(BackendId, EndpointMode)>,
    /// Those to look at in the next update.
    stale: BTreeSet<BackendId>,
}

#[derive(Debug, Default)]
struct Known {
    /// Who refers to it, and what its endpoints are to be; the first decides.
    referrers: Vec<(Referrer, EndpointMode)>,
    diagnostics: Vec<Diagnostic>,
}

/// Ingresses go by age, the default backend comes last.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Referrer {
    Ingress(Age),
    Fallback,
}

impl Backends {
    /// Takes up which Ingresses refer to which backends.
    pub(super) fn refer(&mut self, remade: &[Remade]) {
        for Remade { ingress: _, before, now } in remade {
            if let Some(lowered) = before {
                let referrer = Referrer::Ingress(lowered.age.clone());
                lowered.backends.iter().for_each(|(id, _)| self.leave(id, &referrer));
            }
            if let Some(lowered) = now {
                let referrer = Referrer::Ingress(lowered.age.clone());
                lowered.backends.iter().for_each(|(id, mode)| self.join(id, &referrer, *mode));
            }
        }
    }

    /// Takes up what the default backend is.
    pub(super) fn refer_fallback(&mut self, fallback: Option<(BackendId, EndpointMode)>) {
        if self.fallback == fallback {
            return;
        }
        if let Some((id, _)) = self.fallback.take() {
            self.leave(&id, &Referrer::Fallback);
        }
        if let Some((id, mode)) = &fallback {
            self.join(id, &Referrer::Fallback, *mode);
        }
        self.fallback = fallback;
    }

    /// Finds the endpoints of the backends that are referred to otherwise than before, and of those that depend on
    /// `changes`.
    pub(super) fn update(
        &mut self,
        changes: &Changes,
        objects: &Objects,
        snapshot: &Snapshot,
        diagnostics: &mut Diagnostics,
    ) -> &Map<BackendId, EndpointSource> {
        let mut stale = std::mem::take(&mut self.stale);
        for service in changes.services.iter().chain(&changes.endpoints) {
            stale.extend(self.of_service(service).cloned());
        }
        for id in stale {
            self.resolve(id, objects, snapshot, diagnostics);
        }
        &self.sources
    }

    /// Where Ingresses differ on what the endpoints of a backend are, the oldest decides.
    fn resolve(&mut self, id: BackendId, objects: &Objects, snapshot: &Snapshot, diagnostics: &mut Diagnostics) {
        let Some(known) = self.known.get_mut(&id) else { return };
        let Some((_, mode)) = known.referrers.first() else {
            diagnostics.replace(&known.diagnostics, &[]);
            self.known.remove(&id);
            self.sources.remove(&id);
            return;
        };
        let mut said = Vec::new();
        let source = endpoints::resolve(Query { id: &id, mode: *mode, objects, snapshot }, &mut said);
        diagnostics.replace(&known.diagnostics, &said);
        known.diagnostics = said;
        if self.sources.get(&id) != Some(&source) {
            self.sources.insert(id, source);
        }
    }

    /// The backends of a Service: neighbours, as the port comes last in the order of backends.
    fn of_service<'b>(&'b self, service: &'b ObjectRef) -> impl Iterator<Item = &'b BackendId> {
        let (namespace, name) = (Arc::clone(&service.namespace), Arc::clone(&service.name));
        let first = BackendId { namespace, service: name, port: "".into() };
        let behind = self.known.range(first..).map(|(id, _)| id);
        behind.take_while(|id| id.namespace == service.namespace && id.service == service.name)
    }

    fn join(&mut self, id: &BackendId, referrer: &Referrer, mode: EndpointMode) {
        let known = self.known.entry(id.clone()).or_default();
        match known.referrers.binary_search_by(|(known, _)| known.cmp(referrer)) {
            Ok(place) => {
                if let Some((_, known)) = known.referrers.get_mut(place) {
                    *known = mode;
                }
            }
            Err(place) => known.referrers.insert(place, (referrer.clone(), mode)),
        }
        self.stale.insert(id.clone());
    }

    fn leave(&mut self, id: &BackendId, referrer: &Referrer) {
        let Some(known) = self.known.get_mut(id) else { return };
        known.referrers.retain(|(known, _)| known != referrer);
        self.stale.insert(id.clone());
    }
}
