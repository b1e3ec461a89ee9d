//! A client connection over HTTP/2: accepts streams, each of which is a task of its own, until either side has had
//! enough.

use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use h2::server::{Builder, Connection, SendResponse};
use h2::{Reason, RecvStream};
use http::Request;
use tokio::task::{JoinError, JoinSet};
use tokio::time::timeout;

use super::budget::Budget;
use super::fields::{self, FieldsError};
use super::prefixed::Prefixed;
use super::receiving::Receiving;
use super::reply::H2Reply;
use super::watch::{FrameLimits, Offence, Outflow, Watch, Watched};
use super::{head, sending};
use crate::ir::{Limit, Limits};
use crate::proxy::body::{Length, Piece, Source};
use crate::proxy::buffer::ReadBuffer;
use crate::proxy::clock::{InTurns, now};
use crate::proxy::drain::Drain;
use crate::proxy::h1::parse::Limits as HeadLimits;
use crate::proxy::kit::{Kit, Lent};
use crate::proxy::overload::Standing;
use crate::proxy::service::{self, Inbound, Refused};
use crate::proxy::timer::IdleTimer;
use crate::proxy::wire::Transport;
use crate::proxy::worker::Worker;
use crate::request::Peer;

/// How long the rest of a body is read after its answer.
const LINGER: Duration = Duration::from_secs(2);
/// How long a client has to take notice of a GOAWAY once it has no streams any more.
const PARTING: Duration = Duration::from_secs(5);
/// How long a client has to read why its connection was ended.
const FAREWELL: Duration = Duration::from_secs(1);

type Server = Connection<Watched<Prefixed<Transport>>, Bytes>;

/// Serves a connection until it ends. `buffer` holds what was read before.
pub(crate) async fn serve(
    worker: Rc<Worker>,
    peer: Peer,
    standing: Standing,
    transport: Transport,
    buffer: ReadBuffer,
) {
    let limits = worker.pin().listener().limits.clone();
    let before = Bytes::copy_from_slice(buffer.filled());
    drop(buffer);
    let before = Prefixed::new(before, transport);
    let (transport, watch) =
        Watched::new(before, frame_limits(&limits), limits.http2_unsent_octets, worker.recorder().metrics().clone());
    let handshake = Builder::new()
        .initial_window_size(limits.http2_stream_window)
        .initial_connection_window_size(limits.http2_connection_window)
        // The crate refuses without a record of the request: what is a little too large is left to us. It also takes no
        // more CONTINUATION frames than hold such a list, and a quarter, but six in any case.
        .max_header_list_size(limits.head_octets.saturating_mul(2))
        .max_concurrent_streams(limits.http2_streams)
        .max_pending_accept_reset_streams(limits.http2_wasted.saturating_add(limits.http2_streams) as usize)
        .max_local_error_reset_streams(Some(limits.http2_provoked_resets as usize))
        .max_send_buffer_size(sending::MAX_BUFFERED)
        .handshake(transport);
    let connection = match timeout(limits.header_timeout, handshake).await {
        Ok(Ok(connection)) => connection,
        Ok(Err(_)) => return,
        Err(_) => return worker.limited(&Limit::HEADER_TIMEOUT),
    };
    let terms = Terms {
        worker: Rc::clone(&worker),
        peer,
        standing,
        watch,
        heads: HeadLimits::of(&limits),
        room: limits.http2_head_octets.into(),
        in_flight: Cell::new(0),
    };
    let session = Session {
        drain: worker.drain(),
        worker,
        terms: Rc::new(terms),
        connection,
        streams: JoinSet::new(),
        timer: IdleTimer::default(),
        idle: Idle::No,
        stall: Stall::default(),
        budget: Budget::new(&limits, now()),
        served: 0,
        leaving: Leaving::No,
    };
    session.run().await;
}

/// What frames cost is bounded for everybody; of resets, giving up all streams at once is no attack.
fn frame_limits(limits: &Limits) -> FrameLimits {
    FrameLimits {
        pings: limits.http2_pings,
        settings: limits.http2_settings,
        resets: limits.http2_resets.saturating_add(limits.http2_streams),
        life_resets: limits.http2_life_resets,
        empty_data: limits.http2_empty_data,
        ignored: limits.http2_ignored,
        window_updates: limits.http2_window_updates,
        continuations: limits.http2_continuations,
        // Huffman's code can make octets longer, too.
        section_octets: 2 * limits.head_octets as usize,
    }
}

