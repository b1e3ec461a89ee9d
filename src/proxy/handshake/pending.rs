//! The handshakes that a worker has begun: so many at most, of which the oldest gives way to a new one.
//!
//! Whoever holds handshakes open loses them first; an honest one is over within a few round trips. Refusing new ones
//! instead would let a few idle connections keep everybody out.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;

use tokio::sync::oneshot;

/// The handshakes of one worker.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    /// By age. Dropping the sender tells the handshake to give way.
    begun: RefCell<BTreeMap<u64, oneshot::Sender<()>>>,
    next: Cell<u64>,
}

/// A handshake that gave way to a newer one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Displaced;

impl Pending {
    /// Runs a handshake, for which the oldest gives way if there are as many as `most` already.
    pub(crate) async fn run<F: Future>(&self, most: u32, handshake: F) -> Result<F::Output, Displaced> {
        let (place, mut displaced) = self.begin(most);
        let result = tokio::select! {
            biased;
            output = handshake => Ok(output),
            _ = &mut displaced => Err(Displaced),
        };
        drop(place);
        result
    }

    fn begin(&self, most: u32) -> (Place<'_>, oneshot::Receiver<()>) {
        let mut begun = self.begun.borrow_mut();
        while begun.len() >= most.max(1) as usize {
            begun.pop_first();
        }
        let number = self.next.get();
        self.next.set(number + 1);
        let (sender, displaced) = oneshot::channel();
        begun.insert(number, sender);
        (Place { pending: self, number }, displaced)
    }
}

/// A handshake's place among those that have begun.
struct Place<'a> {
    pending: &'a Pending,
    number: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.pending.begun.borrow_mut().remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::pin::pin;

    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn the_oldest_gives_way_to_a_new_one() {
        let handshakes = Pending::default();
        let mut first = pin!(handshakes.run(2, pending::<()>()));
        let mut second = pin!(handshakes.run(2, pending::<()>()));
        assert!(first.as_mut().now_or_never().is_none());
        assert!(second.as_mut().now_or_never().is_none());
        assert_eq!(handshakes.run(2, ready(7)).now_or_never(), Some(Ok(7)));
        assert_eq!(first.now_or_never(), Some(Err(Displaced)));
        assert_eq!(second.now_or_never(), None);
    }

    #[test]
    fn a_handshake_that_is_over_or_given_up_leaves_its_place() {
        let handshakes = Pending::default();
        assert_eq!(handshakes.run(1, ready(())).now_or_never(), Some(Ok(())));
        assert_eq!(handshakes.run(1, pending::<()>()).now_or_never(), None);
        assert!(handshakes.begun.borrow().is_empty());
    }
}
