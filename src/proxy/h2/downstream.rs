//! A client connection over HTTP/2: accepts streams, each of which is a task of its own, until either side has had
//! enough.

use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};

use super::carrier::{Carrier, Driven};
use super::fields;
use super::frame::{MOST, Reason};
use super::inbound::Inbound;
use super::link::{Broken, Link, Role, Terms, Wrong};
use super::receiving::Receiving;
use super::reply::H2Reply;
use super::requests::{NewRequest, Requests};
use crate::ir::{Limit, Limits};
use crate::proxy::body::{Piece, Source};
use crate::proxy::buffer::ReadBuffer;
use crate::proxy::clock::InTurns;
use crate::proxy::drain::Drain;
use crate::proxy::kit::Kit;
use crate::proxy::overload::Standing;
use crate::proxy::service::{self, Inbound as Received, Refused};
use crate::proxy::timer::IdleTimer;
use crate::proxy::wire::{Transport, Wire};
use crate::proxy::worker::Worker;
use crate::request::Peer;

/// How long the rest of a body is read after its answer.
const LINGER: Duration = Duration::from_secs(2);
/// How long a client has to answer the PING behind a GOAWAY.
const PARTING: Duration = Duration::from_secs(5);
/// How long a client has to read why its connection was ended.
const FAREWELL: Duration = Duration::from_secs(1);
/// What streams are told that are left when the connection ends.
const ABORTED: Broken = Broken::Connection(io::ErrorKind::ConnectionAborted);
/// What the PING says that tells whether a client has read the GOAWAY before it.
const PARTING_PING: [u8; 8] = *b"parting?";

/// Serves a connection until it ends. `buffer` holds what was read before.
pub(crate) async fn serve(
    worker: Rc<Worker>,
    peer: Peer,
    standing: Standing,
    transport: Transport,
    buffer: ReadBuffer,
) {
    let limits = worker.pin().listener().limits.clone();
    let link = Link::new(terms(&limits));
    let requests = Requests::new(&limits, worker.recorder().metrics().clone());
    let shared = Shared { worker: Rc::clone(&worker), peer, standing };
    let mut session = Session {
        drain: worker.drain(),
        worker,
        shared: Rc::new(shared),
        carrier: Carrier::new(link, Inbound::of_client(requests), Wire::new(transport), buffer),
        streams: JoinSet::new(),
        timer: IdleTimer::default(),
        stall: Stall::default(),
        phase: Phase::Beginning,
        idle: Idle::No,
        served: 0,
    };
    session.timer.begin(limits.header_timeout);
    session.run().await;
}

const fn terms(limits: &Limits) -> Terms {
    Terms {
        role: Role::Server,
        stream_window: limits.http2_stream_window,
        connection_window: limits.http2_connection_window,
        list_octets: limits.head_octets,
        streams: limits.http2_streams,
        unsent: limits.http2_unsent_octets as usize,
    }
}

/// What the streams of a connection share, beside the connection.
struct Shared {
    worker: Rc<Worker>,
    peer: Peer,
    standing: Standing,
}

/// How a stream ended, as far as the connection cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// To its end, or broken off for no fault of the client's.
    Over,
    /// Given up by the client, or refused.
    Wasted,
}

/// Whether the connection has no streams and is timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Idle {
    No,
    Timed,
}

/// Where a connection is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The client has not said its settings.
    Beginning,
    Serving,
    /// GOAWAY was sent, and a PING behind it: what the client sends until it has read both is served, for a while.
    Leaving,
    /// The last stream was named; the streams that there are go on.
    Left,
    /// Nothing goes on. What was dropped of what still comes.
    Parting {
        dropped: usize,
    },
}

/// Whether the client takes what is sent.
#[derive(Debug, Default)]
struct Stall {
    /// What it had taken when the wait began that `timer` is for.
    since: Option<u64>,
    timer: IdleTimer,
    /// That a body waits was told of.
    told: bool,
}

