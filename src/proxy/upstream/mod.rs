//! The running side of a backend: endpoints with their pools and counts, kept across generations.
//!
//! Everything here belongs to one worker. An [`Upstream`] is found by its backend; an [`EndpointState`] lives as long
//! as its address is listed, and is told when it no longer is, so that connections then close instead of idling.

mod connect;
mod pool;
mod registry;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

pub(crate) use connect::{Connector, Leased};
pub(crate) use pool::{Http1Pool, Http2Pool, Reuse};
pub(crate) use registry::Registry;

use super::balance::{Ewma, Picker};
use crate::ir::{Backend, Endpoint};
use crate::live::State;

/// One address of a backend, as this worker sees it.
#[derive(Debug)]
pub(crate) struct EndpointState {
    pub(crate) endpoint: Endpoint,
    pub(crate) http1: Http1Pool,
    pub(crate) http2: Http2Pool,
    pub(crate) latency: Ewma,
    retired: Cell<bool>,
}

impl EndpointState {
    fn new(endpoint: Endpoint, latency: Ewma) -> Self {
        Self { endpoint, http1: Http1Pool::default(), http2: Http2Pool::default(), latency, retired: Cell::new(false) }
    }

    /// Whether the address has left the backend: requests in flight go on, connections are not kept.
    pub(crate) fn is_retired(&self) -> bool {
        self.retired.get()
    }

    fn retire(&self) {
        self.retired.set(true);
        self.http1.clear();
        self.http2.clear();
    }
}

/// A backend's running side.
#[derive(Debug)]
pub(crate) struct Upstream {
    pub(crate) backend: Arc<Backend>,
    endpoints: RefCell<Rc<[Rc<EndpointState>]>>,
    listed: RefCell<Option<Arc<[Endpoint]>>>,
    picker: Picker,
}

impl Upstream {
    fn new(backend: Arc<Backend>) -> Self {
        let picker = Picker::new(backend.balance);
        Self { backend, endpoints: RefCell::new(Rc::from([])), listed: RefCell::new(None), picker }
    }

    /// Brings the endpoints up to a state's list. States of known addresses are kept. Costs a pointer comparison while
    /// the list is the same.
    pub(crate) fn refresh(&self, state: &State) {
        let listed = state.endpoints.get(&self.backend.id);
        let mut current = self.listed.borrow_mut();
        let unchanged = match (current.as_ref(), listed) {
            (Some(old), Some(new)) => Arc::ptr_eq(old, new),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        if unchanged {
            return;
        }
        *current = listed.cloned();
        let mut endpoints = self.endpoints.borrow_mut();
        let old = Rc::clone(&endpoints);
        *endpoints = succeed(&old, listed.map_or(&[], |list| list));
    }

    /// The endpoints now.
    pub(crate) fn endpoints(&self) -> Rc<[Rc<EndpointState>]> {
        Rc::clone(&self.endpoints.borrow())
    }

    /// The endpoint for the next attempt, one not yet in `tried` while there is one. `None` if there are none at all.
    pub(crate) fn pick(&self, tried: &[Rc<EndpointState>]) -> Option<Rc<EndpointState>> {
        let endpoints = self.endpoints.borrow();
        self.picker.pick(&endpoints, tried)
    }

    fn retire(&self) {
        for endpoint in self.endpoints.borrow().iter() {
            endpoint.retire();
        }
    }
}

/// The new list: known addresses keep their state, new ones start at the average latency, others retire.
fn succeed(old: &[Rc<EndpointState>], listed: &[Endpoint]) -> Rc<[Rc<EndpointState>]> {
    let average = Ewma::average(old.iter().map(|endpoint| &endpoint.latency));
    let next: Rc<[_]> = listed
        .iter()
        .map(|endpoint| {
            let known = old.iter().find(|state| state.endpoint == *endpoint);
            known.map_or_else(|| Rc::new(EndpointState::new(*endpoint, Ewma::starting_at(average))), Rc::clone)
        })
        .collect();
    for gone in old.iter().filter(|state| !listed.contains(&state.endpoint)) {
        gone.retire();
    }
    next
}
