//! The objects themselves: Kubernetes types where they serve, our own where they would print secrets.
//!
//! All are in the `v1` form of their kind; older forms are converted where they are read.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Endpoints, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::{Ingress, IngressClass};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::ir::{ObjectKind, ObjectRef};

/// One object of a kind that configuration is made of.
#[derive(Debug, Clone)]
pub enum Object {
    Ingress(Arc<Ingress>),
    IngressClass(Arc<IngressClass>),
    Service(Arc<Service>),
    EndpointSlice(Arc<EndpointSlice>),
    Endpoints(Arc<Endpoints>),
    Secret(Arc<Secret>),
    ConfigMap(Arc<ConfigMap>),
}

impl Object {
    #[must_use]
    pub const fn kind(&self) -> ObjectKind {
        match self {
            Self::Ingress(_) => ObjectKind::Ingress,
            Self::IngressClass(_) => ObjectKind::IngressClass,
            Self::Service(_) => ObjectKind::Service,
            Self::EndpointSlice(_) => ObjectKind::EndpointSlice,
            Self::Endpoints(_) => ObjectKind::Endpoints,
            Self::Secret(_) => ObjectKind::Secret,
            Self::ConfigMap(_) => ObjectKind::ConfigMap,
        }
    }

    /// Empty for cluster-scoped objects, and where none is given.
    #[must_use]
    pub fn namespace(&self) -> &str {
        match self {
            Self::Ingress(object) => namespace_of(&object.metadata),
            Self::IngressClass(_) => "",
            Self::Service(object) => namespace_of(&object.metadata),
            Self::EndpointSlice(object) => namespace_of(&object.metadata),
            Self::Endpoints(object) => namespace_of(&object.metadata),
            Self::Secret(object) => &object.namespace,
            Self::ConfigMap(object) => &object.namespace,
        }
    }

    /// Empty where none is given.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Ingress(object) => name_of(&object.metadata),
            Self::IngressClass(object) => name_of(&object.metadata),
            Self::Service(object) => name_of(&object.metadata),
            Self::EndpointSlice(object) => name_of(&object.metadata),
            Self::Endpoints(object) => name_of(&object.metadata),
            Self::Secret(object) => &object.name,
            Self::ConfigMap(object) => &object.name,
        }
    }

    #[must_use]
    pub fn reference(&self) -> ObjectRef {
        ObjectRef::new(self.kind(), self.namespace(), self.name())
    }
}

impl PartialEq for Object {
    /// Compares by value; the same shared object is equal at once.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Ingress(a), Self::Ingress(b)) => Arc::ptr_eq(a, b) || a == b,
            (Self::IngressClass(a), Self::IngressClass(b)) => Arc::ptr_eq(a, b) || a == b,
            (Self::Service(a), Self::Service(b)) => Arc::ptr_eq(a, b) || a == b,
            (Self::EndpointSlice(a), Self::EndpointSlice(b)) => Arc::ptr_eq(a, b) || a == b,
            (Self::Endpoints(a), Self::Endpoints(b)) => Arc::ptr_eq(a, b) || a == b,
            (Self::Secret(a), Self::Secret(b)) => Arc::ptr_eq(a, b) || a == b,
            (Self::ConfigMap(a), Self::ConfigMap(b)) => Arc::ptr_eq(a, b) || a == b,
            (
                Self::Ingress(_)
                | Self::IngressClass(_)
                | Self::Service(_)
                | Self::EndpointSlice(_)
                | Self::Endpoints(_)
                | Self::Secret(_)
                | Self::ConfigMap(_),
                _,
            ) => false,
        }
    }
}

macro_rules! from_object {
    ($($kind:ident),*) => {$(
        impl From<$kind> for Object {
            fn from(object: $kind) -> Self {
                Self::$kind(Arc::new(object))
            }
        }

        impl From<Arc<$kind>> for Object {
            fn from(object: Arc<$kind>) -> Self {
                Self::$kind(object)
            }
        }
    )*};
}

from_object!(Ingress, IngressClass, Service, EndpointSlice, Endpoints, Secret, ConfigMap);

/// The namespace in an object's metadata; empty where there is none.
#[must_use]
pub fn namespace_of(metadata: &ObjectMeta) -> &str {
    metadata.namespace.as_deref().unwrap_or_default()
}

/// The name in an object's metadata; empty where there is none.
#[must_use]
pub fn name_of(metadata: &ObjectMeta) -> &str {
    metadata.name.as_deref().unwrap_or_default()
}

/// A Secret: `data` decoded, `stringData` merged over it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    pub namespace: String,
    pub name: String,
    /// What tells it from an earlier one of the same name; `None` outside of a cluster.
    pub uid: Option<String>,
    /// `Opaque` where none is given.
    pub type_: String,
    pub data: BTreeMap<String, SecretBytes>,
}

impl Secret {
    /// The value of one key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&[u8]> {
        self.data.get(key).map(SecretBytes::expose)
    }
}

/// Bytes that no formatter prints.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SecretBytes(Box<[u8]>);

impl SecretBytes {
    #[must_use]
    pub fn new(bytes: impl Into<Box<[u8]>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes themselves; whoever asks must not print them.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretBytes {
    /// The length at most.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} secret bytes]", self.0.len())
    }
}

/// A ConfigMap: its text values. `binaryData` is not kept; nothing reads it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConfigMap {
    pub namespace: String,
    pub name: String,
    /// What tells it from an earlier one of the same name; `None` outside of a cluster.
    pub uid: Option<String>,
    pub data: BTreeMap<String, String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_of_a_secret_shows_no_value() {
        let data = [("tls.key".to_owned(), SecretBytes::new(*b"hunter2"))].into();
        let secret = Secret { namespace: "a".into(), name: "b".into(), uid: None, type_: "Opaque".into(), data };
        let printed = format!("{secret:?} {:?}", Object::from(secret.clone()));
        assert!(!printed.contains("hunter2") && !printed.contains("104"), "{printed}");
        assert!(printed.contains("tls.key"));
    }

    #[test]
    fn objects_of_different_kinds_are_never_equal() {
        assert_ne!(Object::from(Ingress::default()), Object::from(Service::default()));
        assert_eq!(Object::from(Service::default()), Object::from(Service::default()));
    }
}
