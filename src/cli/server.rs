//! The whole server in one process: control plane, data plane and admin server, wired, and ended in order.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::task::JoinSet;

use anyhow::Context as _;

use super::signals::{Ending, Event, Signals};
use super::{memory, metrics};
use crate::admin::{self, AdminServer, AdminState, Health};
use crate::controller::{self, ControllerHandle};
use crate::live::{self, Reader};
use crate::proxy::{Memory, Proxy, ProxyOptions};
use crate::settings::{AccessLogTarget, Listen, Settings, Shutdown};
use crate::telemetry::log::LogTarget;
use crate::telemetry::{AccessLog, Metrics};

/// A running server. Dropping it stops it without draining.
#[derive(Debug)]
pub struct Server {
    /// Looks at how much memory the process holds.
    memory: JoinSet<()>,
    controller: ControllerHandle,
    proxy: Proxy,
    admin: AdminServer,
    health: Arc<Health>,
    access_log: Option<AccessLog>,
    reader: Reader,
    shutdown: Shutdown,
}

impl Server {
    /// Reads every source, publishes the first state, and only then listens: nobody is answered 404 because the
    /// routes are still being read. To be called within a runtime, which then runs the control plane.
    pub async fn start(settings: Settings) -> anyhow::Result<Self> {
        let settings = Arc::new(settings);
        let metrics = Metrics::with(metrics::options(&settings));
        let access_log = access_log(&settings.logs.access, &metrics)?;
        let (publisher, reader) = live::channel();
        let (controller, report) = controller::spawn(Arc::clone(&settings), publisher).await?;
        let health = Arc::<Health>::default();
        let state = AdminState {
            reader: reader.clone(),
            health_path: settings.listen.health_path.clone(),
            metrics: settings.listen.metrics.then(|| Arc::clone(&metrics)),
            health: Arc::clone(&health),
            report,
        };
        let admin = start_admin(&settings.listen, state)?;
        tracing::info!(admin = %listed(admin.addresses()), "alive, and ready once everything is read");
        controller.ready().await;
        let memory = memory::bounded(settings.listen.memory_limit);
        let proxy = Proxy::start(&proxy_options(&settings, &memory, &reader, &metrics, access_log.as_ref()))
            .with_context(|| listening(&settings))?;
        health.listen();
        let shutdown = settings.shutdown;
        let memory = memory::watch(memory);
        let server = Self { memory, controller, proxy, admin, health, access_log, reader, shutdown };
        tracing::info!(
            http = %listed(server.http_addresses()),
            https = %listed(server.https_addresses()),
            admin = %listed(server.admin_addresses()),
            "serving"
        );
        Ok(server)
    }

    /// Where HTTP is served, at least one address.
    #[must_use]
    pub fn http_addresses(&self) -> &[SocketAddr] {
        self.proxy.http_addresses()
    }

    /// Where HTTPS is served, at least one address.
    #[must_use]
    pub fn https_addresses(&self) -> &[SocketAddr] {
        self.proxy.https_addresses()
    }

    /// Where health, metrics and explanations are served.
    #[must_use]
    pub fn admin_addresses(&self) -> &[SocketAddr] {
        self.admin.addresses()
    }

    /// The state that is being served, for whoever waits for a change to be live.
    #[must_use]
    pub fn live(&self) -> &Reader {
        &self.reader
    }

    /// Ends gracefully: not ready at once, still serving for the grace period, then no new connections; requests in
    /// flight finish within the drain timeout. Everything that is served is still kept up to date meanwhile.
    pub async fn shutdown(self) {
        let Self { memory, mut controller, proxy, admin, health, access_log, reader: _, shutdown } = self;
        health.drain();
        tokio::time::sleep(shutdown.grace).await;
        controller.step_down();
        if let Err(error) = tokio::task::spawn_blocking(move || proxy.drain()).await {
            tracing::error!(%error, "draining ended early");
        }
        drop(memory);
        controller.shutdown().await;
        admin.shutdown().await;
        flush(access_log).await;
    }
}

