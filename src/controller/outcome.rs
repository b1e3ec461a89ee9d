//! What the newest compile made of the objects, for whoever tells the cluster about it.

use crate::compile::IngressStatuses;
use crate::diagnostic::Diagnostics;
use crate::snapshot::Snapshot;

/// What was compiled, and what became of it. A clone costs a few reference counts.
#[derive(Debug, Clone, Default)]
pub(super) struct Outcome {
    pub(super) snapshot: Snapshot,
    /// Of every Ingress of the snapshot.
    pub(super) statuses: IngressStatuses,
    /// Everything there is to report.
    pub(super) diagnostics: Diagnostics,
}
