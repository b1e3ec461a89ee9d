//! How following the objects of a cluster goes, kind by kind.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::family;
use super::metrics::Point;

/// Why objects were not followed for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Interruption {
    /// No connection, or one that broke.
    Connection,
    /// No answer in time, or nothing from a watch for longer than it can last.
    Timeout,
    /// 401 or 403.
    Forbidden,
    /// 429.
    Throttled,
    /// 410: the server has forgotten the version to go on from.
    Expired,
    /// Any other refusal.
    Refused,
    /// An answer that cannot be read.
    Unreadable,
    /// A list older than one that was there before.
    Stale,
}

impl Interruption {
    const ALL: [Self; 8] = [
        Self::Connection,
        Self::Timeout,
        Self::Forbidden,
        Self::Throttled,
        Self::Expired,
        Self::Refused,
        Self::Unreadable,
        Self::Stale,
    ];

    /// The value of the label `reason`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Timeout => "timeout",
            Self::Forbidden => "forbidden",
            Self::Throttled => "throttled",
            Self::Expired => "expired",
            Self::Refused => "refused",
            Self::Unreadable => "unreadable",
            Self::Stale => "stale",
        }
    }
}

/// One watch. Written by whoever follows the objects, read by the exposition.
#[derive(Debug)]
pub struct WatchCell {
    kind: &'static str,
    up: AtomicBool,
    lists: AtomicU64,
    events: AtomicU64,
    interruptions: [AtomicU64; Interruption::ALL.len()],
}

impl WatchCell {
    fn new(kind: &'static str) -> Self {
        Self {
            kind,
            up: AtomicBool::new(false),
            lists: AtomicU64::new(0),
            events: AtomicU64::new(0),
            interruptions: Default::default(),
        }
    }

    /// The objects are being followed from now on.
    pub fn restored(&self) {
        self.up.store(true, Ordering::Relaxed);
    }

    /// The objects are not being followed. To be called once an interruption for each reason.
    pub fn interrupted(&self, why: Interruption) {
        self.up.store(false, Ordering::Relaxed);
        let places = Interruption::ALL.iter().zip(&self.interruptions);
        for (_, count) in places.filter(|(reason, _)| **reason == why) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Everything was listed.
    pub fn listed(&self) {
        self.lists.fetch_add(1, Ordering::Relaxed);
    }

    /// One object changed.
    pub fn event(&self) {
        self.events.fetch_add(1, Ordering::Relaxed);
    }
}

/// All watches of the process.
#[derive(Debug, Default)]
pub struct Watches(Mutex<Vec<Arc<WatchCell>>>);

impl Watches {
    /// A new watch of a kind, named as Kubernetes spells it. There may be several of one kind.
    #[must_use]
    pub fn add(&self, kind: &'static str) -> Arc<WatchCell> {
        let cell = Arc::new(WatchCell::new(kind));
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&cell));
        cell
    }

    /// The series of every kind. A kind is up while all of its watches are.
    pub(super) fn points(&self, points: &mut Vec<Point>) {
        let mut cells = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        cells.sort_by_key(|cell| cell.kind);
        for same in cells.chunk_by(|a, b| a.kind == b.kind) {
            let Some(kind) = same.first().map(|cell| cell.kind.to_owned()) else { continue };
            let sum = |of: &dyn Fn(&WatchCell) -> u64| same.iter().map(|cell| of(cell)).sum::<u64>() as f64;
            let up = same.iter().all(|cell| cell.up.load(Ordering::Relaxed));
            let mut push = |family, labels, value| points.push(Point { family, labels, value });
            push(&family::WATCH_UP, vec![kind.clone()], if up { 1.0 } else { 0.0 });
            push(&family::WATCH_LISTS, vec![kind.clone()], sum(&|cell| cell.lists.load(Ordering::Relaxed)));
            push(&family::WATCH_EVENTS, vec![kind.clone()], sum(&|cell| cell.events.load(Ordering::Relaxed)));
            for (at, reason) in Interruption::ALL.iter().enumerate() {
                let count = sum(&|cell| cell.interruptions.get(at).map_or(0, |count| count.load(Ordering::Relaxed)));
                push(&family::WATCH_INTERRUPTIONS, vec![kind.clone(), reason.as_str().to_owned()], count);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(watches: &Watches, family: &'static family::Family, labels: &[&str]) -> f64 {
        let mut points = Vec::new();
        watches.points(&mut points);
        points.iter().find(|point| point.family == family && point.labels == labels).unwrap().value
    }

    #[test]
    fn a_kind_is_up_while_all_of_its_watches_are() {
        let watches = Watches::default();
        let (one, other) = (watches.add("Service"), watches.add("Service"));
        one.restored();
        assert!(value(&watches, &family::WATCH_UP, &["Service"]) < 0.5);
        other.restored();
        assert!(value(&watches, &family::WATCH_UP, &["Service"]) > 0.5);
        one.interrupted(Interruption::Expired);
        assert!(value(&watches, &family::WATCH_UP, &["Service"]) < 0.5);
    }

    #[test]
    fn interruptions_are_counted_by_reason() {
        let watches = Watches::default();
        let cell = watches.add("Secret");
        cell.interrupted(Interruption::Forbidden);
        cell.interrupted(Interruption::Forbidden);
        assert!((value(&watches, &family::WATCH_INTERRUPTIONS, &["Secret", "forbidden"]) - 2.0).abs() < 0.1);
        assert!(value(&watches, &family::WATCH_INTERRUPTIONS, &["Secret", "expired"]) < 0.1);
    }
}
