//! Maps of shared objects by namespace and name, looked up without allocating and cheap to clone.
//!
//! A map never judges its objects; the caller says under which namespace and name one is kept.

use std::sync::Arc;

use k8s_openapi::api::discovery::v1::EndpointSlice;

use crate::persistent::{Change, Map};

/// The label that names the Service of an EndpointSlice.
pub const SERVICE_NAME_LABEL: &str = "kubernetes.io/service-name";

type ByName<T> = Map<Arc<str>, Arc<T>>;

/// Objects of one kind by namespace and name, in that order. A clone shares what neither of the two changes.
#[derive(Debug)]
pub struct ObjectMap<T> {
    namespaces: Map<Arc<str>, ByName<T>>,
    len: usize,
}

/// An object that is not the one that there was under its namespace and name.
#[derive(Debug)]
pub struct Changed<T> {
    pub namespace: Arc<str>,
    pub name: Arc<str>,
    /// `None` if there was none.
    pub before: Option<Arc<T>>,
    /// `None` if it is gone.
    pub now: Option<Arc<T>>,
}

impl<T> ObjectMap<T> {
    /// The object of this name. The namespace of cluster-scoped objects is empty.
    #[must_use]
    pub fn get(&self, namespace: &str, name: &str) -> Option<&Arc<T>> {
        self.namespaces.get(namespace)?.get(name)
    }

    /// Adds an object, or replaces the one of this name.
    pub fn insert(&mut self, namespace: &str, name: &str, object: Arc<T>) {
        if self.namespaces.get(namespace).is_none() {
            self.namespaces.insert(namespace.into(), ByName::default());
        }
        let known = self.namespaces.get_mut(namespace).and_then(|names| names.insert(name.into(), object));
        self.len += usize::from(known.is_none());
    }

    /// Takes an object out.
    pub fn remove(&mut self, namespace: &str, name: &str) -> Option<Arc<T>> {
        let removed = self.namespaces.get_mut(namespace)?.remove(name)?;
        if self.namespaces.get(namespace).is_some_and(Map::is_empty) {
            self.namespaces.remove(namespace);
        }
        self.len -= 1;
        Some(removed)
    }

    /// All objects, by namespace and then name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<T>> {
        self.namespaces.values().flat_map(Map::values)
    }

    /// The objects of one namespace, by name.
    pub fn in_namespace(&self, namespace: &str) -> impl Iterator<Item = &Arc<T>> {
        self.namespaces.get(namespace).into_iter().flat_map(Map::values)
    }

    /// The objects that are others in a later version of the map, by identity. Costs what the two do not share.
    #[must_use]
    pub fn changes(&self, now: &Self) -> Vec<Changed<T>> {
        let nothing = ByName::default();
        let mut changes = Vec::new();
        for Change { key: namespace, before, now } in self.namespaces.changes(&now.namespaces, Map::ptr_eq) {
            let (before, now) = (before.unwrap_or(&nothing), now.unwrap_or(&nothing));
            changes.extend(before.changes(now, Arc::ptr_eq).map(|Change { key: name, before, now }| Changed {
                namespace: Arc::clone(namespace),
                name: Arc::clone(name),
                before: before.cloned(),
                now: now.cloned(),
            }));
        }
        changes
    }

    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl<T> Clone for ObjectMap<T> {
    fn clone(&self) -> Self {
        Self { namespaces: self.namespaces.clone(), len: self.len }
    }
}

impl<T> Default for ObjectMap<T> {
    fn default() -> Self {
        Self { namespaces: Map::default(), len: 0 }
    }
}

/// EndpointSlices by namespace and name, and by the Service that their label `kubernetes.io/service-name` names.
#[derive(Debug, Clone, Default)]
pub struct EndpointSlices {
    by_name: ObjectMap<EndpointSlice>,
    by_service: ObjectMap<Vec<Arc<EndpointSlice>>>,
}

impl EndpointSlices {
    #[must_use]
    pub fn get(&self, namespace: &str, name: &str) -> Option<&Arc<EndpointSlice>> {
        self.by_name.get(namespace, name)
    }

    /// The slices of a Service, by name.
    #[must_use]
    pub fn of_service(&self, namespace: &str, service: &str) -> &[Arc<EndpointSlice>] {
        self.by_service.get(namespace, service).map_or(&[], |slices| slices.as_slice())
    }

