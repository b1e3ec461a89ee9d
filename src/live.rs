//! The one swap: the state that requests are served by is published here and read everywhere else.
//!
//! A [`State`] is immutable. One [`Publisher`] replaces it; any number of [`Reader`]s load it without a lock. A worker
//! keeps a [`View`], which costs one atomic load to revalidate and takes a reference only when the state has changed.

use std::sync::Arc;

use arc_swap::{ArcSwap, Cache};

use crate::ir::{BackendId, Config, Endpoint};
use crate::persistent::Map;
use crate::table::Table;
use crate::tls::CertificateStore;

/// The resolved endpoints of every backend of a configuration. A backend without an entry has none.
pub type Endpoints = Map<BackendId, Arc<[Endpoint]>>;

/// Everything that requests of one generation are served by.
#[derive(Debug)]
pub struct State {
    /// Counts publications from 1; 0 is the state before the first.
    pub generation: u64,
    pub config: Arc<Config>,
    pub table: Arc<Table>,
    pub certificates: Arc<CertificateStore>,
    pub endpoints: Arc<Endpoints>,
}

/// What a publication replaces; the publisher adds the generation.
#[derive(Debug)]
pub struct Publication {
    pub config: Arc<Config>,
    pub table: Arc<Table>,
    pub certificates: Arc<CertificateStore>,
    pub endpoints: Arc<Endpoints>,
}

/// Makes the pair: one writer, and the first of the readers.
#[must_use]
pub fn channel() -> (Publisher, Reader) {
    let empty = State {
        generation: 0,
        config: Arc::default(),
        table: Arc::default(),
        certificates: Arc::default(),
        endpoints: Arc::default(),
    };
    let shared = Arc::new(ArcSwap::from_pointee(empty));
    (Publisher { shared: Arc::clone(&shared) }, Reader { shared })
}

/// The only writer. Not `Clone`: generations are in one order.
#[derive(Debug)]
pub struct Publisher {
    shared: Arc<ArcSwap<State>>,
}

impl Publisher {
    /// Publishes and returns the new state. The next request of every worker is served by it.
    pub fn publish(&mut self, next: Publication) -> Arc<State> {
        let generation = self.shared.load().generation + 1;
        let Publication { config, table, certificates, endpoints } = next;
        let state = Arc::new(State { generation, config, table, certificates, endpoints });
        self.shared.store(Arc::clone(&state));
        state
    }
}

/// Reads the state from anywhere.
#[derive(Debug, Clone)]
pub struct Reader {
    shared: Arc<ArcSwap<State>>,
}

impl Reader {
    /// The state now. Takes a shared reference count: for control paths and handshakes.
    #[must_use]
    pub fn current(&self) -> Arc<State> {
        self.shared.load_full()
    }

    /// A worker's own view.
    #[must_use]
    pub fn view(&self) -> View {
        View { cache: Cache::new(Arc::clone(&self.shared)) }
    }
}

/// A worker's view of the state.
#[derive(Debug)]
pub struct View {
    cache: Cache<Arc<ArcSwap<State>>, Arc<State>>,
}

impl View {
    /// The state now, at the cost of one atomic load while it is unchanged.
    pub fn current(&mut self) -> &Arc<State> {
        self.cache.load()
    }
}
