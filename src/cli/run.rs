//! `landfall run`: serves until a signal ends it.

use std::process::ExitCode;

use anyhow::Context as _;
use tokio::runtime::{Builder, Runtime};

use super::descriptors;
use super::server::{self, Server};
use super::signals::Signals;
use crate::settings::{Flags, Settings};
use crate::telemetry::trace::{self, TraceFormat};

/// Threads of the control plane: one that compiles, one that answers the admin server meanwhile. Workers of the data
/// plane have their own.
const CONTROL_THREADS: usize = 2;

/// Runs until a signal ends it.
pub(super) fn run(flags: Flags) -> anyhow::Result<ExitCode> {
    trace::init(TraceFormat::default(), 2);
    let settings = Settings::from_flags(flags)?;
    descriptors::raise_limit();
    let end = control_runtime()?.block_on(async {
        let mut signals = Signals::listen().context("cannot take over the signals")?;
        let server = Server::start(settings).await?;
        anyhow::Ok(server::serve_until_signalled(server, &mut signals).await)
    })?;
    Ok(end.leave())
}

/// The runtime of everything but the data plane.
pub(super) fn control_runtime() -> anyhow::Result<Runtime> {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(CONTROL_THREADS).thread_name("control").enable_all();
    builder.build().context("cannot start the control plane's threads")
}
