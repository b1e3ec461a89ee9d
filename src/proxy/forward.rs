//! Passing a request on: attempts at endpoints until one answers, then the answer to the client.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use super::body::{Deadlines, Length, Pump, PumpError, Sink, Source};
use super::clock::now;
use super::error::ProxyError;
use super::exchange::Exchange;
use super::replay::Replay;
use super::retry::{Budget, Sending};
use super::service::Inbound;
use super::sides::{Answer, AnswerError, AnswerHead, Call, InterimResponses, Outbound, Reply, ReplyBody};
use super::timer::Timers;
use super::tunnel;
use super::upstream::{EndpointState, Leased, Reuse, Upstream};
use super::worker::{Pinned, Worker};
use crate::ir::RoutePolicy;
use crate::request::edit::{self, FieldSink, OwnName};
use crate::request::{Client, FieldName, ForwardPlan, ResponseHead, Target};
use crate::telemetry::{AttemptOutcome, Count};

/// Interim responses that one answer may begin with.
const MAX_INTERIM: u32 = 10;

/// What forwarding reads, and the memory it uses.
pub(crate) struct Forwarding<'a> {
    pub(crate) worker: &'a Rc<Worker>,
    pub(crate) pinned: &'a Pinned,
    pub(crate) upstream: &'a Rc<Upstream>,
    pub(crate) inbound: Inbound<'a>,
    pub(crate) plan: &'a ForwardPlan<'a>,
    pub(crate) client: &'a Client,
    pub(crate) request_id: &'a [u8],
    pub(crate) timers: &'a mut Timers,
    pub(crate) response: &'a mut ResponseHead,
}

/// How one attempt ended without an answer for the client.
struct Failure {
    error: Failed,
    /// Whether octets of the request may have reached the upstream.
    sending: Sending,
    reuse: Reuse,
}

enum Failed {
    Error(ProxyError),
    /// The upstream answered with a status that is to be tried elsewhere.
    Status,
}

/// Forwards a request to the end of its response. An error means that the client has no complete answer; whether one
/// was begun, the reply knows.
pub(crate) async fn forward<B: Source, R: Reply>(
    forwarding: &mut Forwarding<'_>,
    exchange: &mut Exchange<'_>,
    body: &mut Replay<'_, B>,
    reply: &mut R,
) -> Result<(), ProxyError> {
    let method = forwarding.inbound.head.method.as_str();
    let policy = forwarding.plan.route.policy.as_ref();
    let mut budget = Budget::new(&policy.retry, method, forwarding.upstream.endpoints().len(), now());
    let mut tried: smallvec::SmallVec<[Rc<EndpointState>; 4]> = smallvec::SmallVec::new();
    loop {
        let Some(endpoint) = forwarding.upstream.pick(&tried) else { return Err(ProxyError::NoEndpoints) };
        exchange.attempt(endpoint.endpoint.address, now());
        endpoint.latency.begin();
        let started = now();
        let last = !(budget.is_idempotent() && budget.allows_another(now()));
        let result = forwarding.attempt(&endpoint, budget.reuse(), last, exchange, body, reply).await;
        let answered = exchange.record().attempts.last().and_then(|attempt| attempt.header);
        endpoint.latency.end(answered.map(|_| now().saturating_duration_since(started)));
        let failure = match result {
            Ok(()) => return Ok(()),
            Err(failure) => failure,
        };
        let again = match &failure.error {
            Failed::Error(error) => budget.after_error(error, failure.sending, failure.reuse, now()),
            Failed::Status => budget.after_status(),
        };
        if !again || reply.has_begun() || !body.rewind() {
            return Err(failure.into_error());
        }
        forwarding.worker.count(Count::Retried);
        if failure.reuse == Reuse::Fresh {
            tried.push(endpoint);
        }
    }
}

impl Failure {
    fn into_error(self) -> ProxyError {
        match self.error {
            Failed::Error(error) => error,
            Failed::Status => ProxyError::UpstreamMalformed("retried-status"),
        }
    }
}

