//! Which diagnostics have an Event, and which are to get one.
//!
//! Works by levels, not by edges: it is shown everything that is the case, as often as wanted, and says what has yet to
//! be told. So there is no queue to overflow. A diagnostic that stays is told once, and again only before the API server
//! would forget it; one that goes and comes back is told again, as the same Event.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::bucket::{Bucket, Rate};
use super::record::Subject;
use crate::controller::outcome::Outcome;
use crate::diagnostic::Diagnostic;

/// How long the API server keeps an Event (`--event-ttl`), unless it is renewed.
const KEPT: Duration = Duration::from_secs(60 * 60);
/// When a diagnostic that stays is told again.
const RENEWAL: Duration = Duration::from_secs(40 * 60);
/// New Events of one object, as client-go limits them.
const PER_OBJECT: Rate = Rate { burst: 25, every: Duration::from_secs(5 * 60) };
/// The most diagnostics that are kept account of.
const LIMIT: usize = 20_000;

/// The account.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    entries: HashMap<u64, Entry>,
    /// By the object's identifier.
    buckets: HashMap<String, Bucket>,
    /// The number of the last view.
    view: u64,
    /// How many diagnostics were beyond [`LIMIT`] in it.
    beyond: usize,
}

#[derive(Debug)]
struct Entry {
    /// The last view in which it was the case.
    seen: u64,
    told: Option<Told>,
}

/// The Event as it was last written.
#[derive(Debug, Clone, Copy)]
struct Told {
    at: Instant,
    /// `None` if it is not known how often before.
    count: Option<i32>,
    /// Whether it was the case ever since.
    stays: bool,
}

/// Something to tell.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) diagnostic: Arc<Diagnostic>,
    pub(super) subject: Subject,
    pub(super) how: How,
}

/// How something is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum How {
    /// By a new Event.
    First,
    /// By the Event there is, for the `count`th time; without, nobody knows how often, or it has never gone away.
    Again { count: Option<i32> },
}

/// What a view gives.
#[derive(Debug, Default)]
pub(super) struct View {
    /// What is to be told, what is worst first.
    pub(super) due: Vec<Due>,
    /// Diagnostics that went away, or were too many, without having been told.
    pub(super) dropped: u64,
}

impl Ledger {
    /// Takes in what is the case.
    pub(super) fn view(&mut self, outcome: &Outcome, now: Instant) -> View {
        self.view += 1;
        let mut due = Vec::new();
        let mut beyond = 0_usize;
        for diagnostic in outcome.diagnostics.iter() {
            let Some(subject) = Subject::of(diagnostic, outcome) else { continue };
            if self.entries.len() >= LIMIT && !self.entries.contains_key(&subject.key) {
                beyond += 1;
            } else if let Some(how) = self.see(subject.key, now) {
                let due_now = Due { diagnostic: Arc::clone(diagnostic), subject, how };
                due.push((urgency(how), due_now));
            }
        }
        let dropped = self.forget(now) + beyond.saturating_sub(self.beyond);
        self.beyond = beyond;
        due.sort_by_key(|(urgency, due)| (*urgency, std::cmp::Reverse(due.diagnostic.severity)));
        View { due: due.into_iter().map(|(_, due)| due).collect(), dropped: u64::try_from(dropped).unwrap_or(u64::MAX) }
    }

    /// One diagnostic is the case. Says how it is to be told, if it is.
    fn see(&mut self, key: u64, now: Instant) -> Option<How> {
        let entry = self.entries.entry(key).or_insert(Entry { seen: 0, told: None });
        entry.seen = self.view;
        match entry.told {
            None => Some(How::First),
            Some(Told { count, stays: false, .. }) => {
                Some(How::Again { count: count.map(|count| count.saturating_add(1)) })
            }
            Some(Told { at, .. }) => (now >= at + RENEWAL).then_some(How::Again { count: None }),
        }
    }

    /// What was not seen in this view has gone. Returns how much of it was never told.
    fn forget(&mut self, now: Instant) -> usize {
        let (view, mut untold) = (self.view, 0);
        self.entries.retain(|_, entry| match &mut entry.told {
            _ if entry.seen == view => true,
            Some(told) => {
                told.stays = false;
                now < told.at + KEPT
            }
            None => {
                untold += 1;
                false
            }
        });
        self.buckets.retain(|_, bucket| !bucket.is_full(now));
        untold
    }

    /// Whether something may be told now. Renewals are as many as there are diagnostics, and not limited further.
    pub(super) fn permit(&mut self, due: &Due, now: Instant) -> bool {
        let is_renewal = self.entries.get(&due.subject.key).and_then(|entry| entry.told).is_some_and(|told| told.stays);
        is_renewal || {
            let bucket = self.buckets.entry(due.subject.uid.clone()).or_insert_with(|| Bucket::new(PER_OBJECT, now));
            bucket.take(now).is_ok()
        }
    }

    /// Something was told, as often as the Event now says; or cannot be told, which is no reason to try at once again.
    pub(super) fn told(&mut self, key: u64, count: Option<i32>, now: Instant) {
        if let Some(entry) = self.entries.get_mut(&key) {
            let known = entry.told.and_then(|told| told.count);
            entry.told = Some(Told { at: now, count: count.or(known), stays: entry.seen == self.view });
        }
    }
}

