//! When to act on changes: the first after idle at once; while changes stream in, after a rest of four times what acting
//! took last, but of 200 ms at most.
//!
//! So acting takes a fifth of the time as long as it takes 50 ms or less; what takes longer takes more of it, since a
//! change is to be live soon. Acting costs what has changed: a stream of small changes is followed one by one, and
//! changes that cost much are taken together. Knows no clock; whoever asks says what time it is.

use std::time::Duration;

use tokio::time::Instant;

/// How much longer than acting took nothing is acted on.
const REST: u32 = 4;
/// The longest rest: what a change waits for others at most.
const LONGEST: Duration = Duration::from_millis(200);

/// Decides when pending changes are due.
#[derive(Debug, Default)]
pub(super) struct HoldOff {
    /// When the first change came that was not acted on yet.
    pending: Option<Instant>,
    /// When acting began last.
    begun: Option<Instant>,
    /// Until when nothing is to be acted on.
    rest: Option<Instant>,
}

impl HoldOff {
    /// Takes note of a change.
    pub(super) fn note(&mut self, now: Instant) {
        self.pending.get_or_insert(now);
    }

    /// When to act; `None` while there is nothing to act on.
    pub(super) fn due(&self) -> Option<Instant> {
        let first = self.pending?;
        Some(self.rest.map_or(first, |rest| first.max(rest)))
    }

    /// Acting begins: what was pending no longer is. Returns when the first change of it came, or `now`.
    pub(super) fn begin(&mut self, now: Instant) -> Instant {
        self.begun = Some(now);
        self.pending.take().unwrap_or(now)
    }

    /// Acting is over.
    pub(super) fn end(&mut self, now: Instant) {
        let took = self.begun.take().map_or(Duration::ZERO, |begun| now.saturating_duration_since(begun));
        self.rest = Some(now + (took * REST).min(LONGEST));
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "some moment, whichever")]
mod tests {
    use super::*;

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn nothing_is_due_while_nothing_has_changed() {
        assert_eq!(HoldOff::default().due(), None);
    }

    #[test]
    fn the_first_change_after_idle_is_due_at_once() {
        let (mut hold_off, start) = (HoldOff::default(), Instant::now());
        hold_off.note(start);
        assert_eq!(hold_off.due(), Some(start));
        hold_off.begin(start);
        hold_off.end(start + ms(10));
        hold_off.note(start + ms(60));
        assert_eq!(hold_off.due(), Some(start + ms(60)));
    }

    #[test]
    fn changes_in_the_wake_of_another_wait_four_times_as_long_as_it_took() {
        let (mut hold_off, start) = (HoldOff::default(), Instant::now());
        hold_off.begin(start);
        hold_off.note(start + ms(1));
        hold_off.note(start + ms(5));
        hold_off.end(start + ms(10));
        assert_eq!(hold_off.due(), Some(start + ms(50)));
        assert_eq!(hold_off.begin(start + ms(50)), start + ms(1), "the first of them has waited since");
        assert_eq!(hold_off.due(), None);
    }

    #[test]
    fn no_change_waits_longer_than_the_longest_delay() {
        let (mut hold_off, start) = (HoldOff::default(), Instant::now());
        hold_off.begin(start);
        hold_off.end(start + ms(1000));
        hold_off.note(start + ms(1000));
        assert_eq!(hold_off.due(), Some(start + ms(1000) + LONGEST));
    }
}
