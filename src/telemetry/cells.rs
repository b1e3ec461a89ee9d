//! Cells that one thread writes and any thread reads: a counter, and a list that only grows.
//!
//! A write is a relaxed load and a relaxed store, without a locked instruction. That is exact because each cell has one
//! writer; a second writer would lose counts, nothing worse.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// A number that one thread changes. Wraps at 2^64.
#[derive(Debug, Default)]
pub(super) struct Cell(AtomicU64);

impl Cell {
    pub(super) fn add(&self, amount: u64) {
        self.0.store(self.get().wrapping_add(amount), Ordering::Relaxed);
    }

    pub(super) fn subtract(&self, amount: u64) {
        self.0.store(self.get().wrapping_sub(amount), Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A list of keyed values that grows at its end and never moves what it holds. Looking up costs a walk: it is for the
/// few keys that one owner sees (the statuses of a route, the codes of a worker).
#[derive(Debug)]
pub(super) struct AppendList<K, V> {
    first: OnceLock<Box<Node<K, V>>>,
}

#[derive(Debug)]
struct Node<K, V> {
    key: K,
    value: V,
    rest: AppendList<K, V>,
}

impl<K, V> Default for AppendList<K, V> {
    fn default() -> Self {
        Self { first: OnceLock::new() }
    }
}

impl<K: Copy + PartialEq, V> AppendList<K, V> {
    /// The value under `key`, a default one if it is not there; `None` if the list already holds `limit` other keys.
    pub(super) fn entry(&self, key: K, limit: usize) -> Option<&V>
    where
        V: Default,
    {
        self.entry_or(key, limit, V::default)
    }

    /// As [`entry`](Self::entry), with the value that `make` makes.
    pub(super) fn entry_or(&self, key: K, limit: usize, make: impl Fn() -> V) -> Option<&V> {
        let mut list = self;
        for _ in 0..limit {
            let node = list.first.get_or_init(|| Box::new(Node { key, value: make(), rest: AppendList::default() }));
            if node.key == key {
                return Some(&node.value);
            }
            list = &node.rest;
        }
        None
    }

    /// Everything in the list, in order of first use.
    pub(super) fn iter(&self) -> impl Iterator<Item = (K, &V)> {
        let mut list = self;
        std::iter::from_fn(move || {
            let node = list.first.get()?;
            list = &node.rest;
            Some((node.key, &node.value))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_keeps_one_value_for_each_key_up_to_its_limit() {
        let list: AppendList<u16, Cell> = AppendList::default();
        for key in [200, 404, 200, 200] {
            list.entry(key, 2).expect("two keys fit").add(1);
        }
        assert!(list.entry(500, 2).is_none());
        let counts: Vec<_> = list.iter().map(|(key, cell)| (key, cell.get())).collect();
        assert_eq!(counts, [(200, 3), (404, 1)]);
    }
}
