//! The way a worker's connections learn that no new work is taken.
//!
//! Local to the worker: asking costs a plain read, and a connection registers once, whatever its number of requests.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future as _;
use std::pin::pin;
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
    /// Connections are to end although the worker goes on.
    leaving: Cell<bool>,
    waiting: RefCell<HashMap<u64, Waker>>,
    registered: Cell<u64>,
}

impl Default for DrainSignal {
    fn default() -> Self {
        Self {
            phase: Cell::new(Phase::Serving),
            leaving: Cell::new(false),
            waiting: RefCell::default(),
            registered: Cell::new(0),
        }
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

    /// Says whether connections are to end with what is being served on them, and wakes every connection if they are.
    pub(crate) fn leave(&self, leaving: bool) {
        if self.leaving.replace(leaving) == leaving || !leaving {
            return;
        }
        // They stay registered, for the end of the worker.
        for waker in self.waiting.borrow().values() {
            waker.wake_by_ref();
        }
    }

    pub(crate) fn is_leaving(&self) -> bool {
        self.leaving.get() || self.is_draining()
    }
}

/// One task's watch of the signal. To be polled by one task only, after what the task waits for besides.
///
/// A connection or a request may be with the system already when the signal comes, and the runtime not have looked yet.
/// So it is ready only when the runtime has looked once more: whoever polls for those first misses none of them.
#[derive(Debug)]
pub(crate) struct Drain {
    signal: Rc<DrainSignal>,
    key: Option<u64>,
    /// Whether the runtime has looked what came since this was last not ready.
    looked: bool,
}

impl Drain {
    pub(crate) const fn new(signal: Rc<DrainSignal>) -> Self {
        Self { signal, key: None, looked: false }
    }

    /// Ready once draining has begun and what came until then is known.
    pub(crate) fn poll_draining(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll(cx, self.signal.is_draining())
    }

    /// Ready once connections are to end, because of draining or for want of room.
    pub(crate) fn poll_leaving(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll(cx, self.signal.is_leaving())
    }

    fn poll(&mut self, cx: &mut Context<'_>, has_come: bool) -> Poll<()> {
        if !has_come {
            self.looked = false;
            self.register(cx);
            return Poll::Pending;
        }
        if !std::mem::replace(&mut self.looked, true) {
            // Has the task woken after the runtime has looked. It need not be polled again for that.
            return pin!(tokio::task::yield_now()).poll(cx);
        }
        Poll::Ready(())
    }

    fn register(&mut self, cx: &Context<'_>) {
        if self.key.is_none() {
            let key = self.signal.registered.get();
            self.signal.registered.set(key + 1);
            self.signal.waiting.borrow_mut().insert(key, cx.waker().clone());
            self.key = Some(key);
        }
    }
}

impl Drop for Drain {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.signal.waiting.borrow_mut().remove(&key);
        }
    }
}