impl Forwarding<'_> {
    fn policy(&self) -> &RoutePolicy {
        &self.plan.route.policy
    }

    /// Tries one endpoint, and relays its answer.
    async fn attempt<B: Source, R: Reply>(
        &mut self,
        endpoint: &Rc<EndpointState>,
        reuse: Reuse,
        last: bool,
        exchange: &mut Exchange<'_>,
        body: &mut Replay<'_, B>,
        reply: &mut R,
    ) -> Result<(), Failure> {
        let leased = self.upstream.lease(endpoint, reuse, self.worker, self.policy().timeouts.connect).await;
        let leased = match leased {
            Ok(leased) => leased,
            Err(error) => {
                exchange.attempt_ended(outcome_of(&error), now());
                return Err(Failure { error: Failed::Error(error), sending: Sending::Nothing, reuse: Reuse::Fresh });
            }
        };
        exchange.connected(now());
        match leased {
            Leased::Http1(mut connection, reuse) => {
                let method = self.inbound.head.method.as_str();
                let mut outbound = connection.exchange(method);
                let result = self.run(&mut outbound, last, exchange, body, reply).await;
                let (result, clean) = match result {
                    Ok(Completed { upload_finished }) => (Ok(()), outbound.is_reusable(upload_finished)),
                    Err(error) => (Err(failure(error, outbound.is_written(), reuse)), false),
                };
                if clean {
                    self.upstream.give_back(endpoint, connection, self.worker);
                }
                result
            }
            Leased::Http2(connection, reuse) => {
                let mut outbound = connection.exchange();
                let result = self.run(&mut outbound, last, exchange, body, reply).await;
                result.map(|_| ()).map_err(|error| failure(error, outbound.is_written(), reuse))
            }
        }
    }

    /// One request over one connection or stream.
    async fn run<O: Outbound, B: Source, R: Reply>(
        &mut self,
        outbound: &mut O,
        last: bool,
        exchange: &mut Exchange<'_>,
        body: &mut Replay<'_, B>,
        reply: &mut R,
    ) -> Result<Completed, Failed> {
        let result = self.converse(outbound, last, exchange, body, reply).await;
        let outcome = match &result {
            Ok(_) | Err(Failed::Status) => AttemptOutcome::Answered,
            Err(Failed::Error(error)) => outcome_of(error),
        };
        exchange.attempt_ended(outcome, now());
        result
    }

    async fn converse<O: Outbound, B: Source, R: Reply>(
        &mut self,
        outbound: &mut O,
        last: bool,
        exchange: &mut Exchange<'_>,
        body: &mut Replay<'_, B>,
        reply: &mut R,
    ) -> Result<Completed, Failed> {
        self.send_head(outbound, body.length()).map_err(|error| Failed::Error(of_answer(error)))?;
        let mut upload = Upload::new(self.deadlines_up());
        let answer = self.await_answer(outbound, &mut upload, body, reply).await.map_err(Failed::Error)?;
        let status = self.response.status;
        exchange.header(status, now());
        if status == 101 {
            return self.switch_protocols(outbound, exchange, body, reply).await.map_err(Failed::Error);
        }
        if !last && self.policy().retry.on.retries_status(status) && body.can_rewind() {
            return Err(Failed::Status);
        }
        body.commit();
        exchange.status(status);
        self.begin_reply(answer, reply);
        let relayed = self.relay(outbound, &mut upload, body, reply).await;
        let moved = relayed.as_ref().map_or_else(|(_, moved)| *moved, |moved| *moved);
        exchange.received(moved);
        match relayed {
            Ok(_) => Ok(Completed { upload_finished: upload.is_finished() }),
            Err((error, _)) => Err(Failed::Error(error)),
        }
    }

    fn send_head<O: Outbound>(&self, outbound: &mut O, body: Length) -> Result<(), AnswerError> {
        let Inbound { head, peer, demand, .. } = self.inbound;
        let received = head.effective_authority().unwrap_or(b"_");
        let target = match &self.plan.target {
            Target::Raw => head.target.as_slice(),
            Target::Replaced(target) => target.as_slice(),
        };
        let call = Call {
            method: &head.method,
            target,
            authority: edit::upstream_host(self.plan, received),
            body,
            upgrade: demand.upgrade,
            trailers: demand.trailers,
        };
        let policy = self.pinned.listener();
        let mut fields = outbound.begin(&call);
        edit::upstream_fields(head, self.plan, self.client, policy, peer, received, self.request_id, &mut fields);
        drop(fields);
        outbound.end(&call)
    }

    /// The client's pace in, the upstream's pace out.
    fn deadlines_up(&self) -> Deadlines {
        let body_timeout = self.pinned.listener().limits.body_timeout;
        Deadlines { source: body_timeout, sink: self.policy().timeouts.send, sink_minimum: 1 }
    }

    /// Sends the body up until the final head of the answer has come; interim heads are passed on.
    async fn await_answer<O: Outbound, B: Source, R: Reply>(
        &mut self,
        outbound: &mut O,
        upload: &mut Upload,
        body: &mut Replay<'_, B>,
        reply: &mut R,
    ) -> Result<AnswerHead, ProxyError> {
        let mut interim = 0;
        loop {
            let head = self.next_head(outbound, upload, body, reply).await?;
            if !self.response.is_informational() || self.response.status == 101 {
                return Ok(head);
            }
            interim += 1;
            if interim > MAX_INTERIM {
                return Err(ProxyError::UpstreamMalformed("too-many-interim-responses"));
            }
            self.pass_interim(reply).await;
        }
    }

    async fn next_head<O: Outbound, B: Source, R: Reply>(
        &mut self,
        outbound: &mut O,
        upload: &mut Upload,
        body: &mut Replay<'_, B>,
        reply: &mut R,
    ) -> Result<AnswerHead, ProxyError> {
        let Self { timers, response, plan, .. } = self;
        let read_timeout = plan.route.policy.timeouts.read;
        let (sink, answer) = outbound.parts();
        let mut waiting = false;
        poll_fn(|cx| {
            if reply.poll_gone(cx).is_ready() {
                return Poll::Ready(Err(ProxyError::ClientGone));
            }
            let uploading = upload.poll(cx, body, sink, &mut timers.upload)?;
            match answer.poll_head(cx, response) {
                Poll::Ready(Ok(head)) => return Poll::Ready(Ok(head)),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(upload.verdict(error))),
                Poll::Pending => {}
            }
            // While the client still sends, its own timeout runs; then the upstream's.
            if uploading.is_pending() {
                return Poll::Pending;
            }
            if !waiting {
                waiting = true;
                timers.download.begin(read_timeout);
            }
            timers.download.poll_expired(cx).map(|()| Err(ProxyError::UpstreamReadTimeout))
        })
        .await
    }

    /// Passes a 1xx on to clients that know them. `100 Continue` is ours to send, and was, when the body was wanted.
    async fn pass_interim<R: Reply>(&mut self, reply: &mut R) {
        let understood = self.inbound.demand.interim == InterimResponses::Understood;
        if understood && self.response.status != 100 {
            let mut fields = reply.begin_interim(self.response.status);
            edit::downstream_fields(self.response, self.pinned.listener(), self.client, &mut fields);
            drop(fields);
            reply.end_interim(self.response.status);
            // A client that is gone shows when the final head is sent.
            let _flushed = poll_fn(|cx| match reply.poll_flush(cx) {
                Poll::Ready(result) => Poll::Ready(result.is_ok()),
                Poll::Pending => Poll::Ready(true),
            })
            .await;
        }
    }

    /// Becomes a tunnel, if the client asked for one.
    async fn switch_protocols<O: Outbound, B: Source, R: Reply>(
        &mut self,
        outbound: &mut O,
        exchange: &mut Exchange<'_>,
        body: &mut Replay<'_, B>,
        reply: &mut R,
    ) -> Result<Completed, ProxyError> {
        if self.inbound.demand.upgrade.is_none() {
            return Err(ProxyError::UpstreamMalformed("unrequested-upgrade"));
        }
        let Some(protocol) = self.response.fields.first(FieldName::Upgrade) else {
            return Err(ProxyError::UpstreamMalformed("upgrade-without-protocol"));
        };
        exchange.status(101);
        self.worker.count(Count::Upgraded);
        let mut fields = reply.begin(101);
        edit::downstream_fields(self.response, self.pinned.listener(), self.client, &mut fields);
        drop(fields);
        reply.end_upgraded(protocol);
        outbound.upgrade();
        body.unlimited();
        let timeouts = self.policy().timeouts;
        let idle = timeouts.read.max(timeouts.send);
        let (sink, answer) = outbound.parts();
        let moved = tunnel::run(body, sink, answer, reply, self.timers, idle).await;
        exchange.received(moved);
        Ok(Completed { upload_finished: false })
    }

    fn begin_reply<R: Reply>(&self, answer: AnswerHead, reply: &mut R) {
        let status = self.response.status;
        let mut fields = reply.begin(status);
        if self.response.fields.first(FieldName::Date).is_none() {
            fields.own(OwnName::DATE, self.worker.date().as_bytes());
        }
        edit::downstream_fields(self.response, self.pinned.listener(), self.client, &mut fields);
        drop(fields);
        let bodiless = self.inbound.head.method == "HEAD" || status == 204 || status == 304;
        reply.end(match answer.body {
            _ if bodiless => ReplyBody::Absent { stated: answer.content_length },
            Length::None => ReplyBody::Exact(0),
            Length::Exact(octets) => ReplyBody::Exact(octets),
            Length::Unknown => ReplyBody::Unknown,
        });
    }

    /// Moves the answer's body down, and what is left of the request's body up. An error comes with the octets moved.
    async fn relay<O: Outbound, B: Source, R: Reply>(
        &mut self,
        outbound: &mut O,
        upload: &mut Upload,
        body: &mut Replay<'_, B>,
        reply: &mut R,
    ) -> Result<u64, (ProxyError, u64)> {
        let to_client = Deadlines::to_client(&self.pinned.listener().limits);
        let deadlines = Deadlines { source: self.policy().timeouts.read, ..to_client };
        let mut download = Pump::new(deadlines);
        let timers = &mut *self.timers;
        let (sink, answer) = outbound.parts();
        let result = poll_fn(|cx| {
            match upload.poll(cx, body, sink, &mut timers.upload) {
                Ok(_) => {}
                // The answer is on its way, and a client may stop sending once it has seen enough of it.
                Err(ProxyError::ClientGone) => upload.stop(),
                Err(error) => return Poll::Ready(Err(error)),
            }
            download.poll(cx, answer, reply, &mut timers.download).map_err(ProxyError::of_download)
        })
        .await;
        result.map(|()| download.moved()).map_err(|error| (error, download.moved()))
    }
}