/// What the streams of a connection share.
struct Terms {
    worker: Rc<Worker>,
    peer: Peer,
    standing: Standing,
    watch: Rc<Watch>,
    heads: HeadLimits,
    /// Octets of heads that may be in flight.
    room: u64,
    in_flight: Cell<u64>,
}

impl Terms {
    /// Room for one more head, for as long as the result is kept.
    fn hold(&self, octets: u64) -> Option<HeldHead<'_>> {
        let in_flight = self.in_flight.get() + octets;
        if in_flight > self.room {
            return None;
        }
        self.in_flight.set(in_flight);
        Some(HeldHead { terms: self, octets })
    }
}

/// A head in flight.
struct HeldHead<'a> {
    terms: &'a Terms,
    octets: u64,
}

impl Drop for HeldHead<'_> {
    fn drop(&mut self) {
        self.terms.in_flight.set(self.terms.in_flight.get() - self.octets);
    }
}

/// How a stream ended, as far as the connection cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// To its end, or broken off for no fault of the client's.
    Over,
    /// Given up by the client, or refused.
    Wasted,
    /// Reset by us for what it carried.
    Provoked,
}

/// Whether the connection has no streams and is timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Idle {
    No,
    Timed,
}

/// Whether GOAWAY was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leaving {
    No,
    /// The streams that there are go on.
    Announced,
    /// Nothing goes on.
    Ended,
}

/// Whether the client takes what is sent.
#[derive(Debug, Default)]
struct Stall {
    /// What it had taken when the wait began that `timer` is for.
    since: Option<u64>,
    timer: IdleTimer,
}

impl Stall {
    /// Ready when the client has taken less than it must in the time that it has for it. `written` is what it has taken.
    fn poll(&mut self, cx: &mut Context<'_>, outflow: &Outflow, written: u64, limits: &Limits) -> Poll<()> {
        if !outflow.is_blocked() {
            self.since = None;
            return Poll::Pending;
        }
        let enough = |since: u64| written - since >= u64::from(limits.send_minimum);
        if self.since.is_none_or(enough) {
            self.since = Some(written);
            self.timer.begin(limits.send_timeout);
        }
        self.timer.poll_expired(cx)
    }
}

enum Event {
    Request(Box<Request<RecvStream>>, SendResponse<Bytes>),
    Stream(Result<Ended, JoinError>),
    Offence(Offence),
    /// No more streams are wanted.
    Leave,
    /// The client takes nothing.
    Stalled,
    Over,
}

struct Session {
    worker: Rc<Worker>,
    drain: Drain,
    terms: Rc<Terms>,
    connection: Server,
    streams: JoinSet<Ended>,
    timer: IdleTimer,
    idle: Idle,
    stall: Stall,
    budget: Budget,
    served: u32,
    leaving: Leaving,
}

impl Session {
    /// Ends when the connection has; what is left of its streams then is cancelled.
    async fn run(mut self) {
        loop {
            match poll_fn(|cx| self.poll_event(cx)).await {
                Event::Request(request, respond) => self.start(*request, respond),
                Event::Stream(ended) => self.stream_ended(ended),
                Event::Offence(offence) => self.end(offence.limit, offence.reason),
                Event::Leave => self.leave(),
                Event::Stalled => return self.worker.limited(&Limit::SEND_TIMEOUT),
                Event::Over => return,
            }
        }
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        let accepted = self.connection.poll_accept(cx);
        if let Some(offence) = self.terms.watch.take_offence() {
            return Poll::Ready(Event::Offence(offence));
        }
        match accepted {
            Poll::Ready(Some(Ok((request, respond)))) => {
                return Poll::Ready(Event::Request(Box::new(request), respond));
            }
            Poll::Ready(Some(Err(_)) | None) => return Poll::Ready(Event::Over),
            Poll::Pending => self.terms.watch.flushed(),
        }
        if let Poll::Ready(Some(ended)) = self.streams.poll_join_next(cx) {
            return Poll::Ready(Event::Stream(ended));
        }
        self.poll_time(cx)
    }

