//! Who was made from which object: the other way round, so that a change leads to what is to be made anew.

use std::collections::BTreeMap;

use crate::ir::ObjectRef;

/// The users of every object.
#[derive(Debug)]
pub(super) struct Users<User> {
    /// Sorted, never empty.
    of: BTreeMap<ObjectRef, Vec<User>>,
}

impl<User: Ord> Users<User> {
    /// `user` uses the object from now on, if it does not yet.
    pub(super) fn add(&mut self, object: ObjectRef, user: User) {
        let users = self.of.entry(object).or_insert_with(|| Vec::with_capacity(1));
        if let Err(place) = users.binary_search(&user) {
            users.insert(place, user);
        }
    }

    /// `user` uses the object no longer.
    pub(super) fn remove(&mut self, object: &ObjectRef, user: &User) {
        let Some(users) = self.of.get_mut(object) else { return };
        if let Ok(place) = users.binary_search(user) {
            users.remove(place);
        }
        if users.is_empty() {
            self.of.remove(object);
        }
    }

    /// The users of an object, sorted.
    pub(super) fn of(&self, object: &ObjectRef) -> &[User] {
        self.of.get(object).map_or(&[], Vec::as_slice)
    }
}

impl<User> Default for Users<User> {
    fn default() -> Self {
        Self { of: BTreeMap::new() }
    }
}
