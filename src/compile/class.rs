//! Which Ingresses are ours, and in what order they claim hosts and paths.

use std::cmp::Reverse;
use std::sync::Arc;

use k8s_openapi::api::networking::v1::{Ingress, IngressClass};

use crate::diagnostic::Diagnostic;
use crate::ir::{ObjectKind, ObjectRef};
use crate::settings::{Classes, Objects};
use crate::snapshot::Snapshot;
use crate::snapshot::object::{name_of, namespace_of};

/// The annotation that named a class before `spec.ingressClassName` did.
pub const CLASS_ANNOTATION: &str = "kubernetes.io/ingress.class";

/// The Ingresses of a snapshot, told apart.
pub(super) struct Selection<'s> {
    /// Ours, oldest first; ties by `namespace/name`, descending, as ingress-nginx has it.
    pub(super) ours: Vec<&'s Arc<Ingress>>,
    pub(super) others: Vec<ObjectRef>,
}

/// Tells our Ingresses from others' and puts them in order.
pub(super) fn select<'s>(
    classes: &Classes,
    objects: &Objects,
    snapshot: &'s Snapshot,
    diagnostics: &mut Vec<Diagnostic>,
) -> Selection<'s> {
    let mut selection = Selection { ours: Vec::new(), others: Vec::new() };
    for ingress in snapshot.ingresses.iter() {
        match claim(classes, objects, snapshot, ingress) {
            Claim::Ours => selection.ours.push(ingress),
            Claim::NotOurs => selection.others.push(reference(ingress)),
            Claim::Unknown(name) => {
                let provenance = reference(ingress).field("spec.ingressClassName");
                let message = format!("there is no IngressClass {name:?}; the Ingress is not served");
                diagnostics.push(Diagnostic::warning("unknown-ingress-class", provenance, message));
                selection.others.push(reference(ingress));
            }
        }
    }
    selection.ours.sort_by_cached_key(|ingress| {
        let created = ingress.metadata.creation_timestamp.as_ref().map_or(i64::MIN, |time| time.0.as_second());
        let name = format!("{}/{}", namespace_of(&ingress.metadata), name_of(&ingress.metadata));
        (created, Reverse(name))
    });
    selection
}

/// An Ingress's name for diagnostics.
pub(super) fn reference(ingress: &Ingress) -> ObjectRef {
    ObjectRef::new(ObjectKind::Ingress, namespace_of(&ingress.metadata), name_of(&ingress.metadata))
}

/// Whose an Ingress is.
enum Claim<'i> {
    Ours,
    NotOurs,
    /// It names a class that does not exist.
    Unknown(&'i str),
}

/// Whether an Ingress is ours.
pub(super) fn is_ours(classes: &Classes, objects: &Objects, snapshot: &Snapshot, ingress: &Ingress) -> bool {
    matches!(claim(classes, objects, snapshot, ingress), Claim::Ours)
}

/// ingress-nginx's rule: `spec.ingressClassName` decides if it is there, else the old annotation, else the setting.
fn claim<'i>(classes: &Classes, objects: &Objects, snapshot: &Snapshot, ingress: &'i Ingress) -> Claim<'i> {
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
