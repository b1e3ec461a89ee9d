//! The Ingresses of a snapshot, told apart and lowered; each anew only if something that it was made from has changed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::api::networking::v1::Ingress;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::ir::{BackendId, ObjectKind, ObjectRef};
use crate::settings::Classes;

use super::changes::Changes;
use super::class::{self, Claim};
use super::lower::{self, Environment, Lowered};
use super::users::Users;

/// The Ingresses of the last update.
#[derive(Debug, Default)]
pub(super) struct Ingresses {
    known: BTreeMap<ObjectRef, Known>,
    /// The Ingresses with a backend of a Service.
    of_service: Users<ObjectRef>,
}

/// What became of an Ingress.
#[derive(Debug)]
pub(super) enum Known {
    Ours(Arc<Lowered>),
    /// And why, if it seems to be by mistake.
    NotOurs(Option<Box<Diagnostic>>),
}

/// An Ingress that was made anew.
#[derive(Debug)]
pub(super) struct Remade {
    pub(super) ingress: ObjectRef,
    /// What it was, if it was ours.
    pub(super) before: Option<Arc<Lowered>>,
    /// What it is, if it is ours.
    pub(super) now: Option<Arc<Lowered>>,
}

/// How much is to be made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    WhatChanged,
    Everything,
}

impl Ingresses {
    /// Makes anew what depends on `changes`, or everything. Returns what was.
    pub(super) fn update(
        &mut self,
        extent: Extent,
        changes: &Changes,
        classes: &Classes,
        environment: Environment<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Vec<Remade> {
        let mut stale = changes.ingresses.clone();
        match extent {
            Extent::WhatChanged => {
                let users = changes.services.iter().flat_map(|service| self.of_service.of(service));
                stale.extend(users.cloned());
            }
            Extent::Everything => stale.extend(environment.snapshot.references(ObjectKind::Ingress)),
        }
        stale.into_iter().map(|ingress| self.remake(ingress, classes, environment, diagnostics)).collect()
    }

    pub(super) fn get(&self, ingress: &ObjectRef) -> Option<&Known> {
        self.known.get(ingress)
    }

    fn remake(
        &mut self,
        ingress: ObjectRef,
        classes: &Classes,
        environment: Environment<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Remade {
        let found = environment.snapshot.ingresses.get(&ingress.namespace, &ingress.name);
        let now = found.map(|found| Known::make(found, classes, environment));
        let now_ours = now.as_ref().and_then(Known::lowered).cloned();
        let now_said = now.as_ref().map_or(Vec::new(), |known| known.diagnostics().to_vec());
        let before = match now {
            Some(now) => self.known.insert(ingress.clone(), now),
            None => self.known.remove(&ingress),
        };
        diagnostics.replace(before.as_ref().map_or(&[], Known::diagnostics), &now_said);
        let before = before.as_ref().and_then(Known::lowered).cloned();
        for service in services_of(before.as_deref()) {
            self.of_service.remove(&service, &ingress);
        }
        for service in services_of(now_ours.as_deref()) {
            self.of_service.add(service, ingress.clone());
        }
        Remade { ingress, before, now: now_ours }
    }
}

impl Known {
    fn make(ingress: &Ingress, classes: &Classes, environment: Environment<'_>) -> Self {
        match class::claim(classes, environment.objects, environment.snapshot, ingress) {
            Claim::Ours => Self::Ours(Arc::new(lower::lower(ingress, environment))),
            Claim::NotOurs => Self::NotOurs(None),
            Claim::Unknown(name) => {
                let provenance = class::reference(ingress).field("spec.ingressClassName");
                let message = format!("there is no IngressClass {name:?}; the Ingress is not served");
                Self::NotOurs(Some(Box::new(Diagnostic::warning("unknown-ingress-class", provenance, message))))
            }
        }
    }

    fn lowered(&self) -> Option<&Arc<Lowered>> {
        match self {
            Self::Ours(lowered) => Some(lowered),
            Self::NotOurs(_) => None,
        }
    }

    fn diagnostics(&self) -> &[Diagnostic] {
        match self {
            Self::Ours(lowered) => &lowered.diagnostics,
            Self::NotOurs(why) => why.as_deref().map_or(&[], std::slice::from_ref),
        }
    }
}

/// The Services that lowering has looked at.
fn services_of(lowered: Option<&Lowered>) -> BTreeSet<ObjectRef> {
    lowered.into_iter().flat_map(|lowered| &lowered.backends).map(|(id, _)| service_of(id)).collect()
}

/// The Service of a backend.
pub(super) fn service_of(id: &BackendId) -> ObjectRef {
    ObjectRef::new(ObjectKind::Service, Arc::clone(&id.namespace), Arc::clone(&id.service))
}
