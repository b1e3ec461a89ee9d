//! Events: diagnostics told on the objects that they are about, for `kubectl describe` to show.
//!
//! Events are told as fast as the limits allow, what is worst first: some dozens at once and then some a second, and of
//! one object as many as client-go would. Verbs on `events` of the core API: create, patch.

#![expect(clippy::disallowed_methods, reason = "the control plane measures real time and dates its records")]

mod bucket;
mod ledger;
mod record;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use kube::Client;
use kube::api::{Api, Patch, PatchParams, PostParams};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use bucket::{Bucket, Rate};
use ledger::{Due, How, Ledger, View};

use super::changed;
use super::request::{Trouble, within};
use crate::controller::cluster::fault::Fault;
use crate::controller::outcome::Outcome;
use crate::diagnostic::Diagnostic;
use crate::telemetry::ReportCell;
use crate::telemetry::reporting::Outcome as Told;

/// All Events together.
const OVERALL: Rate = Rate { burst: 50, every: Duration::from_millis(200) };
/// How soon after a look at what is the case the next may follow. What comes and goes within is not told.
const GAP: Duration = Duration::from_secs(1);
/// How often to look without a change, for what is to be renewed or may be told by now.
const TICK: Duration = Duration::from_secs(60);
/// The longest that one Event may take.
const WRITE: Duration = Duration::from_secs(30);

/// Writes Events.
pub(super) struct Events {
    client: Client,
    /// Which process reports: the name of the pod.
    instance: String,
    outcomes: watch::Receiver<Outcome>,
    report: Arc<ReportCell>,
    ledger: Ledger,
    bucket: Bucket,
    trouble: Trouble,
}

impl Events {
    pub(super) fn new(
        client: Client,
        instance: String,
        outcomes: watch::Receiver<Outcome>,
        report: Arc<ReportCell>,
    ) -> Self {
        Self {
            client,
            instance,
            outcomes,
            report,
            ledger: Ledger::default(),
            bucket: Bucket::new(OVERALL, Instant::now()),
            trouble: Trouble::new("cannot write Events"),
        }
    }

    /// Looks and tells until dropped, which may cut a request short.
    pub(super) async fn run(&mut self) {
        loop {
            let looked = Instant::now();
            let outcome = self.outcomes.borrow_and_update().clone();
            let View { due, dropped } = self.ledger.view(&outcome, looked);
            // Objects that are gone are not to be kept meanwhile.
            drop(outcome);
            self.report.reporting().events(Told::Dropped, dropped);
            let pause = self.tell_all(due, looked).await;
            sleep_until(looked + GAP).await;
            sleep(pause).await;
            tokio::select! {
                () = sleep_until(looked + TICK) => {}
                () = changed(&mut self.outcomes) => {}
            }
        }
    }

    /// Tells what is due, until there is something new to look at. Returns how long to leave the server alone.
    async fn tell_all(&mut self, due: Vec<Due>, looked: Instant) -> Duration {
        for due in due {
            if looked.elapsed() >= GAP && self.outcomes.has_changed().unwrap_or_default() {
                return Duration::ZERO;
            }
            let diagnostic = &*due.diagnostic;
            if !self.ledger.permit(&due, Instant::now()) {
                continue;
            }
            while let Err(at) = self.bucket.take(Instant::now()) {
                sleep_until(at).await;
            }
            match within(WRITE, self.tell(diagnostic, &due)).await {
                Ok(count) => {
                    self.trouble.over();
                    self.report.reporting().events(Told::Written, 1);
                    self.ledger.told(due.subject.key, count, Instant::now());
                }
                Err(failure) => {
                    self.report.reporting().events(Told::Failed, 1);
                    if failure.is_about_going_namespace() {
                        self.ledger.told(due.subject.key, None, Instant::now());
                        continue;
                    }
                    let pause = self.trouble.note(&failure, failure.retry_after());
                    if !failure.is_about_object() {
                        return pause;
                    }
                    self.ledger.told(due.subject.key, None, Instant::now());
                }
            }
        }
        Duration::ZERO
    }

    /// Writes one Event. Returns how often it has been told.
    async fn tell(&self, diagnostic: &Diagnostic, due: &Due) -> Result<Option<i32>, Fault> {
        let events: Api<Event> = Api::namespaced(self.client.clone(), record::namespace(diagnostic));
        match due.how {
            How::First => match self.create(&events, diagnostic, due).await {
                // Told by another process, or by this one before it ended.
                Err(failure) if failure.is_conflict() => renew(&events, diagnostic, due, None).await,
                result => result,
            },
            How::Again { count } => match renew(&events, diagnostic, due, count).await {
                // Forgotten in the meantime.
                Err(failure) if failure.is_missing() => self.create(&events, diagnostic, due).await,
                result => result,
            },
        }
    }

    async fn create(&self, events: &Api<Event>, diagnostic: &Diagnostic, due: &Due) -> Result<Option<i32>, Fault> {
        let event = record::event(diagnostic, &due.subject, &self.instance, &now());
        Ok(events.create(&PostParams::default(), &event).await?.count)
    }
}

async fn renew(
    events: &Api<Event>,
    diagnostic: &Diagnostic,
    due: &Due,
    count: Option<i32>,
) -> Result<Option<i32>, Fault> {
    let name = record::name(diagnostic, due.subject.key);
    let patch = Patch::Merge(record::again(count, &now()));
    Ok(events.patch(&name, &PatchParams::default(), &patch).await?.count)
}

fn now() -> Time {
    Time(Timestamp::now())
}
