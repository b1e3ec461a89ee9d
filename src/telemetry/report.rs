//! What the control plane has to say about the state that it last published.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;

use super::reporting::ReportingCell;
use super::watch::Watches;
use crate::diagnostic::Diagnostics;
use crate::ir::ObjectKind;

/// One publication, as the admin server and metrics show it.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// The generation that was published; 0 before the first.
    pub generation: u64,
    /// When.
    pub published: Option<SystemTime>,
    /// Everything that is to be said about the objects.
    pub diagnostics: Diagnostics,
    /// How many objects of each kind the generation was made from.
    pub objects: BTreeMap<ObjectKind, usize>,
    pub timings: Timings,
}

/// What a publication took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timings {
    /// Objects to configuration, table and certificates.
    pub compile: Duration,
    /// From the first event that led to it until it was live, hold-off included.
    pub publish: Duration,
}

/// Holds the last report. One control plane stores; anyone reads.
#[derive(Debug, Default)]
pub struct ReportCell {
    current: ArcSwap<Report>,
    stored: AtomicU64,
    failed: AtomicU64,
    failed_last: AtomicBool,
    watches: Watches,
    reporting: ReportingCell,
}

impl ReportCell {
    /// Replaces the report and counts one successful publication.
    pub fn store(&self, report: Report) {
        self.current.store(Arc::new(report));
        self.stored.fetch_add(1, Ordering::Relaxed);
        self.failed_last.store(false, Ordering::Relaxed);
    }

    /// Replaces the report: there is other news of the objects, and what was published last stays live.
    pub fn amend(&self, report: Report) {
        self.current.store(Arc::new(report));
        self.failed_last.store(false, Ordering::Relaxed);
    }

    /// Counts an attempt that ended without a publication (a source that failed, a panic in a pass).
    pub fn failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        self.failed_last.store(true, Ordering::Relaxed);
    }

    /// Whether anything was published and nothing has failed since.
    #[must_use]
    pub fn succeeded_last(&self) -> bool {
        self.successes() > 0 && !self.failed_last.load(Ordering::Relaxed)
    }

    /// How following the objects goes, where they come from a cluster.
    #[must_use]
    pub fn watches(&self) -> &Watches {
        &self.watches
    }

    /// What was reported to the cluster, where objects come from one.
    #[must_use]
    pub fn reporting(&self) -> &ReportingCell {
        &self.reporting
    }

    #[must_use]
    pub fn current(&self) -> Arc<Report> {
        self.current.load_full()
    }

    /// Publications so far.
    #[must_use]
    pub fn successes(&self) -> u64 {
        self.stored.load(Ordering::Relaxed)
    }

    /// Attempts that failed so far.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }
}
