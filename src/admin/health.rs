//! What probes are told.

use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the process is on its way out. That it has synced shows in the live state: nothing is published before every
/// source has synced.
#[derive(Debug, Default)]
pub struct Health {
    draining: AtomicBool,
}

impl Health {
    /// From now on `/healthz` and `/readyz` fail, so that traffic is led elsewhere; there is no way back.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}
