//! Whether another attempt may be made, decided in one place: what nginx's `proxy_next_upstream` allows, as far as it
//! is safe (a request that is not idempotent is sent again only if nothing of it was processed).

use std::time::Instant;

use super::error::{ProxyError, RetryCondition};
use super::upstream::Reuse;
use crate::ir::policy::Retry;

/// How much of a request was sent when its attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sending {
    Nothing,
    Something,
}

/// The attempts that one request has left.
#[derive(Debug)]
pub(crate) struct Budget<'a> {
    policy: &'a Retry,
    idempotent: bool,
    left: u32,
    deadline: Option<Instant>,
    reuse: Reuse,
}

impl<'a> Budget<'a> {
    pub(crate) fn new(policy: &'a Retry, method: &str, endpoints: usize, now: Instant) -> Self {
        let endpoints = u32::try_from(endpoints).unwrap_or(u32::MAX).max(1);
        Self {
            policy,
            idempotent: policy.on.non_idempotent || is_idempotent(method),
            left: policy.tries.unwrap_or(endpoints).saturating_sub(1),
            deadline: policy.timeout.map(|timeout| now + timeout),
            reuse: Reuse::Reused,
        }
    }

    /// Whether the next attempt may take an idle connection. After one turned out stale, others are suspect.
    pub(crate) const fn reuse(&self) -> Reuse {
        self.reuse
    }

    /// Whether there may be an attempt after the one about to be made.
    pub(crate) fn allows_another(&self, now: Instant) -> bool {
        self.left > 0 && self.deadline.is_none_or(|deadline| now < deadline)
    }

    /// Decides after a failed attempt, and counts the next. An idle connection that turned out stale costs none of the
    /// tries (as in nginx): the endpoint itself was not tried.
    pub(crate) fn after_error(&mut self, error: &ProxyError, sending: Sending, reuse: Reuse, now: Instant) -> bool {
        let wanted = match error.retry_condition() {
            Some(RetryCondition::Error) => self.policy.on.error,
            Some(RetryCondition::Timeout) => self.policy.on.timeout,
            Some(RetryCondition::InvalidHeader) => self.policy.on.invalid_header,
            None => false,
        };
        let safe = self.idempotent || sending == Sending::Nothing || error.is_unprocessed();
        if !wanted || !safe {
            return false;
        }
        if reuse == Reuse::Reused && matches!(error, ProxyError::UpstreamClosed(_)) {
            self.reuse = Reuse::Fresh;
            return self.deadline.is_none_or(|deadline| now < deadline);
        }
        self.take(now)
    }

    /// Decides after an answer whose status is to be tried elsewhere.
    pub(crate) fn after_status(&mut self) -> bool {
        self.left = self.left.saturating_sub(1);
        self.idempotent
    }

    /// Whether an answer may be given up for another attempt at all.
    pub(crate) const fn is_idempotent(&self) -> bool {
        self.idempotent
    }

    fn take(&mut self, now: Instant) -> bool {
        let allowed = self.allows_another(now);
        self.left = self.left.saturating_sub(1);
        allowed
    }
}

/// nginx retries every method but POST, LOCK and PATCH; of methods it does not know nothing is assumed
/// (RFC 9110 §9.2.2).
fn is_idempotent(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS" | "TRACE" | "PUT" | "DELETE" | "PROPFIND" | "REPORT" | "SEARCH")
}
