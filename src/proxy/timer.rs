//! Timeouts that cost nothing to speak of when a wait begins, and a timer entry only where something waits for long.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use super::clock::now;

/// A timer that is used for one wait after another. Its entry in the runtime's wheel is made by the first wait, and
/// moved only when it fires before the current wait's end or would fire after it.
#[derive(Debug)]
pub(crate) struct IdleTimer {
    deadline: Instant,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Default for IdleTimer {
    fn default() -> Self {
        Self { deadline: Instant::from_std(now()), sleep: None }
    }
}

impl IdleTimer {
    /// Begins a wait of at most `limit` from now.
    pub(crate) fn begin(&mut self, limit: Duration) {
        self.deadline = Instant::from_std(now()) + limit;
    }

    /// Ready when the wait has lasted too long.
    pub(crate) fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(self.deadline)));
        if sleep.deadline() > self.deadline {
            sleep.as_mut().reset(self.deadline);
        }
        loop {
            if sleep.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            if sleep.deadline() >= self.deadline {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(self.deadline);
        }
    }
}

/// The timers of one exchange, kept by the connection and used again for the next.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    /// For the request body on its way up.
    pub(crate) upload: IdleTimer,
    /// For the response on its way down.
    pub(crate) download: IdleTimer,
}
