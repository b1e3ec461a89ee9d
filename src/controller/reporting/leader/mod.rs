//! The election of the one process that reports, by a Lease (`coordination.k8s.io/v1`), as client-go holds them.
//!
//! The holder renews every quarter of the time that the Lease holds. If no renewal has succeeded for three quarters of
//! it, the holder stops, before anyone else may begin. Verbs on `leases`: get, create, update.

#![expect(clippy::disallowed_methods, reason = "the control plane measures real time and dates its records")]

mod lease;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;
use kube::Client;
use kube::api::{Api, PostParams};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use lease::{Candidate, Claim, Observed, released};

use super::request::{FIELD_MANAGER, Trouble, within};
use crate::controller::cluster::fault::Fault;
use crate::telemetry::ReportCell;

/// The longest that giving the Lease up may take.
const RELEASE: Duration = Duration::from_secs(3);

/// One candidate in the election.
pub(super) struct Election {
    api: Api<Lease>,
    name: String,
    candidate: Candidate,
    /// As last read or written.
    observed: Option<Observed>,
    /// When the attempt began that made the Lease ours, or last renewed it.
    renewed: Instant,
    /// Who was last said to hold it.
    followed: Option<String>,
    trouble: Trouble,
    report: Arc<ReportCell>,
}

/// Whether the Lease is ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Leads,
    Follows,
}

impl Election {
    pub(super) fn new(
        client: Client,
        namespace: &str,
        settings: &crate::settings::reporting::Election,
        identity: String,
        report: Arc<ReportCell>,
    ) -> Self {
        report.reporting().follows(&settings.lease);
        Self {
            api: Api::namespaced(client, namespace),
            name: settings.lease.clone(),
            // A Lease counts in whole seconds, and must not be over before its holder knows.
            candidate: Candidate { identity, ttl: Duration::from_secs(settings.ttl.as_secs()) },
            observed: None,
            renewed: Instant::now(),
            followed: None,
            trouble: Trouble::new("cannot read or write the Lease"),
            report,
        }
    }

    /// Returns once the Lease is ours. Never gives up. Safe to drop, which may leave a Lease that is ours: whoever
    /// leads must go on with [`hold`](Self::hold) or [`release`](Self::release).
    pub(super) async fn acquire(&mut self) {
        let patience = self.candidate.ttl / 2;
        loop {
            self.renewed = Instant::now();
            let attempt = within(patience, self.attempt()).await;
            match attempt {
                Ok(Standing::Leads) => {
                    self.trouble.over();
                    self.report.reporting().leads(&self.name);
                    tracing::info!(lease = self.name, identity = self.candidate.identity, "leads: writes reports");
                    return;
                }
                Ok(Standing::Follows) => {
                    self.trouble.over();
                    self.name_holder();
                }
                Err(failure) => _ = self.trouble.note(&failure, failure.retry_after()),
            }
            // As client-go waits: those who follow one leader do not come all at once.
            sleep((self.candidate.ttl / 4).mul_f64(1.0 + 1.2 * fastrand::f64())).await;
        }
    }

    /// Keeps the Lease that is ours; returns when it is lost. From then on nothing may be written.
    pub(super) async fn hold(&mut self) {
        let ttl = self.candidate.ttl;
        loop {
            sleep_until(self.renewed + ttl / 4).await;
            if !self.renew(self.renewed + ttl * 3 / 4).await {
                break;
            }
        }
        self.report.reporting().follows(&self.name);
        tracing::warn!(
            lease = self.name,
            identity = self.candidate.identity,
            "leads no longer: stops to write reports"
        );
    }

    /// Gives the Lease up, so that another may have it at once. What does not succeed in time is left to expire.
    pub(super) async fn release(mut self) {
        self.report.reporting().follows(&self.name);
        match within(RELEASE, self.give_up()).await {
            Ok(()) => tracing::info!(lease = self.name, "gave the Lease up"),
            Err(failure) => tracing::warn!(lease = self.name, "the Lease is left to expire: {failure}"),
        }
    }

