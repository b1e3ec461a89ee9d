//! Host indices by name: a hash table in shards, which versions of it share.
//!
//! A look-up hashes the name once, for the shard and for the place in it. A change to a clone copies the list of shards
//! and the one shard that the name is in.

use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::lookup::HostIndex;

/// At 100,000 names a shard holds some four hundred. A power of two.
const SHARDS: usize = 256;

type Shard = Arc<HashTable<Arc<HostIndex>>>;

/// Host indices, each under a name of its own.
#[derive(Debug, Clone)]
pub(super) struct Names {
    shards: Arc<[Shard]>,
    hasher: RandomState,
}

impl Names {
    pub(super) fn get(&self, name: &[u8]) -> Option<&Arc<HostIndex>> {
        let hash = self.hasher.hash_one(name);
        self.shards.get(shard_of(hash))?.find(hash, |index| index.name() == name)
    }

    /// Adds an index under its name, in place of the one there was.
    pub(super) fn insert(&mut self, index: Arc<HostIndex>) {
        let hash = self.hasher.hash_one(index.name());
        let hasher = &self.hasher;
        let Some(shard) = Arc::make_mut(&mut self.shards).get_mut(shard_of(hash)) else { return };
        let is_same = |other: &Arc<HostIndex>| other.name() == index.name();
        match Arc::make_mut(shard).entry(hash, is_same, |other| hasher.hash_one(other.name())) {
            Entry::Occupied(mut entry) => *entry.get_mut() = index,
            Entry::Vacant(entry) => {
                entry.insert(index);
            }
        }
    }

    pub(super) fn remove(&mut self, name: &[u8]) {
        if self.get(name).is_none() {
            return;
        }
        let hash = self.hasher.hash_one(name);
        let shard = Arc::make_mut(&mut self.shards).get_mut(shard_of(hash)).map(Arc::make_mut);
        if let Some(Ok(entry)) = shard.map(|shard| shard.find_entry(hash, |index| index.name() == name)) {
            entry.remove();
        }
    }
}

/// By bits that the table of a shard looks at last.
fn shard_of(hash: u64) -> usize {
    usize::try_from(hash >> 32).unwrap_or_default() % SHARDS
}

impl Default for Names {
    fn default() -> Self {
        Self { shards: vec![Shard::default(); SHARDS].into(), hasher: RandomState::default() }
    }
}
