//! What the crate holds for sending on one connection, bounded.
//!
//! The crate bounds what it holds per stream, and takes as much as the stream's window allows. A client that opens its
//! windows wide and reads nothing would so have every stream's share held. Here the streams of a connection share one
//! bound. Whenever the crate has sent all that it could without the transport holding it up, it holds nothing: what it is
//! given has room in the windows.

use std::cell::{Cell, RefCell};
use std::task::{Context, Poll, Waker};

/// What was given to the crate of one connection and may be there still.
#[derive(Debug)]
pub(crate) struct Outflow {
    most: usize,
    held: Cell<usize>,
    /// The transport took nothing more when it was last asked to.
    blocked: Cell<bool>,
    waiting: RefCell<Vec<Waker>>,
}

impl Outflow {
    pub(super) fn new(most: u32) -> Self {
        Self { most: most as usize, held: Cell::new(0), blocked: Cell::new(false), waiting: RefCell::default() }
    }

    pub(super) fn blocked(&self, blocked: bool) {
        self.blocked.set(blocked);
    }

    pub(crate) fn is_blocked(&self) -> bool {
        self.blocked.get()
    }

    /// Ready with how many octets may be given to the crate, at least one.
    pub(crate) fn poll_room(&self, cx: &mut Context<'_>) -> Poll<usize> {
        let room = self.most.saturating_sub(self.held.get());
        if room > 0 {
            return Poll::Ready(room);
        }
        let mut waiting = self.waiting.borrow_mut();
        if !waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
            waiting.push(cx.waker().clone());
        }
        Poll::Pending
    }

    /// The crate was given octets.
    pub(crate) fn gave(&self, octets: usize) {
        self.held.set(self.held.get() + octets);
    }

    /// The crate has sent what it could. To be called when it has nothing more to do for now.
    pub(crate) fn sent(&self) {
        if self.blocked.get() || self.held.get() == 0 {
            return;
        }
        self.held.set(0);
        for waker in self.waiting.take() {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(outflow: &Outflow) -> Poll<usize> {
        outflow.poll_room(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn there_is_room_up_to_the_bound_and_again_once_everything_is_sent() {
        let outflow = Outflow::new(100);
        outflow.gave(99);
        assert_eq!(room(&outflow), Poll::Ready(1));
        outflow.gave(1);
        assert_eq!(room(&outflow), Poll::Pending);
        outflow.sent();
        assert_eq!(room(&outflow), Poll::Ready(100));
    }

    #[test]
    fn what_the_transport_holds_up_is_not_sent() {
        let outflow = Outflow::new(100);
        outflow.gave(100);
        outflow.blocked(true);
        outflow.sent();
        assert_eq!(room(&outflow), Poll::Pending);
        outflow.blocked(false);
        outflow.sent();
        assert_eq!(room(&outflow), Poll::Ready(100));
    }
}
