//! The client side over HTTP/1.1: one connection, its requests one after the other, and their bodies. The replies are
//! [`super::reply`]'s.
//!
//! Every message is read in exactly one way or refused with an answer and a close. After a response the connection
//! goes on only if the request was read to its last octet (RFC 9112 §9.3).

use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::chunked::{Bounds, Decoder};
use super::framing::{BodyLength, Expectation, Persistence, RequestFraming, TrailerSupport};
use super::incoming::{Framing, Incoming};
use super::outgoing::Outgoing;
use super::parse::{Limits, Parsed};
use super::reply::{H1Reply, Shared};
use super::{HeadError, encode, parse};
use crate::ir::{Limit, Limits as ClientLimits};
use crate::proxy::body::{Length, Piece, Source, SourceError, Unread};
use crate::proxy::buffer::ReadBuffer;
use crate::proxy::drain::Drain;
use crate::proxy::kit::{Kit, Lent};
use crate::proxy::overload::Standing;
use crate::proxy::service::{self, Inbound};
use crate::proxy::sides::{Demand, InterimResponses, TrailersWanted};
use crate::proxy::timer::IdleTimer;
use crate::proxy::wire::Wire;
use crate::proxy::worker::Worker;
use crate::request::{Fields, Peer, RequestHead, Version};

/// Octets of an unread request body that are read and dropped so that the connection can go on, and so that the client
/// reads our answer before it sees a reset (RFC 9112 §9.6).
const DRAINED: u64 = 64 * 1024;

/// The longest that a connection to be closed is drained.
const LINGER: Duration = Duration::from_secs(2);

/// How long a connection may be quiet before it gives back what serving takes.
const QUIET: Duration = Duration::from_millis(200);

/// Serves a connection until it ends. `buffer` holds what was read before.
pub(crate) async fn serve(worker: Rc<Worker>, peer: Peer, standing: Standing, wire: Wire, buffer: ReadBuffer) {
    let drain = worker.drain();
    let mut connection =
        Connection { drain, worker, peer, standing, wire, buffer, timer: IdleTimer::default(), served: 0 };
    while connection.has_begun().await {
        // Boxed: a quiet connection holds nothing of it.
        match Box::pin(connection.serve_while_busy()).await {
            Next::Continue => {}
            Next::Close => return connection.linger().await,
            Next::Part => break,
            Next::Leave => return,
        }
    }
    connection.wire.part();
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Continue,
    /// Close so that the client can read the last answer.
    Close,
    /// Nothing is on its way, and nothing is left to say.
    Part,
    /// What was sent last must not look complete, or there is nobody to read it.
    Leave,
}

struct Connection {
    worker: Rc<Worker>,
    drain: Drain,
    peer: Peer,
    standing: Standing,
    wire: Wire,
    buffer: ReadBuffer,
    timer: IdleTimer,
    served: u32,
}

/// What came of waiting for octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Read {
    Octets,
    /// The client has nothing more to say, or nobody is to listen.
    Ended,
    /// They did not come in time.
    Expired,
}

/// Why there is no next request.
enum NoRequest {
    Ended,
    /// The head did not come in time.
    Timeout,
    Malformed(HeadError),
}

impl Connection {
    /// Waits for the first octets of a request: before the first one as long as a head may take, else as long as is left
    /// of what keep-alive allows. `false` if none come.
    async fn has_begun(&mut self) -> bool {
        let pinned = self.worker.pin();
        let limits = &pinned.listener().limits;
        let is_first = self.served == 0;
        let (patience, limit) = if is_first {
            (limits.header_timeout, &Limit::HEADER_TIMEOUT)
        } else {
            (limits.keep_alive.saturating_sub(QUIET), &Limit::KEEP_ALIVE)
        };
        drop(pinned);
        self.timer.begin(patience);
        if !self.buffer.is_empty() {
            return true;
        }
        match self.read(!is_first).await {
            Read::Octets if is_first => true,
            Read::Octets => {
                self.begin_head();
                true
            }
            Read::Ended => false,
            Read::Expired => {
                self.worker.limited(limit);
                false
            }
        }
    }

    /// Serves request after request, until none has come for a while.
    async fn serve_while_busy(&mut self) -> Next {
        let mut lent = Lent::new();
        loop {
            let next = self.serve_next(&mut lent).await;
            if next != Next::Continue {
                return next;
            }
            if self.buffer.is_empty() {
                let keep_alive = self.worker.pin().listener().limits.keep_alive;
                self.timer.begin(keep_alive.min(QUIET));
                match self.read(true).await {
                    Read::Octets => {}
                    Read::Ended => return Next::Part,
                    Read::Expired if keep_alive > QUIET => return Next::Continue,
                    Read::Expired => {
                        self.worker.limited(&Limit::KEEP_ALIVE);
                        return Next::Part;
                    }
                }
            }
            self.begin_head();
        }
    }

    /// From now on a head has its time to come.
    fn begin_head(&mut self) {
        self.timer.begin(self.worker.pin().listener().limits.header_timeout);
    }

