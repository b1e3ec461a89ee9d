//! The way a worker's connections learn that no new work is taken.
//!
//! Local to the worker: asking costs a plain read, and a connection registers once, whatever its number of requests.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// What a worker is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Serving,
    /// No new connections; each connection ends with its current requests.
    Draining,
}

/// A worker's phase and who waits for its change.
#[derive(Debug)]
pub(crate) struct DrainSignal {
    phase: Cell<Phase>,
    waiting: RefCell<HashMap<u64, Waker>>,
    registered: Cell<u64>,
}

impl Default for DrainSignal {
    fn default() -> Self {
        Self { phase: Cell::new(Phase::Serving), waiting: RefCell::default(), registered: Cell::new(0) }
    }
}

impl DrainSignal {
    /// Begins draining and wakes every connection.
    pub(crate) fn begin(&self) {
        self.phase.set(Phase::Draining);
        let waiting = std::mem::take(&mut *self.waiting.borrow_mut());
        for waker in waiting.into_values() {
            waker.wake();
        }
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.phase.get() == Phase::Draining
    }
}

/// One task's watch of the signal. To be polled by one task only.
#[derive(Debug)]
pub(crate) struct Drain {
    signal: Rc<DrainSignal>,
    key: Option<u64>,
}

impl Drain {
    pub(crate) const fn new(signal: Rc<DrainSignal>) -> Self {
        Self { signal, key: None }
    }

    /// Ready once draining has begun.
    pub(crate) fn poll_draining(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.signal.is_draining() {
            return Poll::Ready(());
        }
        if self.key.is_none() {
            let key = self.signal.registered.get();
            self.signal.registered.set(key + 1);
            self.signal.waiting.borrow_mut().insert(key, cx.waker().clone());
            self.key = Some(key);
        }
        Poll::Pending
    }
}

impl Drop for Drain {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.signal.waiting.borrow_mut().remove(&key);
        }
    }
}
