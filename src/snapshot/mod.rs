//! The objects at one moment, immutable.

/// The objects at one moment.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {}
