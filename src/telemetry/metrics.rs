//! The process's metrics: hands out workers' hands, gathers what they counted, and writes Prometheus's text format.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

use super::collect::Gathered;
use super::family::Family;
use super::histogram::Buckets;
use super::report::ReportCell;
use super::route::StatusLabels;
use super::worker::{WorkerCells, WorkerMetrics};
use crate::ir::route::RouteLabels;

/// What metrics are labelled with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MetricsOptions {
    /// `controller_class`, on every ingress-nginx metric.
    pub controller_class: String,
    /// `controller_namespace`: the namespace of this pod.
    pub controller_namespace: String,
    /// `controller_pod`: the name of this pod.
    pub controller_pod: String,
    pub statuses: StatusLabels,
    pub hosts: HostLabels,
    pub buckets: Arc<Buckets>,
    /// Request metrics that are not exposed, by name (`--exclude-socket-metrics`).
    pub excluded: Vec<String>,
}

/// Whether request metrics carry the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HostLabels {
    /// The host pattern of the route, as its Ingress writes it.
    #[default]
    Pattern,
    /// None (`--metrics-per-host=false`).
    Off,
}

/// One value from outside the workers, for a family without the request labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    pub family: &'static Family,
    /// The values of the family's labels, in its order.
    pub labels: Vec<String>,
    pub value: f64,
}

/// All metrics of the process.
#[derive(Debug, Default)]
pub struct Metrics {
    options: MetricsOptions,
    workers: Mutex<Vec<Arc<WorkerCells>>>,
    log_lines_dropped: Arc<AtomicU64>,
}

impl Metrics {
    /// Metrics with default options.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Self::with(MetricsOptions::default())
    }

    #[must_use]
    pub fn with(options: MetricsOptions) -> Arc<Self> {
        Arc::new(Self { options, ..Self::default() })
    }

    #[must_use]
    pub fn options(&self) -> &MetricsOptions {
        &self.options
    }

    /// A new worker's hand, to be made on the worker's own thread. What it counts outlives the worker.
    #[must_use]
    pub fn worker(&self) -> WorkerMetrics {
        let cells = Arc::new(WorkerCells::new(self.options.statuses, Arc::clone(&self.options.buckets)));
        self.workers().push(Arc::clone(&cells));
        WorkerMetrics::new(cells)
    }

    /// Forgets the counters of routes that `keep` refuses and no worker holds any more, so that deleted Ingresses leave
    /// no series behind.
    pub fn retain_routes(&self, keep: impl Fn(&RouteLabels) -> bool) {
        for worker in self.workers().iter() {
            let mut routes = worker.routes.lock().unwrap_or_else(PoisonError::into_inner);
            routes.retain(|labels, counters| keep(labels) || Arc::strong_count(counters) > 1);
        }
    }

    /// Where access logs count the lines that they drop.
    #[must_use]
    pub fn log_lines_dropped(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.log_lines_dropped)
    }

    /// Prometheus's text format (version 0.0.4), one family an item, made as it is asked for. `others` are the points
    /// that come from elsewhere.
    pub fn exposition(&self, report: &ReportCell, others: Vec<Point>) -> impl Iterator<Item = String> + use<> {
        let workers: Vec<_> = self.workers().clone();
        Gathered::new(&self.options, &workers, &self.log_lines_dropped, report, others).into_text()
    }

    fn workers(&self) -> std::sync::MutexGuard<'_, Vec<Arc<WorkerCells>>> {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
