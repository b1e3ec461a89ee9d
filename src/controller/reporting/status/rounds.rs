//! Which Ingresses need their status written, and when.
//!
//! One whose status is not as it should be is written at once. After that, whatever becomes of its status, it is left
//! alone for a while: what was written takes its time to be seen, and should another controller write there too, the two
//! do not answer each other by the millisecond.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::networking::v1::Ingress;
use tokio::time::Instant;

use super::point::Points;
use crate::compile::Verdict;
use crate::controller::outcome::Outcome;
use crate::ir::ObjectRef;

/// What was written.
#[derive(Debug)]
pub(super) struct Rounds {
    /// How long an Ingress is left alone after a write.
    rest: Duration,
    target: Points,
    written: BTreeMap<ObjectRef, Written>,
}

#[derive(Debug, Clone, Copy)]
struct Written {
    at: Instant,
    /// Whether it has been said that someone else writes there too.
    contested: bool,
}

/// What a round has to do.
#[derive(Debug, Default)]
pub(super) struct Round {
    pub(super) due: Vec<Arc<Ingress>>,
    /// When the next Ingress is due that is left alone until then.
    pub(super) next: Option<Instant>,
    /// Ingresses whose status someone else has changed, told of for the first time.
    pub(super) contested: Vec<ObjectRef>,
}

impl Rounds {
    pub(super) fn new(rest: Duration) -> Self {
        Self { rest, target: Points::default(), written: BTreeMap::new() }
    }

    /// Nothing counts as written any more.
    pub(super) fn restart(&mut self) {
        self.target = Points::default();
        self.written.clear();
    }

    /// The next round, for every Ingress of ours to have the `target`. Whatever is due counts as written from `now` on,
    /// unless [`failed`](Self::failed) says otherwise.
    pub(super) fn next(&mut self, outcome: &Outcome, target: &Points, now: Instant) -> Round {
        if self.target != *target {
            self.target = target.clone();
            self.written.clear();
        }
        let mut round = Round::default();
        let mut still = BTreeMap::new();
        for (reference, ingress) in ours(outcome) {
            let written = self.written.remove(reference);
            let is_right = Points::of_status(ingress.status.as_ref()) == *target;
            let written = match written {
                written if is_right => written,
                Some(written) if now < written.at + self.rest => {
                    let due = written.at + self.rest;
                    round.next = Some(round.next.map_or(due, |next| next.min(due)));
                    Some(written)
                }
                written => {
                    if written.is_some_and(|written| !written.contested) {
                        round.contested.push(reference.clone());
                    }
                    round.due.push(Arc::clone(ingress));
                    Some(Written { at: now, contested: written.is_some() })
                }
            };
            if let Some(written) = written {
                still.insert(reference.clone(), written);
            }
        }
        self.written = still;
        round
    }

    /// The status of this Ingress has not been written after all.
    pub(super) fn failed(&mut self, reference: &ObjectRef) {
        self.written.remove(reference);
    }

    /// Every Ingress of ours that has a status, or was given one that has not been seen yet.
    pub(super) fn with_status(&self, outcome: &Outcome) -> Vec<Arc<Ingress>> {
        let has_status = |(reference, ingress): &(&ObjectRef, &Arc<Ingress>)| {
            self.written.contains_key(reference) || !Points::of_status(ingress.status.as_ref()).is_empty()
        };
        ours(outcome).filter(has_status).map(|(_, ingress)| Arc::clone(ingress)).collect()
    }
}

