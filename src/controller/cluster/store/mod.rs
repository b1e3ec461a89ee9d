//! The objects as far as the watches have told of them.
//!
//! An object that arrives unchanged stays the same `Arc`. Of Secrets, ConfigMaps and Endpoints only those are held
//! that something refers to; they may be told of by a watch and by a read at once, so the newer version counts.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use k8s_openapi::api::networking::v1::{Ingress, IngressClass, IngressClassSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::delivery::{Change, Delivery, Item, List};
use super::fault::Fault;
use super::scope::Scope;
use super::trim::Kept;
use crate::compile::references::{Difference, References, Referrers};
use crate::diagnostic::Diagnostic;
use crate::ir::{ObjectKind, ObjectRef};
use crate::settings::{Classes, Objects};
use crate::snapshot::map::{ObjectMap, SERVICE_NAME_LABEL};
use crate::snapshot::object::{name_of, namespace_of};
use crate::snapshot::{Object, Snapshot};

/// What a watch is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    Objects(ObjectKind),
    /// Which namespaces are selected.
    Namespaces,
}

impl Subject {
    /// The kind as Kubernetes spells it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Objects(kind) => kind.as_str(),
            Self::Namespaces => "Namespace",
        }
    }

    /// Whether only objects that something refers to are kept.
    pub(super) fn is_by_name(self) -> bool {
        match self {
            Self::Objects(kind) => is_by_name(kind),
            Self::Namespaces => false,
        }
    }
}

fn is_by_name(kind: ObjectKind) -> bool {
    matches!(kind, ObjectKind::Secret | ObjectKind::ConfigMap | ObjectKind::Endpoints)
}

/// Whether a watch has told everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sync {
    Pending,
    Done,
    /// Nothing waits for it.
    Optional,
}

#[derive(Debug)]
struct Watched {
    subject: Subject,
    scope: Scope,
    sync: Sync,
}

/// Whether what is held is other than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Changed,
    Same,
}

impl Effect {
    fn of(changed: bool) -> Self {
        if changed { Self::Changed } else { Self::Same }
    }
}

/// Which namespaces' Ingresses count.
#[derive(Debug, Default)]
struct Selection {
    namespaces: BTreeSet<String>,
    /// The Ingresses of all others.
    left_out: ObjectMap<Ingress>,
}

/// Everything held.
#[derive(Debug)]
pub(super) struct Store {
    classes: Classes,
    objects: Objects,
    snapshot: Snapshot,
    watches: Vec<Watched>,
    /// `None` selects all.
    selection: Option<Selection>,
    referrers: Referrers,
    references_are_old: bool,
    /// Of objects that are kept by name: the version last told of, deletions included.
    versions: HashMap<ObjectRef, u64>,
    diagnostics: Vec<Diagnostic>,
}

impl Store {
    pub(super) fn new(classes: Classes, objects: Objects, watches: &[(Subject, Scope)]) -> Self {
        let selects = watches.iter().any(|(subject, _)| *subject == Subject::Namespaces);
        let pending = watches.iter().map(|(subject, scope)| {
            let sync = if *subject == Subject::Objects(ObjectKind::Endpoints) { Sync::Optional } else { Sync::Pending };
            Watched { subject: *subject, scope: scope.clone(), sync }
        });
        Self {
            classes,
            objects,
            snapshot: Snapshot::default(),
            watches: pending.collect(),
            selection: selects.then(Selection::default),
            referrers: Referrers::default(),
            references_are_old: true,
            versions: HashMap::new(),
            diagnostics: Vec::new(),
        }
    }

    pub(super) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// What is wrong with the source itself.
    pub(super) fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// Whether every watch that matters has told everything.
    pub(super) fn is_synced(&self) -> bool {
        self.watches.iter().all(|watch| watch.sync != Sync::Pending)
    }

    /// Whether everything is there that says what is referred to.
    pub(super) fn can_refer(&self) -> bool {
        let mut telling = self.watches.iter().filter(|watch| !watch.subject.is_by_name());
        telling.all(|watch| watch.sync != Sync::Pending)
    }

    /// Takes up what a watch tells.
    pub(super) fn take(&mut self, delivery: Delivery) -> Effect {
        let Delivery { watch, change } = delivery;
        match change {
            Change::Listed(list) => self.take_list(watch, list),
            Change::Applied(Item { kept, version }) => match kept {
                Kept::Object(object) => self.apply(object, version),
                Kept::Namespace(name) => Effect::of(self.select(&name)),
            },
            Change::Deleted(Item { kept, version }) => match kept {
                Kept::Object(object) => self.delete(&object.reference(), version),
                Kept::Namespace(name) => Effect::of(self.unselect(&name)),
            },
            Change::Interrupted(fault) => self.take_interruption(watch, &fault),
        }
    }

