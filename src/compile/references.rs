//! What the compiler looks for by name: the Secrets, ConfigMaps and Endpoints that our Ingresses and the settings refer
//! to.
//!
//! A source that keeps these and drops all others of their kinds gives the same result as one that keeps everything.
//! Whoever makes the compiler read another Secret or ConfigMap adds it here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::api::networking::v1::{Ingress, IngressBackend, IngressSpec};

use crate::annotations::references::{NamedKind, named};
use crate::ir::{ObjectKind, ObjectRef};
use crate::persistent::Map;
use crate::settings::{Classes, Objects};
use crate::snapshot::Snapshot;
use crate::snapshot::object::namespace_of;

use super::changes::Changes;
use super::class::{self, Claim};
use super::service;
use super::users::Users;

/// Names of one kind of object. A clone shares what neither of the two changes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Names(Map<Arc<str>, Map<Arc<str>, ()>>);

impl Names {
    #[must_use]
    pub fn contains(&self, namespace: &str, name: &str) -> bool {
        self.0.get(namespace).is_some_and(|names| names.contains_key(name))
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every namespace and name, sorted.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().flat_map(|(namespace, names)| names.keys().map(|name| (&**namespace, &**name)))
    }

    fn add(&mut self, object: &ObjectRef) {
        let mut names = self.0.get(&*object.namespace).cloned().unwrap_or_default();
        names.insert(Arc::clone(&object.name), ());
        self.0.insert(Arc::clone(&object.namespace), names);
    }

    fn remove(&mut self, object: &ObjectRef) {
        let Some(names) = self.0.get_mut(&*object.namespace) else { return };
        names.remove(&*object.name);
        if names.is_empty() {
            self.0.remove(&*object.namespace);
        }
    }
}

/// The names that are looked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct References {
    pub secrets: Names,
    pub config_maps: Names,
    /// Of Services that have no EndpointSlice.
    pub endpoints: Names,
}

impl References {
    /// Whether an object is looked for.
    #[must_use]
    pub fn contains(&self, object: &ObjectRef) -> bool {
        self.of_kind(object.kind).is_some_and(|names| names.contains(&object.namespace, &object.name))
    }

    /// The names that are looked for of a kind; `None` for a kind of which all are.
    #[must_use]
    pub fn of_kind(&self, kind: ObjectKind) -> Option<&Names> {
        match kind {
            ObjectKind::Secret => Some(&self.secrets),
            ObjectKind::ConfigMap => Some(&self.config_maps),
            ObjectKind::Endpoints => Some(&self.endpoints),
            ObjectKind::Ingress
            | ObjectKind::IngressClass
            | ObjectKind::Service
            | ObjectKind::EndpointSlice
            | ObjectKind::File
            | ObjectKind::Setting => None,
        }
    }

    fn of_kind_mut(&mut self, kind: ObjectKind) -> Option<&mut Names> {
        match kind {
            ObjectKind::Secret => Some(&mut self.secrets),
            ObjectKind::ConfigMap => Some(&mut self.config_maps),
            ObjectKind::Endpoints => Some(&mut self.endpoints),
            ObjectKind::Ingress
            | ObjectKind::IngressClass
            | ObjectKind::Service
            | ObjectKind::EndpointSlice
            | ObjectKind::File
            | ObjectKind::Setting => None,
        }
    }
}

/// Keeps account of who refers to what, so that a change costs what depends on it.
#[derive(Debug, Default)]
pub struct Referrers {
    /// What was looked at last.
    snapshot: Snapshot,
    known: BTreeMap<Referrer, Referred>,
    of_object: Users<Referrer>,
    /// Those with a backend of a Service.
    of_service: Users<Referrer>,
    references: References,
}

/// An Ingress, or by `None` the settings.
type Referrer = Option<ObjectRef>;

/// What one referrer refers to.
#[derive(Debug, Default)]
struct Referred {
    objects: Vec<ObjectRef>,
    services: Vec<ObjectRef>,
}

/// What is looked for other than before.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Difference {
    pub newly: Vec<ObjectRef>,
    pub no_longer: Vec<ObjectRef>,
}

impl Referrers {
    /// What is looked for, as of the last [`update`](Self::update).
    #[must_use]
    pub fn references(&self) -> &References {
        &self.references
    }

    /// Finds out what compiling `snapshot` looks for: that of the last call, but for what depends on the objects that
    /// have changed since. Reads Ingresses, IngressClasses, Services and EndpointSlices.
    pub fn update(&mut self, classes: &Classes, objects: &Objects, snapshot: &Snapshot) -> Difference {
        let changes = Changes::between(&self.snapshot, snapshot);
        self.snapshot = snapshot.clone();
        let mut stale: BTreeSet<Referrer> = changes.ingresses.iter().cloned().map(Some).collect();
        let services = changes.services.iter().chain(&changes.endpoints);
        stale.extend(services.flat_map(|service| self.of_service.of(service)).cloned());
        stale.insert(None);
        if changes.classes {
            stale.extend(snapshot.references(ObjectKind::Ingress).into_iter().map(Some));
        }
        let mut touched = BTreeSet::new();
        for referrer in stale {
            let now = referred(referrer.as_ref(), classes, objects, snapshot);
            self.replace(referrer, now, &mut touched);
        }
        self.settle(touched)
    }

