//! Objects to configuration. Compiling never fails: it returns a configuration and diagnostics.
//!
//! The passes, in order: the ConfigMap becomes live settings; our Ingresses are told from others' and put in order;
//! each is lowered by itself; hosts are merged from them; certificates and endpoints are found; the configuration is
//! indexed. Every pass remembers what it made, by the identity of what it read.

mod class;
mod configmap;
mod endpoints;
mod fallback;
mod hosts;
mod lower;
mod memo;
pub mod references;
mod routes;
mod service;
pub mod status;
mod tls;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::annotations::EndpointMode;
use crate::diagnostic::Diagnostic;
use crate::ir::listener::AccessLog;
use crate::ir::{BackendId, Config, EndpointSource, HostPattern, Route, UnixTime};
use crate::settings::{Classes, Objects, Settings};
use crate::snapshot::Snapshot;
use crate::table::Table;
use crate::tls::CertificateStore;

use configmap::Live;
use hosts::{Hosts, Merged};
use lower::Lowered;
use memo::{Lowerings, Resolutions};
use status::Statuses;
use tls::{Certificates, TlsHost};

pub use class::CLASS_ANNOTATION;
pub use configmap::{configmap_table, limit_table};
pub use references::References;
pub use status::{IngressStatus, Verdict};

/// Turns snapshots into configurations and remembers what it made, so that a change costs what depends on it.
#[derive(Debug)]
pub struct Compiler {
    classes: Classes,
    objects: Objects,
    /// `--access-log-format`.
    access_form: AccessLog,
    live: Arc<Live>,
    lowerings: Lowerings,
    hosts: Hosts,
    certificates: Certificates,
    resolutions: Resolutions,
    fallback: Option<Arc<Route>>,
    table: Arc<Table>,
}

impl Compiler {
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self {
            classes: settings.classes.clone(),
            objects: settings.objects.clone(),
            access_form: settings.logs.access_form,
            live: Arc::default(),
            lowerings: Lowerings::default(),
            hosts: Hosts::default(),
            certificates: Certificates::default(),
            resolutions: Resolutions::default(),
            fallback: None,
            table: Arc::default(),
        }
    }

    /// Compiles `snapshot`. `now` is for the expiry of certificates. The result is that of a fresh compiler, but what
    /// has not changed since the last call is the same `Arc`; and the self-signed default certificate, which is made
    /// at random, stays the same.
    pub fn update(&mut self, snapshot: &Snapshot, now: UnixTime) -> Compiled {
        let mut diagnostics = Vec::new();
        self.read_live(snapshot, &mut diagnostics);
        let selection = class::select(&self.classes, &self.objects, snapshot, &mut diagnostics);
        let ingresses = self.lowerings.update(&selection.ours, &self.live, &self.objects, snapshot);
        let mut statuses = Statuses::new(&ingresses, selection.others);
        diagnostics.extend(ingresses.iter().flat_map(|ingress| ingress.diagnostics.iter().cloned()));
        self.read_fallback(snapshot, &mut diagnostics);

        let merged = self.hosts.update(&ingresses);
        for host in &merged {
            diagnostics.extend(host.outcome.diagnostics.iter().cloned());
            statuses.add(host);
        }
        let certificates = self.certificates.update(
            tls_hosts(&merged, &ingresses),
            self.objects.default_certificate.as_ref(),
            snapshot,
            now,
            &mut diagnostics,
        );
        let config = Config {
            listener: self.live.listener.clone(),
            hosts: merged.iter().map(|host| Arc::clone(&host.outcome.host)).collect(),
            fallback: self.fallback.clone(),
        };
        let backends = backends(&ingresses, self.fallback.as_deref(), self.live.defaults.endpoints);
        let endpoints = self.resolutions.update(&backends, &self.objects, snapshot, &mut diagnostics);
        self.index(config);
        diagnostics.sort();
        diagnostics.dedup();
        Compiled {
            config: Arc::clone(self.table.config()),
            table: Arc::clone(&self.table),
            certificates,
            endpoints,
            diagnostics,
            statuses: statuses.finish(),
        }
    }

    fn read_live(&mut self, snapshot: &Snapshot, diagnostics: &mut Vec<Diagnostic>) {
        let live = configmap::read(self.objects.configmap.as_ref(), self.access_form, snapshot, diagnostics);
        if *self.live != live {
            self.live = Arc::new(live);
        }
    }

    fn read_fallback(&mut self, snapshot: &Snapshot, diagnostics: &mut Vec<Diagnostic>) {
        let route = fallback::route(self.objects.default_backend.as_ref(), &self.live, snapshot, diagnostics);
        if self.fallback.as_deref() != route.as_ref() {
            self.fallback = route.map(Arc::new);
        }
    }

    /// Indexes a configuration, unless it is what is indexed already.
    fn index(&mut self, config: Config) {
        let now = self.table.config();
        let unchanged = now.listener == config.listener
            && now.fallback == config.fallback
            && now.hosts.len() == config.hosts.len()
            && now.hosts.iter().zip(&config.hosts).all(|(now, next)| Arc::ptr_eq(now, next));
        if !unchanged {
            self.table = Arc::new(self.table.update(Arc::new(config)));
        }
    }
}

/// The hosts that certificates are for, each with the oldest of its Ingresses that has a `tls` section.
fn tls_hosts<'l>(merged: &'l [Merged<'l>], ingresses: &'l [Arc<Lowered>]) -> impl Iterator<Item = TlsHost<'l>> {
    merged.iter().filter_map(|host| {
        let pattern = &host.outcome.host.pattern;
        let mut members = host.members.iter().filter_map(|index| ingresses.get(*index));
        let ingress = members.find(|ingress| !ingress.tls.is_empty())?;
        (*pattern != HostPattern::Any).then_some(TlsHost { pattern, ingress })
    })
}

/// Every backend in use. Where Ingresses differ on what its endpoints are, the oldest decides.
fn backends(
    ingresses: &[Arc<Lowered>],
    fallback: Option<&Route>,
    mode: EndpointMode,
) -> BTreeMap<BackendId, EndpointMode> {
    let mut backends = BTreeMap::new();
    for (id, mode) in ingresses.iter().flat_map(|ingress| &ingress.backends) {
        backends.entry(id.clone()).or_insert(*mode);
    }
    if let Some(id) = fallback.and_then(fallback::backend_of) {
        backends.entry(id.clone()).or_insert(mode);
    }
    backends
}

/// What a compile gives.
#[derive(Debug, Clone, Default)]
pub struct Compiled {
    pub config: Arc<Config>,
    pub table: Arc<Table>,
    pub certificates: Arc<CertificateStore>,
    pub endpoints: BTreeMap<BackendId, EndpointSource>,
    /// Sorted, each once.
    pub diagnostics: Vec<Diagnostic>,
    /// What became of every Ingress of the snapshot, sorted by namespace and name.
    pub statuses: Vec<IngressStatus>,
}
