//! The virtual hosts of a configuration.

use std::fmt;
use std::sync::Arc;

use super::host::{HostPattern, VirtualHost};
use crate::persistent::{Change, Map};

/// Virtual hosts, sorted by pattern, each pattern once. A clone shares what neither of the two changes.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct VirtualHosts(Map<HostPattern, Arc<VirtualHost>>);

impl VirtualHosts {
    /// Adds a host, or replaces the one of its pattern.
    pub fn insert(&mut self, host: Arc<VirtualHost>) {
        self.0.insert(host.pattern.clone(), host);
    }

    /// Takes the host of a pattern out.
    pub fn remove(&mut self, pattern: &HostPattern) -> Option<Arc<VirtualHost>> {
        self.0.remove(pattern)
    }

    #[must_use]
    pub fn get(&self, pattern: &HostPattern) -> Option<&Arc<VirtualHost>> {
        self.0.get(pattern)
    }

    /// All hosts, by pattern.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<VirtualHost>> + Clone {
        self.0.values()
    }

    /// The hosts that are others in a later version, by identity. Costs what the two versions do not share.
    pub fn changes<'h>(&'h self, now: &'h Self) -> impl Iterator<Item = Change<'h, HostPattern, Arc<VirtualHost>>> {
        self.0.changes(&now.0, Arc::ptr_eq)
    }

    /// Whether the two hold the same hosts, by identity.
    #[must_use]
    pub fn are(&self, others: &Self) -> bool {
        self.changes(others).next().is_none()
    }

    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for VirtualHosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl FromIterator<Arc<VirtualHost>> for VirtualHosts {
    /// The later of two hosts of one pattern wins.
    fn from_iter<I: IntoIterator<Item = Arc<VirtualHost>>>(hosts: I) -> Self {
        Self(hosts.into_iter().map(|host| (host.pattern.clone(), host)).collect())
    }
}
