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

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use smallvec::SmallVec;

use super::access_log::WorkerLog;
use crate::ir::listener::AccessLog as LogForm;
use crate::ir::route::RouteLabels;
use crate::request::RequestHead;
use crate::telemetry::{
    AttemptOutcome, Count, Level, Listener, MethodLabel, RouteCounters, Sample, UpstreamSample, WorkerMetrics,
};

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

/// What was received as a request.
#[derive(Debug, Clone, Copy)]
pub enum Received<'a> {
    Head(&'a RequestHead),
    /// Octets that are no request head: as much of the first line as there is, for the log.
    Malformed(&'a [u8]),
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

/// One attempt at an endpoint.
#[derive(Debug, Clone)]
pub struct Attempt {
    pub address: SocketAddr,
    pub started: Instant,
    /// The status of its response, or what its failure amounts to (502, 504); `None` when it was given up first.
    pub status: Option<u16>,
    /// Octets of its response's body.
    pub response_octets: u64,
    /// From its start to a connection that can be written to.
    pub connect: Option<Duration>,
    /// From its start to its response head.
    pub header: Option<Duration>,
    /// From its start to its end.
    pub response: Option<Duration>,
}

/// What claims a request, and so what it is counted and logged under.
#[derive(Debug, Clone)]
pub enum Claim {
    /// It was refused before anything was matched.
    Unmatched,
    /// No route does.
    Nothing,
    Route(Arc<RouteCounters>),
}

/// What an exchange has come to, as logs and metrics read it.
#[derive(Debug)]
pub struct Record<'a> {
    pub received: Received<'a>,
    pub client: IpAddr,
    pub listener: Listener,
    pub started: Instant,
    /// 0 until a response head is sent.
    pub status: u16,
    /// Octets of the request's body as received.
    pub request_body_octets: u64,
    /// Octets of the response's head, interim responses included.
    pub head_octets: u64,
    /// Octets of the response's body.
    pub body_octets: u64,
    pub attempts: SmallVec<[Attempt; 2]>,
    /// The value of `X-Request-ID`; empty if there is none.
    pub request_id: SmallVec<[u8; 32]>,
    pub claim: Claim,
    /// Why the answer is an error of ours; stable, kebab-case.
    pub error: Option<&'static str>,
}

impl Record<'_> {
    /// nginx's `$request_length`: request line, fields and body. 0 for what is no request, as there.
    #[must_use]
    pub fn request_octets(&self) -> u64 {
        match self.received {
            Received::Head(head) => head.wire_octets + self.request_body_octets,
            Received::Malformed(_) => 0,
        }
    }

    /// nginx's `$proxy_upstream_name`; empty for a request that was refused before it was matched, as there.
    #[must_use]
    pub fn upstream_name(&self) -> &str {
        match &self.claim {
            Claim::Unmatched => "",
            Claim::Nothing => RouteCounters::DEFAULT_UPSTREAM,
            Claim::Route(route) => route.upstream_name(),
        }
    }

    /// The labels of the route that claims the request.
    #[must_use]
    pub fn labels(&self) -> Option<&RouteLabels> {
        match &self.claim {
            Claim::Unmatched | Claim::Nothing => None,
            Claim::Route(route) => Some(route.labels()),
        }
    }
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
        route.record(&sample(record, elapsed));
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
        let now = Instant::now();
        if self.record.attempts.last().is_some_and(|attempt| attempt.response.is_none()) {
            self.attempt_ended(AttemptOutcome::Cancelled, now);
        }
        self.finish(now);
    }
}

