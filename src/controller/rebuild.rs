//! One rebuild: snapshot to configuration, names to addresses, and the swap.

#![expect(clippy::disallowed_methods, reason = "the control plane measures real time and tells the compiler the date")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::watch as cell;
use tokio::time::Instant;

use super::dns::Names;
use super::outcome::Outcome;
use super::publications::{Line, Publications, Published};
use crate::compile::{Compiled, Compiler};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::ir::{BackendId, Endpoint, EndpointSource, ObjectKind, UnixTime};
use crate::live::{Endpoints, Publication, Publisher, State};
use crate::persistent::Change;
use crate::settings::Settings;
use crate::snapshot::{Counts, Snapshot};
use crate::telemetry::report::{Report, ReportCell, Timings};

/// Turns snapshots into published states and reports on each.
pub(super) struct Rebuild {
    compiler: Compiler,
    publisher: Publisher,
    report: Arc<ReportCell>,
    names: Names,
    current: Compiled,
    /// The addresses of every backend.
    endpoints: Arc<Endpoints>,
    /// The backends whose addresses are those of a name, with its port.
    named: BTreeMap<BackendId, (String, u16)>,
    live: Option<Arc<State>>,
    of_source: Vec<Diagnostic>,
    snapshot: Snapshot,
    compile_time: Duration,
    outcomes: cell::Sender<Outcome>,
    publications: Publications,
}

impl Rebuild {
    pub(super) fn new(settings: &Settings, publisher: Publisher, report: Arc<ReportCell>) -> Self {
        Self {
            compiler: Compiler::new(settings),
            publisher,
            report,
            names: Names::new(settings.objects.local_addresses),
            current: Compiled::default(),
            endpoints: Arc::default(),
            named: BTreeMap::new(),
            live: None,
            of_source: Vec::new(),
            snapshot: Snapshot::default(),
            compile_time: Duration::ZERO,
            outcomes: cell::Sender::default(),
            publications: Publications::default(),
        }
    }

    /// Compiles a snapshot and publishes what it makes. Waits a short while for names that were never resolved before.
    pub(super) async fn run(&mut self, snapshot: &Snapshot, of_source: &[Diagnostic], since: Instant) {
        let started = Instant::now();
        let compiled = self.compiler.update(snapshot, today());
        self.compile_time = started.elapsed();
        self.of_source = of_source.to_vec();
        self.snapshot = snapshot.clone();
        let before = std::mem::replace(&mut self.current, compiled);
        self.take_endpoints(&before);
        self.names.watch(self.named.values().map(|(host, _)| host.as_str())).await;
        self.publish(since);
    }

    /// What was last published, and every publication from now on.
    pub(super) fn outcomes(&self) -> cell::Receiver<Outcome> {
        self.outcomes.subscribe()
    }

    /// Returns when a watched name has other addresses than those published.
    pub(super) async fn names_changed(&mut self) {
        self.names.changed().await;
    }

    /// Publishes the current configuration with the addresses that names have now.
    pub(super) fn publish_names(&mut self) {
        self.publish(Instant::now());
    }

    /// When the log is to be told of publications, by [`log_due`](Self::log_due); `None` while it knows them all.
    pub(super) fn untold(&self) -> Option<Instant> {
        self.publications.due(Instant::now())
    }

    /// Tells the log of publications, if it is time to.
    pub(super) fn log_due(&mut self) {
        if let Some(line) = self.publications.take_due(Instant::now()) {
            log_publications(line);
        }
    }

    fn publish(&mut self, since: Instant) {
        let of_names = self.resolve();
        let mut diagnostics = self.current.diagnostics.clone();
        self.of_source.iter().chain(&of_names).for_each(|diagnostic| diagnostics.add(diagnostic));
        log_changes(&self.report.current().diagnostics, &diagnostics);
        self.swap(diagnostics.clone(), since);
        let (snapshot, statuses) = (self.snapshot.clone(), self.current.statuses.clone());
        self.outcomes.send_replace(Outcome { snapshot, statuses, diagnostics });
    }

