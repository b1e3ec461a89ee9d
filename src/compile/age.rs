//! In what order Ingresses claim hosts and paths.

use std::cmp::Reverse;

use k8s_openapi::api::networking::v1::Ingress;

use crate::snapshot::object::{name_of, namespace_of};

/// The place of an Ingress in the order of age: oldest first; ties by `namespace/name`, descending, as ingress-nginx has
/// it. No two Ingresses of a snapshot have one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Age {
    /// Seconds since 1970; one that does not say counts as older than all.
    created: i64,
    name: Reverse<Box<str>>,
}

impl Age {
    pub(super) fn of(ingress: &Ingress) -> Self {
        let created = ingress.metadata.creation_timestamp.as_ref().map_or(i64::MIN, |time| time.0.as_second());
        let name = format!("{}/{}", namespace_of(&ingress.metadata), name_of(&ingress.metadata));
        Self { created, name: Reverse(name.into()) }
    }
}
