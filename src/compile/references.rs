//! What the compiler looks for by name: the Secrets, ConfigMaps and Endpoints that our Ingresses and the settings refer
//! to.
//!
//! A source that keeps these and drops all others of their kinds gives the same result as one that keeps everything.
//! Whoever makes the compiler read another Secret or ConfigMap adds it here.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::networking::v1::{Ingress, IngressBackend, IngressSpec};

use crate::annotations::references::{NamedKind, named};
use crate::ir::{ObjectKind, ObjectRef};
use crate::settings::{Classes, Objects};
use crate::snapshot::Snapshot;
use crate::snapshot::object::namespace_of;

use super::{class, service};

/// Names of one kind of object.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Names(BTreeMap<String, BTreeSet<String>>);

impl Names {
    #[must_use]
    pub fn contains(&self, namespace: &str, name: &str) -> bool {
        self.0.get(namespace).is_some_and(|names| names.contains(name))
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every namespace and name, sorted.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().flat_map(|(namespace, names)| names.iter().map(|name| (namespace.as_str(), name.as_str())))
    }

    fn add(&mut self, namespace: &str, name: &str) {
        if name.is_empty() {
            return;
        }
        match self.0.get_mut(namespace) {
            Some(names) if names.contains(name) => {}
            Some(names) => _ = names.insert(name.to_owned()),
            None => _ = self.0.insert(namespace.to_owned(), BTreeSet::from([name.to_owned()])),
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
    /// Everything that compiling `snapshot` looks for. Reads Ingresses, IngressClasses, Services and EndpointSlices.
    #[must_use]
    pub fn of(classes: &Classes, objects: &Objects, snapshot: &Snapshot) -> Self {
        let mut references = Self::default();
        references.add_settings(objects, snapshot);
        for ingress in snapshot.ingresses.iter() {
            if class::is_ours(classes, objects, snapshot, ingress) {
                references.add_ingress(ingress, &objects.annotations_prefix, snapshot);
            }
        }
        references
    }

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

    fn add_settings(&mut self, objects: &Objects, snapshot: &Snapshot) {
        if let Some(ObjectRef { kind: _, namespace, name }) = &objects.configmap {
            self.config_maps.add(namespace, name);
        }
        if let Some(ObjectRef { kind: _, namespace, name }) = &objects.default_certificate {
            self.secrets.add(namespace, name);
        }
        if let Some(ObjectRef { kind: _, namespace, name }) = &objects.default_backend {
            self.add_service(namespace, name, snapshot);
        }
    }

    fn add_ingress(&mut self, ingress: &Ingress, prefix: &str, snapshot: &Snapshot) {
        let namespace = namespace_of(&ingress.metadata);
        for found in ingress.metadata.annotations.iter().flat_map(|annotations| named(annotations, prefix)) {
            let names = match found.kind {
                NamedKind::Secret => &mut self.secrets,
                NamedKind::ConfigMap => &mut self.config_maps,
            };
            names.add(found.namespace.unwrap_or(namespace), found.name);
        }
        let Some(IngressSpec { default_backend, ingress_class_name: _, rules, tls }) = &ingress.spec else { return };
        for secret in tls.iter().flatten().filter_map(|entry| entry.secret_name.as_deref()) {
            self.secrets.add(namespace, secret);
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
        let Some(found) = snapshot.services.get(namespace, name) else { return };
        if !service::is_external_name(found) && snapshot.endpoint_slices.of_service(namespace, name).is_empty() {
            self.endpoints.add(namespace, name);
        }
    }
}
