//! What was reported to the cluster: statuses and Events, and whether this process is the one that does.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::family;
use super::metrics::Point;

/// What became of something to report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Written,
    Failed,
    /// Not tried, because of a limit.
    Dropped,
}

/// Counts what is reported. Written by the control plane, read by the exposition.
#[derive(Debug, Default)]
pub struct ReportingCell {
    /// The name of the Lease and whether it is held; `None` without an election.
    leader: Mutex<Option<(String, bool)>>,
    statuses: Tally,
    events: Tally,
}

#[derive(Debug, Default)]
struct Tally {
    written: AtomicU64,
    failed: AtomicU64,
    dropped: AtomicU64,
}

impl ReportingCell {
    /// This process holds the Lease of that name.
    pub fn leads(&self, lease: &str) {
        *self.leader.lock().unwrap_or_else(PoisonError::into_inner) = Some((lease.to_owned(), true));
    }

    /// This process takes part in the election, and does not hold the Lease of that name.
    pub fn follows(&self, lease: &str) {
        *self.leader.lock().unwrap_or_else(PoisonError::into_inner) = Some((lease.to_owned(), false));
    }

    /// Counts the status of one Ingress.
    pub fn status(&self, outcome: Outcome) {
        self.statuses.add(outcome, 1);
    }

    /// Counts Events.
    pub fn events(&self, outcome: Outcome, count: u64) {
        self.events.add(outcome, count);
    }

    pub(super) fn points(&self, points: &mut Vec<Point>) {
        if let Some((lease, leads)) = self.leader.lock().unwrap_or_else(PoisonError::into_inner).clone() {
            let value = if leads { 1.0 } else { 0.0 };
            points.push(Point { family: &family::LEADER, labels: vec![lease], value });
        }
        let mut push = |family, outcome: &str, count: &AtomicU64| {
            let value = count.load(Ordering::Relaxed) as f64;
            points.push(Point { family, labels: vec![outcome.to_owned()], value });
        };
        push(&family::STATUS_UPDATES, "written", &self.statuses.written);
        push(&family::STATUS_UPDATES, "failed", &self.statuses.failed);
        push(&family::EVENTS, "written", &self.events.written);
        push(&family::EVENTS, "failed", &self.events.failed);
        push(&family::EVENTS, "dropped", &self.events.dropped);
    }
}

impl Tally {
    fn add(&self, outcome: Outcome, count: u64) {
        let cell = match outcome {
            Outcome::Written => &self.written,
            Outcome::Failed => &self.failed,
            Outcome::Dropped => &self.dropped,
        };
        cell.fetch_add(count, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(cell: &ReportingCell, family: &'static family::Family) -> Vec<(String, f64)> {
        let mut points = Vec::new();
        cell.points(&mut points);
        let of_family = points.into_iter().filter(|point| point.family == family);
        of_family.map(|point| (point.labels.join(","), point.value)).collect()
    }

    #[test]
    fn a_process_leads_follows_or_takes_no_part() {
        let cell = ReportingCell::default();
        assert_eq!(values(&cell, &family::LEADER), []);
        cell.leads("edge");
        assert_eq!(values(&cell, &family::LEADER), [("edge".to_owned(), 1.0)]);
        cell.follows("edge");
        assert_eq!(values(&cell, &family::LEADER), [("edge".to_owned(), 0.0)]);
    }

    #[test]
    fn what_is_reported_is_counted_by_what_became_of_it() {
        let cell = ReportingCell::default();
        cell.status(Outcome::Failed);
        cell.events(Outcome::Dropped, 3);
        let wanted = [("written".to_owned(), 0.0), ("failed".to_owned(), 1.0)];
        assert_eq!(values(&cell, &family::STATUS_UPDATES), wanted);
        assert_eq!(values(&cell, &family::EVENTS).last(), Some(&("dropped".to_owned(), 3.0)));
    }
}