    /// Takes up an object that was read by itself.
    pub(super) fn take_read(&mut self, item: Item) -> Effect {
        match item.kept {
            Kept::Object(object) => self.apply(object, item.version),
            Kept::Namespace(_) => Effect::Same,
        }
    }

    fn take_list(&mut self, watch: usize, list: List) -> Effect {
        let Some(watched) = self.watches.get_mut(watch) else { return Effect::Same };
        watched.sync = match watched.sync {
            Sync::Optional => Sync::Optional,
            Sync::Pending | Sync::Done => Sync::Done,
        };
        let (subject, scope) = (watched.subject, watched.scope.clone());
        match subject {
            Subject::Namespaces => self.select_only(list.items),
            Subject::Objects(kind) => self.replace(kind, &scope, list),
        }
    }

    /// Makes the objects of a kind and scope be those of a list. Of what the list did not look for, and of what became
    /// newer since, it says nothing.
    fn replace(&mut self, kind: ObjectKind, scope: &Scope, list: List) -> Effect {
        let List { items, version, looked_for, anew } = list;
        if anew {
            self.versions.retain(|object, _| object.kind != kind);
        }
        let mut changed = kind == ObjectKind::IngressClass && !std::mem::take(&mut self.diagnostics).is_empty();
        let mut gone: BTreeSet<ObjectRef> = self.held(kind).into_iter().filter(|held| scope.covers(held)).collect();
        for Item { kept, version } in items {
            if let Kept::Object(object) = kept {
                gone.remove(&object.reference());
                changed |= self.apply(object, version) == Effect::Changed;
            }
        }
        for object in gone {
            let told = looked_for.as_deref().is_none_or(|names| names.contains(&object.namespace, &object.name));
            if told {
                changed |= self.delete(&object, version) == Effect::Changed;
            }
        }
        Effect::of(changed)
    }

    /// Every object of a kind, whether it counts or not.
    fn held(&self, kind: ObjectKind) -> Vec<ObjectRef> {
        let mut held = self.snapshot.references(kind);
        if let (ObjectKind::Ingress, Some(selection)) = (kind, &self.selection) {
            let left_out = selection.left_out.iter().map(|ingress| &ingress.metadata);
            held.extend(left_out.map(|metadata| ObjectRef::new(kind, namespace_of(metadata), name_of(metadata))));
        }
        held
    }

    fn apply(&mut self, object: Object, version: u64) -> Effect {
        let reference = object.reference();
        if !self.counts(&reference, version) {
            return Effect::Same;
        }
        if let Object::Ingress(ingress) = &object
            && let Some(selection) = &mut self.selection
            && !selection.namespaces.contains(&*reference.namespace)
        {
            selection.left_out.insert(&reference.namespace, &reference.name, Arc::clone(ingress));
            return Effect::Same;
        }
        let before = self.snapshot.get(&reference);
        if before.as_ref() == Some(&object) {
            return Effect::Same;
        }
        self.references_are_old |= alters_references(before.as_ref(), &object);
        self.snapshot.insert(object);
        Effect::Changed
    }

    fn delete(&mut self, reference: &ObjectRef, version: u64) -> Effect {
        if !self.counts(reference, version) {
            return Effect::Same;
        }
        if let (ObjectKind::Ingress, Some(selection)) = (reference.kind, &mut self.selection) {
            selection.left_out.remove(&reference.namespace, &reference.name);
        }
        let removed = self.snapshot.remove(reference);
        self.references_are_old |= removed && !is_by_name(reference.kind);
        Effect::of(removed)
    }

    /// Whether news of an object is to be heard; notes its version if so.
    fn counts(&mut self, object: &ObjectRef, version: u64) -> bool {
        let Some(names) = self.referrers.references().of_kind(object.kind) else { return true };
        if !names.contains(&object.namespace, &object.name) {
            return false;
        }
        let known = self.versions.entry(object.clone()).or_insert(version);
        if *known > version {
            return false;
        }
        *known = version;
        true
    }

    /// From now on Endpoints are waited for, until they have been told once or cannot be.
    pub(super) fn await_endpoints(&mut self) {
        for watched in &mut self.watches {
            if watched.subject == Subject::Objects(ObjectKind::Endpoints) {
                watched.sync = Sync::Pending;
            }
        }
    }

