//! Statuses of Ingresses: which points of ingress there are, written to every Ingress of ours that says otherwise.
//!
//! Whoever runs this must be the only one; the future may be dropped at any time, which ends what is being written.
//! Where the points cannot be found out, what stands is left.

#![expect(clippy::disallowed_methods, reason = "the control plane measures real time")]

mod addresses;
mod batch;
mod lookout;
mod point;
mod rounds;
#[cfg(test)]
mod tests;
mod writer;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use batch::{Batch, reference};
use lookout::Lookout;
use point::{Point, Points};
use rounds::{Round, Rounds};
use writer::Goal;

use super::changed;
use super::request::Trouble;
use crate::controller::outcome::Outcome;
use crate::settings::reporting::{Pod, StatusUpdates};
use crate::telemetry::ReportCell;

/// How soon after a round, which looks at every Ingress, the next may begin because something has changed.
const GAP: Duration = Duration::from_secs(1);

/// Writes statuses.
pub(super) struct Statuses {
    client: Client,
    settings: StatusUpdates,
    outcomes: watch::Receiver<Outcome>,
    report: Arc<ReportCell>,
    lookout: Lookout,
    rounds: Rounds,
    /// What is published, once it is known.
    target: Option<Points>,
    /// Everything that this process has published.
    published: BTreeSet<Point>,
    blindness: Trouble,
    trouble: Trouble,
}

/// When the next round is.
struct Pace {
    /// Not before.
    earliest: Instant,
    /// Then at the latest.
    next: Option<Instant>,
}

impl Statuses {
    pub(super) fn new(
        client: Client,
        settings: StatusUpdates,
        pod: &Pod,
        outcomes: watch::Receiver<Outcome>,
        report: Arc<ReportCell>,
    ) -> Self {
        Self {
            lookout: Lookout::new(client.clone(), settings.source.clone(), pod),
            rounds: Rounds::new(settings.interval),
            client,
            settings,
            outcomes,
            report,
            target: None,
            published: BTreeSet::new(),
            blindness: Trouble::new("cannot find out what to write into statuses"),
            trouble: Trouble::new("cannot write statuses"),
        }
    }

    /// Looks and writes until dropped.
    pub(super) async fn run(&mut self) {
        self.rounds.restart();
        let mut look = Instant::now();
        loop {
            let outcome = self.outcomes.borrow_and_update().clone();
            if look <= Instant::now() {
                look = Instant::now() + self.look(&outcome).await;
            }
            let Pace { earliest, next } = self.round(&outcome).await;
            // Objects that are gone are not to be kept for as long as nothing happens.
            drop(outcome);
            sleep_until(earliest).await;
            tokio::select! {
                () = sleep_until(next.map_or(look, |next| next.min(look))) => {}
                () = changed(&mut self.outcomes) => {}
            }
        }
    }

    /// Clears what was published, if the settings say so and no pod like ours stays. For the end, after
    /// [`run`](Self::run) was dropped.
    pub(super) async fn clear(&mut self) {
        if !self.settings.clear_on_shutdown || self.published.is_empty() {
            return;
        }
        match self.lookout.others_stay().await {
            Ok(true) => return tracing::info!("leaves statuses to the pods that stay"),
            Ok(false) => {}
            Err(why) => return tracing::warn!("leaves statuses, as it is not known whether pods stay: {why}"),
        }
        let ingresses = self.rounds.with_status(&self.outcomes.borrow());
        let goal = Goal::Clear(&self.published);
        let Batch { done: _, changed, failed, failure } =
            Batch::write(&self.client, ingresses, goal, &self.report).await;
        tracing::info!(ingresses = changed, "cleared statuses, as no pod stays");
        if let Some(failure) = failure {
            tracing::warn!(ingresses = failed, "cannot clear statuses: {failure}");
        }
    }

    /// Finds out what to write. Returns how long that holds.
    async fn look(&mut self, outcome: &Outcome) -> Duration {
        let soon = StatusUpdates::SHORTEST_INTERVAL;
        match self.lookout.look(&outcome.snapshot).await {
            Ok(Some(points)) => {
                self.blindness.over();
                let wait = if points.is_empty() { soon } else { self.settings.interval };
                if self.target.as_ref() != Some(&points) {
                    tracing::info!(addresses = %points, "statuses say where Ingresses are served");
                    self.published.extend(points.iter().cloned());
                    self.target = Some(points);
                }
                wait
            }
            Ok(None) => {
                self.blindness.over();
                tracing::debug!("no pod is ready on a node with an address; statuses are left as they are");
                soon
            }
            Err(why) => self.blindness.note(&why, why.retry_after()).max(soon),
        }
    }

    /// Writes what is due.
    async fn round(&mut self, outcome: &Outcome) -> Pace {
        let now = Instant::now();
        let Some(target) = self.target.clone() else { return Pace { earliest: now, next: None } };
        let Round { due, next, contested } = self.rounds.next(outcome, &target, now);
        for ingress in contested {
            tracing::warn!(%ingress, "the status is not what was written; another controller seems to write it too");
        }
        if due.is_empty() {
            return Pace { earliest: now + GAP, next };
        }
        let goal = Goal::Publish(&target);
        let Batch { done, changed, failed, failure } =
            Batch::write(&self.client, due.clone(), goal, &self.report).await;
        tracing::debug!(changed, failed, due = due.len(), "wrote statuses");
        for ingress in due.iter().map(|ingress| reference(ingress)).filter(|ingress| !done.contains(ingress)) {
            self.rounds.failed(&ingress);
        }
        let pause = match failure {
            None => {
                self.trouble.over();
                GAP
            }
            Some(failure) => self.trouble.note(&failure, failure.retry_after()),
        };
        let earliest = Instant::now() + pause;
        Pace { earliest, next: if failed > 0 { Some(earliest) } else { next } }
    }
}
