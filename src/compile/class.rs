//! Which Ingresses are ours.

use k8s_openapi::api::networking::v1::{Ingress, IngressClass};

use crate::ir::{ObjectKind, ObjectRef};
use crate::settings::{Classes, Objects};
use crate::snapshot::Snapshot;
use crate::snapshot::object::{name_of, namespace_of};

/// The annotation that named a class before `spec.ingressClassName` did.
pub const CLASS_ANNOTATION: &str = "kubernetes.io/ingress.class";

/// An Ingress's name for diagnostics.
pub(super) fn reference(ingress: &Ingress) -> ObjectRef {
    ObjectRef::new(ObjectKind::Ingress, namespace_of(&ingress.metadata), name_of(&ingress.metadata))
}

/// Whose an Ingress is.
pub(super) enum Claim<'i> {
    Ours,
    NotOurs,
    /// It names a class that does not exist.
    Unknown(&'i str),
}

/// ingress-nginx's rule: `spec.ingressClassName` decides if it is there, else the old annotation, else the setting.
pub(super) fn claim<'i>(classes: &Classes, objects: &Objects, snapshot: &Snapshot, ingress: &'i Ingress) -> Claim<'i> {
    let watched = objects.namespace.as_deref().is_none_or(|only| only == namespace_of(&ingress.metadata));
    if !watched {
        return Claim::NotOurs;
    }
    let ours = match ingress.spec.as_ref().and_then(|spec| spec.ingress_class_name.as_deref()) {
        Some(name) => match snapshot.ingress_classes.get("", name) {
            Some(class) => class_is_ours(classes, class),
            None => return Claim::Unknown(name),
        },
        None => match ingress.metadata.annotations.as_ref().and_then(|annotations| annotations.get(CLASS_ANNOTATION)) {
            Some(name) => *name == classes.ingress_class,
            None => classes.without_class,
        },
    };
    if ours { Claim::Ours } else { Claim::NotOurs }
}

fn class_is_ours(classes: &Classes, class: &IngressClass) -> bool {
    let controller = class.spec.as_ref().and_then(|spec| spec.controller.as_deref());
    controller == Some(classes.controller_class.as_str())
        || (classes.by_name && name_of(&class.metadata) == classes.ingress_class)
}
