//! Objects to configuration. Compiling never fails: it returns a configuration and diagnostics.
//!
//! The passes, in order: the ConfigMap becomes live settings; our Ingresses are told from others' and lowered, each by
//! itself; hosts are merged from them; certificates and endpoints are found; statuses are drawn up; the configuration is
//! indexed. Every pass keeps what it made by key (Ingress, host, backend) and is told which keys are stale: a compile
//! from scratch is one in which all are.

mod age;
mod backends;
mod changes;
mod class;
mod configmap;
mod endpoints;
mod fallback;
mod hosts;
mod ingresses;
mod lower;
pub mod references;
mod routes;
mod service;
pub mod status;
mod tls;
mod users;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::ir::listener::AccessLog;
use crate::ir::{BackendId, Config, EndpointSource, HostPattern, ObjectRef, Route, UnixTime};
use crate::persistent::Map;
use crate::settings::{Classes, Objects, Settings};
use crate::snapshot::Snapshot;
use crate::table::Table;
use crate::tls::CertificateStore;

use backends::Backends;
use changes::Changes;
use configmap::Live;
use hosts::Hosts;
use ingresses::{Extent, Ingresses, Remade};
use lower::Environment;
use tls::{Certificates, Given};

pub use class::CLASS_ANNOTATION;
pub use configmap::{configmap_table, limit_table};
pub use references::References;
pub use status::{IngressStatus, IngressStatuses, Verdict};

/// Turns snapshots into configurations and remembers what it made, so that a change costs what depends on it.
#[derive(Debug)]
pub struct Compiler {
    classes: Classes,
    objects: Objects,
    /// `--access-log-format`.
    access_form: AccessLog,
    /// What was compiled last.
    snapshot: Snapshot,
    live: Arc<Live>,
    fallback: Option<Arc<Route>>,
    /// What the ConfigMap and the default backend gave to report.
    of_settings: Vec<Diagnostic>,
    ingresses: Ingresses,
    hosts: Hosts,
    certificates: Certificates,
    backends: Backends,
    compiled: Compiled,
}

impl Compiler {
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        let table = Arc::<Table>::default();
        Self {
            classes: settings.classes.clone(),
            objects: settings.objects.clone(),
            access_form: settings.logs.access_form,
            snapshot: Snapshot::default(),
            live: Arc::default(),
            fallback: None,
            of_settings: Vec::new(),
            ingresses: Ingresses::default(),
            hosts: Hosts::default(),
            certificates: Certificates::default(),
            backends: Backends::default(),
            compiled: Compiled { config: Arc::clone(table.config()), table, ..Compiled::default() },
        }
    }

    /// Compiles `snapshot`. `now` is for the expiry of certificates. The result is that of a fresh compiler, but what
    /// has not changed since the last call is the same `Arc`; and the self-signed default certificate, which is made
    /// at random, stays the same. Costs what depends on the objects that are others than in the last call, by identity.
    pub fn update(&mut self, snapshot: &Snapshot, now: UnixTime) -> Compiled {
        let changes = Changes::between(&self.snapshot, snapshot);
        self.snapshot = snapshot.clone();
        let extent = self.read_settings(&changes);
        let remade = self.remake_ingresses(extent, &changes);
        let stale = self.hosts.update(&remade, &mut self.compiled.diagnostics);
        self.choose_certificates(&stale, &changes, now);
        self.find_endpoints(&remade, &changes);
        self.draw_up_statuses(&remade, &stale);
        self.index();
        self.compiled.clone()
    }

    /// Reads the ConfigMap and the default backend. Returns how much depends on what they and the classes say now.
    fn read_settings(&mut self, changes: &Changes) -> Extent {
        let mut said = Vec::new();
        let configmap = self.objects.configmap.as_ref();
        let live = configmap::read(configmap, self.access_form, &self.snapshot, &mut said);
        let same = *self.live == live;
        if !same {
            self.live = Arc::new(live);
        }
        let default_backend = self.objects.default_backend.as_ref();
        let route = fallback::route(default_backend, &self.live, &self.snapshot, &mut said);
        if self.fallback.as_deref() != route.as_ref() {
            self.fallback = route.map(Arc::new);
        }
        self.compiled.diagnostics.replace(&self.of_settings, &said);
        self.of_settings = said;
        if same && !changes.classes { Extent::WhatChanged } else { Extent::Everything }
    }

    fn remake_ingresses(&mut self, extent: Extent, changes: &Changes) -> Vec<Remade> {
        let environment = Environment { objects: &self.objects, live: &self.live, snapshot: &self.snapshot };
        self.ingresses.update(extent, changes, &self.classes, environment, &mut self.compiled.diagnostics)
    }

    fn choose_certificates(&mut self, stale: &BTreeSet<HostPattern>, changes: &Changes, now: UnixTime) {
        let given = Given {
            hosts: &self.hosts,
            default: self.objects.default_certificate.as_ref(),
            snapshot: &self.snapshot,
            now,
        };
        let diagnostics = &mut self.compiled.diagnostics;
        self.compiled.certificates = self.certificates.update(stale, &changes.secrets, &given, diagnostics);
    }

    fn find_endpoints(&mut self, remade: &[Remade], changes: &Changes) {
        let fallback = self.fallback.as_deref().and_then(fallback::backend_of);
        self.backends.refer(remade);
        self.backends.refer_fallback(fallback.map(|id| (id.clone(), self.live.defaults.endpoints)));
        let diagnostics = &mut self.compiled.diagnostics;
        self.compiled.endpoints = self.backends.update(changes, &self.objects, &self.snapshot, diagnostics).clone();
    }

    /// Of the Ingresses that were made anew, and of all that share a host with one.
    fn draw_up_statuses(&mut self, remade: &[Remade], stale: &BTreeSet<HostPattern>) {
        let neighbours = stale.iter().flat_map(|pattern| self.hosts.members(pattern)).map(|member| &member.ingress);
        let affected: BTreeSet<&ObjectRef> = remade.iter().map(|remade| &remade.ingress).chain(neighbours).collect();
        for ingress in affected {
            self.compiled.statuses.update(ingress, &self.ingresses, &self.hosts);
        }
    }

    /// Indexes the configuration, unless it is what is indexed already.
    fn index(&mut self) {
        let Config { listener, hosts, fallback } = &*self.compiled.config;
        let unchanged =
            *listener == self.live.listener && *fallback == self.fallback && hosts.are(self.hosts.virtual_hosts());
        if !unchanged {
            let config = Arc::new(Config {
                listener: self.live.listener.clone(),
                hosts: self.hosts.virtual_hosts().clone(),
                fallback: self.fallback.clone(),
            });
            self.compiled.table = Arc::new(self.compiled.table.update(Arc::clone(&config)));
            self.compiled.config = config;
        }
    }
}

/// What a compile gives. A clone costs a few reference counts.
#[derive(Debug, Clone, Default)]
pub struct Compiled {
    pub config: Arc<Config>,
    pub table: Arc<Table>,
    pub certificates: Arc<CertificateStore>,
    pub endpoints: Map<BackendId, EndpointSource>,
    pub diagnostics: Diagnostics,
    /// What became of every Ingress of the snapshot.
    pub statuses: IngressStatuses,
}