/// What an attempt that was answered leaves behind.
struct Completed {
    /// Whether the whole request was sent.
    upload_finished: bool,
}

/// The request body on its way up, beside the answer.
struct Upload {
    pump: Pump,
    /// The upstream stopped taking it, or the client stopped sending it, while an answer may still come.
    stopped: Option<std::io::Error>,
}

impl Upload {
    const fn new(deadlines: Deadlines) -> Self {
        Self { pump: Pump::new(deadlines), stopped: None }
    }

    /// Ready when there is nothing more to send. A sink that broke is no error yet: the upstream may have answered
    /// before it closed.
    fn poll<S: Sink>(
        &mut self,
        cx: &mut std::task::Context<'_>,
        body: &mut impl Source,
        sink: &mut S,
        timer: &mut super::timer::IdleTimer,
    ) -> Result<Poll<()>, ProxyError> {
        if self.stopped.is_some() || self.pump.is_done() {
            return Ok(Poll::Ready(()));
        }
        match self.pump.poll(cx, body, sink, timer) {
            Poll::Ready(Ok(())) => Ok(Poll::Ready(())),
            Poll::Ready(Err(PumpError::Sink(error))) => {
                self.stopped = Some(error.into_io());
                Ok(Poll::Ready(()))
            }
            Poll::Ready(Err(error)) => Err(ProxyError::of_upload(error)),
            // All that is missing is room in the socket, or the client.
            Poll::Pending => Ok(Poll::Pending),
        }
    }

