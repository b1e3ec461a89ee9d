//! Which objects of a kind a watch is about.

use std::fmt;

use k8s_openapi::NamespaceResourceScope;
use kube::{Api, Client, Resource};

use super::trim::Trim;
use crate::ir::ObjectRef;
use crate::snapshot::map::SERVICE_NAME_LABEL;

/// The objects of one watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scope {
    /// Those of the whole cluster.
    Everywhere,
    /// Cluster-scoped ones with such labels.
    Labelled(String),
    Namespace(String),
    /// The one of a name.
    One {
        namespace: String,
        name: String,
    },
    /// The EndpointSlices of one Service.
    SlicesOf {
        namespace: String,
        service: String,
    },
}

impl Scope {
    /// Whether an object of the watch's kind that is held is one of the watch's.
    pub(super) fn covers(&self, object: &ObjectRef) -> bool {
        match self {
            Self::Everywhere | Self::Labelled(_) => true,
            Self::Namespace(namespace) | Self::SlicesOf { namespace, service: _ } => **namespace == *object.namespace,
            Self::One { namespace, name } => **namespace == *object.namespace && **name == *object.name,
        }
    }

    /// Where requests of a namespaced kind go.
    pub(super) fn api<K>(&self, client: Client) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        match self {
            Self::Everywhere | Self::Labelled(_) => Api::all(client),
            Self::Namespace(namespace) | Self::One { namespace, .. } | Self::SlicesOf { namespace, .. } => {
                Api::namespaced(client, namespace)
            }
        }
    }

    pub(super) fn labels(&self) -> Option<String> {
        match self {
            Self::Labelled(selector) => Some(selector.clone()),
            Self::SlicesOf { service, .. } => Some(format!("{SERVICE_NAME_LABEL}={service}")),
            Self::Everywhere | Self::Namespace(_) | Self::One { .. } => None,
        }
    }

    /// What the kind asks for, of the one object if it is one.
    pub(super) fn fields<K: Trim>(&self) -> Option<String> {
        match self {
            Self::One { name, .. } => Some(fields_of_one::<K>(name)),
            Self::Everywhere | Self::Labelled(_) | Self::Namespace(_) | Self::SlicesOf { .. } => {
                K::FIELDS.map(str::to_owned)
            }
        }
    }
}

/// The selector of one object by its name.
pub(super) fn fields_of_one<K: Trim>(name: &str) -> String {
    let itself = format!("metadata.name={name}");
    K::FIELDS.map_or_else(|| itself.clone(), |fields| format!("{itself},{fields}"))
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everywhere => f.write_str("everywhere"),
            Self::Labelled(selector) => write!(f, "labelled {selector}"),
            Self::Namespace(namespace) => write!(f, "namespace {namespace}"),
            Self::One { namespace, name } => write!(f, "{namespace}/{name}"),
            Self::SlicesOf { namespace, service } => write!(f, "of Service {namespace}/{service}"),
        }
    }
}
