//! One rebuild: snapshot to configuration, names to addresses, and the swap.

#![expect(clippy::disallowed_methods, reason = "the control plane measures real time and tells the compiler the date")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::watch as cell;
use tokio::time::Instant;

use super::dns::Names;
use super::outcome::Outcome;
use crate::compile::{Compiled, Compiler, IngressStatus};
use crate::diagnostic::{Diagnostic, Severity};
use crate::ir::{BackendId, Endpoint, EndpointSource, ObjectKind, UnixTime};
use crate::live::{Endpoints, Publication, Publisher, State};
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
    endpoints: Arc<Endpoints>,
    live: Option<Arc<State>>,
    of_source: Vec<Diagnostic>,
    snapshot: Snapshot,
    statuses: Arc<[IngressStatus]>,
    compile_time: Duration,
    outcomes: cell::Sender<Outcome>,
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
            live: None,
            of_source: Vec::new(),
            snapshot: Snapshot::default(),
            statuses: Arc::default(),
            compile_time: Duration::ZERO,
            outcomes: cell::Sender::default(),
        }
    }

    /// Compiles a snapshot and publishes what it makes. Waits a short while for names that were never resolved before.
    pub(super) async fn run(&mut self, snapshot: &Snapshot, of_source: &[Diagnostic], since: Instant) {
        let started = Instant::now();
        self.current = self.compiler.update(snapshot, today());
        self.compile_time = started.elapsed();
        self.of_source = of_source.to_vec();
        self.snapshot = snapshot.clone();
        self.statuses = std::mem::take(&mut self.current.statuses).into();
        let names = self.current.endpoints.values().filter_map(|source| match source {
            EndpointSource::Name { host, .. } => Some(host.as_str()),
            EndpointSource::Addresses(_) => None,
        });
        self.names.watch(names).await;
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

    fn publish(&mut self, since: Instant) {
        let (endpoints, of_names) = self.resolve();
        if *self.endpoints != endpoints {
            self.endpoints = Arc::new(endpoints);
        }
        let all: BTreeSet<_> =
            self.current.diagnostics.iter().chain(&self.of_source).chain(&of_names).cloned().collect();
        log_changes(&self.report.current().diagnostics, &all);
        let diagnostics: Arc<[Diagnostic]> = all.into_iter().collect();
        self.swap(Arc::clone(&diagnostics), since);
        let (snapshot, statuses) = (self.snapshot.clone(), Arc::clone(&self.statuses));
        self.outcomes.send_replace(Outcome { snapshot, statuses, diagnostics });
    }

    /// Publishes and reports. What is live already is not published again: objects may change in what nothing is made
    /// of, their statuses for one.
    fn swap(&mut self, diagnostics: Arc<[Diagnostic]>, since: Instant) {
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
        tracing::info!(generation, compile = ?timings.compile, publish = ?timings.publish, "published");
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

    /// The addresses of every backend; lists that have not changed stay the same `Arc`.
    fn resolve(&self) -> (Endpoints, Vec<Diagnostic>) {
        let mut diagnostics = Vec::new();
        let endpoints = self
            .current
            .endpoints
            .iter()
            .map(|(id, source)| {
                let list = match source {
                    EndpointSource::Addresses(list) => list.clone(),
                    EndpointSource::Name { host, port } => self.names.endpoints(id, host, *port, &mut diagnostics),
                };
                (id.clone(), self.share(id, list))
            })
            .collect();
        (endpoints, diagnostics)
    }

    fn share(&self, id: &BackendId, list: Vec<Endpoint>) -> Arc<[Endpoint]> {
        match self.endpoints.get(id) {
            Some(known) if **known == *list => Arc::clone(known),
            Some(_) | None => list.into(),
        }
    }
}

/// Says what is newly wrong, and what no longer is: each once, not at every rebuild.
fn log_changes(before: &[Diagnostic], now: &BTreeSet<Diagnostic>) {
    for diagnostic in now.iter().filter(|diagnostic| before.binary_search(diagnostic).is_err()) {
        let Diagnostic { code, provenance, message, .. } = diagnostic;
        match diagnostic.severity {
            Severity::Error => tracing::error!(code, %provenance, "{message}"),
            Severity::Warning => tracing::warn!(code, %provenance, "{message}"),
            Severity::Info => tracing::info!(code, %provenance, "{message}"),
        }
    }
    for Diagnostic { code, provenance, .. } in before.iter().filter(|diagnostic| !now.contains(diagnostic)) {
        tracing::info!(code, %provenance, "no longer the case");
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
