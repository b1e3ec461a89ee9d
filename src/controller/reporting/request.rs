//! Requests to the API server that fail for a while: saying so once, and leaving it alone.

use std::fmt;
use std::time::Duration;

use tokio::time::timeout;

use crate::controller::cluster::fault::Fault;

/// Whose fields these are, for server-side records of who wrote what.
pub(super) const FIELD_MANAGER: &str = "landfall";

/// What a request gives, or that it took too long. Dropping it ends the request, as far as the server notices.
pub(super) async fn within<T, E: From<Fault>>(
    limit: Duration,
    request: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    timeout(limit, request).await.unwrap_or_else(|_| Err(Fault::Silent(limit).into()))
}

/// Something that may be failing for a while: told when it begins and when it is over.
#[derive(Debug)]
pub(super) struct Trouble {
    /// What cannot be done, such as "cannot write statuses".
    what: &'static str,
    failures: u32,
}

impl Trouble {
    pub(super) const fn new(what: &'static str) -> Self {
        Self { what, failures: 0 }
    }

    /// Another failure, told if it is the first in a row. Returns how long to leave the server alone, which is at least
    /// as long as it has `asked` for.
    pub(super) fn note(&mut self, failure: &impl fmt::Display, asked: Option<Duration>) -> Duration {
        if self.failures == 0 {
            tracing::warn!("{}, and tries again: {failure}", self.what);
        } else {
            tracing::debug!("still {}: {failure}", self.what);
        }
        self.failures = self.failures.saturating_add(1);
        pause(self.failures).max(asked.unwrap_or_default())
    }

    /// It has succeeded.
    pub(super) fn over(&mut self) {
        if self.failures > 0 {
            tracing::info!(failures = self.failures, "no longer {}", self.what);
            self.failures = 0;
        }
    }
}

/// The wait after so many failures in a row: from a second, doubling, to five minutes; at random between half of that
/// and all.
fn pause(failures: u32) -> Duration {
    let ceiling = Duration::from_secs(1 << failures.saturating_sub(1).min(9)).min(Duration::from_secs(300));
    ceiling.mul_f64(0.5 + 0.5 * fastrand::f64())
}
