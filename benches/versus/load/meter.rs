//! What the clients of a run have in common: counts, faults, and the word to stop.

use std::cell::{Cell, RefCell};

use crate::body::Nonce;

/// Faults that are kept in words; all are counted.
const KEPT: usize = 3;

#[derive(Debug, Default)]
pub(crate) struct Meter {
    completed: Cell<u64>,
    /// The number of exchanges at which to stop; 0 is none.
    limit: Cell<u64>,
    begun: Cell<u64>,
    ready: Cell<usize>,
    stopped: Cell<bool>,
    faults: Cell<usize>,
    first_faults: RefCell<Vec<String>>,
    latencies: RefCell<Vec<u32>>,
}

impl Meter {
    /// A nonce that no exchange of this run has had.
    pub(crate) fn nonce(&self) -> Nonce {
        let number = self.begun.get();
        self.begun.set(number + 1);
        // Spread over all digits, so that no two look alike.
        Nonce::new(number.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// An exchange has ended as it must.
    pub(crate) fn complete(&self) {
        self.completed.set(self.completed.get() + 1);
        if self.completed.get() == self.limit.get() {
            self.stop();
        }
    }

    /// Stops by itself after so many exchanges.
    pub(crate) fn stop_after(&self, exchanges: u64) {
        self.limit.set(exchanges);
    }

    /// The number of exchanges that ended so far.
    pub(crate) fn completed(&self) -> u64 {
        self.completed.get()
    }

    /// A client has made its connection, and used it.
    pub(crate) fn client_ready(&self) {
        self.ready.set(self.ready.get() + 1);
    }

    /// How many clients are ready.
    pub(crate) fn ready(&self) -> usize {
        self.ready.get()
    }

    /// Something is wrong: the run fails, and ends.
    pub(crate) fn fault(&self, fault: &anyhow::Error) {
        self.faults.set(self.faults.get() + 1);
        let mut kept = self.first_faults.borrow_mut();
        if kept.len() < KEPT {
            kept.push(format!("{fault:#}"));
        }
        self.stop();
    }

    /// What was wrong, if anything was.
    pub(crate) fn verdict(&self) -> Result<(), String> {
        match self.faults.get() {
            0 => Ok(()),
            faults => Err(format!("{faults} faults: {}", self.first_faults.borrow().join("; "))),
        }
    }

    pub(crate) fn stop(&self) {
        self.stopped.set(true);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.get()
    }

    /// Records a latency, in microseconds.
    pub(crate) fn latency(&self, microseconds: u128) {
        self.latencies.borrow_mut().push(u32::try_from(microseconds).unwrap_or(u32::MAX));
    }

    /// Hands out what was recorded since it was last asked.
    pub(crate) fn take_latencies(&self) -> Vec<u32> {
        std::mem::take(&mut self.latencies.borrow_mut())
    }
}
