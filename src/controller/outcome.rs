//! What the newest compile made of the objects, for whoever tells the cluster about it.

use std::sync::Arc;

use crate::compile::IngressStatus;
use crate::diagnostic::Diagnostic;
use crate::snapshot::Snapshot;

/// What was compiled, and what became of it. A clone costs a few reference counts.
#[derive(Debug, Clone, Default)]
pub(super) struct Outcome {
    pub(super) snapshot: Snapshot,
    /// Of every Ingress of the snapshot, sorted by namespace and name.
    pub(super) statuses: Arc<[IngressStatus]>,
    /// Everything there is to report, sorted, each once.
    pub(super) diagnostics: Arc<[Diagnostic]>,
}
