//! What the watches of a cluster have told, and what is asked for besides: the objects that are newly referred to.
//!
//! Secrets, ConfigMaps and Endpoints are asked for once it is known which of them count.

#![expect(clippy::disallowed_methods, reason = "the control plane measures real time")]

use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::delivery::Delivery;
use super::fetch::Fetches;
use super::plan;
use super::store::{Effect, Store};
use super::until;
use super::watches::Watches;
use crate::controller::holdoff::HoldOff;
use crate::diagnostic::Diagnostic;
use crate::ir::ObjectKind;
use crate::settings::{Cluster, Settings};
use crate::snapshot::Snapshot;
use crate::telemetry::ReportCell;

/// How many deliveries may wait to be taken up; beyond, watches wait, and with them their connections.
const DELIVERIES: usize = 256;
/// How long a Service may be without EndpointSlices before Endpoints are asked for: a new one is for a moment.
const WITHOUT_SLICES: Duration = Duration::from_secs(5);

/// All watches and what they have told. Dropping it ends them.
pub(in crate::controller) struct Following {
    store: Store,
    deliveries: mpsc::Receiver<Delivery>,
    watches: Watches,
    fetches: Fetches,
    /// When Endpoints are asked for, because a Service has no slices.
    endpoints_due: Option<Instant>,
    /// Whether it has been said that everything is there.
    announced: bool,
}

/// What [`Following::news`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::controller) enum News {
    /// Something is to be published.
    Changed,
    /// What a publication waits for is there, or is not to be had.
    Settled,
}

impl Following {
    /// Starts every watch.
    pub(in crate::controller) fn start(
        client: &Client,
        settings: &Settings,
        cluster: &Cluster,
        report: &Arc<ReportCell>,
    ) -> Self {
        let planned = plan::watches(cluster, &settings.objects);
        let (sender, deliveries) = mpsc::channel(DELIVERIES);
        let prefix: Arc<str> = settings.objects.annotations_prefix.as_str().into();
        let mut watches = Watches::new(client.clone(), cluster.sync_period, Arc::clone(&prefix), sender);
        for (number, (subject, scope)) in planned.iter().enumerate() {
            watches.start(number, *subject, scope, report.watches());
        }
        Self {
            store: Store::new(settings.classes.clone(), settings.objects.clone(), &planned),
            deliveries,
            watches,
            fetches: Fetches::new(client.clone(), prefix),
            endpoints_due: None,
            announced: false,
        }
    }

    pub(in crate::controller) fn snapshot(&self) -> &Snapshot {
        self.store.snapshot()
    }

    pub(in crate::controller) fn diagnostics(&self) -> &[Diagnostic] {
        self.store.diagnostics()
    }

    /// Returns when there is news, the first of which is that everything is there. Safe to drop: nothing is lost.
    pub(in crate::controller) async fn news(&mut self) -> News {
        loop {
            let waited = self.fetches.deadline().is_some();
            let effect = tokio::select! {
                Some(delivery) = self.deliveries.recv() => self.store.take(delivery),
                item = self.fetches.next() => item.map_or(Effect::Same, |item| self.store.take_read(item)),
                () = until(self.endpoints_due) => self.ask_for_endpoints(),
                () = self.watches.restarted() => Effect::Same,
            };
            if !self.watches.names_are_known() && self.store.can_refer() {
                self.refer();
            }
            if !self.store.is_synced() {
                continue;
            }
            let first = !std::mem::replace(&mut self.announced, true);
            if first || effect == Effect::Changed {
                return News::Changed;
            }
            if waited && self.fetches.deadline().is_none() {
                return News::Settled;
            }
        }
    }

    /// When what has changed is to be published: as the hold-off says, but not before what it newly refers to is
    /// there, for as long as that can be waited for.
    pub(in crate::controller) fn due(&self, hold_off: &HoldOff) -> Option<Instant> {
        let due = hold_off.due().filter(|_| self.announced)?;
        Some(self.fetches.deadline().map_or(due, |deadline| due.max(deadline)))
    }

    /// Asks for what is newly referred to. Returns whether there is nothing to wait for.
    pub(in crate::controller) fn is_settled(&mut self) -> bool {
        self.refer();
        self.fetches.deadline().is_none_or(|deadline| deadline <= Instant::now())
    }

    fn refer(&mut self) {
        let first = !self.watches.names_are_known();
        let newly = self.store.refer();
        let references = self.store.references();
        self.watches.keep(references);
        self.fetches.retain(|object| references.contains(object));
        let endpoints = self.watches.follow_endpoints();
        let missed = !endpoints && !references.endpoints.is_empty();
        self.endpoints_due = missed.then(|| self.endpoints_due.unwrap_or_else(|| Instant::now() + WITHOUT_SLICES));
        if missed && first {
            self.store.await_endpoints();
            self.ask_for_endpoints();
        }
        // At first nothing is read by itself: the lists are still to come.
        for object in newly.into_iter().filter(|_| !first) {
            if object.kind != ObjectKind::Endpoints || endpoints {
                self.fetches.begin(object);
            }
        }
    }

    fn ask_for_endpoints(&mut self) -> Effect {
        self.endpoints_due = None;
        self.watches.keep_endpoints(&self.store.references().endpoints);
        Effect::Same
    }
}
