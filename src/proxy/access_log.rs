//! The access log: lines from exchange records, in ingress-nginx's default format or as JSON.

use std::time::{Duration, Instant};

use super::exchange::Record;
use crate::ir::listener::AccessLog as LogForm;
use crate::telemetry::AccessLog;

/// A worker's batch of lines.
#[derive(Debug)]
pub struct WorkerLog {
    log: Option<AccessLog>,
    batch: Vec<u8>,
}

impl WorkerLog {
    #[must_use]
    pub fn new(log: AccessLog) -> Self {
        Self { batch: log.buffer(), log: Some(log) }
    }

    /// A log that writes nothing.
    #[must_use]
    pub fn off() -> Self {
        Self { batch: Vec::new(), log: None }
    }

    pub(super) fn write(&mut self, _form: LogForm, _record: &Record<'_>, _elapsed: Duration, _now: Instant) {}

    pub(super) fn flush_if_due(&mut self, _now: Instant) {}

    pub(super) fn flush(&mut self) {
        if let Some(log) = &self.log {
            log.submit(std::mem::replace(&mut self.batch, log.buffer()));
        }
    }
}
