//! One after the other.

use std::cell::Cell;
use std::rc::Rc;

use crate::proxy::upstream::EndpointState;

/// Remembers where the last pick was. Starts at a random place, so that workers and restarts do not all begin with the
/// first endpoint.
#[derive(Debug)]
pub(crate) struct RoundRobin {
    next: Cell<usize>,
}

impl Default for RoundRobin {
    fn default() -> Self {
        Self { next: Cell::new(fastrand::usize(..)) }
    }
}

impl RoundRobin {
    /// The next endpoint that is `fresh`; if none is, the next one.
    pub(crate) fn pick<'a>(
        &self,
        endpoints: &'a [Rc<EndpointState>],
        fresh: impl Fn(&Rc<EndpointState>) -> bool,
    ) -> Option<&'a Rc<EndpointState>> {
        let count = endpoints.len();
        if count == 0 {
            return None;
        }
        let start = self.next.get();
        let steps = (0..count).find(|step| endpoints.get(start.wrapping_add(*step) % count).is_some_and(&fresh));
        let chosen = start.wrapping_add(steps.unwrap_or(0));
        self.next.set(chosen.wrapping_add(1));
        endpoints.get(chosen % count)
    }
}