    /// What is to be done because of the time, or because of the worker.
    fn poll_time(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        let pinned = self.worker.pin();
        let limits = &pinned.listener().limits;
        let watch = &self.terms.watch;
        if self.stall.poll(cx, watch.outflow(), watch.written(), limits).is_ready() {
            return Poll::Ready(Event::Stalled);
        }
        match self.leaving {
            Leaving::No if self.drain.poll_leaving(cx).is_ready() => Poll::Ready(Event::Leave),
            Leaving::No => {
                ready!(self.poll_idle(cx, limits.keep_alive));
                self.worker.limited(&Limit::KEEP_ALIVE);
                Poll::Ready(Event::Leave)
            }
            Leaving::Announced => self.poll_idle(cx, PARTING).map(|()| Event::Over),
            Leaving::Ended => self.timer.poll_expired(cx).map(|()| Event::Over),
        }
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

    fn leave(&mut self) {
        self.leaving = Leaving::Announced;
        self.idle = Idle::No;
        self.connection.graceful_shutdown();
    }

    /// Ends the connection at once, because of a limit or of what cannot be read.
    fn end(&mut self, limit: Option<&'static Limit>, reason: Reason) {
        if let Some(limit) = limit {
            self.worker.limited(limit);
        }
        self.leaving = Leaving::Ended;
        self.timer.begin(FAREWELL);
        self.connection.abrupt_shutdown(reason);
    }

    fn start(&mut self, request: Request<RecvStream>, mut respond: SendResponse<Bytes>) {
        let stream = respond.stream_id().into();
        self.terms.watch.accepted(stream);
        if self.terms.watch.is_malformed(stream) {
            respond.send_reset(Reason::PROTOCOL_ERROR);
            return self.stream_ended(Ok(Ended::Provoked));
        }
        self.idle = Idle::No;
        self.served += 1;
        let requests = self.worker.pin().listener().limits.keep_alive_requests;
        if self.served >= requests && self.leaving == Leaving::No {
            self.worker.limited(&Limit::KEEP_ALIVE_REQUESTS);
            self.leave();
        }
        // Boxed: a task moves what it runs several times.
        self.streams.spawn_local(InTurns::new(Box::pin(serve_stream(Rc::clone(&self.terms), request, respond))));
    }

    fn stream_ended(&mut self, ended: Result<Ended, JoinError>) {
        let exceeded = match ended {
            Ok(Ended::Wasted) => self.budget.wasted(now()),
            Ok(Ended::Provoked) => self.budget.provoked(),
            Err(error) if error.is_panic() => {
                self.worker.count_panic();
                None
            }
            // Tasks are cancelled only with the session.
            Ok(Ended::Over) | Err(_) => None,
        };
        if exceeded.is_some() && self.leaving != Leaving::Ended {
            self.end(exceeded, Reason::ENHANCE_YOUR_CALM);
        }
    }
}

/// Serves one request.
async fn serve_stream(terms: Rc<Terms>, request: Request<RecvStream>, mut respond: SendResponse<Bytes>) -> Ended {
    let Terms { worker, peer, watch, heads, .. } = &*terms;
    let (parts, body) = request.into_parts();
    let mut lent = Lent::new();
    let Kit { head, memory, .. } = &mut *lent;
    let read = head::read(&parts, heads, head).and_then(|()| fields::content_length(&parts.headers));
    let length = match read {
        Ok(stated) => length(&body, stated),
        Err(FieldsError::Malformed(_)) => {
            respond.send_reset(Reason::PROTOCOL_ERROR);
            return Ended::Provoked;
        }
        Err(FieldsError::Refused { status, code }) => {
            drop((parts, body));
            let mut reply = H2Reply::new(respond, Rc::clone(watch));
            let refused = Refused { head, status, code };
            service::refuse(worker, peer, &refused, &mut reply, memory).await;
            return Ended::Wasted;
        }
    };
    drop(parts);
    let Some(_held) = terms.hold(head.wire_octets) else {
        worker.limited(&Limit::HTTP2_HEADS);
        respond.send_reset(Reason::REFUSED_STREAM);
        return Ended::Over;
    };
    let inbound = Inbound { head, peer, standing: terms.standing, demand: head::demand(head) };
    let mut body = Receiving::watched(body, length, heads.fields, Rc::clone(watch));
    let mut reply = H2Reply::new(respond, Rc::clone(watch));
    service::serve(worker, inbound, &mut body, &mut reply, memory).await;
    if reply.is_complete() {
        skip_rest(&mut body, &mut memory.timers.upload).await;
    }
    if reply.is_given_up() { Ended::Wasted } else { Ended::Over }
}

/// Reads and drops what is left of a body, for a while: clients that still send take a reset for a failure, even after
/// the whole response. What is left then is declined by the crate with NO_ERROR (RFC 9113 §8.1).
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

fn length(body: &RecvStream, stated: Option<u64>) -> Length {
    match stated {
        _ if body.is_end_stream() => Length::None,
        Some(octets) => Length::Exact(octets),
        None => Length::Unknown,
    }
}
