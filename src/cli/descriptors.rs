//! The limit of open file descriptors, raised as far as the process may.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Below this many, a busy node runs out: every request in flight takes two.
const COMFORTABLE: u64 = 65_536;

/// Raises the soft limit to the hard one. A limit that stays low is reported and does not stop the start.
pub(super) fn raise_limit() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: maximum, maximum };
    let limit = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => maximum,
        Err(error) => {
            tracing::warn!(%error, "the limit of open files could not be raised");
            current
        }
    };
    match limit {
        Some(limit) if limit < COMFORTABLE => tracing::warn!(
            limit,
            "the limit of open files is low: with two for each request in flight, connections may be refused under load"
        ),
        Some(limit) => tracing::debug!(limit, "limit of open files"),
        None => tracing::debug!("open files are not limited"),
    }
}
