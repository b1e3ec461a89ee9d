//! The routing table: an [`ir::Config`](crate::ir::Config) indexed for matching.

use std::sync::Arc;

use crate::ir::Config;

/// The index. Immutable.
#[derive(Debug, Default)]
pub struct Table {
    config: Arc<Config>,
}

impl Table {
    /// Indexes a configuration from scratch.
    #[must_use]
    pub fn new(config: Arc<Config>) -> Self {
        Self { config }
    }

    /// The configuration that this table indexes.
    #[must_use]
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }
}
