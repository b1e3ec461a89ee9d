//! One request, from its head to the end of its response: the phases in order, once for all protocols.

use std::rc::Rc;

use super::body::Source;
use super::clock::now;
use super::error::{self, ProxyError};
use super::exchange::{Beginning, Exchange, Received};
use super::forward::{self, Forwarding};
use super::gate;
use super::overload::Standing;
use super::replay::Replay;
use super::respond::{self, Answer as Local, Asker};
use super::sides::{Demand, Reply};
use super::timer::Timers;
use super::worker::{Pinned, Worker};
use crate::ir::ListenerPolicy;
use crate::request::{self, Client, Outcome, Peer, Plan, RequestHead, ResponseHead, Scheme, Scratch, edit};
use crate::telemetry::Listener;

/// A request as its protocol hands it over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Inbound<'a> {
    pub(crate) head: &'a RequestHead,
    pub(crate) peer: &'a Peer,
    /// Whether requests of the connection are served at all.
    pub(crate) standing: Standing,
    pub(crate) demand: Demand<'a>,
}

/// What one request needs and the next can use again.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(crate) scratch: Scratch,
    pub(crate) response: ResponseHead,
    pub(crate) timers: Timers,
    /// Request body octets kept for another attempt.
    pub(crate) kept: Vec<u8>,
}

/// Serves one request. Every end answers it or breaks the reply off, and completes its record once. Dropping the
/// future cancels the upstream request and records the client as gone.
pub(crate) async fn serve<B: Source, R: Reply>(
    worker: &Rc<Worker>,
    inbound: Inbound<'_>,
    body: &mut B,
    reply: &mut R,
    memory: &mut Memory,
) {
    let pinned = worker.pin();
    let mut exchange = begin(worker, &pinned, inbound.peer, Received::Head(inbound.head));
    let policy = pinned.listener();
    if let Some(limit) = worker.sheds(inbound.standing) {
        worker.limited_by(limit);
        return shed(worker, policy, inbound, exchange, reply, memory).await;
    }
    match request::plan(&pinned.state.table, inbound.head, inbound.peer, &mut memory.scratch) {
        Ok(plan) => {
            let phases = Phases { worker, pinned: &pinned, inbound, plan: &plan };
            phases.run(&mut exchange, body, reply, memory).await;
        }
        Err(rejected) => {
            let client = Client::of(inbound.head, inbound.peer, policy);
            exchange.failed(rejected.code);
            exchange.status(rejected.status);
            reply.close_after();
            let asker = Asker { worker, policy, client: &client, method: &inbound.head.method };
            respond::send(asker, &Local::error(rejected.status), reply, &mut memory.timers.download).await;
        }
    }
    exchange.request_body(body.wire_octets());
    record_sent(&mut exchange, reply);
    exchange.complete(now());
}

/// Answers that there is too much to do already.
async fn shed<R: Reply>(
    worker: &Worker,
    policy: &ListenerPolicy,
    inbound: Inbound<'_>,
    mut exchange: Exchange<'_>,
    reply: &mut R,
    memory: &mut Memory,
) {
    let client = Client::of(inbound.head, inbound.peer, policy);
    let answer = Local::overloaded();
    exchange.failed("overloaded");
    exchange.status(answer.status);
    reply.close_after();
    let asker = Asker { worker, policy, client: &client, method: &inbound.head.method };
    respond::send(asker, &answer, reply, &mut memory.timers.download).await;
    record_sent(&mut exchange, reply);
    exchange.complete(now());
}

/// Octets that are no request, as far as they were read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Refused<'a> {
    pub(crate) head: &'a RequestHead,
    pub(crate) status: u16,
    pub(crate) code: &'static str,
}

/// Records octets that are no request and are not answered.
pub(crate) fn record_refused(worker: &Worker, peer: &Peer, refused: &Refused<'_>) {
    let pinned = worker.pin();
    let mut exchange = begin(worker, &pinned, peer, Received::Malformed(&refused.head.target));
    exchange.failed(refused.code);
    exchange.status(refused.status);
    exchange.complete(now());
}

/// Answers octets that are no request, and records that.
pub(crate) async fn refuse<R: Reply>(
    worker: &Worker,
    peer: &Peer,
    refused: &Refused<'_>,
    reply: &mut R,
    memory: &mut Memory,
) {
    if let Some(limit) = error::limit_of(refused.code) {
        worker.limited(limit);
    }
    let pinned = worker.pin();
    let mut exchange = begin(worker, &pinned, peer, Received::Malformed(&refused.head.target));
    exchange.failed(refused.code);
    exchange.status(refused.status);
    let policy = pinned.listener();
    let client = Client::of(&RequestHead::default(), peer, policy);
    let asker = Asker { worker, policy, client: &client, method: "GET" };
    respond::send(asker, &Local::error(refused.status), reply, &mut memory.timers.download).await;
    record_sent(&mut exchange, reply);
    exchange.complete(now());
}