impl Stall {
    /// Ready when the client has taken less than it must in the time that it has for it.
    fn poll(&mut self, cx: &mut Context<'_>, link: &Link, worker: &Worker, limits: &Limits) -> Poll<()> {
        if !link.is_blocked() {
            self.since = None;
            self.told = false;
            return Poll::Pending;
        }
        if link.is_full() && !std::mem::replace(&mut self.told, true) {
            worker.limited(&Limit::HTTP2_UNSENT);
        }
        let written = link.written();
        let enough = |since: u64| written - since >= u64::from(limits.send_minimum);
        if self.since.is_none_or(enough) {
            self.since = Some(written);
            self.timer.begin(limits.send_timeout);
        }
        self.timer.poll_expired(cx)
    }
}

enum Event {
    Request(NewRequest),
    Wrong(Wrong),
    /// No more streams are wanted.
    Leave,
    /// No streams are left.
    Part,
    Over,
}

struct Session {
    worker: Rc<Worker>,
    drain: Drain,
    shared: Rc<Shared>,
    carrier: Carrier<Requests>,
    streams: JoinSet<Ended>,
    timer: IdleTimer,
    stall: Stall,
    phase: Phase,
    idle: Idle,
    served: u32,
}

impl Session {
    /// Ends when the connection has; what is left of its streams then is cancelled.
    async fn run(mut self) {
        loop {
            match poll_fn(|cx| self.poll_event(cx)).await {
                Event::Request(request) => self.start(request),
                Event::Wrong(wrong) => self.end(wrong),
                Event::Leave => self.leave(),
                Event::Part => self.part(),
                Event::Over => return self.carrier.link.end(ABORTED),
            }
        }
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        if let Phase::Parting { dropped } = &mut self.phase {
            if self.carrier.poll_part(cx, dropped).is_ready() {
                return Poll::Ready(Event::Over);
            }
            return self.timer.poll_expired(cx).map(|()| Event::Over);
        }
        match self.carrier.poll(cx) {
            Poll::Ready(Driven::Event(request)) => return Poll::Ready(Event::Request(request)),
            Poll::Ready(Driven::Wrong(wrong)) => return Poll::Ready(Event::Wrong(wrong)),
            Poll::Ready(Driven::Over(_)) => return Poll::Ready(Event::Over),
            Poll::Pending => {}
        }
        while let Poll::Ready(Some(ended)) = self.streams.poll_join_next(cx) {
            if let Err(wrong) = self.stream_ended(ended) {
                return Poll::Ready(Event::Wrong(wrong));
            }
        }
        self.poll_time(cx)
    }

    /// What is to be done because of the time, or because of the worker.
    fn poll_time(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        let pinned = self.worker.pin();
        let limits = &pinned.listener().limits;
        let Carrier { link, inbound, .. } = &self.carrier;
        if self.stall.poll(cx, link, &self.worker, limits).is_ready() {
            self.worker.limited(&Limit::SEND_TIMEOUT);
            return Poll::Ready(Event::Over);
        }
        if self.phase == Phase::Beginning && inbound.has_begun() {
            self.phase = Phase::Serving;
        }
        let answered = inbound.pongs > 0;
        match self.phase {
            Phase::Beginning | Phase::Serving if self.drain.poll_leaving(cx).is_ready() || self.is_done_with() => {
                Poll::Ready(Event::Leave)
            }
            Phase::Beginning => {
                ready!(self.timer.poll_expired(cx));
                self.worker.limited(&Limit::HEADER_TIMEOUT);
                Poll::Ready(Event::Over)
            }
            Phase::Serving => {
                ready!(self.poll_idle(cx, limits.keep_alive));
                self.worker.limited(&Limit::KEEP_ALIVE);
                Poll::Ready(Event::Leave)
            }
            Phase::Leaving if answered || self.is_done_with() => Poll::Ready(Event::Leave),
            Phase::Leaving => self.timer.poll_expired(cx).map(|()| Event::Leave),
            Phase::Left if self.streams.is_empty() => Poll::Ready(Event::Part),
            Phase::Left | Phase::Parting { .. } => Poll::Pending,
        }
    }

    /// Whether the client has said that it goes away, and has all its answers.
    fn is_done_with(&self) -> bool {
        self.carrier.link.is_closed() && self.streams.is_empty()
    }

    /// Ready when there have been no streams for so long.
    fn poll_idle(&mut self, cx: &mut Context<'_>, limit: Duration) -> Poll<()> {
        if !self.streams.is_empty() {
            self.idle = Idle::No;
            return Poll::Pending;
        }
        if self.idle == Idle::No {
            self.idle = Idle::Timed;
            self.timer.begin(limit);
        }
        self.timer.poll_expired(cx)
    }

