//! Objects to configuration. Compiling never fails: it returns a configuration and diagnostics.

pub mod status;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::ir::{BackendId, Config, EndpointSource, UnixTime};
use crate::settings::Settings;
use crate::snapshot::Snapshot;
use crate::table::Table;
use crate::tls::CertificateStore;

pub use status::{IngressStatus, Verdict};

/// Turns snapshots into configurations and remembers what it made, so that a change costs what depends on it.
#[derive(Debug)]
pub struct Compiler {
    table: Arc<Table>,
}

impl Compiler {
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        let _ = settings;
        Self { table: Arc::default() }
    }

    /// Compiles `snapshot`. `now` is for the expiry of certificates. The result is that of a fresh compiler, but what
    /// has not changed since the last call is the same `Arc`.
    pub fn update(&mut self, snapshot: &Snapshot, now: UnixTime) -> Compiled {
        let _ = (snapshot, now);
        Compiled { table: Arc::clone(&self.table), ..Compiled::default() }
    }
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
