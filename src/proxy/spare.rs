//! What a thread keeps for later instead of giving its memory up.

use std::cell::RefCell;
use std::thread::LocalKey;

/// How many of a kind a thread keeps.
const MOST: usize = 64;

/// The spare things of one kind: a `thread_local!` of each place that keeps some.
pub(super) type Spares<T> = LocalKey<RefCell<Vec<T>>>;

/// One that is kept, if there is one.
pub(super) fn take<T>(spares: &'static Spares<T>) -> Option<T> {
    spares.with_borrow_mut(Vec::pop)
}

/// Keeps one, unless there are enough or the thread ends.
pub(super) fn keep<T>(spares: &'static Spares<T>, one: T) {
    let _kept = spares.try_with(|spares| {
        let mut spares = spares.borrow_mut();
        if spares.len() < MOST {
            spares.push(one);
        }
    });
}
