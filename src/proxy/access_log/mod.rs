//! A worker's access log: lines made from exchange records, gathered into batches, handed to the writer's queue.
//!
//! Nothing here waits. Lines reach the queue when a batch is full or at the worker's next tick; the queue drops what it
//! cannot take and counts it. Times are UTC, as they are in ingress-nginx's containers.

mod combined;
mod json;
mod stamp;

use std::time::{Duration, Instant};

use self::stamp::Stamps;
use super::exchange::Record;
use crate::ir::listener::AccessLog as LogForm;
use crate::telemetry::AccessLog;

/// A batch of this many octets is handed over without waiting for the tick.
const FULL_BATCH: usize = 32 << 10;

/// A worker's batch of lines.
#[derive(Debug)]
pub struct WorkerLog {
    log: Option<AccessLog>,
    batch: Vec<u8>,
    stamps: Stamps,
    /// Reused for decoded credentials.
    scratch: Vec<u8>,
}

impl WorkerLog {
    #[must_use]
    pub fn new(log: AccessLog) -> Self {
        Self { batch: log.buffer(), log: Some(log), stamps: Stamps::new(), scratch: Vec::new() }
    }

    /// A log that writes nothing, whatever form is asked for.
    #[must_use]
    pub fn off() -> Self {
        Self { log: None, batch: Vec::new(), stamps: Stamps::new(), scratch: Vec::new() }
    }

    /// Adds one line. `now` is the end of the request, which is what its time stamp says.
    pub(super) fn write(&mut self, form: LogForm, record: &Record<'_>, elapsed: Duration, now: Instant) {
        if self.log.is_none() {
            return;
        }
        match form {
            LogForm::Off => return,
            LogForm::Combined => {
                let stamp = self.stamps.at(now);
                combined::write(&mut self.batch, record, elapsed, &stamp.local, &mut self.scratch);
            }
            LogForm::Json => {
                let stamp = self.stamps.at(now);
                json::write(&mut self.batch, record, elapsed, &stamp.rfc3339, &mut self.scratch);
            }
        }
        self.batch.push(b'\n');
        if self.batch.len() >= FULL_BATCH {
            self.flush();
        }
    }

    /// Hands every line over and takes the wall clock's time again, in case it was set.
    pub(super) fn tick(&mut self) {
        self.stamps.resynchronise();
        self.flush();
    }

    /// Hands every line over.
    pub(super) fn flush(&mut self) {
        if let Some(log) = self.log.as_ref().filter(|_| !self.batch.is_empty()) {
            log.submit(std::mem::replace(&mut self.batch, log.buffer()));
        }
    }
}

#[cfg(test)]
mod tests;
