//! What the process says about itself: metrics, the access log's queue, traces, and the control plane's last report.
//!
//! The data plane writes single-writer counters and whole log lines here and never waits; everything that reads them
//! (exposition, the writer thread) runs elsewhere.

mod cells;
mod collect;
mod count;
mod histogram;

pub mod family;
pub mod log;
pub mod metrics;
pub mod report;
pub mod reporting;
pub mod route;
pub mod trace;
pub mod watch;
pub mod worker;

pub use count::{AttemptOutcome, Count, HandshakeOutcome, Level, Listener};
pub use histogram::{Bounds, Buckets};
pub use log::AccessLog;
pub use metrics::{HostLabels, Metrics, MetricsOptions, Point};
pub use report::{Report, ReportCell};
pub use route::{MethodLabel, RouteCounters, Sample, StatusLabels, UpstreamSample};
pub use worker::WorkerMetrics;

#[cfg(test)]
mod tests;