fn sample(record: &Record<'_>, elapsed: Duration) -> Sample {
    let method = match record.received {
        Received::Head(head) => MethodLabel::of(&head.method),
        Received::Malformed(_) => MethodLabel::Other,
    };
    let upstream = record.attempts.last().map(|attempt| UpstreamSample {
        connect: attempt.connect,
        header: attempt.header,
        response: attempt.response,
    });
    Sample {
        method,
        status: record.status,
        duration: elapsed,
        request_octets: record.request_octets(),
        sent_octets: record.head_octets + record.body_octets,
        upstream,
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::mpsc;

    use super::*;
    use crate::telemetry::{AccessLog, Metrics, Point, ReportCell};

    struct Lines(mpsc::Sender<Vec<u8>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.0.send(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Serves one request, and gives the log's lines and the metrics that it left.
    fn recorded(serve: impl FnOnce(&Recorder, &RequestHead)) -> (String, String) {
        let metrics = Metrics::new();
        let (sender, lines) = mpsc::channel();
        let log = AccessLog::to_writer(Lines(sender), &metrics).unwrap();
        let recorder = Recorder::new(metrics.worker(), WorkerLog::new(log.clone()));
        let head = RequestHead { method: "GET".into(), target: b"/".to_vec(), ..RequestHead::default() };
        serve(&recorder, &head);
        recorder.flush();
        assert!(log.flush(Duration::from_secs(30)));
        let text = lines.try_iter().flatten().collect();
        let exposition = metrics.exposition(&ReportCell::default(), Vec::<Point>::new()).collect();
        (String::from_utf8(text).unwrap(), exposition)
    }

    fn begin<'a>(recorder: &'a Recorder, head: &'a RequestHead) -> Exchange<'a> {
        let beginning = Beginning {
            received: Received::Head(head),
            peer: "[::ffff:192.0.2.7]:4000".parse().unwrap(),
            listener: Listener::Http,
            form: LogForm::Combined,
            at: Instant::now(),
        };
        Exchange::begin(recorder, beginning)
    }

    #[test]
    fn a_completed_exchange_leaves_one_line_and_one_count() {
        let (lines, metrics) = recorded(|recorder, head| {
            let mut exchange = begin(recorder, head);
            let now = exchange.record().started;
            exchange.identify("192.0.2.7".parse().unwrap(), b"");
            exchange.attempt("192.0.2.1:80".parse().unwrap(), now);
            exchange.connected(now);
            exchange.header(200, now);
            exchange.attempt_ended(AttemptOutcome::Answered, now + Duration::from_millis(3));
            exchange.status(200);
            exchange.sent_body(5);
            exchange.complete(now + Duration::from_millis(4));
        });
        assert_eq!(lines.lines().count(), 1, "{lines}");
        assert!(lines.starts_with("192.0.2.7 - - ["), "{lines}");
        assert!(
            lines.contains("\" 200 5 \"-\" \"-\" 0 0.004 [upstream-default-backend] [] 192.0.2.1:80 0 0.003 200 -")
        );
        assert!(metrics.contains("landfall_upstream_attempts_total{outcome=\"answered\"} 1"), "{metrics}");
        assert!(metrics.contains("landfall_requests_active 0"), "{metrics}");
    }

    #[test]
    fn a_dropped_exchange_is_a_client_that_closed() {
        let (lines, metrics) = recorded(|recorder, head| {
            let mut exchange = begin(recorder, head);
            exchange.identify("192.0.2.7".parse().unwrap(), b"");
            exchange.attempt("192.0.2.1:80".parse().unwrap(), Instant::now());
            drop(exchange);
        });
        assert!(lines.contains("HTTP/1.1\" 499 0 "), "{lines}");
        assert!(metrics.contains("landfall_requests_rejected_total{code=\"client-closed\"} 1"), "{metrics}");
        assert!(metrics.contains("landfall_upstream_attempts_total{outcome=\"cancelled\"} 1"), "{metrics}");
        assert!(metrics.contains("landfall_requests_active 0"), "{metrics}");
    }

    #[test]
    fn an_exchange_that_unwinds_is_a_panic() {
        let (lines, _) = recorded(|recorder, head| {
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                let _exchange = begin(recorder, head);
                std::panic::resume_unwind(Box::new("a bug"));
            }));
            assert!(outcome.is_err());
        });
        assert!(lines.contains("HTTP/1.1\" 500 0 "), "{lines}");
    }

    #[test]
    fn a_response_under_way_keeps_its_status_when_the_client_leaves() {
        let (lines, _) = recorded(|recorder, head| {
            let mut exchange = begin(recorder, head);
            exchange.status(200);
            exchange.sent_body(17);
            drop(exchange);
        });
        assert!(lines.contains("HTTP/1.1\" 200 17 "), "{lines}");
    }

    #[test]
    fn an_unlogged_exchange_is_counted_all_the_same() {
        let (lines, metrics) = recorded(|recorder, head| {
            let mut exchange = begin(recorder, head);
            exchange.unlogged();
            exchange.status(204);
            exchange.complete(Instant::now());
        });
        assert_eq!(lines, "");
        assert!(metrics.contains("status=\"204\""), "{metrics}");
    }
}