/// Waits for the last lines to be written, but not for a reader that has stalled.
async fn flush(access_log: Option<AccessLog>) {
    let Some(log) = access_log else { return };
    let flushed = tokio::task::spawn_blocking(move || log.flush(LAST_LINES)).await;
    if !flushed.unwrap_or(false) {
        tracing::warn!("the last lines of the access log could not be written");
    }
}

/// How long the end waits for the access log's writer.
const LAST_LINES: Duration = Duration::from_secs(2);

/// The admin server listens before the first state is there, so that probes are answered from the start.
fn start_admin(listen: &Listen, state: AdminState) -> anyhow::Result<AdminServer> {
    let any = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
    let address = SocketAddr::new(listen.healthz_address.unwrap_or(any), listen.healthz_port);
    admin::start(&[address], state).with_context(|| format!("cannot listen on {address} (--healthz-port)"))
}

/// Opens the access log, unless it is off.
fn access_log(target: &AccessLogTarget, metrics: &Metrics) -> anyhow::Result<Option<AccessLog>> {
    let target = match target {
        AccessLogTarget::Off => return Ok(None),
        AccessLogTarget::Stdout => LogTarget::Stdout,
        AccessLogTarget::File(path) => LogTarget::File(path.clone()),
    };
    AccessLog::start(&target, metrics).map(Some).with_context(|| format!("cannot open the access log ({target:?})"))
}

fn proxy_options(
    settings: &Settings,
    memory: &Arc<Memory>,
    reader: &Reader,
    metrics: &Arc<Metrics>,
    access_log: Option<&AccessLog>,
) -> ProxyOptions {
    ProxyOptions {
        addresses: settings.listen.addresses.clone(),
        http_port: settings.listen.http_port,
        https_port: settings.listen.https_port,
        workers: settings
            .listen
            .workers
            .unwrap_or_else(|| thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)),
        drain: settings.shutdown.drain,
        memory: Arc::clone(memory),
        reader: reader.clone(),
        metrics: Arc::clone(metrics),
        access_log: access_log.cloned(),
    }
}

/// What was tried when listening fails; the cause names the address.
fn listening(settings: &Settings) -> String {
    let (http, https) = (settings.listen.http_port, settings.listen.https_port);
    format!("cannot listen on the ports {http} and {https} (--http-port, --https-port)")
}

fn listed(addresses: &[SocketAddr]) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
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

/// Starts a server, unless a signal ends the process before it is up; sources may take their time.
pub(super) async fn start_unless_signalled(
    settings: Settings,
    signals: &mut Signals,
) -> anyhow::Result<Option<Server>> {
    tokio::select! {
        server = Server::start(settings) => server.map(Some),
        ending = next_ending(signals, None) => {
            tracing::info!(signal = ending.as_str(), "ended before anything was served");
            Ok(None)
        }
    }
}

/// Serves until the first signal, then shuts down; a second signal cuts that short.
pub(super) async fn serve_until_signalled(server: Server, signals: &mut Signals) -> End {
    let access_log = server.access_log.clone();
    let first = next_ending(signals, access_log.as_ref()).await;
    let Shutdown { grace, drain } = server.shutdown;
    tracing::info!(signal = first.as_str(), ?grace, ?drain, "shutting down");
    // Boxed to be forgotten: what a dropped server would wait for is what the second signal cuts short.
    let mut shutdown = Box::pin(server.shutdown());
    tokio::select! {
        () = &mut shutdown => {
            tracing::info!("everything is answered");
            End::Graceful
        }
        second = next_ending(signals, access_log.as_ref()) => {
            tracing::warn!(signal = second.as_str(), "a second signal: leaving at once");
            std::mem::forget(shutdown);
            End::CutShort(second)
        }
    }
}

async fn next_ending(signals: &mut Signals, access_log: Option<&AccessLog>) -> Ending {
    loop {
        match signals.next().await {
            Event::End(ending) => return ending,
            Event::Reopen => {
                if let Some(log) = access_log {
                    log.reopen();
                }
            }
        }
    }
}
