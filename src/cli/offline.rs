//! Manifests compiled as the controller compiles them, without anything running.
//!
//! Names of ExternalName Services are not resolved: their backends have no endpoints here.

#![expect(clippy::disallowed_methods, reason = "what is checked is checked as of today")]

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::terminal;
use crate::compile::{Compiled, Compiler};
use crate::diagnostic::Diagnostic;
use crate::ir::{EndpointSource, UnixTime};
use crate::live::{self, Publication, State};
use crate::settings::{Flags, Settings};
use crate::snapshot::Counts;
use crate::snapshot::manifest::Folder;

/// What a running process would serve.
#[derive(Debug)]
pub(super) struct Offline {
    pub(super) state: Arc<State>,
    /// Of the flags, the files and the compiler together: sorted, each once.
    pub(super) diagnostics: Vec<Diagnostic>,
    pub(super) counts: Counts,
}

/// Why there is nothing to serve.
#[derive(Debug)]
pub(super) enum Failure {
    /// The flags are wrong; these say how.
    Flags(Vec<Diagnostic>),
    /// A path is none that can be read; the error names it.
    Unreadable(io::Error),
}

impl Failure {
    /// Says what is wrong. Either way it is the command line that cannot be followed.
    pub(super) fn report(self) -> ExitCode {
        match self {
            Self::Flags(faults) => terminal::refuse_flags(&faults),
            Self::Unreadable(error) => {
                terminal::complain(&format!("landfall: {error}\n"));
                ExitCode::from(2)
            }
        }
    }
}

/// Reads and compiles every file below `paths`. `flags` count as in `landfall run --manifests`.
pub(super) fn compile(paths: &[PathBuf], flags: &Flags) -> Result<Offline, Failure> {
    let flags = Flags { manifests: paths.first().cloned(), ..flags.clone() };
    let (settings, mut diagnostics) = Settings::from_flags(&flags).map_err(Failure::Flags)?;
    let folder = Folder::read_all(paths).map_err(Failure::Unreadable)?;
    let compiled = Compiler::new(&settings).update(folder.snapshot(), now());
    diagnostics.extend_from_slice(folder.diagnostics());
    diagnostics.extend(compiled.diagnostics.iter().map(|diagnostic| Diagnostic::clone(diagnostic)));
    diagnostics.sort();
    diagnostics.dedup();
    Ok(Offline { state: publish(compiled), diagnostics, counts: folder.snapshot().counts() })
}

fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixTime(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

fn publish(compiled: Compiled) -> Arc<State> {
    let Compiled { config, table, certificates, endpoints, diagnostics: _, statuses: _ } = compiled;
    let endpoints = endpoints.iter().filter_map(|(backend, source)| match source {
        EndpointSource::Addresses(addresses) => Some((backend.clone(), Arc::clone(addresses))),
        EndpointSource::Name { .. } => None,
    });
    let (mut publisher, _) = live::channel();
    publisher.publish(Publication { config, table, certificates, endpoints: Arc::new(endpoints.collect()) })
}
