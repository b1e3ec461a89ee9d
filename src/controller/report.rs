//! What the controller says about itself: the newest report, read without a lock by the admin server and metrics.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;

use crate::diagnostic::Diagnostic;
use crate::snapshot::Counts;

/// The state of the control plane after its newest rebuild.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// The generation published last; 0 before the first.
    pub generation: u64,
    /// Of the source, the compiler and DNS together: sorted, each once.
    pub diagnostics: Arc<[Diagnostic]>,
    pub counts: Counts,
    pub timings: Timings,
    /// When the newest generation was published.
    pub published_at: Option<SystemTime>,
}

/// How long the steps of the newest rebuild took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timings {
    /// Reading what had changed.
    pub read: Duration,
    /// Objects to configuration, table and certificates.
    pub compile: Duration,
    /// Resolved endpoints assembled and the state swapped.
    pub publish: Duration,
}

/// The newest [`Report`].
#[derive(Debug, Default)]
pub struct ReportCell {
    report: ArcSwap<Report>,
}

impl ReportCell {
    #[must_use]
    pub fn current(&self) -> Arc<Report> {
        self.report.load_full()
    }

    /// Replaces the report; the controller's alone to call.
    pub fn store(&self, report: Report) {
        self.report.store(Arc::new(report));
    }
}
