//! How much work a client may have begun for nothing.
//!
//! Streams that are opened and reset at once cost us a request each and the client nothing (CVE-2023-44487); malformed
//! requests make us send the resets ourselves (CVE-2025-8671). The crate bounds what happens before a stream is accepted
//! and what it resets itself; this bounds the rest.

use std::time::{Duration, Instant};

use crate::ir::{Limit, Limits};

/// The time over which wasted streams are counted together.
const WINDOW: Duration = Duration::from_secs(10);

/// The streams of one connection that came to nothing.
#[derive(Debug)]
pub(super) struct Budget {
    wasted_per_window: u32,
    provoked_in_all: u32,
    window: Instant,
    wasted: u32,
    provoked: u32,
}

impl Budget {
    /// Giving up a page with all its streams is no attack: as many as may be open are tolerated beside the limit.
    pub(super) const fn new(limits: &Limits, now: Instant) -> Self {
        Self {
            wasted_per_window: limits.http2_wasted.saturating_add(limits.http2_streams),
            provoked_in_all: limits.http2_provoked_resets,
            window: now,
            wasted: 0,
            provoked: 0,
        }
    }

    /// Counts a stream that the client gave up before it was answered. The limit that this is beyond, if it is.
    pub(super) fn wasted(&mut self, now: Instant) -> Option<&'static Limit> {
        if now.saturating_duration_since(self.window) >= WINDOW {
            self.window = now;
            self.wasted = 0;
        }
        self.wasted = self.wasted.saturating_add(1);
        (self.wasted > self.wasted_per_window).then_some(&Limit::HTTP2_WASTED)
    }

    /// Counts a stream that was reset for what it carried. The limit that this is beyond, if it is.
    pub(super) fn provoked(&mut self) -> Option<&'static Limit> {
        self.provoked = self.provoked.saturating_add(1);
        (self.provoked > self.provoked_in_all).then_some(&Limit::HTTP2_PROVOKED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A fixed moment: only differences matter.
    #[expect(clippy::disallowed_methods, reason = "a starting point for arithmetic; no time passes")]
    fn start() -> Instant {
        Instant::now()
    }

    fn limits() -> Limits {
        Limits { http2_wasted: 50, http2_streams: 100, http2_provoked_resets: 200, ..Limits::default() }
    }

    #[test]
    fn a_burst_is_tolerated_and_a_flood_is_not() {
        let now = start();
        let mut budget = Budget::new(&limits(), now);
        let tolerated = (0..1000).take_while(|_| budget.wasted(now).is_none()).count();
        assert_eq!(tolerated, 150);
    }

    #[test]
    fn bursts_far_apart_are_counted_apart() {
        let mut now = start();
        let mut budget = Budget::new(&limits(), now);
        for _ in 0..100 {
            assert!((0..150).all(|_| budget.wasted(now).is_none()));
            now += WINDOW;
        }
    }

    #[test]
    fn provoked_resets_are_counted_over_the_life_of_the_connection() {
        let mut budget = Budget::new(&limits(), start());
        assert!((0..200).all(|_| budget.provoked().is_none()));
        assert_eq!(budget.provoked().map(|limit| limit.key), Some("http2-max-provoked-resets"));
    }
}
