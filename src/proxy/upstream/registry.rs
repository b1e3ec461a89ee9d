//! A worker's upstreams by backend.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Context;
use std::time::Instant;

use super::Upstream;
use crate::ir::Backend;
use crate::live::State;

/// Finds or makes the running side of a backend. Outlives generations.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    upstreams: HashMap<Arc<Backend>, Rc<Upstream>>,
}

impl Registry {
    /// The running side of `backend`, its endpoints as of `state`.
    pub(crate) fn upstream(&mut self, backend: &Arc<Backend>, state: &State) -> Rc<Upstream> {
        let upstream =
            self.upstreams.entry(Arc::clone(backend)).or_insert_with(|| Rc::new(Upstream::new(Arc::clone(backend))));
        upstream.refresh(state);
        Rc::clone(upstream)
    }

    /// Forgets upstreams whose backend has left the configuration and that nobody uses; closes idle connections that
    /// have become useless in the others. Called from the worker's tick.
    pub(crate) fn sweep(&mut self, state: &State, cx: &mut Context<'_>, now: Instant) {
        self.upstreams.retain(|backend, upstream| {
            let keep = state.endpoints.contains_key(&backend.id) || Rc::strong_count(upstream) > 1;
            if !keep {
                upstream.retire();
            }
            keep
        });
        for upstream in self.upstreams.values() {
            upstream.refresh(state);
            for endpoint in upstream.endpoints().iter() {
                endpoint.http1.sweep(cx, now);
                endpoint.http2.sweep(&upstream.backend.keep_alive, now);
            }
        }
    }
}
