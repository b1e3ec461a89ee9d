//! What a watch hands over.

use std::sync::Arc;

use super::fault::Fault;
use super::trim::Kept;
use crate::compile::references::Names;

/// One message of a watch.
#[derive(Debug)]
pub(super) struct Delivery {
    /// Which watch, by its number.
    pub(super) watch: usize,
    pub(super) change: Change,
}

/// What became of objects.
#[derive(Debug)]
pub(super) enum Change {
    Listed(List),
    /// Created or changed.
    Applied(Item),
    Deleted(Item),
    /// From now on nothing can be said.
    Interrupted(Fault),
}

/// Everything that there is in the watch's scope.
#[derive(Debug)]
pub(super) struct List {
    pub(super) items: Vec<Item>,
    pub(super) version: u64,
    /// Of a kind that is kept by name: which objects the list is about.
    pub(super) looked_for: Option<Arc<Names>>,
    /// Whether versions have begun anew, below those that there were before.
    pub(super) anew: bool,
}

/// One object and the version at which it became what it is, or was deleted. Versions grow, and are comparable within
/// a kind.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) kept: Kept,
    pub(super) version: u64,
}

/// Reads `metadata.resourceVersion`. It is a decimal number on every API server (and promised to be one since
/// Kubernetes 1.35); what is none is older than everything.
pub(super) fn parse_version(text: Option<&str>) -> u64 {
    text.and_then(|text| text.parse().ok()).unwrap_or(0)
}
