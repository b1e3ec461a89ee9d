//! Connections to one endpoint that wait for their next request.
//!
//! HTTP/1.1 connections are taken out and put back; HTTP/2 connections are shared by their streams. All belong to one
//! worker. Idle connections have no task: they are looked at when taken and once per sweep.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::Context;
use std::time::{Duration, Instant};

use crate::ir::backend::KeepAlive;
use crate::proxy::h1::upstream::Connection;
use crate::proxy::h2::upstream::SharedConnection;
use crate::proxy::worker::Held;

/// Whether a connection served a request before: only then may it have gone stale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reuse {
    Fresh,
    Reused,
}

/// Idle HTTP/1.1 connections, the most recently used on top.
#[derive(Debug, Default)]
pub(crate) struct Http1Pool {
    idle: RefCell<Vec<Idle>>,
}

/// A connection at rest, counted as such.
#[derive(Debug)]
struct Idle {
    connection: Box<Connection>,
    _counted: Held,
}

impl Http1Pool {
    /// A connection that is still usable. Others found on the way are closed.
    pub(crate) fn take(&self, cx: &mut Context<'_>, now: Instant) -> Option<Box<Connection>> {
        loop {
            let Idle { connection, .. } = self.idle.borrow_mut().pop()?;
            if connection.is_reusable(now) && connection.is_quiet(cx) {
                return Some(connection);
            }
        }
    }

    /// Keeps a connection, unless its time is up. The one idle for longest makes room.
    pub(crate) fn put(&self, connection: Box<Connection>, counted: Held, limits: &KeepAlive, now: Instant) {
        let capacity = limits.connections as usize;
        if capacity == 0 || !connection.is_reusable(now) {
            return;
        }
        let mut idle = self.idle.borrow_mut();
        if idle.len() >= capacity {
            idle.remove(0);
        }
        idle.push(Idle { connection, _counted: counted });
    }

    /// Closes what has been idle for too long or was closed by the other side.
    pub(crate) fn sweep(&self, cx: &mut Context<'_>, now: Instant) {
        self.idle.borrow_mut().retain(|Idle { connection, .. }| connection.is_reusable(now) && connection.is_quiet(cx));
    }

    pub(crate) fn clear(&self) {
        self.idle.borrow_mut().clear();
    }
}

/// Shared HTTP/2 connections.
#[derive(Debug, Default)]
pub(crate) struct Http2Pool {
    open: RefCell<Vec<Rc<SharedConnection>>>,
    /// Held while a connection is opened, so that a burst of requests opens one and not one each.
    pub(crate) opening: tokio::sync::Mutex<()>,
    idle_since: Cell<Option<Instant>>,
}

impl Http2Pool {
    /// A connection with room for one more stream, the least loaded.
    pub(crate) fn take(&self, limits: &KeepAlive, now: Instant) -> Option<Rc<SharedConnection>> {
        let mut open = self.open.borrow_mut();
        open.retain(|connection| connection.is_usable(limits, now));
        open.iter().filter(|connection| connection.has_room()).min_by_key(|connection| connection.streams()).cloned()
    }

    pub(crate) fn put(&self, connection: Rc<SharedConnection>) {
        self.open.borrow_mut().push(connection);
    }

    /// Closes what has been idle for too long or no longer takes streams.
    pub(crate) fn sweep(&self, limits: &KeepAlive, now: Instant) {
        let mut open = self.open.borrow_mut();
        open.retain(|connection| connection.is_usable(limits, now));
        let busy = open.iter().any(|connection| connection.streams() > 0);
        let since = if busy || open.is_empty() { None } else { Some(self.idle_since.get().unwrap_or(now)) };
        self.idle_since.set(since);
        let limit = Duration::from_secs(u64::from(limits.timeout_secs));
        if since.is_some_and(|since| now.saturating_duration_since(since) > limit) {
            open.clear();
        }
    }

    pub(crate) fn clear(&self) {
        self.open.borrow_mut().clear();
    }
}
