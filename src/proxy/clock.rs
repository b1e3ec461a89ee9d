//! The data plane's clock, read once each time one of its tasks runs.
//!
//! A turn of a task takes microseconds. For timeouts, averages and logs all of it is one moment, as a turn of their
//! event loops is for nginx and HAProxy; without this an exchange reads the clock some eighteen times.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use pin_project_lite::pin_project;

thread_local! {
    /// When the turn that runs on this thread began.
    static TURN: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// The time: that of the running turn; outside of one, of the call.
pub(crate) fn now() -> Instant {
    TURN.get().unwrap_or_else(read)
}

#[expect(clippy::disallowed_methods, reason = "the data plane measures real time")]
fn read() -> Instant {
    Instant::now()
}

pin_project! {
    /// A task each turn of which is one moment of [`now`].
    #[derive(Debug)]
    pub(crate) struct InTurns<F> {
        #[pin]
        task: F,
    }
}

impl<F> InTurns<F> {
    pub(crate) const fn new(task: F) -> Self {
        Self { task }
    }
}

impl<F: Future> Future for InTurns<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let _turn = Turn::begin();
        self.project().task.poll(cx)
    }
}

/// A turn that lasts until it is dropped, be it by a panic.
struct Turn;

impl Turn {
    fn begin() -> Self {
        TURN.set(Some(read()));
        Self
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        TURN.set(None);
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::task::Waker;

    use super::*;

    /// Reads the clock until it moves on.
    fn later_than(moment: Instant) -> Instant {
        std::iter::repeat_with(read).find(|next| *next > moment).unwrap_or(moment)
    }

    #[test]
    fn the_clock_stands_still_in_a_turn_and_goes_on_with_the_next() {
        let mut seen = Vec::new();
        {
            let mut task = pin!(InTurns::new(poll_fn(|_| {
                let first = now();
                later_than(first);
                seen.push((first, now()));
                if seen.len() < 2 { Poll::Pending } else { Poll::Ready(()) }
            })));
            let mut cx = Context::from_waker(Waker::noop());
            assert!(task.as_mut().poll(&mut cx).is_pending());
            assert!(task.as_mut().poll(&mut cx).is_ready());
        }
        let [(first, same), (second, _)] = seen.as_slice() else { panic!("two turns") };
        assert_eq!(first, same);
        assert!(second > first);
        assert!(now() > *second);
    }
}
