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
    /// The wait for room has been told of.
    told: Cell<bool>,
}

impl Outflow {
    pub(super) fn new(most: u32) -> Self {
        Self {
            most: most as usize,
            held: Cell::new(0),
            blocked: Cell::new(false),
            waiting: RefCell::default(),
            told: Cell::new(false),
        }
    }

    pub(super) fn blocked(&self, blocked: bool) {
        self.blocked.set(blocked);
    }

    pub(crate) fn is_blocked(&self) -> bool {
        self.blocked.get()
    }

    /// Ready with how many octets may be given to the crate, at least one.
    pub(super) fn poll_room(&self, cx: &mut Context<'_>) -> Poll<usize> {
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

    /// Whether a response has come to wait for room because the client takes nothing; true once, until there is room
    /// again. A wait that only the crate's turn to send is missing for is none of the client's.
    pub(super) fn take_wait(&self) -> bool {
        self.blocked.get() && !self.waiting.borrow().is_empty() && !self.told.replace(true)
    }

    /// The crate was given octets.
    pub(crate) fn gave(&self, octets: usize) {
        self.held.set(self.held.get() + octets);
    }

    /// The crate has sent what it could. To be called when it has nothing more to do for now.
    pub(super) fn sent(&self) {
        if self.blocked.get() || self.held.get() == 0 {
            return;
        }
        self.held.set(0);
        self.told.set(false);
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
    fn a_wait_for_the_client_is_told_of_once() {
        let outflow = Outflow::new(100);
        outflow.blocked(true);
        outflow.gave(100);
        assert!(!outflow.take_wait(), "nothing waits yet");
        assert_eq!(room(&outflow), Poll::Pending);
        assert!(outflow.take_wait());
        assert_eq!(room(&outflow), Poll::Pending);
        assert!(!outflow.take_wait());
        outflow.blocked(false);
        outflow.sent();
        outflow.gave(100);
        assert_eq!(room(&outflow), Poll::Pending);
        assert!(!outflow.take_wait(), "the crate has not come to send yet");
        outflow.blocked(true);
        assert!(outflow.take_wait());
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
