//! The table: virtual hosts by name, and what is found for a request.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use smallvec::SmallVec;

use super::host::CanonicalHost;
use super::path::PathIndex;
use super::scratch::RegexScratch;
use crate::ir::{Config, HostName, HostPattern, Route, VirtualHost};

/// A configuration's index. Immutable.
#[derive(Debug, Default)]
pub struct Table {
    config: Arc<Config>,
    exact: HashSet<Named>,
    /// By the name below `*.`.
    wildcard: HashSet<Named>,
    any: Option<Arc<HostIndex>>,
}

/// What claims a request.
#[derive(Debug, Clone, Copy)]
pub struct Found<'t> {
    /// The virtual host whose pattern claims the name.
    pub host: Option<&'t Arc<VirtualHost>>,
    /// The route whose matcher claims the path; else the virtual host's fallback; else the configuration's.
    pub route: Option<&'t Arc<Route>>,
}

/// One virtual host's index; generations share it while the virtual host is the same.
#[derive(Debug)]
pub(super) struct HostIndex {
    /// The name of the pattern, here and not behind a pointer: a look-up touches one place in memory per host.
    name: SmallVec<[u8; 40]>,
    paths: PathIndex,
    virtual_host: Arc<VirtualHost>,
}

/// A host index in a set by its name.
#[derive(Debug, Clone)]
struct Named(Arc<HostIndex>);

impl Table {
    /// Indexes a configuration from scratch. Of several virtual hosts with one pattern, the first counts.
    #[must_use]
    pub fn new(config: Arc<Config>) -> Self {
        Self::default().update(config)
    }

    /// Indexes a configuration and shares the index of every virtual host that this table's configuration holds too
    /// (the same `Arc`). The result equals [`Table::new`] of the same configuration.
    #[must_use]
    pub fn update(&self, config: Arc<Config>) -> Self {
        let count = |wanted: fn(&HostPattern) -> bool| config.hosts.iter().filter(|h| wanted(&h.pattern)).count();
        let mut next = Self {
            config: Arc::default(),
            exact: HashSet::with_capacity(count(|pattern| matches!(pattern, HostPattern::Exact(_)))),
            wildcard: HashSet::with_capacity(count(|pattern| matches!(pattern, HostPattern::Wildcard(_)))),
            any: None,
        };
        for host in &config.hosts {
            next.insert(host, self.index_of(&host.pattern));
        }
        Self { config, ..next }
    }

    /// The configuration that this table indexes.
    #[must_use]
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// Finds what claims a request for `path`, which is in canonical form (`request::path`), on `host`. The host is
    /// looked for by its exact name, then by a wildcard for its first label, then among all. Takes no lock, allocates
    /// nothing (but a regular expression's cache at its first use) and writes to `scratch` alone.
    #[must_use]
    pub fn lookup<'t>(&'t self, host: &CanonicalHost, path: &[u8], scratch: &mut RegexScratch) -> Found<'t> {
        let index = self.claimants(host).next();
        let matched = index.and_then(|index| index.paths.find(path, scratch));
        let host = index.map(|index| &index.virtual_host);
        let fallback = || host.and_then(|host| host.fallback.as_ref()).or(self.config.fallback.as_ref());
        Found { host, route: matched.or_else(fallback) }
    }

    /// The virtual hosts whose patterns match `host`, the most precise first.
    pub(super) fn matching_hosts(&self, host: &CanonicalHost) -> impl Iterator<Item = &Arc<VirtualHost>> {
        self.claimants(host).map(|index| &index.virtual_host)
    }

    fn claimants(&self, host: &CanonicalHost) -> impl Iterator<Item = &HostIndex> {
        let exact = self.exact.get(host.as_bytes());
        let below = || host.parent().and_then(|parent| self.wildcard.get(parent));
        let named = exact.into_iter().chain(std::iter::once_with(below).flatten());
        named.map(|Named(index)| &**index).chain(self.any.as_deref())
    }

    pub(super) fn index_of(&self, pattern: &HostPattern) -> Option<&Arc<HostIndex>> {
        match pattern {
            HostPattern::Exact(name) => self.exact.get(name.as_str().as_bytes()).map(|Named(index)| index),
            HostPattern::Wildcard(parent) => self.wildcard.get(parent.as_str().as_bytes()).map(|Named(index)| index),
            HostPattern::Any => self.any.as_ref(),
        }
    }

    fn insert(&mut self, host: &Arc<VirtualHost>, previous: Option<&Arc<HostIndex>>) {
        let index = match previous.filter(|previous| Arc::ptr_eq(&previous.virtual_host, host)) {
            Some(unchanged) => Arc::clone(unchanged),
            None => Arc::new(HostIndex::new(host)),
        };
        match &host.pattern {
            HostPattern::Exact(_) => {
                self.exact.insert(Named(index));
            }
            HostPattern::Wildcard(_) => {
                self.wildcard.insert(Named(index));
            }
            HostPattern::Any => {
                self.any.get_or_insert(index);
            }
        }
    }
}

impl HostIndex {
    fn new(host: &Arc<VirtualHost>) -> Self {
        let name = match &host.pattern {
            HostPattern::Exact(name) | HostPattern::Wildcard(name) => SmallVec::from_slice(name_octets(name)),
            HostPattern::Any => SmallVec::new(),
        };
        Self { name, paths: PathIndex::new(&host.routes), virtual_host: Arc::clone(host) }
    }
}

fn name_octets(name: &HostName) -> &[u8] {
    name.as_str().as_bytes()
}

impl Borrow<[u8]> for Named {
    fn borrow(&self) -> &[u8] {
        &self.0.name
    }
}

impl Hash for Named {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.name.as_slice().hash(state);
    }
}

impl PartialEq for Named {
    fn eq(&self, other: &Self) -> bool {
        self.0.name == other.0.name
    }
}

impl Eq for Named {}
