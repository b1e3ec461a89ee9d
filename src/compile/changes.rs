//! What is different between two snapshots: where compiling anew begins.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::ir::{ObjectKind, ObjectRef};
use crate::snapshot::map::{Changed, service_of};
use crate::snapshot::{ObjectMap, Snapshot};

/// The objects that are others than before, by identity.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) ingresses: BTreeSet<ObjectRef>,
    /// Whether any IngressClass is.
    pub(super) classes: bool,
    pub(super) services: BTreeSet<ObjectRef>,
    /// The Services that have other EndpointSlices or other Endpoints.
    pub(super) endpoints: BTreeSet<ObjectRef>,
    pub(super) secrets: BTreeSet<ObjectRef>,
}

impl Changes {
    /// Costs what the two snapshots do not share.
    pub(super) fn between(before: &Snapshot, now: &Snapshot) -> Self {
        let mut endpoints = names(ObjectKind::Service, &before.endpoints, &now.endpoints);
        for Changed { namespace, name: _, before, now } in before.endpoint_slices.changes(&now.endpoint_slices) {
            for service in [&before, &now].into_iter().flatten().filter_map(|slice| service_of(slice)) {
                endpoints.insert(ObjectRef::new(ObjectKind::Service, Arc::clone(&namespace), service));
            }
        }
        Self {
            ingresses: names(ObjectKind::Ingress, &before.ingresses, &now.ingresses),
            classes: !before.ingress_classes.changes(&now.ingress_classes).is_empty(),
            services: names(ObjectKind::Service, &before.services, &now.services),
            endpoints,
            secrets: names(ObjectKind::Secret, &before.secrets, &now.secrets),
        }
    }
}

/// What has changed of one kind, as names of objects of `kind`.
fn names<T>(kind: ObjectKind, before: &ObjectMap<T>, now: &ObjectMap<T>) -> BTreeSet<ObjectRef> {
    let changed = before.changes(now).into_iter();
    changed.map(|Changed { namespace, name, .. }| ObjectRef::new(kind, namespace, name)).collect()
}
