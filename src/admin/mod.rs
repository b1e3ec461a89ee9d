//! The admin server: health, metrics, the live configuration, and explanations of requests.
//!
//! It runs on its own thread and reads what others publish, so nothing that it is asked can slow a request. GET and HEAD
//! only; no key material leaves it; connections, request heads and response times are bounded.

mod certificates;
mod config;
mod exposition;
mod health;
mod pages;
mod query;
mod server;

pub mod explain;

pub use health::Health;
pub use server::{AdminServer, start};

use std::sync::Arc;

use crate::live::Reader;
use crate::telemetry::{Metrics, ReportCell};

/// What the admin server shows.
#[derive(Debug, Clone)]
pub struct AdminState {
    pub reader: Reader,
    /// Where the health check answers (`--health-check-path`).
    pub health_path: String,
    /// `None` leaves `/metrics` out (`--enable-metrics=false`).
    pub metrics: Option<Arc<Metrics>>,
    pub health: Arc<Health>,
    pub report: Arc<ReportCell>,
}

#[cfg(test)]
mod tests;
