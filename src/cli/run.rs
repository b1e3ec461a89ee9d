//! `landfall run`: serves until a signal ends it.

use std::process::ExitCode;

use anyhow::Context as _;
use tokio::runtime::{Builder, Runtime};

use super::server::{self, End};
use super::signals::Signals;
use super::{descriptors, environment, low_ports, terminal};
use crate::diagnostic::Diagnostic;
use crate::settings::{Flags, LogForm, Settings, Verbosity};
use crate::telemetry::trace::{self, TraceFormat};

/// Threads of the control plane: one that compiles, one that answers the admin server meanwhile. Workers of the data
/// plane have their own.
const CONTROL_THREADS: usize = 2;

/// Runs until a signal ends it. Flags that are wrong are all named, and nothing is started.
pub(super) fn run(flags: &Flags) -> anyhow::Result<ExitCode> {
    let mut flags = flags.clone();
    flags.reporting.pod = environment::pod();
    let (settings, notes) = match Settings::from_flags(&flags) {
        Ok(settings) => settings,
        Err(faults) => return Ok(terminal::refuse_flags(&faults)),
    };
    say(&settings, &notes);
    descriptors::raise_limit();
    low_ports::take_up_capability();
    let end = control_runtime()?.block_on(async {
        let mut signals = Signals::listen().context("cannot take over the signals")?;
        let Some(server) = server::start_unless_signalled(settings, &mut signals).await? else {
            return Ok(End::Graceful);
        };
        anyhow::Ok(server::serve_until_signalled(server, &mut signals).await)
    })?;
    Ok(end.leave())
}

/// Starts the process's own messages, with the notes on its flags as the first.
fn say(settings: &Settings, notes: &[Diagnostic]) {
    let format = match settings.logs.form {
        LogForm::Text => TraceFormat::Text,
        LogForm::Json => TraceFormat::Json,
    };
    let verbosity = match settings.logs.verbosity {
        Verbosity::Info => 0,
        Verbosity::Debug => 3,
        Verbosity::Trace => 5,
    };
    trace::init(format, verbosity);
    for Diagnostic { severity: _, code, provenance, message } in notes {
        tracing::info!(code, flag = &*provenance.object.name, "{message}");
    }
}

/// The runtime of everything but the data plane.
pub(super) fn control_runtime() -> anyhow::Result<Runtime> {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(CONTROL_THREADS).thread_name("control").enable_all();
    builder.build().context("cannot start the control plane's threads")
}
