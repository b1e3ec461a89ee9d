//! Tells the cluster what was made of its objects: statuses of Ingresses, and Events.
//!
//! One process of several does it, the holder of the Lease; it begins when it has the Lease, and ends at once when it
//! loses it. Without an election (`--disable-leader-election`) nobody writes statuses and everyone writes Events, as in
//! ingress-nginx, where the election is about statuses alone.

mod events;
#[cfg(test)]
mod fake;
mod leader;
mod request;
mod status;
#[cfg(test)]
mod tests;

use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use tokio::sync::watch;
use tokio::time::timeout;

use events::Events;
use leader::Election;
use status::Statuses;

use super::outcome::Outcome;
use crate::settings::Settings;
use crate::settings::reporting::{Pod, Reporting as Wanted};
use crate::telemetry::ReportCell;

/// The longest that clearing statuses at the end may take.
const CLEAR: Duration = Duration::from_secs(10);

/// Reports to the cluster.
pub(super) struct Reporting {
    outcomes: watch::Receiver<Outcome>,
    election: Option<Election>,
    duties: Duties,
}

/// What is done while leading.
struct Duties {
    statuses: Option<Statuses>,
    events: Option<Events>,
}

impl Reporting {
    pub(super) fn new(
        client: &Client,
        settings: &Settings,
        outcomes: &watch::Receiver<Outcome>,
        report: &Arc<ReportCell>,
    ) -> Self {
        let Wanted { statuses, election, events, pod } = settings.reporting.clone();
        let identity = identity(&pod);
        let namespace = pod.namespace.clone().unwrap_or_else(|| client.default_namespace().to_owned());
        let statuses = statuses
            .map(|statuses| Statuses::new(client.clone(), statuses, &pod, outcomes.clone(), Arc::clone(report)));
        let events =
            events.then(|| Events::new(client.clone(), identity.clone(), outcomes.clone(), Arc::clone(report)));
        if election.is_none() && statuses.is_some() {
            tracing::warn!("--disable-leader-election: nobody is elected to write statuses, so they are not written");
        }
        let election =
            election.map(|election| Election::new(client.clone(), &namespace, &election, identity, Arc::clone(report)));
        let statuses = statuses.filter(|_| election.is_some());
        Self { outcomes: outcomes.clone(), election, duties: Duties { statuses, events } }
    }

    /// Reports from the first outcome on until `stop` returns; then clears what is to be cleared, gives the Lease up, and returns within some
    /// seconds whatever the API server does. Dropping the future ends reporting without that.
    pub(super) async fn run(self, stop: impl Future<Output = ()>) {
        let Self { mut outcomes, election, mut duties } = self;
        let mut stop = pin!(stop);
        // Who does not know the objects yet has nothing to say, and is not to lead.
        tokio::select! {
            biased;
            () = &mut stop => return,
            () = changed(&mut outcomes) => {}
        }
        let Some(mut election) = election else {
            tokio::select! {
                () = &mut stop => return,
                () = duties.run() => return,
            }
        };
        loop {
            tokio::select! {
                biased;
                () = &mut stop => return,
                () = election.acquire() => {}
            }
            tokio::select! {
                biased;
                () = &mut stop => break,
                () = election.hold() => {}
                () = duties.run() => {}
            }
        }
        tokio::select! {
            biased;
            () = election.hold() => return,
            cleared = timeout(CLEAR, duties.end()) => {
                if cleared.is_err() {
                    tracing::warn!("not all statuses were cleared in time");
                }
            }
        }
        election.release().await;
    }
}

impl Duties {
    /// Never returns.
    async fn run(&mut self) {
        let Self { statuses, events } = self;
        let statuses = async {
            match statuses {
                Some(statuses) => statuses.run().await,
                None => pending().await,
            }
        };
        let events = async {
            match events {
                Some(events) => events.run().await,
                None => pending().await,
            }
        };
        tokio::join!(statuses, events);
    }

    async fn end(&mut self) {
        if let Some(statuses) = &mut self.statuses {
            statuses.clear().await;
        }
    }
}

/// Who this process is in the election: its pod, as in ingress-nginx; elsewhere a name that nobody else has.
fn identity(pod: &Pod) -> String {
    pod.name.clone().unwrap_or_else(|| format!("landfall-{:016x}", fastrand::u64(..)))
}

/// Returns when there is another outcome. One that will never come is waited for.
async fn changed(outcomes: &mut watch::Receiver<Outcome>) {
    if outcomes.changed().await.is_err() {
        pending::<()>().await;
    }
}