    /// Reads one request, whose first octets are here, and answers it.
    async fn serve_next(&mut self, kit: &mut Kit) -> Next {
        let framing = match self.read_head(&mut kit.head).await {
            Ok(framing) => framing,
            Err(NoRequest::Ended) => return Next::Part,
            Err(NoRequest::Timeout) => return self.refuse(kit, 408, "header-timeout").await,
            Err(NoRequest::Malformed(error)) => return self.refuse(kit, error.status, error.code).await,
        };
        self.served += 1;
        self.answer(kit, framing).await
    }

    /// Reads a head to its end.
    async fn read_head(&mut self, head: &mut RequestHead) -> Result<RequestFraming, NoRequest> {
        let bounds = Limits::of(&self.worker.pin().listener().limits);
        loop {
            match parse::request_head(self.buffer.filled(), &bounds, head) {
                Ok(Parsed::Complete { consumed, value }) => {
                    self.buffer.consume(consumed);
                    return Ok(value);
                }
                Ok(Parsed::Incomplete) => {}
                Err(error) => return Err(NoRequest::Malformed(error)),
            }
            match self.read(false).await {
                Read::Octets => {}
                Read::Ended => return Err(NoRequest::Ended),
                Read::Expired => {
                    self.worker.limited(&Limit::HEADER_TIMEOUT);
                    return Err(NoRequest::Timeout);
                }
            }
        }
    }

    /// Waits for octets until the timer ends, or, between requests, until the worker drains.
    async fn read(&mut self, between_requests: bool) -> Read {
        let Self { drain, wire, buffer, timer, .. } = self;
        poll_fn(|cx| {
            if let Poll::Ready(result) = buffer.poll_fill(cx, wire) {
                let came = result.is_ok_and(|octets| octets > 0);
                return Poll::Ready(if came { Read::Octets } else { Read::Ended });
            }
            if timer.poll_expired(cx).is_ready() {
                return Poll::Ready(Read::Expired);
            }
            if between_requests && drain.poll_leaving(cx).is_ready() {
                return Poll::Ready(Read::Ended);
            }
            Poll::Pending
        })
        .await
    }

    /// Answers what is no request, or closes without an answer.
    async fn refuse(&mut self, kit: &mut Kit, status: u16, code: &'static str) -> Next {
        let Kit { head, memory, outgoing } = kit;
        outgoing.reset();
        let shared = Shared::new(&self.worker, Persistence::Close, Expectation::None);
        let mut reply = H1Reply::new(&self.wire, outgoing, &shared, Version::Http11);
        let refusal = service::Refused { head, status, code };
        if status == HeadError::UNANSWERED {
            service::record_refused(&self.worker, &self.peer, &refusal);
            return Next::Close;
        }
        service::refuse(&self.worker, &self.peer, &refusal, &mut reply, memory).await;
        let flushed = flush(&self.worker, &self.wire, outgoing, &mut self.timer).await;
        if flushed { Next::Close } else { Next::Leave }
    }

    /// Serves one request whose head was read.
    async fn answer(&mut self, kit: &mut Kit, framing: RequestFraming) -> Next {
        let persistence = self.persistence(framing.connection);
        let Self { worker, peer, standing, wire, buffer, timer, .. } = self;
        let Kit { head, memory, outgoing } = kit;
        let shared = Shared::new(worker, persistence, framing.expect);
        outgoing.reset();
        let inbound = Inbound { head, peer, standing: *standing, demand: demand(&framing, head.version) };
        let pinned = worker.pin();
        let limits = &pinned.listener().limits;
        let mut body = Body::new(wire, buffer, framing.body, limits, &shared);
        let mut reply = H1Reply::new(wire, outgoing, &shared, head.version);
        service::serve(worker, inbound, &mut body, &mut reply, memory).await;
        // What a broken-off response already has goes out too, but never the end that would make it look complete.
        if !flush(worker, wire, outgoing, timer).await || shared.aborted.get() || shared.tunnelled.get() {
            return Next::Leave;
        }
        if shared.closing.get() || !body.skip_rest(timer).await { Next::Close } else { Next::Continue }
    }

    /// Whether the connection may go on after this request.
    fn persistence(&self, asked: Persistence) -> Persistence {
        let pinned = self.worker.pin();
        let policy = pinned.listener();
        if self.served == policy.limits.keep_alive_requests {
            self.worker.limited(&Limit::KEEP_ALIVE_REQUESTS);
        }
        let spent = self.served >= policy.limits.keep_alive_requests || policy.limits.keep_alive.is_zero();
        if spent { Persistence::Close } else { asked }
    }

    /// Closes so that the client can read our last answer: ends our direction, then drops what still arrives, for a
    /// while (RFC 9112 §9.6).
    async fn linger(&mut self) {
        let Self { wire, buffer, timer, .. } = self;
        timer.begin(LINGER);
        let mut dropped = 0;
        poll_fn(|cx| {
            if timer.poll_expired(cx).is_ready() {
                return Poll::Ready(());
            }
            if ready!(wire.poll_shutdown(cx)).is_err() {
                return Poll::Ready(());
            }
            loop {
                buffer.consume(usize::MAX);
                match ready!(buffer.poll_fill(cx, wire)) {
                    Ok(octets) if octets > 0 && dropped < DRAINED => dropped += octets as u64,
                    Ok(_) | Err(_) => return Poll::Ready(()),
                }
            }
        })
        .await;
    }
}

