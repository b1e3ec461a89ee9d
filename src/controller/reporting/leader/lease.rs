//! Who may hold the Lease, decided from what was seen of it. Compatible with client-go's elections.
//!
//! Clocks are not compared: a holder counts as alive until the record has stayed the same for as long as it holds,
//! measured by the one who looks. The times in the record are for people.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use tokio::time::Instant;

/// One who would hold the Lease.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) identity: String,
    pub(super) ttl: Duration,
}

/// The Lease as it was last seen, and since when it has been so.
#[derive(Debug, Clone)]
pub(super) struct Observed {
    pub(super) lease: Lease,
    pub(super) since: Instant,
}

/// What a candidate may do about a Lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claim {
    /// It is the candidate's, or nobody's.
    Free,
    /// Someone else holds it.
    Taken,
}

impl Observed {
    /// Takes in the Lease as it is now. One that says what it said before has been so since then.
    pub(super) fn update(previous: Option<Self>, lease: Lease, now: Instant) -> Self {
        match previous {
            Some(previous) if previous.lease.spec == lease.spec => Self { lease, since: previous.since },
            Some(_) | None => Self { lease, since: now },
        }
    }

    /// Who holds it; nobody after a release.
    pub(super) fn holder(&self) -> Option<&str> {
        let spec = self.lease.spec.as_ref()?;
        spec.holder_identity.as_deref().filter(|holder| !holder.is_empty())
    }
}

impl Candidate {
    /// What this candidate may do at `now`.
    pub(super) fn claim(&self, observed: &Observed, now: Instant) -> Claim {
        match observed.holder() {
            None => Claim::Free,
            Some(holder) if holder == self.identity => Claim::Free,
            Some(_) if now >= observed.since + self.duration_of(observed) => Claim::Free,
            Some(_) => Claim::Taken,
        }
    }

    /// How long a record holds. One that does not say so holds as long as ours would.
    fn duration_of(&self, observed: &Observed) -> Duration {
        let seconds = observed.lease.spec.as_ref().and_then(|spec| spec.lease_duration_seconds);
        seconds.and_then(|seconds| u64::try_from(seconds).ok()).map_or(self.ttl, Duration::from_secs)
    }

    /// The record of this candidate as the holder at `time`, following `previous`.
    pub(super) fn record(&self, previous: Option<&LeaseSpec>, time: &MicroTime) -> LeaseSpec {
        let previous = previous.cloned().unwrap_or_default();
        let is_renewal = previous.holder_identity.as_deref() == Some(&self.identity);
        let transitions = match (previous.lease_transitions, previous.holder_identity.is_some()) {
            (transitions, true) if is_renewal => transitions,
            (transitions, true) => Some(transitions.unwrap_or_default().saturating_add(1)),
            (transitions, false) => Some(transitions.unwrap_or_default()),
        };
        let acquired = previous.acquire_time.clone().filter(|_| is_renewal);
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            // A part of a second is cut off, as client-go does: a record never holds longer than its holder thinks.
            lease_duration_seconds: Some(i32::try_from(self.ttl.as_secs()).unwrap_or(i32::MAX)),
            acquire_time: acquired.or_else(|| Some(time.clone())),
            renew_time: Some(time.clone()),
            lease_transitions: transitions,
            ..previous
        }
    }
}

