//! The record of one request, from its first octet to the end of its response: what logs and metrics are made from.
//!
//! Every exchange is recorded exactly once. [`Exchange::complete`] consumes it; one that is dropped instead, because its
//! future was cancelled or panicked, records itself as such. In order of use:
//!
//! 1. [`Exchange::begin`] when a head has been read (or has turned out not to be one), with the moment of its first octet;
//! 2. [`identify`](Exchange::identify) once the request is planned, and [`route`](Exchange::route) if one claims it;
//! 3. for each attempt, [`attempt`](Exchange::attempt), then [`connected`](Exchange::connected),
//!    [`header`](Exchange::header), [`received`](Exchange::received), and [`attempt_ended`](Exchange::attempt_ended);
//! 4. [`status`](Exchange::status) when the response head is sent, the counting calls while octets move, and
//!    [`failed`](Exchange::failed) when the answer is an error of ours;
//! 5. [`complete`](Exchange::complete) when the last octet is sent.
//!
//! An exchange borrows the head until then and copies nothing from it; beyond two attempts it allocates.

mod record;

pub use record::{Attempt, Claim, Received, Record};

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use smallvec::SmallVec;

use super::access_log::WorkerLog;
use super::clock::now;
use crate::ir::listener::AccessLog as LogForm;
use crate::ir::route::RouteLabels;
use crate::telemetry::{AttemptOutcome, Count, Level, Listener, RouteCounters, WorkerMetrics};

/// nginx's status for a client that went away before its answer.
const CLIENT_CLOSED_REQUEST: u16 = 499;

/// A worker's side of recording, shared by its exchanges.
#[derive(Debug)]
pub struct Recorder {
    metrics: WorkerMetrics,
    log: RefCell<WorkerLog>,
    /// What requests without a route are counted under.
    unrouted: Arc<RouteCounters>,
}

impl Recorder {
    /// One per worker, made on its thread.
    #[must_use]
    pub fn new(metrics: WorkerMetrics, log: WorkerLog) -> Rc<Self> {
        let unrouted = metrics.route(&RouteLabels::default());
        Rc::new(Self { metrics, log: RefCell::new(log), unrouted })
    }

    #[must_use]
    pub fn metrics(&self) -> &WorkerMetrics {
        &self.metrics
    }

    /// Hands the log's lines over. To be called by the worker every 100 ms or so.
    pub fn tick(&self) {
        self.log.borrow_mut().tick();
    }

    /// Hands every line over at once. For a worker's end.
    pub fn flush(&self) {
        self.log.borrow_mut().flush();
    }
}

/// What an exchange begins with.
#[derive(Debug, Clone, Copy)]
pub struct Beginning<'a> {
    pub received: Received<'a>,
    /// The client as the connection has it; [`Exchange::identify`] replaces its address by the one that counts.
    pub peer: SocketAddr,
    pub listener: Listener,
    /// The form of the log that is live.
    pub form: LogForm,
    /// When the first octet of the request was read.
    pub at: Instant,
}

/// A request being served. See the module for the order of use.
#[derive(Debug)]
#[must_use = "an exchange that is dropped is recorded as cancelled"]
pub struct Exchange<'a> {
    recorder: &'a Recorder,
    form: LogForm,
    completed: bool,
    record: Record<'a>,
}

impl<'a> Exchange<'a> {
    /// Begins the record of a request.
    pub fn begin(recorder: &'a Recorder, beginning: Beginning<'a>) -> Self {
        let Beginning { received, peer, listener, form, at } = beginning;
        recorder.metrics.raise(Level::Requests);
        let record = Record {
            received,
            client: peer.ip().to_canonical(),
            listener,
            started: at,
            status: 0,
            request_body_octets: 0,
            head_octets: 0,
            body_octets: 0,
            attempts: SmallVec::new(),
            request_id: SmallVec::new(),
            claim: Claim::Unmatched,
            error: None,
        };
        Self { recorder, form, completed: false, record }
    }