/// What has not been told comes before what is told again.
const fn urgency(how: How) -> u8 {
    match how {
        How::First => 0,
        How::Again { count: Some(_) } => 1,
        How::Again { count: None } => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::reporting::events::tests::{diagnostic, outcome};
    use crate::diagnostic::Severity;

    const SECOND: Duration = Duration::from_secs(1);

    /// Views what is the case and tells what is due. Gives what that was.
    fn tell(ledger: &mut Ledger, diagnostics: &[Diagnostic], now: Instant) -> Vec<How> {
        let View { due, .. } = ledger.view(&outcome(diagnostics.to_vec()), now);
        let told = due.into_iter().filter(|due| ledger.permit(due, now)).collect::<Vec<_>>();
        for due in &told {
            let count = match due.how {
                How::First => Some(1),
                How::Again { count } => count,
            };
            ledger.told(due.subject.key, count, now);
        }
        told.into_iter().map(|due| due.how).collect()
    }

    #[test]
    fn what_stays_is_told_once() {
        let (mut ledger, start) = (Ledger::default(), Instant::now());
        let missing = [diagnostic("missing-secret", "it is missing")];
        assert_eq!(tell(&mut ledger, &missing, start), [How::First]);
        for second in 1..100 {
            assert_eq!(tell(&mut ledger, &missing, start + SECOND * second), []);
        }
    }

    #[test]
    fn what_comes_back_is_told_again_as_the_same_event() {
        let (mut ledger, start) = (Ledger::default(), Instant::now());
        let missing = [diagnostic("missing-secret", "it is missing")];
        tell(&mut ledger, &missing, start);
        assert_eq!(tell(&mut ledger, &[], start + SECOND), []);
        assert_eq!(tell(&mut ledger, &missing, start + SECOND * 2), [How::Again { count: Some(2) }]);
        tell(&mut ledger, &[], start + SECOND * 3);
        assert_eq!(tell(&mut ledger, &missing, start + SECOND * 4), [How::Again { count: Some(3) }]);
    }

    #[test]
    fn what_stays_is_renewed_before_the_server_forgets_it_and_not_counted() {
        let (mut ledger, start) = (Ledger::default(), Instant::now());
        let missing = [diagnostic("missing-secret", "it is missing")];
        tell(&mut ledger, &missing, start);
        assert_eq!(tell(&mut ledger, &missing, start + RENEWAL), [How::Again { count: None }]);
        assert_eq!(tell(&mut ledger, &missing, start + RENEWAL + SECOND), []);
        tell(&mut ledger, &[], start + RENEWAL + SECOND * 2);
        let back = tell(&mut ledger, &missing, start + RENEWAL + SECOND * 3);
        assert_eq!(back, [How::Again { count: Some(2) }], "the count is remembered");
    }

    #[test]
    fn what_the_server_has_forgotten_is_new_again() {
        let (mut ledger, start) = (Ledger::default(), Instant::now());
        let missing = [diagnostic("missing-secret", "it is missing")];
        tell(&mut ledger, &missing, start);
        tell(&mut ledger, &[], start + SECOND);
        tell(&mut ledger, &[], start + KEPT);
        assert_eq!(tell(&mut ledger, &missing, start + KEPT), [How::First]);
    }

    #[test]
    fn what_is_worst_and_new_comes_first() {
        let (mut ledger, start) = (Ledger::default(), Instant::now());
        let mut of = ["a", "b", "c"].map(|code| diagnostic(code, "x"));
        of[0].severity = Severity::Info;
        of[1].severity = Severity::Warning;
        tell(&mut ledger, &of[2..], start);
        let View { due, .. } = ledger.view(&outcome(of.to_vec()), start + RENEWAL);
        let codes: Vec<_> = due.iter().map(|due| due.diagnostic.code).collect();
        assert_eq!(codes, ["b", "a", "c"], "a renewal waits, errors come before warnings and those before notes");
    }

    #[test]
    fn one_object_cannot_have_more_events_than_its_limit() {
        let (mut ledger, start) = (Ledger::default(), Instant::now());
        let many: Vec<_> = (0..30).map(|number| diagnostic("x", &format!("{number}"))).collect();
        assert_eq!(tell(&mut ledger, &many, start).len(), 25);
        assert_eq!(tell(&mut ledger, &many, start + SECOND), []);
        assert_eq!(tell(&mut ledger, &many, start + PER_OBJECT.every), [How::First], "the rest follow in time");
    }

    #[test]
    fn what_goes_without_having_been_told_is_counted() {
        let (mut ledger, start) = (Ledger::default(), Instant::now());
        let many: Vec<_> = (0..30).map(|number| diagnostic("x", &format!("{number}"))).collect();
        tell(&mut ledger, &many, start);
        assert_eq!(ledger.view(&outcome([]), start + SECOND).dropped, 5);
        assert_eq!(ledger.view(&outcome([]), start + SECOND * 2).dropped, 0);
    }

    #[test]
    fn the_account_is_bounded_and_what_is_beyond_is_counted_once() {
        let (mut ledger, start) = (Ledger::default(), Instant::now());
        let many: Vec<_> = (0..LIMIT + 7).map(|number| diagnostic("x", &format!("{number}"))).collect();
        let outcome = outcome(many);
        let View { due, dropped } = ledger.view(&outcome, start);
        assert_eq!((due.len(), dropped), (LIMIT, 7));
        assert_eq!(ledger.view(&outcome, start + SECOND).dropped, 0);
    }
}
