//! When to act on changes: the first after idle at once, what follows in its wake together.
//!
//! Knows no clock; whoever asks says what time it is.

use std::time::Duration;

use tokio::time::Instant;

/// Changes that follow one another within this are acted on together.
const QUIET: Duration = Duration::from_millis(20);
/// The longest that a change waits for others, and how long nothing must have been done to be idle.
const LONGEST: Duration = Duration::from_millis(200);

/// Decides when pending changes are due.
#[derive(Debug, Default)]
pub(super) struct HoldOff {
    pending: Option<Pending>,
    /// When changes were last acted on.
    ended: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Pending {
    first: Instant,
    last: Instant,
}

impl HoldOff {
    /// Takes note of a change.
    pub(super) fn note(&mut self, now: Instant) {
        let first = self.pending.map_or(now, |pending| pending.first);
        self.pending = Some(Pending { first, last: now });
    }

    /// When to act; `None` while there is nothing to act on.
    pub(super) fn due(&self) -> Option<Instant> {
        let Pending { first, last } = self.pending?;
        let idle = self.ended.is_none_or(|ended| first.saturating_duration_since(ended) >= LONGEST);
        Some(if idle { first } else { (first + LONGEST).min(last + QUIET) })
    }

    /// Acting begins: what was pending no longer is. Returns when the first change of it came.
    pub(super) fn begin(&mut self) -> Option<Instant> {
        self.pending.take().map(|pending| pending.first)
    }

    /// Acting is over.
    pub(super) fn end(&mut self, now: Instant) {
        self.ended = Some(now);
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
        hold_off.begin();
        hold_off.end(start);
        hold_off.note(start + LONGEST);
        assert_eq!(hold_off.due(), Some(start + LONGEST));
    }

    #[test]
    fn changes_in_the_wake_of_another_wait_until_they_are_followed_by_quiet() {
        let (mut hold_off, start) = (HoldOff::default(), Instant::now());
        hold_off.end(start);
        hold_off.note(start + ms(1));
        hold_off.note(start + ms(11));
        assert_eq!(hold_off.due(), Some(start + ms(11) + QUIET));
    }

    #[test]
    fn changes_that_never_pause_wait_no_longer_than_the_longest_delay() {
        let (mut hold_off, start) = (HoldOff::default(), Instant::now());
        hold_off.end(start);
        for step in 1..=40 {
            hold_off.note(start + ms(10 * step));
        }
        assert_eq!(hold_off.due(), Some(start + ms(10) + LONGEST));
        assert_eq!(hold_off.begin(), Some(start + ms(10)));
        assert_eq!(hold_off.due(), None);
    }
}
