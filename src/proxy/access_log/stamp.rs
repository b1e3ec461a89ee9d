//! Time stamps of log lines, formatted once a second, from the monotonic clock that requests are timed by.

#![expect(clippy::disallowed_methods, reason = "the log is stamped with the time of day")]

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

/// How long the wall clock is derived from the monotonic one before it is read again.
const TRUST: Duration = Duration::from_secs(1);

/// One second, in the forms that lines carry.
#[derive(Debug, Default)]
pub(super) struct Stamp {
    second: u64,
    /// nginx's `$time_local`: `21/Mar/2026:10:00:00 +0000`.
    pub(super) local: String,
    /// RFC 3339: `2026-03-21T10:00:00Z`.
    pub(super) rfc3339: String,
}

impl Stamp {
    /// The stamp of a second since 1970.
    pub(super) fn of(second: u64) -> Self {
        let moment = i64::try_from(second).ok().and_then(|second| OffsetDateTime::from_unix_timestamp(second).ok());
        let moment = moment.unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let local = format_description!("[day]/[month repr:short]/[year]:[hour]:[minute]:[second] +0000");
        Self {
            second,
            local: moment.format(local).unwrap_or_default(),
            rfc3339: moment.format(&Rfc3339).unwrap_or_default(),
        }
    }
}

/// A clock of stamps.
#[derive(Debug)]
pub(super) struct Stamps {
    anchor: Instant,
    wall: Duration,
    current: Stamp,
}

impl Stamps {
    pub(super) fn new() -> Self {
        Self { anchor: Instant::now(), wall: wall_clock(), current: Stamp::of(0) }
    }

    /// The stamp of `now`. Formats once a second, and reads the wall clock only when nothing has ticked for a second.
    pub(super) fn at(&mut self, now: Instant) -> &Stamp {
        if now.saturating_duration_since(self.anchor) > TRUST {
            self.resynchronise();
        }
        let second = (self.wall + now.saturating_duration_since(self.anchor)).as_secs();
        if second != self.current.second {
            self.current = Stamp::of(second);
        }
        &self.current
    }

    pub(super) fn resynchronise(&mut self) {
        self.anchor = Instant::now();
        self.wall = wall_clock();
    }
}

fn wall_clock() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
