//! When the log is told of publications: of the first after a while at once, of those that come within a second of it
//! together when the second is over. So a stream of changes leaves a line a second, which says how many it stands for.
//!
//! Knows no clock and writes nothing; whoever asks says what time it is, and writes what comes of it.

use std::time::Duration;

use tokio::time::Instant;

use crate::telemetry::report::Timings;

/// The least time between two lines.
const APART: Duration = Duration::from_secs(1);

/// A publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Published {
    pub(super) generation: u64,
    pub(super) timings: Timings,
}

/// What a line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line {
    /// How many publications it stands for, at least one.
    pub(super) publications: u64,
    /// The last of them.
    pub(super) last: Published,
}

/// The publications that the log has not been told of.
#[derive(Debug, Default)]
pub(super) struct Publications {
    /// Until when nothing is told.
    quiet: Option<Instant>,
    untold: Option<Line>,
}

impl Publications {
    /// Takes note of a publication.
    pub(super) fn note(&mut self, published: Published) {
        let before = self.untold.map_or(0, |line| line.publications);
        self.untold = Some(Line { publications: before + 1, last: published });
    }

    /// When there is a line to be written; `None` while there is nothing to tell.
    pub(super) fn due(&self, now: Instant) -> Option<Instant> {
        self.untold?;
        Some(self.quiet.unwrap_or(now))
    }

    /// The line to be written now, if one is due.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Line> {
        if self.due(now)? > now {
            return None;
        }
        self.quiet = Some(now + APART);
        self.untold.take()
    }

    /// What has not been told, due or not. For the end.
    pub(super) fn take(&mut self) -> Option<Line> {
        self.untold.take()
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "some moment, whichever")]
mod tests {
    use super::*;

    fn published(generation: u64) -> Published {
        Published { generation, timings: Timings::default() }
    }

    fn line(publications: u64, last: u64) -> Line {
        Line { publications, last: published(last) }
    }

    #[test]
    fn a_publication_after_a_while_is_told_at_once() {
        let (mut publications, start) = (Publications::default(), Instant::now());
        for (generation, now) in [(1, start), (2, start + APART)] {
            publications.note(published(generation));
            assert_eq!(publications.take_due(now), Some(line(1, generation)));
            assert_eq!((publications.due(now), publications.take_due(now)), (None, None));
        }
    }

    #[test]
    fn those_within_a_second_are_told_together_when_it_is_over() {
        let (mut publications, start) = (Publications::default(), Instant::now());
        publications.note(published(1));
        publications.take_due(start);
        for generation in 2..=100 {
            publications.note(published(generation));
            assert_eq!(publications.take_due(start + APART - Duration::from_nanos(1)), None);
        }
        assert_eq!(publications.due(start), Some(start + APART));
        assert_eq!(publications.take_due(start + APART), Some(line(99, 100)));
    }

    #[test]
    fn at_the_end_nothing_is_left_untold() {
        let (mut publications, start) = (Publications::default(), Instant::now());
        publications.note(published(1));
        publications.take_due(start);
        publications.note(published(2));
        assert_eq!(publications.take(), Some(line(1, 2)));
        assert_eq!(publications.take(), None);
    }
}