fn begin<'a>(worker: &'a Worker, pinned: &Pinned, peer: &Peer, received: Received<'a>) -> Exchange<'a> {
    let listener = match peer.scheme {
        Scheme::Http => Listener::Http,
        Scheme::Https => Listener::Https,
    };
    let form = pinned.listener().access_log;
    Exchange::begin(worker.recorder(), Beginning { received, peer: peer.address, listener, form, at: now() })
}

fn record_sent<R: Reply>(exchange: &mut Exchange<'_>, reply: &R) {
    let sent = reply.sent();
    exchange.sent_head(sent.total.saturating_sub(sent.body));
    exchange.sent_body(sent.body);
}

/// The phases after planning, with what they all read.
struct Phases<'a> {
    worker: &'a Rc<Worker>,
    pinned: &'a Pinned,
    inbound: Inbound<'a>,
    plan: &'a Plan<'a>,
}

impl Phases<'_> {
    async fn run<B: Source, R: Reply>(
        &self,
        exchange: &mut Exchange<'_>,
        body: &mut B,
        reply: &mut R,
        memory: &mut Memory,
    ) {
        let made = respond::make_request_id();
        let request_id = edit::request_id(self.inbound.head, &made);
        exchange.identify(self.plan.client.address, request_id);
        let view = self.plan.route.map(|route| self.worker.route(self.pinned, route));
        if let (Some(view), Some(route)) = (&view, self.plan.route) {
            exchange.route(std::sync::Arc::clone(&view.counters));
            if !route.policy.access_log {
                exchange.unlogged();
            }
        }
        let local = match &self.plan.outcome {
            Outcome::NotFound => Local::error(404),
            Outcome::Refuse(refusal) => {
                exchange.failed(refusal.code);
                Local::error(refusal.status)
            }
            Outcome::Redirect { status, location } => Local::redirect(*status, location),
            Outcome::Forward(forward_plan) => {
                let upstream = view.as_ref().and_then(|view| view.upstream.as_ref());
                match self.forward(forward_plan, upstream, request_id, exchange, body, reply, memory).await {
                    Some(local) => local,
                    None => return,
                }
            }
        };
        exchange.status(local.status);
        let Inbound { head, .. } = self.inbound;
        let asker = Asker {
            worker: self.worker,
            policy: self.pinned.listener(),
            client: &self.plan.client,
            method: &head.method,
        };
        respond::send(asker, &local, reply, &mut memory.timers.download).await;
    }

    /// Passes the gates and forwards. `Some` is the answer of ours where nothing was sent to the client.
    #[expect(clippy::too_many_arguments, reason = "the two sides and the record of one exchange")]
    async fn forward<B: Source, R: Reply>(
        &self,
        plan: &request::ForwardPlan<'_>,
        upstream: Option<&Rc<super::upstream::Upstream>>,
        request_id: &[u8],
        exchange: &mut Exchange<'_>,
        body: &mut B,
        reply: &mut R,
        memory: &mut Memory,
    ) -> Option<Local<'static>> {
        let policy = &plan.route.policy;
        let passed = gate::pass(policy, self.plan.client.address, body.length());
        let result = match (passed, upstream) {
            (Err(error), _) => Err(error),
            (Ok(()), None) => Err(ProxyError::NoEndpoints),
            (Ok(()), Some(upstream)) => {
                let Memory { response, timers, kept, .. } = memory;
                let mut body = Replay::new(body, policy.body_limit, kept);
                let mut forwarding = Forwarding {
                    worker: self.worker,
                    pinned: self.pinned,
                    upstream,
                    inbound: self.inbound,
                    plan,
                    client: &self.plan.client,
                    request_id,
                    timers,
                    response,
                };
                forward::forward(&mut forwarding, exchange, &mut body, reply).await
            }
        };
        let error = result.err()?;
        exchange.failed(error.code());
        if let Some(limit) = error.limit() {
            self.worker.limited(limit);
        }
        let upstream_name = self.plan.route.map(|route| &*route.labels.service).unwrap_or_default();
        tracing::debug!(%error, code = error.code(), service = upstream_name, "request failed");
        if reply.has_begun() {
            reply.abort();
            return None;
        }
        if error.ends_connection() {
            reply.close_after();
        }
        match error.status() {
            499 => {
                exchange.status(499);
                reply.abort();
                None
            }
            status => Some(Local::error(status)),
        }
    }
}
