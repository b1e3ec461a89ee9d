//! The objects at one moment, immutable once shared.
//!
//! A [`Snapshot`] holds the Kubernetes objects that configuration is made of, by namespace and name. Every object is
//! shared: whoever builds the next snapshot hands in the same `Arc` for an object that has not changed, so that
//! identity tells what to compile again. Nothing here judges what the objects say; [`manifest`] reads them from files.

pub mod manifest;
pub mod map;
pub mod object;

use k8s_openapi::api::core::v1::{Endpoints, Service};
use k8s_openapi::api::networking::v1::{Ingress, IngressClass};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::ir::{ObjectKind, ObjectRef};

use object::{name_of, namespace_of};

pub use map::{EndpointSlices, ObjectMap};
pub use object::{ConfigMap, Object, Secret, SecretBytes};

/// The objects at one moment. A clone shares everything and costs a few reference counts.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    pub ingresses: ObjectMap<Ingress>,
    /// Cluster-scoped: their namespace is empty.
    pub ingress_classes: ObjectMap<IngressClass>,
    pub services: ObjectMap<Service>,
    pub endpoint_slices: EndpointSlices,
    pub endpoints: ObjectMap<Endpoints>,
    pub secrets: ObjectMap<Secret>,
    pub config_maps: ObjectMap<ConfigMap>,
}

impl Snapshot {
    /// Adds an object, or replaces the one of its kind, namespace and name.
    pub fn insert(&mut self, object: impl Into<Object>) {
        let object = object.into();
        let (namespace, name) = (object.namespace().to_owned(), object.name().to_owned());
        match object {
            Object::Ingress(object) => self.ingresses.insert(&namespace, &name, object),
            Object::IngressClass(object) => self.ingress_classes.insert("", &name, object),
            Object::Service(object) => self.services.insert(&namespace, &name, object),
            Object::EndpointSlice(object) => self.endpoint_slices.insert(&namespace, &name, object),
            Object::Endpoints(object) => self.endpoints.insert(&namespace, &name, object),
            Object::Secret(object) => self.secrets.insert(&namespace, &name, object),
            Object::ConfigMap(object) => self.config_maps.insert(&namespace, &name, object),
        }
    }

    /// Takes an object out. Returns whether it was there.
    pub fn remove(&mut self, reference: &ObjectRef) -> bool {
        let ObjectRef { kind, namespace, name } = reference;
        match kind {
            ObjectKind::Ingress => self.ingresses.remove(namespace, name).is_some(),
            ObjectKind::IngressClass => self.ingress_classes.remove("", name).is_some(),
            ObjectKind::Service => self.services.remove(namespace, name).is_some(),
            ObjectKind::EndpointSlice => self.endpoint_slices.remove(namespace, name).is_some(),
            ObjectKind::Endpoints => self.endpoints.remove(namespace, name).is_some(),
            ObjectKind::Secret => self.secrets.remove(namespace, name).is_some(),
            ObjectKind::ConfigMap => self.config_maps.remove(namespace, name).is_some(),
            ObjectKind::File | ObjectKind::Setting => false,
        }
    }

    /// The names of all objects of a kind, sorted.
    #[must_use]
    pub fn references(&self, kind: ObjectKind) -> Vec<ObjectRef> {
        let of = |metadata: &ObjectMeta| ObjectRef::new(kind, namespace_of(metadata), name_of(metadata));
        match kind {
            ObjectKind::Ingress => self.ingresses.iter().map(|object| of(&object.metadata)).collect(),
            ObjectKind::IngressClass => self.ingress_classes.iter().map(|object| of(&object.metadata)).collect(),
            ObjectKind::Service => self.services.iter().map(|object| of(&object.metadata)).collect(),
            ObjectKind::EndpointSlice => self.endpoint_slices.iter().map(|object| of(&object.metadata)).collect(),
            ObjectKind::Endpoints => self.endpoints.iter().map(|object| of(&object.metadata)).collect(),
            ObjectKind::Secret => self
                .secrets
                .iter()
                .map(|object| ObjectRef::new(kind, object.namespace.as_str(), object.name.as_str()))
                .collect(),
            ObjectKind::ConfigMap => self
                .config_maps
                .iter()
                .map(|object| ObjectRef::new(kind, object.namespace.as_str(), object.name.as_str()))
                .collect(),
            ObjectKind::File | ObjectKind::Setting => Vec::new(),
        }
    }

    /// The object of this kind, namespace and name.
    #[must_use]
    pub fn get(&self, reference: &ObjectRef) -> Option<Object> {
        let ObjectRef { kind, namespace, name } = reference;
        match kind {
            ObjectKind::Ingress => self.ingresses.get(namespace, name).cloned().map(Object::Ingress),
            ObjectKind::IngressClass => self.ingress_classes.get("", name).cloned().map(Object::IngressClass),
            ObjectKind::Service => self.services.get(namespace, name).cloned().map(Object::Service),
            ObjectKind::EndpointSlice => self.endpoint_slices.get(namespace, name).cloned().map(Object::EndpointSlice),
            ObjectKind::Endpoints => self.endpoints.get(namespace, name).cloned().map(Object::Endpoints),
            ObjectKind::Secret => self.secrets.get(namespace, name).cloned().map(Object::Secret),
            ObjectKind::ConfigMap => self.config_maps.get(namespace, name).cloned().map(Object::ConfigMap),
            ObjectKind::File | ObjectKind::Setting => None,
        }
    }

    /// Adds an object and gives the snapshot back, for building one in an expression.
    #[must_use]
    pub fn with(mut self, object: impl Into<Object>) -> Self {
        self.insert(object);
        self
    }

    /// How many objects of each kind there are.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            ingresses: self.ingresses.len(),
            ingress_classes: self.ingress_classes.len(),
            services: self.services.len(),
            endpoint_slices: self.endpoint_slices.len(),
            endpoints: self.endpoints.len(),
            secrets: self.secrets.len(),
            config_maps: self.config_maps.len(),
        }
    }
}

impl<T: Into<Object>> FromIterator<T> for Snapshot {
    /// The later of two objects of one name wins.
    fn from_iter<I: IntoIterator<Item = T>>(objects: I) -> Self {
        let mut snapshot = Self::default();
        for object in objects {
            snapshot.insert(object);
        }
        snapshot
    }
}

/// The number of objects of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    pub ingresses: usize,
    pub ingress_classes: usize,
    pub services: usize,
    pub endpoint_slices: usize,
    pub endpoints: usize,
    pub secrets: usize,
    pub config_maps: usize,
}

impl Counts {
    /// Each kind as Kubernetes spells it, with its number.
    #[must_use]
    pub const fn by_kind(&self) -> [(&'static str, usize); 7] {
        let Self { ingresses, ingress_classes, services, endpoint_slices, endpoints, secrets, config_maps } = *self;
        [
            ("Ingress", ingresses),
            ("IngressClass", ingress_classes),
            ("Service", services),
            ("EndpointSlice", endpoint_slices),
            ("Endpoints", endpoints),
            ("Secret", secrets),
            ("ConfigMap", config_maps),
        ]
    }
}