    /// The slices that are others in a later version, by identity.
    #[must_use]
    pub fn changes(&self, now: &Self) -> Vec<Changed<EndpointSlice>> {
        self.by_name.changes(&now.by_name)
    }

    /// All slices, by namespace and then name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<EndpointSlice>> {
        self.by_name.iter()
    }

    /// Adds a slice, or replaces the one of this name.
    pub fn insert(&mut self, namespace: &str, name: &str, slice: Arc<EndpointSlice>) {
        if let Some(old) = self.by_name.get(namespace, name).cloned() {
            self.forget(namespace, &old);
        }
        if let Some(service) = service_of(&slice) {
            let mut slices = self.of_service(namespace, service).to_vec();
            let at = slices.partition_point(|other| other.metadata.name < slice.metadata.name);
            slices.insert(at, Arc::clone(&slice));
            self.by_service.insert(namespace, service, Arc::new(slices));
        }
        self.by_name.insert(namespace, name, slice);
    }

    /// Takes a slice out.
    pub fn remove(&mut self, namespace: &str, name: &str) -> Option<Arc<EndpointSlice>> {
        let removed = self.by_name.remove(namespace, name)?;
        self.forget(namespace, &removed);
        Some(removed)
    }

    #[must_use]
    pub const fn len(&self) -> usize {
        self.by_name.len()
    }

    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// Takes a slice out of the list of its Service.
    fn forget(&mut self, namespace: &str, old: &Arc<EndpointSlice>) {
        let Some(service) = service_of(old) else { return };
        let mut slices = self.of_service(namespace, service).to_vec();
        slices.retain(|slice| !Arc::ptr_eq(slice, old));
        if slices.is_empty() {
            self.by_service.remove(namespace, service);
        } else {
            self.by_service.insert(namespace, service, Arc::new(slices));
        }
    }
}

/// The Service that a slice is of, by its label.
#[must_use]
pub fn service_of(slice: &EndpointSlice) -> Option<&str> {
    slice.metadata.labels.as_ref()?.get(SERVICE_NAME_LABEL).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slice(name: &str, service: &str) -> Arc<EndpointSlice> {
        let mut slice = EndpointSlice::default();
        slice.metadata.name = Some(name.to_owned());
        slice.metadata.labels = Some([(SERVICE_NAME_LABEL.to_owned(), service.to_owned())].into());
        Arc::new(slice)
    }

    #[test]
    fn a_clone_does_not_see_later_insertions() {
        let mut map = ObjectMap::default();
        map.insert("a", "x", Arc::new(1));
        let before = map.clone();
        map.insert("a", "y", Arc::new(2));
        assert_eq!((before.len(), map.len()), (1, 2));
        assert!(before.get("a", "y").is_none());
    }

    #[test]
    fn replacing_an_object_does_not_count_it_twice() {
        let mut map = ObjectMap::default();
        map.insert("a", "x", Arc::new(1));
        map.insert("a", "x", Arc::new(2));
        assert_eq!((map.len(), map.get("a", "x").map(|v| **v)), (1, Some(2)));
    }

    #[test]
    fn slices_of_a_service_are_sorted_by_name_whatever_the_order_of_insertion() {
        let mut slices = EndpointSlices::default();
        slices.insert("a", "web-2", slice("web-2", "web"));
        slices.insert("a", "web-1", slice("web-1", "web"));
        let names: Vec<_> = slices.of_service("a", "web").iter().map(|s| s.metadata.name.clone().unwrap()).collect();
        assert_eq!(names, ["web-1", "web-2"]);
        assert!(slices.of_service("b", "web").is_empty());
    }

    #[test]
    fn a_slice_that_is_removed_leaves_its_service() {
        let mut slices = EndpointSlices::default();
        slices.insert("a", "web-1", slice("web-1", "web"));
        slices.insert("a", "web-2", slice("web-2", "web"));
        assert!(slices.remove("a", "web-1").is_some() && slices.remove("a", "web-1").is_none());
        assert_eq!((slices.of_service("a", "web").len(), slices.len()), (1, 1));
    }

    #[test]
    fn a_slice_that_changes_its_service_leaves_the_old_one() {
        let mut slices = EndpointSlices::default();
        slices.insert("a", "s", slice("s", "web"));
        slices.insert("a", "s", slice("s", "api"));
        assert!(slices.of_service("a", "web").is_empty());
        assert_eq!((slices.of_service("a", "api").len(), slices.len()), (1, 1));
    }
}