/// The record of a Lease that its holder gives up at `time`: nobody's, and over at once.
pub(super) fn released(previous: &LeaseSpec, time: &MicroTime) -> LeaseSpec {
    LeaseSpec {
        holder_identity: Some(String::new()),
        lease_duration_seconds: Some(1),
        acquire_time: Some(time.clone()),
        renew_time: Some(time.clone()),
        ..previous.clone()
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::jiff::Timestamp;

    use super::*;

    fn candidate() -> Candidate {
        Candidate { identity: "me".into(), ttl: Duration::from_secs(30) }
    }

    fn lease(holder: &str, seconds: i32) -> Lease {
        let spec = LeaseSpec {
            holder_identity: Some(holder.into()),
            lease_duration_seconds: Some(seconds),
            lease_transitions: Some(4),
            renew_time: Some(at(100)),
            acquire_time: Some(at(10)),
            ..LeaseSpec::default()
        };
        Lease { spec: Some(spec), ..Lease::default() }
    }

    fn at(second: i64) -> MicroTime {
        MicroTime(Timestamp::from_second(second).unwrap())
    }

    fn now() -> Instant {
        Instant::now()
    }

    #[test]
    fn a_lease_that_is_released_or_our_own_is_free() {
        let start = now();
        for holder in ["", "me"] {
            let observed = Observed::update(None, lease(holder, 30), start);
            assert_eq!(candidate().claim(&observed, start), Claim::Free, "{holder:?}");
        }
        let never_held = Observed::update(None, Lease::default(), start);
        assert_eq!(candidate().claim(&never_held, start), Claim::Free);
    }

    #[test]
    fn a_holder_is_alive_for_as_long_as_its_record_holds_by_our_clock() {
        let start = now();
        let observed = Observed::update(None, lease("other", 15), start);
        assert_eq!(candidate().claim(&observed, start + Duration::from_millis(14_999)), Claim::Taken);
        assert_eq!(candidate().claim(&observed, start + Duration::from_secs(15)), Claim::Free);
    }

    #[test]
    fn a_renewal_starts_the_wait_anew_and_nothing_else_does() {
        let start = now();
        let observed = Observed::update(None, lease("other", 15), start);
        let mut relabelled = lease("other", 15);
        relabelled.metadata.resource_version = Some("7".into());
        let observed = Observed::update(Some(observed), relabelled, start + Duration::from_secs(10));
        assert_eq!(observed.since, start);
        let mut renewed = lease("other", 15);
        renewed.spec.as_mut().unwrap().renew_time = Some(at(110));
        let observed = Observed::update(Some(observed), renewed, start + Duration::from_secs(12));
        assert_eq!(candidate().claim(&observed, start + Duration::from_secs(26)), Claim::Taken);
        assert_eq!(candidate().claim(&observed, start + Duration::from_secs(27)), Claim::Free);
    }

    #[test]
    fn taking_over_counts_a_transition_and_renewing_does_not() {
        let taken = candidate().record(lease("other", 15).spec.as_ref(), &at(200));
        assert_eq!((taken.lease_transitions, taken.acquire_time.clone()), (Some(5), Some(at(200))));
        let renewed = candidate().record(Some(&taken), &at(207));
        assert_eq!((renewed.lease_transitions, renewed.acquire_time), (Some(5), Some(at(200))));
        assert_eq!(renewed.renew_time, Some(at(207)));
        assert_eq!((renewed.holder_identity.as_deref(), renewed.lease_duration_seconds), (Some("me"), Some(30)));
    }

    #[test]
    fn the_first_record_has_no_transition_behind_it() {
        let first = candidate().record(None, &at(1));
        assert_eq!(
            (first.lease_transitions, first.acquire_time, first.renew_time),
            (Some(0), Some(at(1)), Some(at(1)))
        );
    }

    #[test]
    fn a_released_lease_is_free_for_everyone_and_its_taking_is_a_transition() {
        let mine = candidate().record(None, &at(1));
        let spec = released(&mine, &at(2));
        let start = now();
        let lease = Lease { spec: Some(spec.clone()), ..Lease::default() };
        let observed = Observed::update(None, lease, start);
        let other = Candidate { identity: "other".into(), ..candidate() };
        assert_eq!(other.claim(&observed, start), Claim::Free);
        assert_eq!(other.record(Some(&spec), &at(3)).lease_transitions, Some(1));
    }

    #[test]
    fn what_else_a_record_says_is_kept() {
        let previous = LeaseSpec { strategy: Some("OldestEmulationVersion".into()), ..LeaseSpec::default() };
        assert_eq!(candidate().record(Some(&previous), &at(1)).strategy, previous.strategy);
    }
}