    fn take_interruption(&mut self, watch: usize, fault: &Fault) -> Effect {
        let Some(watched) = self.watches.get_mut(watch).filter(|watched| watched.sync == Sync::Pending) else {
            return Effect::Same;
        };
        match watched.subject {
            Subject::Objects(ObjectKind::Endpoints) => watched.sync = Sync::Optional,
            Subject::Objects(ObjectKind::IngressClass) if fault.is_forbidden() && self.objects.namespace.is_some() => {
                watched.sync = Sync::Done;
                self.stand_in_for_classes();
            }
            Subject::Objects(_) | Subject::Namespaces => return Effect::Same,
        }
        Effect::Changed
    }

    /// With a Role of one namespace nobody may read IngressClasses, which belong to none. Then an Ingress is ours if its
    /// class is called as `--ingress-class` says.
    fn stand_in_for_classes(&mut self) {
        let name = self.classes.ingress_class.clone();
        let provenance = ObjectRef::new(ObjectKind::Setting, "", "--watch-namespace").field("");
        let message =
            format!("IngressClasses may not be read; the one called {name:?} is taken for ours, and no other");
        self.diagnostics = vec![Diagnostic::warning("ingress-classes-forbidden", provenance, message)];
        let metadata = ObjectMeta { name: Some(name), ..ObjectMeta::default() };
        let controller = Some(self.classes.controller_class.clone());
        let spec = Some(IngressClassSpec { controller, parameters: None });
        self.snapshot.insert(IngressClass { metadata, spec });
        self.references_are_old = true;
    }

    /// Finds out anew what is referred to, if that may have changed. What is not any more is dropped. Returns what is
    /// from now on.
    pub(super) fn refer(&mut self) -> Vec<ObjectRef> {
        if !std::mem::take(&mut self.references_are_old) {
            return Vec::new();
        }
        let Difference { newly, no_longer } = self.referrers.update(&self.classes, &self.objects, &self.snapshot);
        for gone in &no_longer {
            self.versions.remove(gone);
            self.snapshot.remove(gone);
        }
        newly
    }

    /// What is referred to, as of the last [`Self::refer`].
    pub(super) fn references(&self) -> &References {
        self.referrers.references()
    }

    fn select_only(&mut self, items: Vec<Item>) -> Effect {
        let name = |item: Item| match item.kept {
            Kept::Namespace(name) => Some(name),
            Kept::Object(_) => None,
        };
        let now: BTreeSet<String> = items.into_iter().filter_map(name).collect();
        let before = self.selection.as_ref().map(|selection| selection.namespaces.clone()).unwrap_or_default();
        let mut changed = false;
        for name in before.difference(&now) {
            changed |= self.unselect(name);
        }
        for name in now.difference(&before) {
            changed |= self.select(name);
        }
        Effect::of(changed)
    }

    fn select(&mut self, namespace: &str) -> bool {
        let Some(selection) = &mut self.selection else { return false };
        selection.namespaces.insert(namespace.to_owned());
        let ingresses: Vec<_> = selection.left_out.in_namespace(namespace).cloned().collect();
        for ingress in &ingresses {
            let name = name_of(&ingress.metadata);
            selection.left_out.remove(namespace, name);
            self.snapshot.ingresses.insert(namespace, name, Arc::clone(ingress));
        }
        self.references_are_old |= !ingresses.is_empty();
        !ingresses.is_empty()
    }

    fn unselect(&mut self, namespace: &str) -> bool {
        let Some(selection) = &mut self.selection else { return false };
        selection.namespaces.remove(namespace);
        let ingresses: Vec<_> = self.snapshot.ingresses.in_namespace(namespace).cloned().collect();
        for ingress in &ingresses {
            let name = name_of(&ingress.metadata);
            self.snapshot.ingresses.remove(namespace, name);
            selection.left_out.insert(namespace, name, Arc::clone(ingress));
        }
        self.references_are_old |= !ingresses.is_empty();
        !ingresses.is_empty()
    }
}

/// Whether other objects may be referred to now. Of a slice only matters whose it is.
fn alters_references(before: Option<&Object>, now: &Object) -> bool {
    match (before, now) {
        (_, Object::Secret(_) | Object::ConfigMap(_) | Object::Endpoints(_)) => false,
        (Some(Object::EndpointSlice(before)), Object::EndpointSlice(now)) => {
            let service = |labels: &ObjectMeta| labels.labels.as_ref().and_then(|l| l.get(SERVICE_NAME_LABEL)).cloned();
            service(&before.metadata) != service(&now.metadata)
        }
        (_, Object::Ingress(_) | Object::IngressClass(_) | Object::Service(_) | Object::EndpointSlice(_)) => true,
    }
}

#[cfg(test)]
mod tests;
