//! Picking an endpoint.

mod ewma;
mod round_robin;

use std::rc::Rc;

pub(crate) use ewma::Ewma;
use round_robin::RoundRobin;

use super::upstream::EndpointState;
use crate::ir::Balance;

/// A backend's way to pick, with the state it needs.
#[derive(Debug)]
pub(crate) enum Picker {
    RoundRobin(RoundRobin),
    Ewma,
}

impl Picker {
    pub(crate) fn new(balance: Balance) -> Self {
        match balance {
            Balance::RoundRobin => Self::RoundRobin(RoundRobin::default()),
            Balance::Ewma => Self::Ewma,
        }
    }

    /// The endpoint for the next attempt. Endpoints already tried come last: they are picked again only when all were
    /// tried. `None` for an empty list.
    pub(crate) fn pick(
        &self,
        endpoints: &[Rc<EndpointState>],
        tried: &[Rc<EndpointState>],
    ) -> Option<Rc<EndpointState>> {
        let untried = |endpoint: &Rc<EndpointState>| !tried.iter().any(|other| Rc::ptr_eq(other, endpoint));
        let picked = match self {
            Self::RoundRobin(cursor) => cursor.pick(endpoints, untried),
            Self::Ewma => ewma::pick(endpoints, untried),
        };
        picked.cloned()
    }
}