    fn stop(&mut self) {
        self.stopped.get_or_insert_with(|| std::io::ErrorKind::ConnectionAborted.into());
    }

    fn is_finished(&self) -> bool {
        self.stopped.is_none() && self.pump.is_done()
    }

    /// The failure when no answer came: what broke the upload explains it better than the end of the stream.
    fn verdict(&mut self, error: AnswerError) -> ProxyError {
        match (error, self.stopped.take()) {
            (AnswerError::Closed(_), Some(broken)) => ProxyError::UpstreamClosed(broken),
            (error, _) => of_answer(error),
        }
    }
}

fn of_answer(error: AnswerError) -> ProxyError {
    match error {
        AnswerError::Closed(error) => ProxyError::UpstreamClosed(error),
        AnswerError::Refused => ProxyError::UpstreamRefused,
        AnswerError::Malformed(what) => ProxyError::UpstreamMalformed(what),
    }
}

fn failure(error: Failed, written: bool, reuse: Reuse) -> Failure {
    let sending = if written { Sending::Something } else { Sending::Nothing };
    Failure { error, sending, reuse }
}

fn outcome_of(error: &ProxyError) -> AttemptOutcome {
    match error {
        ProxyError::Connect(_) => AttemptOutcome::ConnectFailed,
        ProxyError::ConnectTimeout => AttemptOutcome::ConnectTimedOut,
        ProxyError::UpstreamSendTimeout | ProxyError::UpstreamReadTimeout => AttemptOutcome::TimedOut,
        ProxyError::UpstreamMalformed(_) => AttemptOutcome::Invalid,
        ProxyError::UpstreamClosed(_) | ProxyError::UpstreamRefused | ProxyError::UpstreamTruncated(_) => {
            AttemptOutcome::Broken
        }
        ProxyError::ClientGone
        | ProxyError::ClientBodyTimeout
        | ProxyError::ClientReadTimeout
        | ProxyError::BodyTooLarge(_)
        | ProxyError::ClientBody(_)
        | ProxyError::AddressRefused(_)
        | ProxyError::NoEndpoints => AttemptOutcome::Cancelled,
    }
}
