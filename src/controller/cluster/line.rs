//! Whether a kind of object is being followed, told once when it stops and once when it goes on.

#![expect(clippy::disallowed_methods, reason = "the control plane measures real time")]

use std::sync::Arc;

use tokio::time::Instant;

use super::fault::Fault;
use super::scope::Scope;
use crate::telemetry::watch::WatchCell;

/// One watch as operators see it: a gauge, a counter, and two log lines an interruption.
#[derive(Debug)]
pub(super) struct Line {
    kind: &'static str,
    scope: Scope,
    cell: Arc<WatchCell>,
    interrupted: Option<Interrupted>,
}

#[derive(Debug, Clone, Copy)]
struct Interrupted {
    since: Instant,
    failures: u32,
}

impl Line {
    pub(super) fn new(kind: &'static str, scope: Scope, cell: Arc<WatchCell>) -> Self {
        Self { kind, scope, cell, interrupted: None }
    }

    /// Takes note of a failure. Only the first of an interruption is told.
    pub(super) fn failed(&mut self, fault: &Fault) -> Standing {
        if let Some(interrupted) = &mut self.interrupted {
            interrupted.failures = interrupted.failures.saturating_add(1);
            tracing::debug!(kind = self.kind, scope = %self.scope, %fault, "still cannot follow the objects");
            return Standing::Still;
        }
        self.interrupted = Some(Interrupted { since: Instant::now(), failures: 1 });
        self.cell.interrupted(fault.reason());
        tracing::warn!(
            kind = self.kind,
            scope = %self.scope,
            reason = fault.reason().as_str(),
            "cannot follow the objects, and goes on with those that are known: {fault}"
        );
        Standing::Newly
    }

    /// The objects are followed, if they were not.
    pub(super) fn restored(&mut self) {
        self.cell.restored();
        let Some(Interrupted { since, failures }) = self.interrupted.take() else { return };
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

/// Whether a failure is the first of its interruption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Newly,
    Still,
}