    /// Takes up what a referrer refers to now. What it did and does is `touched`.
    fn replace(&mut self, referrer: Referrer, now: Referred, touched: &mut BTreeSet<ObjectRef>) {
        let before = self.known.remove(&referrer).unwrap_or_default();
        for service in &before.services {
            self.of_service.remove(service, &referrer);
        }
        for object in &before.objects {
            self.of_object.remove(object, &referrer);
        }
        for service in &now.services {
            self.of_service.add(service.clone(), referrer.clone());
        }
        for object in &now.objects {
            self.of_object.add(object.clone(), referrer.clone());
        }
        touched.extend(before.objects.into_iter().chain(now.objects.iter().cloned()));
        if !(now.objects.is_empty() && now.services.is_empty()) {
            self.known.insert(referrer, now);
        }
    }

    fn settle(&mut self, touched: BTreeSet<ObjectRef>) -> Difference {
        let mut difference = Difference::default();
        for object in touched {
            let before = self.references.contains(&object);
            let now = !self.of_object.of(&object).is_empty();
            let Some(names) = self.references.of_kind_mut(object.kind) else { continue };
            match (before, now) {
                (false, true) => {
                    names.add(&object);
                    difference.newly.push(object);
                }
                (true, false) => {
                    names.remove(&object);
                    difference.no_longer.push(object);
                }
                (true, true) | (false, false) => {}
            }
        }
        difference
    }
}

/// What an Ingress refers to, if it is there and ours; or what the settings do.
fn referred(referrer: Option<&ObjectRef>, classes: &Classes, objects: &Objects, snapshot: &Snapshot) -> Referred {
    let mut found = Referred::default();
    let Some(reference) = referrer else {
        found.add_settings(objects, snapshot);
        return found;
    };
    let ingress = snapshot.ingresses.get(&reference.namespace, &reference.name);
    let ours = |ingress: &&Arc<Ingress>| matches!(class::claim(classes, objects, snapshot, ingress), Claim::Ours);
    if let Some(ingress) = ingress.filter(ours) {
        found.add_ingress(ingress, &objects.annotations_prefix, snapshot);
        found.settle();
    }
    found
}

impl Referred {
    /// Each once, and without spare room.
    fn settle(&mut self) {
        for names in [&mut self.objects, &mut self.services] {
            names.sort();
            names.dedup();
            names.shrink_to_fit();
        }
    }

    fn add(&mut self, kind: ObjectKind, namespace: &str, name: &str) {
        if !name.is_empty() {
            self.objects.push(ObjectRef::new(kind, namespace, name));
        }
    }

    fn add_settings(&mut self, objects: &Objects, snapshot: &Snapshot) {
        if let Some(ObjectRef { kind: _, namespace, name }) = &objects.configmap {
            self.add(ObjectKind::ConfigMap, namespace, name);
        }
        if let Some(ObjectRef { kind: _, namespace, name }) = &objects.default_certificate {
            self.add(ObjectKind::Secret, namespace, name);
        }
        if let Some(ObjectRef { kind: _, namespace, name }) = &objects.default_backend {
            self.add_service(namespace, name, snapshot);
        }
    }

    fn add_ingress(&mut self, ingress: &Ingress, prefix: &str, snapshot: &Snapshot) {
        let namespace = namespace_of(&ingress.metadata);
        for found in ingress.metadata.annotations.iter().flat_map(|annotations| named(annotations, prefix)) {
            let kind = match found.kind {
                NamedKind::Secret => ObjectKind::Secret,
                NamedKind::ConfigMap => ObjectKind::ConfigMap,
            };
            self.add(kind, found.namespace.unwrap_or(namespace), found.name);
        }
        let Some(IngressSpec { default_backend, ingress_class_name: _, rules, tls }) = &ingress.spec else { return };
        for secret in tls.iter().flatten().filter_map(|entry| entry.secret_name.as_deref()) {
            self.add(ObjectKind::Secret, namespace, secret);
        }
        let paths = rules.iter().flatten().filter_map(|rule| rule.http.as_ref()).flat_map(|http| &http.paths);
        for backend in paths.map(|path| &path.backend).chain(default_backend) {
            if let IngressBackend { service: Some(service), resource: _ } = backend {
                self.add_service(namespace, &service.name, snapshot);
            }
        }
    }

    /// Endpoints are looked for where a Service that has some has no slices.
    fn add_service(&mut self, namespace: &str, name: &str, snapshot: &Snapshot) {
        self.services.push(ObjectRef::new(ObjectKind::Service, namespace, name));
        let Some(found) = snapshot.services.get(namespace, name) else { return };
        if !service::is_external_name(found) && snapshot.endpoint_slices.of_service(namespace, name).is_empty() {
            self.add(ObjectKind::Endpoints, namespace, name);
        }
    }
}