    /// Renews once, with as many attempts as fit before the deadline. Returns whether the Lease is still ours.
    async fn renew(&mut self, deadline: Instant) -> bool {
        loop {
            let began = Instant::now();
            match timeout_at(deadline, self.attempt()).await {
                Ok(Ok(Standing::Leads)) => {
                    self.trouble.over();
                    self.renewed = began;
                    return true;
                }
                Ok(Ok(Standing::Follows)) | Err(_) => return false,
                Ok(Err(failure)) => _ = self.trouble.note(&failure, failure.retry_after()),
            }
            let pause = (self.candidate.ttl / 16).mul_f64(0.75 + 0.5 * fastrand::f64());
            if Instant::now() + pause >= deadline {
                sleep_until(deadline).await;
                return false;
            }
            sleep(pause).await;
        }
    }

    /// Takes or renews the Lease, if it may be had.
    async fn attempt(&mut self) -> Result<Standing, Fault> {
        // The holder knows what it wrote; only if that has changed does it have to look.
        if let Some(observed) = self.observed.take_if(|observed| observed.holder() == Some(&self.candidate.identity)) {
            match self.put(observed.lease).await {
                Ok(()) => return Ok(Standing::Leads),
                Err(failure) if failure.is_conflict() || failure.is_missing() => {}
                Err(failure) => return Err(failure),
            }
        }
        let Some(lease) = self.api.get_opt(&self.name).await? else { return self.create().await };
        let observed = Observed::update(self.observed.take(), lease, Instant::now());
        match self.candidate.claim(&observed, Instant::now()) {
            Claim::Taken => {
                self.observed = Some(observed);
                Ok(Standing::Follows)
            }
            Claim::Free => match self.put(observed.lease.clone()).await {
                Ok(()) => Ok(Standing::Leads),
                Err(failure) => {
                    // What was seen still counts: someone else's renewal will show.
                    self.observed = Some(observed);
                    if failure.is_conflict() { Ok(Standing::Follows) } else { Err(failure) }
                }
            },
        }
    }

    async fn create(&mut self) -> Result<Standing, Fault> {
        let lease = Lease {
            metadata: ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() },
            spec: Some(self.candidate.record(None, &now())),
        };
        match self.api.create(&parameters(), &lease).await.map_err(Fault::from) {
            Ok(lease) => {
                self.observed = Some(Observed { lease, since: Instant::now() });
                Ok(Standing::Leads)
            }
            Err(failure) if failure.is_conflict() => Ok(Standing::Follows),
            Err(failure) => Err(failure),
        }
    }

    /// Writes our record over `lease`, if it is still the newest.
    async fn put(&mut self, mut lease: Lease) -> Result<(), Fault> {
        lease.spec = Some(self.candidate.record(lease.spec.as_ref(), &now()));
        let lease = self.api.replace(&self.name, &parameters(), &lease).await?;
        self.observed = Some(Observed { lease, since: Instant::now() });
        Ok(())
    }

    async fn give_up(&mut self) -> Result<(), Fault> {
        loop {
            let Some(mut lease) = self.api.get_opt(&self.name).await? else { return Ok(()) };
            let Some(spec) = lease.spec.take_if(|spec| self.is_ours(spec)) else { return Ok(()) };
            lease.spec = Some(released(&spec, &now()));
            match self.api.replace(&self.name, &parameters(), &lease).await.map_err(Fault::from) {
                Ok(_) => return Ok(()),
                Err(failure) if failure.is_conflict() => {}
                Err(failure) => return Err(failure),
            }
        }
    }

    fn is_ours(&self, spec: &LeaseSpec) -> bool {
        spec.holder_identity.as_deref() == Some(&self.candidate.identity)
    }

    /// Says once who leads instead.
    fn name_holder(&mut self) {
        let holder = self.observed.as_ref().and_then(Observed::holder);
        if self.followed.as_deref() != holder {
            self.followed = holder.map(str::to_owned);
            tracing::info!(lease = self.name, holder, "follows: another process writes reports");
        }
    }
}

fn parameters() -> PostParams {
    PostParams { dry_run: false, field_manager: Some(FIELD_MANAGER.to_owned()) }
}

fn now() -> MicroTime {
    MicroTime(Timestamp::now())
}
