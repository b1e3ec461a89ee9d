//! What serving a request works with: lent by the thread to one stream or busy connection after another, so that only
//! the first ones allocate and those that wait hold none.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

use super::h1::outgoing::Outgoing;
use super::service::Memory;
use super::spare;
use crate::request::RequestHead;

/// What a head's memory is shrunk to: more than nearly all take.
const KEPT_HEAD: usize = 4 * 1024;
/// The largest body that was kept for another attempt and whose memory stays with the kit.
const KEPT_BODY: usize = 16 * 1024;

thread_local! {
    #[expect(clippy::vec_box, reason = "a kit goes back and forth as a pointer")]
    static KITS: RefCell<Vec<Box<Kit>>> = const { RefCell::new(Vec::new()) };
}

/// The request's head, what serving it needs, and what is written to an HTTP/1.1 client.
#[derive(Debug, Default)]
pub(crate) struct Kit {
    pub(crate) head: RequestHead,
    pub(crate) memory: Memory,
    pub(crate) outgoing: Outgoing,
}

/// A kit that goes back to the thread when it is dropped.
#[derive(Debug)]
pub(crate) struct Lent(Option<Box<Kit>>);

impl Lent {
    pub(crate) fn new() -> Self {
        Self(Some(spare::take(&KITS).unwrap_or_default()))
    }
}

impl Deref for Lent {
    type Target = Kit;

    fn deref(&self) -> &Kit {
        self.0.as_deref().expect("a kit is taken only when it is dropped")
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut Kit {
        self.0.as_deref_mut().expect("a kit is taken only when it is dropped")
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        // What a panic left half done is not used again.
        let Some(mut kit) = self.0.take().filter(|_| !std::thread::panicking()) else { return };
        kit.head.clear();
        kit.outgoing.clear();
        kit.head.target.shrink_to(KEPT_HEAD);
        kit.head.fields.shrink_to(KEPT_HEAD);
        kit.memory.response.clear();
        kit.memory.response.fields.shrink_to(KEPT_HEAD);
        kit.memory.kept.clear();
        kit.memory.kept.shrink_to(KEPT_BODY);
        spare::keep(&KITS, kit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_one_gets_the_memory_and_nothing_that_was_in_it() {
        let mut first = Lent::new();
        first.head.method.push_str("GET");
        first.memory.kept.extend_from_slice(&vec![1; 2 * KEPT_BODY]);
        let place = first.head.method.as_ptr();
        drop(first);
        let next = Lent::new();
        assert_eq!((next.head.method.as_ptr(), next.head.method.as_str()), (place, ""));
        assert_eq!(next.memory.kept.len(), 0);
        assert!(next.memory.kept.capacity() <= KEPT_BODY);
    }
}
