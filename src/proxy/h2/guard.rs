//! How much a client may cost: what frames of each kind may come how often, and how many streams may come to nothing.
//!
//! All of it costs us an answer, a search or a request that was begun, and the client next to nothing (RFC 9113 §10.5;
//! CVE-2023-44487, CVE-2025-8671).

use std::time::{Duration, Instant};

use super::frame::{Frame, flag, kind};
use super::link::Wrong;
use crate::ir::{Limit, Limits};
use crate::proxy::clock::now;

/// The time over which most things are counted together.
const WINDOW: Duration = Duration::from_secs(10);

/// The least that a window update can be for: a frame with an octet.
const UPDATE_OCTETS: u64 = 10;

/// How often things may happen per [`WINDOW`], or in all.
#[derive(Debug, Clone, Copy)]
struct Most {
    pings: u32,
    settings: u32,
    resets: u32,
    life_resets: u32,
    empty_data: u32,
    ignored: u32,
    window_updates: u32,
    wasted: u32,
    provoked: u32,
}

#[derive(Debug, Default)]
struct InWindow {
    pings: u32,
    settings: u32,
    resets: u32,
    empty_data: u32,
    ignored: u32,
    window_updates: u32,
    wasted: u32,
}

/// What is counted of one connection.
#[derive(Debug)]
pub(super) struct Guard {
    most: Most,
    since: Instant,
    in_window: InWindow,
    /// What had been written when the window began.
    written: u64,
    life_resets: u32,
    provoked: u32,
}

impl Guard {
    /// Giving up a page with all its streams is no attack: as many as may be open are tolerated beside the limits.
    pub(super) fn new(limits: &Limits) -> Self {
        let most = Most {
            pings: limits.http2_pings,
            settings: limits.http2_settings,
            resets: limits.http2_resets.saturating_add(limits.http2_streams),
            life_resets: limits.http2_life_resets,
            empty_data: limits.http2_empty_data,
            ignored: limits.http2_ignored,
            window_updates: limits.http2_window_updates,
            wasted: limits.http2_wasted.saturating_add(limits.http2_streams),
            provoked: limits.http2_provoked_resets,
        };
        Self { most, since: now(), in_window: InWindow::default(), written: 0, life_resets: 0, provoked: 0 }
    }

    /// Counts a frame. `written` tells how many octets were sent so far.
    pub(super) fn frame(&mut self, frame: &Frame<'_>, written: impl Fn() -> u64) -> Result<(), Wrong> {
        let head = frame.head;
        let Most { pings, settings, empty_data, window_updates, .. } = self.most;
        let is_free = || Ok(());
        match head.kind {
            kind::HEADERS | kind::CONTINUATION => is_free(),
            kind::DATA if head.has(flag::END_STREAM) || frame.unpadded() != Some(&[]) => is_free(),
            kind::DATA => self.count(&Limit::HTTP2_EMPTY_DATA, empty_data, written, |counts| &mut counts.empty_data),
            kind::RST_STREAM => self.reset(written),
            // There is one of it, as ours are said once.
            kind::SETTINGS if head.has(flag::ACK) => is_free(),
            kind::SETTINGS => self.count(&Limit::HTTP2_SETTINGS, settings, written, |counts| &mut counts.settings),
            kind::PING if !head.has(flag::ACK) => {
                self.count(&Limit::HTTP2_PINGS, pings, written, |counts| &mut counts.pings)
            }
            kind::WINDOW_UPDATE => {
                let used = written().saturating_sub(self.written) / UPDATE_OCTETS;
                let most = window_updates.saturating_add(u32::try_from(used).unwrap_or(u32::MAX));
                self.count(&Limit::HTTP2_WINDOW_UPDATES, most, written, |counts| &mut counts.window_updates)
            }
            _ => self.ignored(written),
        }
    }

    /// Counts what is of no use, whatever it is.
    pub(super) fn ignored(&mut self, written: impl Fn() -> u64) -> Result<(), Wrong> {
        self.count(&Limit::HTTP2_IGNORED, self.most.ignored, written, |counts| &mut counts.ignored)
    }

    fn reset(&mut self, written: impl Fn() -> u64) -> Result<(), Wrong> {
        self.life_resets = self.life_resets.saturating_add(1);
        if self.life_resets > self.most.life_resets {
            return Err(Wrong::beyond(&Limit::HTTP2_LIFE_RESETS));
        }
        self.count(&Limit::HTTP2_RESETS, self.most.resets, written, |counts| &mut counts.resets)
    }

    /// Counts a stream that the client gave up before it was answered, or that was refused.
    pub(super) fn wasted(&mut self, written: impl Fn() -> u64) -> Result<(), Wrong> {
        self.count(&Limit::HTTP2_WASTED, self.most.wasted, written, |counts| &mut counts.wasted)
    }

    /// Counts a stream that was reset for what it carried, over the life of the connection.
    pub(super) fn provoked(&mut self) -> Result<(), Wrong> {
        self.provoked = self.provoked.saturating_add(1);
        if self.provoked > self.most.provoked {
            return Err(Wrong::beyond(&Limit::HTTP2_PROVOKED));
        }
        Ok(())
    }

    /// Counts one thing of the window.
    fn count(
        &mut self,
        limit: &'static Limit,
        most: u32,
        written: impl Fn() -> u64,
        counter: fn(&mut InWindow) -> &mut u32,
    ) -> Result<(), Wrong> {
        let count = counter(&mut self.in_window);
        *count += 1;
        if *count <= most {
            return Ok(());
        }
        // Only a count that is full has the clock read.
        let now = now();
        if now.saturating_duration_since(self.since) < WINDOW {
            return Err(Wrong::beyond(limit));
        }
        self.since = now;
        self.in_window = InWindow::default();
        self.written = written();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard() -> Guard {
        Guard::new(&Limits { http2_wasted: 50, http2_streams: 100, http2_provoked_resets: 200, ..Limits::default() })
    }

    #[test]
    fn a_burst_is_tolerated_and_a_flood_is_not() {
        let mut guard = guard();
        assert_eq!((0..1000).take_while(|_| guard.wasted(|| 0).is_ok()).count(), 150);
    }

    #[test]
    fn bursts_far_apart_are_counted_apart() {
        let mut guard = guard();
        for _ in 0..3 {
            assert!((0..150).all(|_| guard.wasted(|| 0).is_ok()));
            guard.since = guard.since.checked_sub(WINDOW).expect("the clock has run for a while");
        }
        guard.since = now();
        assert!((0..151).any(|_| guard.wasted(|| 0).is_err()));
    }

    #[test]
    fn provoked_resets_are_counted_over_the_life_of_the_connection() {
        let mut guard = guard();
        assert!((0..200).all(|_| guard.provoked().is_ok()));
        guard.since = guard.since.checked_sub(WINDOW).expect("the clock has run for a while");
        assert!(guard.provoked().is_err());
    }
}
