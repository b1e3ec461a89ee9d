//! From objects to the live state: reads the source, holds off, compiles, resolves names, publishes.
//!
//! Runs on a thread of its own, so that compiling never waits for requests nor they for it. Nothing is published before
//! the source has been read as a whole; after that, whatever happens to the source, the last state keeps serving.

mod cluster;
mod dns;
mod folder;
mod holdoff;
mod outcome;
mod publications;
mod rebuild;
mod reporting;
mod watch;

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::runtime::{Builder, Handle};
use tokio::sync::{oneshot, watch as cell};
use tokio::task::JoinSet;

use cluster::Following;
use outcome::Outcome;
use rebuild::Rebuild;
use reporting::Reporting;

pub use cluster::ConnectError;

use crate::live::Publisher;
use crate::settings::{Cluster, Settings, Source};
use crate::snapshot::manifest::Folder;
use crate::telemetry::report::ReportCell;

/// Why the controller cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// `--manifests` names something that is not a folder, or cannot be read.
    #[error("cannot read the folder {} given by --manifests: {error}", path.display())]
    Folder { path: PathBuf, error: std::io::Error },
    /// There is no way to the cluster.
    #[error(transparent)]
    Cluster(#[from] ConnectError),
    #[error("cannot start the control plane's thread: {0}")]
    Thread(std::io::Error),
    #[error("the control plane's thread panicked")]
    Panicked,
}

/// The running controller. Dropping it stops it without waiting.
#[derive(Debug)]
pub struct ControllerHandle {
    ready: cell::Receiver<bool>,
    /// Dropped when nothing is to be reported any more.
    reports: Option<oneshot::Sender<()>>,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl ControllerHandle {
    /// Returns once the first state is published, or the controller has ended.
    pub async fn ready(&self) {
        let mut ready = self.ready.clone();
        // A sender that is gone will publish nothing: there is nothing to wait for.
        let _ended = ready.wait_for(|ready| *ready).await;
    }

    /// Begins to end reporting to the cluster: statuses are cleared if no other process stays, and another may lead.
    /// Objects are still followed.
    pub fn step_down(&mut self) {
        self.reports = None;
    }

    /// Stops watching and returns when nothing is published any more, and what was to be reported at the end has been,
    /// for which some seconds at most are taken.
    pub async fn shutdown(mut self) {
        self.step_down();
        drop(self.stop);
        let joined = tokio::task::spawn_blocking(move || self.thread.join()).await;
        if !matches!(joined, Ok(Ok(()))) {
            tracing::error!("the control plane's thread panicked");
        }
    }
}

/// Starts to read the source, and goes on in the background. A folder is read before this returns; what a cluster has
/// arrives when it does.
pub async fn spawn(
    settings: Arc<Settings>,
    publisher: Publisher,
) -> Result<(ControllerHandle, Arc<ReportCell>), StartError> {
    let report = Arc::<ReportCell>::default();
    let (announce, ready) = cell::channel(false);
    let (stop, stopped) = oneshot::channel();
    let (reports, no_reports) = oneshot::channel();
    let (begun, beginning) = oneshot::channel();
    let runtime = Builder::new_current_thread().enable_all().build().map_err(StartError::Thread)?;
    let beside = Handle::current();
    let sides = Sides { settings, publisher, report: Arc::clone(&report), announce, no_reports, beside, stopped };
    let thread = std::thread::Builder::new().name("controller".to_owned());
    let thread = thread
        .spawn(move || {
            runtime.block_on(async {
                match begin(sides).await {
                    Ok(running) => {
                        // Nobody to tell is nobody to serve: the stop follows.
                        let _told = begun.send(Ok(()));
                        running.await;
                    }
                    Err(error) => _ = begun.send(Err(error)),
                }
            });
        })
        .map_err(StartError::Thread)?;
    beginning.await.unwrap_or(Err(StartError::Panicked))?;
    Ok((ControllerHandle { ready, reports: Some(reports), stop, thread }, report))
}

/// What connects the control plane with the rest of the process.
struct Sides {
    settings: Arc<Settings>,
    publisher: Publisher,
    report: Arc<ReportCell>,
    announce: cell::Sender<bool>,
    no_reports: oneshot::Receiver<()>,
    /// The runtime for what must not wait while something is compiled.
    beside: Handle,
    stopped: oneshot::Receiver<()>,
}

/// The control plane, whatever its source.
type Running = Pin<Box<dyn Future<Output = ()>>>;

async fn begin(sides: Sides) -> Result<Running, StartError> {
    let Sides { settings, publisher, report, announce, no_reports, beside, stopped } = sides;
    Ok(match &settings.source {
        Source::Manifests(path) => {
            let objects = Folder::read(path).map_err(|error| StartError::Folder { path: path.clone(), error })?;
            let rebuild = Rebuild::new(&settings, publisher, report);
            Box::pin(folder::Running { path: path.clone(), objects, stopped, announce, rebuild }.run())
        }
        Source::Cluster(cluster) => {
            let client = cluster::connect(cluster).await?;
            let following = Following::start(&client, &settings, cluster, &report);
            let rebuild = Rebuild::new(&settings, publisher, Arc::clone(&report));
            let reporting = report_to(cluster.clone(), Arc::clone(&settings), rebuild.outcomes(), report, no_reports);
            let running = cluster::Running { following, stopped, announce, rebuild };
            Box::pin(async { _ = tokio::join!(running.run(), apart(reporting, beside)) })
        }
    })
}

/// Reports to a cluster by a client of its own, which is driven where this runs.
async fn report_to(
    cluster: Cluster,
    settings: Arc<Settings>,
    outcomes: cell::Receiver<Outcome>,
    report: Arc<ReportCell>,
    no_reports: oneshot::Receiver<()>,
) {
    match cluster::connect(&cluster).await {
        Ok(client) => {
            let reporting = Reporting::new(&client, &settings, &outcomes, &report);
            Box::pin(reporting.run(async { _ = no_reports.await })).await;
        }
        Err(error) => tracing::error!(%error, "nothing is reported to the cluster"),
    }
}

/// Runs something beside serving, on another runtime: compiling may take a while, and a Lease is renewed meanwhile.
/// Should it panic, that is its own end and nobody else's.
async fn apart(beside: impl Future<Output = ()> + Send + 'static, runtime: Handle) {
    let mut running = JoinSet::new();
    running.spawn_on(beside, &runtime);
    if let Some(Err(error)) = running.join_next().await {
        tracing::error!(%error, "nothing is reported to the cluster any more");
    }
}