/// Our Ingresses, whether or not anything of them is served.
fn ours(outcome: &Outcome) -> impl Iterator<Item = (&ObjectRef, &Arc<Ingress>)> {
    outcome.statuses.iter().filter_map(|status| {
        let ingress = match status.verdict {
            Verdict::Served | Verdict::Partly | Verdict::NotServed => &status.ingress,
            Verdict::NotOurs => return None,
        };
        Some((ingress, outcome.snapshot.ingresses.get(&ingress.namespace, &ingress.name)?))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::point::Point;
    use super::*;
    use crate::compile::IngressStatus;
    use crate::ir::ObjectKind;

    const REST: Duration = Duration::from_secs(60);

    fn ingress(name: &str, points: &Value) -> Ingress {
        serde_json::from_value(json!({
            "metadata": { "namespace": "shop", "name": name },
            "status": { "loadBalancer": { "ingress": points } },
        }))
        .unwrap()
    }

    fn outcome(ingresses: &[(&str, Value, Verdict)]) -> Outcome {
        let status = |(name, _, verdict): &(&str, Value, Verdict)| IngressStatus {
            ingress: reference(name),
            verdict: *verdict,
            hosts: Vec::new(),
            served: 0,
            refused: 0,
            dropped: 0,
        };
        Outcome {
            snapshot: ingresses.iter().map(|(name, points, _)| ingress(name, points)).collect(),
            statuses: ingresses.iter().map(status).collect(),
            ..Outcome::default()
        }
    }

    fn reference(name: &str) -> ObjectRef {
        ObjectRef::new(ObjectKind::Ingress, "shop", name)
    }

    fn target(address: &str) -> Points {
        Point::of_address(address).into_iter().collect()
    }

    fn names(ingresses: &[Arc<Ingress>]) -> Vec<&str> {
        ingresses.iter().filter_map(|ingress| ingress.metadata.name.as_deref()).collect()
    }

    #[test]
    fn only_ours_are_due_and_only_where_the_status_differs() {
        let right = json!([{ "ip": "192.0.2.1" }]);
        let wrong = json!([{ "ip": "192.0.2.9" }]);
        let outcome = outcome(&[
            ("empty", json!([]), Verdict::Served),
            ("not-ours", wrong.clone(), Verdict::NotOurs),
            ("not-served", wrong.clone(), Verdict::NotServed),
            ("partly", wrong, Verdict::Partly),
            ("right", right, Verdict::Served),
        ]);
        let round = Rounds::new(REST).next(&outcome, &target("192.0.2.1"), Instant::now());
        assert_eq!(names(&round.due), ["empty", "not-served", "partly"]);
        assert!(round.next.is_none() && round.contested.is_empty());
    }

    #[test]
    fn an_ingress_that_was_written_is_left_alone_until_it_is_contested() {
        let outcome = outcome(&[("web", json!([{ "ip": "192.0.2.9" }]), Verdict::Served)]);
        let (mut rounds, start, target) = (Rounds::new(REST), Instant::now(), target("192.0.2.1"));
        rounds.next(&outcome, &target, start);
        let resting = rounds.next(&outcome, &target, start + Duration::from_secs(59));
        assert_eq!((resting.due.len(), resting.next), (0, Some(start + REST)));
        let contested = rounds.next(&outcome, &target, start + REST);
        assert_eq!((names(&contested.due), contested.contested), (vec!["web"], vec![reference("web")]));
        assert!(rounds.next(&outcome, &target, start + 2 * REST).contested.is_empty(), "said once");
    }

    #[test]
    fn a_new_target_is_written_at_once() {
        let outcome = outcome(&[("web", json!([]), Verdict::Served)]);
        let (mut rounds, now) = (Rounds::new(REST), Instant::now());
        rounds.next(&outcome, &target("192.0.2.1"), now);
        assert_eq!(names(&rounds.next(&outcome, &target("192.0.2.2"), now).due), ["web"]);
    }

    #[test]
    fn what_failed_is_due_again() {
        let outcome = outcome(&[("web", json!([]), Verdict::Served)]);
        let (mut rounds, now, target) = (Rounds::new(REST), Instant::now(), target("192.0.2.1"));
        rounds.next(&outcome, &target, now);
        rounds.failed(&reference("web"));
        assert_eq!(names(&rounds.next(&outcome, &target, now).due), ["web"]);
    }

    #[test]
    fn an_ingress_that_is_gone_is_forgotten() {
        let web = outcome(&[("web", json!([{ "ip": "192.0.2.9" }]), Verdict::Served)]);
        let (mut rounds, now, target) = (Rounds::new(REST), Instant::now(), target("192.0.2.1"));
        rounds.next(&web, &target, now);
        rounds.next(&outcome(&[]), &target, now);
        assert_eq!(names(&rounds.next(&web, &target, now).due), ["web"]);
    }

    #[test]
    fn to_be_cleared_is_what_has_a_status_or_was_given_one() {
        let outcome = outcome(&[
            ("a", json!([{ "ip": "192.0.2.1" }]), Verdict::Served),
            ("b", json!([]), Verdict::Served),
            ("c", json!([]), Verdict::Served),
            ("d", json!([{ "ip": "192.0.2.1" }]), Verdict::NotOurs),
        ]);
        let mut rounds = Rounds::new(REST);
        rounds.next(&outcome, &target("192.0.2.1"), Instant::now());
        rounds.failed(&reference("c"));
        assert_eq!(names(&rounds.with_status(&outcome)), ["a", "b"]);
    }
}
