//! Whether a kind of object is being followed, told once when it stops, once for every other reason that keeps it from
//! going on, and once when it goes on.

#![expect(clippy::disallowed_methods, reason = "the control plane measures real time")]

use std::sync::Arc;

use tokio::time::Instant;

use super::fault::Fault;
use super::scope::Scope;
use crate::telemetry::watch::{Interruption, WatchCell};

/// One watch as operators see it: a gauge, a counter, and two log lines an interruption that has one reason.
#[derive(Debug)]
pub(super) struct Line {
    kind: &'static str,
    scope: Scope,
    cell: Arc<WatchCell>,
    interrupted: Option<Interrupted>,
}

#[derive(Debug, Clone)]
struct Interrupted {
    since: Instant,
    failures: u32,
    /// The reasons that were told.
    reasons: Vec<Interruption>,
}

impl Line {
    pub(super) fn new(kind: &'static str, scope: Scope, cell: Arc<WatchCell>) -> Self {
        Self { kind, scope, cell, interrupted: None }
    }

    /// Takes note of a failure. Of an interruption only the first for each reason is told: a server that was away and,
    /// now that it is back, refuses us is another matter.
    pub(super) fn failed(&mut self, fault: &Fault) -> Standing {
        let reason = fault.reason();
        let interrupted = self.interrupted.get_or_insert_with(|| Interrupted {
            since: Instant::now(),
            failures: 0,
            reasons: Vec::new(),
        });
        interrupted.failures = interrupted.failures.saturating_add(1);
        if interrupted.reasons.contains(&reason) {
            tracing::debug!(kind = self.kind, scope = %self.scope, %fault, "still cannot follow the objects");
            return Standing::Still;
        }
        interrupted.reasons.push(reason);
        self.cell.interrupted(reason);
        tracing::warn!(
            kind = self.kind,
            scope = %self.scope,
            reason = reason.as_str(),
            "cannot follow the objects, and goes on with those that are known: {fault}"
        );
        Standing::Newly
    }

    /// A watch has begun. After an interruption that does not say that it works.
    pub(super) fn begun(&self) {
        if self.interrupted.is_none() {
            self.cell.restored();
        }
    }

    /// The objects are followed, if they were not.
    pub(super) fn restored(&mut self) {
        self.cell.restored();
        let Some(Interrupted { since, failures, reasons: _ }) = self.interrupted.take() else { return };
        let lasted = since.elapsed();
        tracing::info!(kind = self.kind, scope = %self.scope, failures, ?lasted, "follows the objects again");
    }

    pub(super) fn listed(&self) {
        self.cell.listed();
    }

    pub(super) fn event(&self) {
        self.cell.event();
    }
}

/// Whether a failure is the first of its interruption for its reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Newly,
    Still,
}