    /// The record so far.
    #[must_use]
    pub fn record(&self) -> &Record<'a> {
        &self.record
    }

    /// The request is planned: says who the client is, forwarded headers considered, and the request's identifier. Until
    /// [`route`](Self::route) is called, no route claims it.
    pub fn identify(&mut self, client: IpAddr, request_id: &[u8]) {
        self.record.client = client;
        self.record.claim = Claim::Nothing;
        self.record.request_id.clear();
        self.record.request_id.extend_from_slice(request_id);
    }

    /// Says which route claims the request.
    pub fn route(&mut self, counters: Arc<RouteCounters>) {
        self.record.claim = Claim::Route(counters);
    }

    /// Keeps this request out of the access log (`enable-access-log: "false"`); metrics count it all the same.
    pub fn unlogged(&mut self) {
        self.form = LogForm::Off;
    }

    /// Begins an attempt at an endpoint. The calls below speak of the latest attempt.
    pub fn attempt(&mut self, address: SocketAddr, now: Instant) {
        self.record.attempts.push(Attempt {
            address,
            started: now,
            status: None,
            response_octets: 0,
            connect: None,
            header: None,
            response: None,
        });
    }

    /// There is a connection, TLS included; an idle one that was taken is connected at once.
    pub fn connected(&mut self, now: Instant) {
        if let Some(attempt) = self.record.attempts.last_mut() {
            attempt.connect = Some(now.saturating_duration_since(attempt.started));
        }
    }

    /// The final response head has arrived.
    pub fn header(&mut self, status: u16, now: Instant) {
        if let Some(attempt) = self.record.attempts.last_mut() {
            attempt.header = Some(now.saturating_duration_since(attempt.started));
            attempt.status = Some(status);
        }
    }

    /// Octets of the response's body have arrived.
    pub fn received(&mut self, octets: u64) {
        if let Some(attempt) = self.record.attempts.last_mut() {
            attempt.response_octets += octets;
        }
    }

    /// The attempt is over, be it answered or failed, and is counted. A failure takes the status that nginx gives it.
    pub fn attempt_ended(&mut self, outcome: AttemptOutcome, now: Instant) {
        self.recorder.metrics.count(Count::Attempt(outcome));
        let Some(attempt) = self.record.attempts.last_mut() else { return };
        attempt.response = Some(now.saturating_duration_since(attempt.started));
        match outcome {
            AttemptOutcome::Answered | AttemptOutcome::Cancelled => {}
            AttemptOutcome::ConnectTimedOut | AttemptOutcome::TimedOut => attempt.status = Some(504),
            AttemptOutcome::ConnectFailed
            | AttemptOutcome::TlsFailed
            | AttemptOutcome::Broken
            | AttemptOutcome::Invalid => attempt.status = Some(502),
        }
    }

    /// The final response head is sent, or about to be.
    pub fn status(&mut self, status: u16) {
        self.record.status = status;
    }

    /// The answer is an error of ours; `code` is its cause. The first one counts.
    pub fn failed(&mut self, code: &'static str) {
        self.record.error.get_or_insert(code);
    }

    /// Octets of the request's body have been received.
    pub fn request_body(&mut self, octets: u64) {
        self.record.request_body_octets += octets;
    }

    /// Octets of a response head have been sent.
    pub fn sent_head(&mut self, octets: u64) {
        self.record.head_octets += octets;
    }

    /// Octets of the response's body have been sent.
    pub fn sent_body(&mut self, octets: u64) {
        self.record.body_octets += octets;
    }

    /// Ends the record: counts it and writes its line.
    pub fn complete(mut self, now: Instant) {
        self.finish(now);
    }

    fn finish(&mut self, now: Instant) {
        if std::mem::replace(&mut self.completed, true) {
            return;
        }
        let record = &self.record;
        let elapsed = now.saturating_duration_since(record.started);
        let recorder = self.recorder;
        recorder.metrics.lower(Level::Requests);
        if let Some(code) = record.error {
            recorder.metrics.rejected(code);
        }
        let route = match &record.claim {
            Claim::Unmatched | Claim::Nothing => &recorder.unrouted,
            Claim::Route(route) => route,
        };
        route.record(&record.sample(elapsed));
        recorder.log.borrow_mut().write(self.form, record, elapsed, now);
    }
}

impl Drop for Exchange<'_> {
    /// An exchange that nobody completed was cancelled, or its request panicked.
    fn drop(&mut self) {
        if self.completed {
            return;
        }
        let (status, code) =
            if std::thread::panicking() { (500, "panic") } else { (CLIENT_CLOSED_REQUEST, "client-closed") };
        if self.record.status == 0 {
            self.record.status = status;
        }
        self.failed(code);
        let now = now();
        if self.record.attempts.last().is_some_and(|attempt| attempt.response.is_none()) {
            self.attempt_ended(AttemptOutcome::Cancelled, now);
        }
        self.finish(now);
    }
}

#[cfg(test)]
mod tests;
