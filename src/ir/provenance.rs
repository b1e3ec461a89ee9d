//! Where a value came from: the object and the field inside it.

use std::fmt;
use std::sync::Arc;

/// The kinds of object that a configuration is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKind {
    Ingress,
    IngressClass,
    Service,
    EndpointSlice,
    Endpoints,
    Secret,
    ConfigMap,
    /// A file of a manifest folder; its name is its path.
    File,
    /// A process-wide setting; its name is the flag.
    Setting,
}

impl ObjectKind {
    /// The kind as Kubernetes spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ingress => "Ingress",
            Self::IngressClass => "IngressClass",
            Self::Service => "Service",
            Self::EndpointSlice => "EndpointSlice",
            Self::Endpoints => "Endpoints",
            Self::Secret => "Secret",
            Self::ConfigMap => "ConfigMap",
            Self::File => "File",
            Self::Setting => "Setting",
        }
    }
}

/// Names one object. The namespace is empty for objects that have none. A clone costs two reference counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectRef {
    pub kind: ObjectKind,
    pub namespace: Arc<str>,
    pub name: Arc<str>,
}

impl ObjectRef {
    #[must_use]
    pub fn new(kind: ObjectKind, namespace: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Self {
        Self { kind, namespace: namespace.into(), name: name.into() }
    }

    /// This object's `field`, as the origin of a value.
    #[must_use]
    pub fn field(&self, field: impl Into<String>) -> Provenance {
        Provenance { object: self.clone(), field: field.into() }
    }
}

impl fmt::Display for ObjectRef {
    /// `Ingress shop/web`, or `IngressClass nginx` where there is no namespace.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.as_str())?;
        f.write_str(" ")?;
        if !self.namespace.is_empty() {
            write!(f, "{}/", self.namespace)?;
        }
        f.write_str(&self.name)
    }
}

/// An object and the field of it that a value was read from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Provenance {
    pub object: ObjectRef,
    /// The field in Kubernetes notation, such as `spec.rules[0].http.paths[1].path` or
    /// `metadata.annotations[nginx.ingress.kubernetes.io/app-root]`; empty for the object as a whole.
    pub field: String,
}

impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.object.fmt(f)?;
        if !self.field.is_empty() {
            write!(f, " {}", self.field)?;
        }
        Ok(())
    }
}