    /// One more step towards the end: says that the connection ends, and then which streams were the last.
    fn leave(&mut self) {
        let link = &self.carrier.link;
        self.idle = Idle::No;
        if matches!(self.phase, Phase::Beginning | Phase::Serving) && !self.is_done_with() {
            link.go_away(MOST, Reason::NO_ERROR, "");
            link.ping(PARTING_PING);
            self.timer.begin(PARTING);
            self.phase = Phase::Leaving;
        } else {
            let last = link.highest();
            link.go_away(last, Reason::NO_ERROR, "");
            self.carrier.inbound.side.end_with(last);
            self.phase = Phase::Left;
        }
    }

    /// Ends the connection at once, because of a limit or of what cannot be gone on from.
    fn end(&mut self, wrong: Wrong) {
        let (Wrong::Connection { reason, limit, what } | Wrong::Stream { reason, limit, what, .. }) = wrong;
        if let Some(limit) = limit {
            self.worker.limited(limit);
        }
        tracing::debug!(?reason, what, peer = %self.shared.peer.address, "an HTTP/2 connection is ended");
        let link = &self.carrier.link;
        link.go_away(link.highest(), reason, what);
        self.part();
    }

    /// The connection ends as soon as everything was sent and the client has had the time to read it.
    fn part(&mut self) {
        self.streams.abort_all();
        self.carrier.link.end(ABORTED);
        self.phase = Phase::Parting { dropped: 0 };
        self.timer.begin(FAREWELL);
    }

    fn start(&mut self, request: NewRequest) {
        self.idle = Idle::No;
        self.served += 1;
        let requests = self.worker.pin().listener().limits.keep_alive_requests;
        if self.served >= requests && matches!(self.phase, Phase::Beginning | Phase::Serving) {
            self.worker.limited(&Limit::KEEP_ALIVE_REQUESTS);
            self.leave();
        }
        // Boxed: a task moves what it runs several times.
        self.streams.spawn_local(InTurns::new(Box::pin(serve_stream(Rc::clone(&self.shared), request))));
    }

    fn stream_ended(&mut self, ended: Result<Ended, JoinError>) -> Result<(), Wrong> {
        match ended {
            Ok(Ended::Wasted) => self.carrier.inbound.side.wasted(&self.carrier.link),
            Err(error) if error.is_panic() => {
                self.worker.count_panic();
                Ok(())
            }
            // Tasks are cancelled only with the session.
            Ok(Ended::Over) | Err(_) => Ok(()),
        }
    }
}

/// Serves one request.
async fn serve_stream(shared: Rc<Shared>, request: NewRequest) -> Ended {
    let NewRequest { stream, mut kit, held: _held, body, refused } = request;
    let Shared { worker, peer, .. } = &*shared;
    let Kit { head, memory, .. } = &mut *kit;
    if stream.is_broken() {
        return Ended::Wasted;
    }
    let stream = Rc::new(stream);
    let mut reply = H2Reply::new(Rc::clone(&stream));
    if let Some((status, code)) = refused {
        service::refuse(worker, peer, &Refused { head, status, code }, &mut reply, memory).await;
        return Ended::Wasted;
    }
    let received = Received { head, peer, standing: shared.standing, demand: fields::demand(head) };
    let mut body = Receiving::new(stream, body);
    service::serve(worker, received, &mut body, &mut reply, memory).await;
    if reply.is_complete() {
        skip_rest(&mut body, &mut memory.timers.upload).await;
    }
    if reply.is_given_up() { Ended::Wasted } else { Ended::Over }
}

/// Reads and drops what is left of a body, for a while: clients that still send take a reset for a failure, even after
/// the whole response. What is left then is declined with NO_ERROR (RFC 9113 §8.1).
async fn skip_rest(body: &mut Receiving, timer: &mut IdleTimer) {
    timer.begin(LINGER);
    poll_fn(|cx| {
        while let Poll::Ready(piece) = body.poll_piece(cx) {
            match piece {
                Ok(Piece::Data) => body.consume(body.piece().len()),
                Ok(Piece::End) | Err(_) => return Poll::Ready(()),
            }
        }
        timer.poll_expired(cx)
    })
    .await;
}
