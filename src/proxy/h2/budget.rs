//! How much work a client may have begun for nothing.
//!
//! Streams that are opened and reset at once cost us a request each and the client nothing (CVE-2023-44487); malformed
//! requests make us send the resets ourselves (CVE-2025-8671). The crate bounds what happens before a stream is accepted
//! and what it resets itself; this bounds the rest.

use std::time::{Duration, Instant};

/// The time over which streams are counted together.
const WINDOW: Duration = Duration::from_secs(10);

/// Wasted streams per window, beside as many as may be open at once: giving up a page with all its streams is no
/// attack.
const PER_WINDOW: u32 = 100;

/// Wasted streams over a connection's life.
const PER_CONNECTION: u32 = 10_000;

/// What is to be done about a wasted stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Tolerated,
    /// The connection is to be ended with ENHANCE_YOUR_CALM.
    Exceeded,
}

/// The wasted streams of one connection.
#[derive(Debug)]
pub(super) struct Budget {
    per_window: u32,
    window: Instant,
    in_window: u32,
    total: u32,
}

impl Budget {
    pub(super) const fn new(concurrent: u32, now: Instant) -> Self {
        Self { per_window: PER_WINDOW.saturating_add(concurrent), window: now, in_window: 0, total: 0 }
    }

    /// Counts one stream that was reset by the client, or by us for what it carried.
    pub(super) fn charge(&mut self, now: Instant) -> Verdict {
        if now.saturating_duration_since(self.window) >= WINDOW {
            self.window = now;
            self.in_window = 0;
        }
        self.in_window += 1;
        self.total = self.total.saturating_add(1);
        if self.in_window > self.per_window || self.total > PER_CONNECTION {
            Verdict::Exceeded
        } else {
            Verdict::Tolerated
        }
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

    #[test]
    fn a_burst_is_tolerated_and_a_flood_is_not() {
        let now = start();
        let mut budget = Budget::new(128, now);
        let tolerated = (0..1000).take_while(|_| budget.charge(now) == Verdict::Tolerated).count();
        assert_eq!(tolerated, 228);
    }

    #[test]
    fn bursts_far_apart_are_counted_apart_until_the_connection_has_had_enough() {
        let mut now = start();
        let mut budget = Budget::new(0, now);
        for _ in 0..100 {
            for _ in 0..100 {
                assert_eq!(budget.charge(now), Verdict::Tolerated);
            }
            now += WINDOW;
        }
        assert_eq!(budget.charge(now), Verdict::Exceeded);
    }
}