/// Sends what is buffered. `false` if the client takes nothing.
async fn flush(worker: &Worker, wire: &Wire, outgoing: &mut Outgoing, timer: &mut IdleTimer) -> bool {
    timer.begin(worker.pin().listener().limits.send_timeout);
    poll_fn(|cx| {
        if let Poll::Ready(result) = outgoing.poll_flush(cx, wire) {
            return Poll::Ready(result.is_ok());
        }
        ready!(timer.poll_expired(cx));
        worker.limited(&Limit::SEND_TIMEOUT);
        Poll::Ready(false)
    })
    .await
}

fn demand(framing: &RequestFraming, version: Version) -> Demand<'_> {
    Demand {
        upgrade: framing.upgrade.as_ref().map(|upgrade| upgrade.protocols.as_slice()),
        trailers: match framing.trailers {
            TrailerSupport::Accepted => TrailersWanted::Stated,
            TrailerSupport::Unstated => TrailersWanted::Unstated,
        },
        interim: match version {
            Version::Http10 => InterimResponses::Unknown,
            Version::Http11 | Version::Http2 => InterimResponses::Understood,
        },
    }
}

/// The request body.
struct Body<'a> {
    wire: &'a Wire,
    buffer: &'a mut ReadBuffer,
    incoming: Incoming,
    shared: &'a Shared<'a>,
    /// Octets of `100 Continue` that were sent.
    continued: usize,
}

impl<'a> Body<'a> {
    fn new(
        wire: &'a Wire,
        buffer: &'a mut ReadBuffer,
        length: BodyLength,
        limits: &ClientLimits,
        shared: &'a Shared<'a>,
    ) -> Self {
        let framing = match length {
            BodyLength::None => Framing::Done,
            BodyLength::Length(octets) => Framing::Length(octets),
            BodyLength::Chunked => Framing::Chunked(Box::new(Decoder::new(Bounds::of(limits)))),
        };
        Self { wire, buffer, incoming: Incoming::new(framing), shared, continued: 0 }
    }

    /// Reads and drops what is left of the body, if it is little and comes soon, so that the connection can go on.
    /// `false` if it cannot.
    async fn skip_rest(&mut self, timer: &mut IdleTimer) -> bool {
        if self.incoming.is_complete() {
            return true;
        }
        timer.begin(LINGER);
        let mut skipped = 0;
        poll_fn(|cx| {
            loop {
                match self.poll_piece(cx) {
                    Poll::Ready(Ok(Piece::End)) => return Poll::Ready(true),
                    Poll::Ready(Ok(Piece::Data)) if skipped < DRAINED => {
                        let octets = self.piece().len();
                        skipped += octets as u64;
                        self.consume(octets);
                    }
                    Poll::Ready(_) => return Poll::Ready(false),
                    Poll::Pending => return timer.poll_expired(cx).map(|()| false),
                }
            }
        })
        .await
    }

    /// Tells the client to send its body, once somebody wants it and if no octet of it is here yet.
    fn poll_continue(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SourceError>> {
        while self.shared.owes_continue.get() {
            let rest = encode::CONTINUE.get(self.continued..).unwrap_or_default();
            if rest.is_empty() || self.shared.begun.get() || (self.continued == 0 && !self.buffer.is_empty()) {
                self.shared.owes_continue.set(false);
                break;
            }
            self.continued += ready!(self.wire.poll_write(cx, rest, &[])).map_err(SourceError::Io)?;
            ready!(self.wire.poll_flush(cx)).map_err(SourceError::Io)?;
        }
        Poll::Ready(Ok(()))
    }
}

impl Source for Body<'_> {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Piece, SourceError>> {
        if self.shared.tunnelled.get() && self.incoming.announced() == Length::None {
            self.incoming = Incoming::new(Framing::UntilClose);
        }
        ready!(self.poll_continue(cx))?;
        self.incoming.poll_piece(cx, self.buffer, self.wire)
    }

    fn piece(&self) -> &[u8] {
        self.incoming.piece(self.buffer)
    }

    fn consume(&mut self, octets: usize) {
        self.incoming.consume(self.buffer, octets);
    }

    fn limit_pieces(&mut self, octets: usize) {
        self.buffer.limit(octets);
    }

    fn settle(&mut self) {
        self.buffer.settle();
    }

    fn unread(&self) -> Option<Unread<'_>> {
        let octets = self.incoming.unread(self.buffer).filter(|_| self.wire.is_plain())?;
        (!self.shared.owes_continue.get()).then_some(Unread { wire: self.wire, octets })
    }

    fn pass(&mut self, octets: usize) {
        self.incoming.pass(octets);
    }

    fn trailers(&self) -> Option<&Fields> {
        self.incoming.trailers()
    }

    fn length(&self) -> Length {
        self.incoming.announced()
    }

    fn wire_octets(&self) -> u64 {
        self.incoming.wire_octets()
    }
}
