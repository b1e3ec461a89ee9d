//! What one worker counts: connections, attempts, handshakes, refusals, and its routes.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use super::cells::{AppendList, Cell};
use super::family::{self, Family};
use super::route::{RouteCounters, StatusLabels};
use crate::ir::route::RouteLabels;

/// Codes (of refusals, of limits) that a worker tells apart. They are constants of the program; this only bounds a
/// mistake.
const CODE_LIMIT: usize = 128;

/// Which listener a connection came through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Listener {
    Http,
    Https,
}

/// How an attempt at an endpoint ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AttemptOutcome {
    /// A response head arrived, whatever its status.
    Answered,
    ConnectFailed,
    ConnectTimedOut,
    TlsFailed,
    /// The connection broke before a response head.
    Broken,
    /// No response head, or no room to send, in time.
    TimedOut,
    /// What arrived is not a response.
    Invalid,
    /// The client went away first.
    Cancelled,
}

/// How a TLS handshake with a client ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HandshakeOutcome {
    Full,
    Resumed,
    TimedOut,
    Failed,
}

/// An event that is only counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Count {
    /// A connection was taken from the accept queue.
    Accepted(Listener),
    /// A connection ended after its first request, or orderly before one.
    Handled(Listener),
    /// A connection was closed at once because a limit was reached.
    Shed(Listener),
    /// `accept` failed.
    AcceptFailed(Listener),
    Attempt(AttemptOutcome),
    Handshake(HandshakeOutcome),
    /// An idle upstream connection was used.
    PoolReused,
    /// A new upstream connection was needed.
    PoolOpened,
    /// A request was tried again.
    Retried,
    /// A connection was upgraded and is a tunnel.
    Upgraded,
    /// Serving a request panicked.
    Panicked,
}

/// A number that goes up and down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Open client connections.
    Connections(Listener),
    /// Requests being served.
    Requests,
    /// Idle upstream connections.
    PoolIdle,
}

/// A metric and, if it has one, the label that varies within a worker.
pub(super) type SeriesName = (&'static Family, Option<&'static str>);

impl Listener {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

impl AttemptOutcome {
    /// The `outcome` label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::ConnectFailed => "connect-failed",
            Self::ConnectTimedOut => "connect-timed-out",
            Self::TlsFailed => "tls-failed",
            Self::Broken => "broken",
            Self::TimedOut => "timed-out",
            Self::Invalid => "invalid",
            Self::Cancelled => "cancelled",
        }
    }
}

impl HandshakeOutcome {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Resumed => "resumed",
            Self::TimedOut => "timed-out",
            Self::Failed => "failed",
        }
    }
}

impl Count {
    /// Every count, in the order of [`index`](Self::index).
    pub(super) const ALL: [Self; 25] = [
        Self::Accepted(Listener::Http),
        Self::Accepted(Listener::Https),
        Self::Handled(Listener::Http),
        Self::Handled(Listener::Https),
        Self::Shed(Listener::Http),
        Self::Shed(Listener::Https),
        Self::AcceptFailed(Listener::Http),
        Self::AcceptFailed(Listener::Https),
        Self::Attempt(AttemptOutcome::Answered),
        Self::Attempt(AttemptOutcome::ConnectFailed),
        Self::Attempt(AttemptOutcome::ConnectTimedOut),
        Self::Attempt(AttemptOutcome::TlsFailed),
        Self::Attempt(AttemptOutcome::Broken),
        Self::Attempt(AttemptOutcome::TimedOut),
        Self::Attempt(AttemptOutcome::Invalid),
        Self::Attempt(AttemptOutcome::Cancelled),
        Self::Handshake(HandshakeOutcome::Full),
        Self::Handshake(HandshakeOutcome::Resumed),
        Self::Handshake(HandshakeOutcome::TimedOut),
        Self::Handshake(HandshakeOutcome::Failed),
        Self::PoolReused,
        Self::PoolOpened,
        Self::Retried,
        Self::Upgraded,
        Self::Panicked,
    ];

    const fn index(self) -> usize {
        match self {
            Self::Accepted(listener) => listener as usize,
            Self::Handled(listener) => 2 + listener as usize,
            Self::Shed(listener) => 4 + listener as usize,
            Self::AcceptFailed(listener) => 6 + listener as usize,
            Self::Attempt(outcome) => 8 + outcome as usize,
            Self::Handshake(outcome) => 16 + outcome as usize,
            Self::PoolReused => 20,
            Self::PoolOpened => 21,
            Self::Retried => 22,
            Self::Upgraded => 23,
            Self::Panicked => 24,
        }
    }

    pub(super) const fn name(self) -> SeriesName {
        match self {
            Self::Accepted(listener) => (&family::CONNECTIONS_ACCEPTED, Some(listener.as_str())),
            Self::Handled(listener) => (&family::CONNECTIONS_HANDLED, Some(listener.as_str())),
            Self::Shed(listener) => (&family::CONNECTIONS_SHED, Some(listener.as_str())),
            Self::AcceptFailed(listener) => (&family::ACCEPT_ERRORS, Some(listener.as_str())),
            Self::Attempt(outcome) => (&family::UPSTREAM_ATTEMPTS, Some(outcome.as_str())),
            Self::Handshake(outcome) => (&family::TLS_HANDSHAKES, Some(outcome.as_str())),
            Self::PoolReused => (&family::UPSTREAM_CONNECTIONS, Some("reused")),
            Self::PoolOpened => (&family::UPSTREAM_CONNECTIONS, Some("opened")),
            Self::Retried => (&family::RETRIES, None),
            Self::Upgraded => (&family::UPGRADES, None),
            Self::Panicked => (&family::PANICS, None),
        }
    }
}

impl Level {
    /// Every level, in the order of [`index`](Self::index).
    pub(super) const ALL: [Self; 4] =
        [Self::Connections(Listener::Http), Self::Connections(Listener::Https), Self::Requests, Self::PoolIdle];

    const fn index(self) -> usize {
        match self {
            Self::Connections(listener) => listener as usize,
            Self::Requests => 2,
            Self::PoolIdle => 3,
        }
    }

    pub(super) const fn name(self) -> SeriesName {
        match self {
            Self::Connections(listener) => (&family::CONNECTIONS_ACTIVE, Some(listener.as_str())),
            Self::Requests => (&family::REQUESTS_ACTIVE, None),
            Self::PoolIdle => (&family::UPSTREAM_IDLE, None),
        }
    }
}

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
}

impl WorkerCells {
    pub(super) fn new(statuses: StatusLabels) -> Self {
        Self {
            counts: std::array::from_fn(|_| Cell::default()),
            levels: std::array::from_fn(|_| Cell::default()),
            rejected: AppendList::default(),
            limited: AppendList::default(),
            routes: Mutex::default(),
            statuses,
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
        let counters = Arc::new(RouteCounters::new(labels.clone(), self.cells.statuses));
        routes.insert(labels.clone(), Arc::clone(&counters));
        counters
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_count_and_level_has_its_own_cell() {
        for (position, count) in Count::ALL.into_iter().enumerate() {
            assert_eq!(count.index(), position, "{count:?}");
        }
        for (position, level) in Level::ALL.into_iter().enumerate() {
            assert_eq!(level.index(), position, "{level:?}");
        }
    }
}