    /// Publishes and reports. What is live already is not published again: objects may change in what nothing is made
    /// of, their statuses for one.
    fn swap(&mut self, diagnostics: Diagnostics, since: Instant) {
        let objects = by_kind(self.snapshot.counts());
        if self.live.as_deref().is_some_and(|live| self.is(live)) {
            return self.report.amend(Report { diagnostics, objects, ..Report::clone(&self.report.current()) });
        }
        let Compiled { config, table, certificates, .. } = &self.current;
        let state = self.publisher.publish(Publication {
            config: Arc::clone(config),
            table: Arc::clone(table),
            certificates: Arc::clone(certificates),
            endpoints: Arc::clone(&self.endpoints),
        });
        let generation = state.generation;
        self.live = Some(state);
        let timings = Timings { compile: self.compile_time, publish: since.elapsed() };
        tracing::debug!(generation, compile = ?timings.compile, publish = ?timings.publish, "live");
        self.publications.note(Published { generation, timings });
        self.log_due();
        let published = Some(SystemTime::now());
        self.report.store(Report { generation, published, diagnostics, objects, timings });
    }

    /// Whether a state is what would be published.
    fn is(&self, live: &State) -> bool {
        let State { generation: _, config, table, certificates, endpoints } = live;
        Arc::ptr_eq(config, &self.current.config)
            && Arc::ptr_eq(table, &self.current.table)
            && Arc::ptr_eq(certificates, &self.current.certificates)
            && Arc::ptr_eq(endpoints, &self.endpoints)
    }

    /// Takes up what is other than before of where endpoints come from.
    fn take_endpoints(&mut self, before: &Compiled) {
        let now = self.current.endpoints.clone();
        for Change { key: id, before: _, now } in before.endpoints.changes(&now, EndpointSource::eq) {
            self.named.remove(id);
            match now {
                Some(EndpointSource::Addresses(list)) => self.set_endpoints(id, list),
                Some(EndpointSource::Name { host, port }) => _ = self.named.insert(id.clone(), (host.clone(), *port)),
                None => _ = Arc::make_mut(&mut self.endpoints).remove(id),
            }
        }
    }

    /// Looks up the addresses that names have now. Returns what is to be said about them.
    fn resolve(&mut self) -> Vec<Diagnostic> {
        let mut diagnostics = Vec::new();
        for (id, (host, port)) in &self.named.clone() {
            let list = self.names.endpoints(id, host, *port, &mut diagnostics);
            self.set_endpoints(id, &list.into());
        }
        diagnostics
    }

    /// Makes the addresses of a backend be these; a list that is equal stays the same `Arc`.
    fn set_endpoints(&mut self, id: &BackendId, list: &Arc<[Endpoint]>) {
        if self.endpoints.get(id) != Some(list) {
            Arc::make_mut(&mut self.endpoints).insert(id.clone(), Arc::clone(list));
        }
    }
}

impl Drop for Rebuild {
    fn drop(&mut self) {
        if let Some(line) = self.publications.take() {
            log_publications(line);
        }
    }
}

fn log_publications(line: Line) {
    let Line { publications, last: Published { generation, timings } } = line;
    tracing::info!(generation, publications, compile = ?timings.compile, publish = ?timings.publish, "published");
}

/// Says what is newly wrong, and what no longer is: each once, not at every rebuild.
fn log_changes(before: &Diagnostics, now: &Diagnostics) {
    for Change { key, before: _, now } in before.changes(now) {
        let Diagnostic { severity, code, provenance, message } = &**key;
        match (now, severity) {
            (None, _) => tracing::info!(code, %provenance, "no longer the case"),
            (Some(_), Severity::Error) => tracing::error!(code, %provenance, "{message}"),
            (Some(_), Severity::Warning) => tracing::warn!(code, %provenance, "{message}"),
            (Some(_), Severity::Info) => tracing::info!(code, %provenance, "{message}"),
        }
    }
}

fn by_kind(counts: Counts) -> BTreeMap<ObjectKind, usize> {
    let Counts { ingresses, ingress_classes, services, endpoint_slices, endpoints, secrets, config_maps } = counts;
    BTreeMap::from([
        (ObjectKind::Ingress, ingresses),
        (ObjectKind::IngressClass, ingress_classes),
        (ObjectKind::Service, services),
        (ObjectKind::EndpointSlice, endpoint_slices),
        (ObjectKind::Endpoints, endpoints),
        (ObjectKind::Secret, secrets),
        (ObjectKind::ConfigMap, config_maps),
    ])
}

fn today() -> UnixTime {
    let elapsed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    UnixTime(i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX))
}
