//! What probes are told.

use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the process listens, and whether it is on its way out. That it has synced shows in the live state: nothing is
/// published before every source has synced.
#[derive(Debug, Default)]
pub struct Health {
    listening: AtomicBool,
    draining: AtomicBool,
}

impl Health {
    /// Clients can connect from now on. Before, `/healthz` and `/readyz` fail, so that none is led here to be refused.
    pub fn listen(&self) {
        self.listening.store(true, Ordering::Relaxed);
    }

    #[must_use]
    pub fn is_listening(&self) -> bool {
        self.listening.load(Ordering::Relaxed)
    }

    /// From now on `/healthz` and `/readyz` fail, so that traffic is led elsewhere; there is no way back.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}
