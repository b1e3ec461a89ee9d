//! The table: virtual hosts by name, and what is found for a request.

use std::sync::Arc;

use smallvec::SmallVec;

use super::host::CanonicalHost;
use super::names::Names;
use super::path::PathIndex;
use super::scratch::RegexScratch;
use crate::ir::{Config, HostPattern, Route, VirtualHost};
use crate::persistent::Change;

/// A configuration's index. Immutable.
#[derive(Debug, Default)]
pub struct Table {
    config: Arc<Config>,
    exact: Names,
    /// By the name below `*.`.
    wildcard: Names,
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

impl Table {
    /// Indexes a configuration from scratch.
    #[must_use]
    pub fn new(config: Arc<Config>) -> Self {
        Self::default().update(config)
    }

    /// Indexes a configuration and shares the index of every virtual host that this table's configuration holds too
    /// (the same `Arc`). The result equals [`Table::new`] of the same configuration; it costs what the two differ in.
    #[must_use]
    pub fn update(&self, config: Arc<Config>) -> Self {
        let Self { config: before, exact, wildcard, any } = self;
        let mut next =
            Self { config: Arc::default(), exact: exact.clone(), wildcard: wildcard.clone(), any: any.clone() };
        for Change { key: pattern, before: _, now } in before.hosts.changes(&config.hosts) {
            next.set(pattern, now.map(|host| Arc::new(HostIndex::new(host))));
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
        named.map(Arc::as_ref).chain(self.any.as_deref())
    }

    #[cfg(test)]
    pub(super) fn index_of(&self, pattern: &HostPattern) -> Option<&Arc<HostIndex>> {
        match pattern {
            HostPattern::Exact(name) => self.exact.get(name.as_str().as_bytes()),
            HostPattern::Wildcard(parent) => self.wildcard.get(parent.as_str().as_bytes()),
            HostPattern::Any => self.any.as_ref(),
        }
    }

    /// Makes `index` be that of a pattern.
    fn set(&mut self, pattern: &HostPattern, index: Option<Arc<HostIndex>>) {
        let (names, name) = match pattern {
            HostPattern::Exact(name) => (&mut self.exact, name),
            HostPattern::Wildcard(parent) => (&mut self.wildcard, parent),
            HostPattern::Any => {
                self.any = index;
                return;
            }
        };
        match index {
            Some(index) => names.insert(index),
            None => names.remove(name.as_str().as_bytes()),
        }
    }
}

impl HostIndex {
    fn new(host: &Arc<VirtualHost>) -> Self {
        let name = match &host.pattern {
            HostPattern::Exact(name) | HostPattern::Wildcard(name) => SmallVec::from_slice(name.as_str().as_bytes()),
            HostPattern::Any => SmallVec::new(),
        };
        Self { name, paths: PathIndex::new(&host.routes), virtual_host: Arc::clone(host) }
    }

    /// The name of the pattern; of a wildcard, what is below `*.`.
    pub(super) fn name(&self) -> &[u8] {
        &self.name
    }
}
