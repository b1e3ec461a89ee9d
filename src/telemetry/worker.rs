//! What one worker counts: connections, attempts, handshakes, refusals, and its routes.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use super::cells::{AppendList, Cell};
use super::count::{Count, Level};
use super::histogram::Buckets;
use super::route::{RouteCounters, StatusLabels};
use crate::ir::route::RouteLabels;

/// Codes (of refusals, of limits) that a worker tells apart. They are constants of the program; this only bounds a
/// mistake.
const CODE_LIMIT: usize = 128;

/// The cells of one worker, as the exposition reads them.
#[derive(Debug)]
pub(super) struct WorkerCells {
    counts: [Cell; Count::ALL.len()],
    levels: [Cell; Level::ALL.len()],
    pub(super) rejected: AppendList<&'static str, Cell>,
    pub(super) limited: AppendList<&'static str, Cell>,
    /// Locked when a route is resolved and when metrics are read, never per request.
    pub(super) routes: Mutex<HashMap<RouteLabels, Arc<RouteCounters>>>,
    statuses: StatusLabels,
    buckets: Arc<Buckets>,
}

impl WorkerCells {
    pub(super) fn new(statuses: StatusLabels, buckets: Arc<Buckets>) -> Self {
        Self {
            counts: std::array::from_fn(|_| Cell::default()),
            levels: std::array::from_fn(|_| Cell::default()),
            rejected: AppendList::default(),
            limited: AppendList::default(),
            routes: Mutex::default(),
            statuses,
            buckets,
        }
    }

    pub(super) fn count(&self, count: Count) -> u64 {
        self.counts.get(count.index()).map_or(0, Cell::get)
    }

    /// Every route that was ever resolved and is still kept.
    pub(super) fn routes(&self) -> Vec<Arc<RouteCounters>> {
        self.routes.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    pub(super) fn level(&self, level: Level) -> u64 {
        self.levels.get(level.index()).map_or(0, Cell::get)
    }
}

/// A worker's hand on its cells. Not `Send`: made by the thread that counts, so that every cell has one writer.
#[derive(Debug, Clone)]
pub struct WorkerMetrics {
    cells: Arc<WorkerCells>,
    one_thread: PhantomData<Rc<()>>,
}

impl WorkerMetrics {
    pub(super) fn new(cells: Arc<WorkerCells>) -> Self {
        Self { cells, one_thread: PhantomData }
    }

    /// Counts one event.
    pub fn count(&self, count: Count) {
        if let Some(cell) = self.cells.counts.get(count.index()) {
            cell.add(1);
        }
    }

    /// Raises a level by one; [`lower`](Self::lower) undoes it.
    pub fn raise(&self, level: Level) {
        if let Some(cell) = self.cells.levels.get(level.index()) {
            cell.add(1);
        }
    }

    /// Lowers a level that was raised.
    pub fn lower(&self, level: Level) {
        if let Some(cell) = self.cells.levels.get(level.index()) {
            cell.subtract(1);
        }
    }

    /// Counts a request that was answered with an error of ours, by its code.
    pub fn rejected(&self, code: &'static str) {
        if let Some(cell) = self.cells.rejected.entry(code, CODE_LIMIT) {
            cell.add(1);
        }
    }

    /// Counts one hit of a named limit.
    pub fn limited(&self, limit: &'static str) {
        if let Some(cell) = self.cells.limited.entry(limit, CODE_LIMIT) {
            cell.add(1);
        }
    }

    /// The counters of a route. Takes a lock and looks the labels up: resolve once per generation and route, and keep.
    #[must_use]
    pub fn route(&self, labels: &RouteLabels) -> Arc<RouteCounters> {
        let mut routes = self.cells.routes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(counters) = routes.get(labels) {
            return Arc::clone(counters);
        }
        let counters =
            Arc::new(RouteCounters::new(labels.clone(), self.cells.statuses, Arc::clone(&self.cells.buckets)));
        routes.insert(labels.clone(), Arc::clone(&counters));
        counters
    }
}
