//! A client connection over HTTP/2: accepts streams, each of which is a task of its own, until either side has had
//! enough.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use h2::server::{Builder, Connection, SendResponse};
use h2::{Reason, RecvStream};
use http::Request;
use tokio::task::{JoinError, JoinSet};
use tokio::time::timeout;

use super::budget::{Budget, Verdict};
use super::fields::{self, FieldsError};
use super::prefixed::Prefixed;
use super::receiving::Receiving;
use super::reply::H2Reply;
use super::watch::{FrameLimits, Offence, Watch, Watched};
use super::{head, sending};
use crate::proxy::body::{Length, Piece, Source};
use crate::proxy::buffer::ReadBuffer;
use crate::proxy::drain::Drain;
use crate::proxy::service::{self, Inbound, Memory, Refused};
use crate::proxy::timer::IdleTimer;
use crate::proxy::wire::Transport;
use crate::proxy::worker::{Worker, now};
use crate::request::{Peer, RequestHead};

/// What a client may send per stream, and per connection, before it is consumed.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// The largest field list, as RFC 9113 §6.5.2 counts it.
const MAX_LIST: u32 = 32 * 1024;
/// Streams that were reset by the client before we took them up.
const MAX_PENDING_RESETS: usize = 20;
/// Streams that we reset for errors of the client's, over the life of a connection.
const MAX_LOCAL_RESETS: usize = 200;
/// How long the rest of a body is read after its answer.
const LINGER: Duration = Duration::from_secs(2);

type Server = Connection<Watched<Prefixed<Transport>>, Bytes>;

/// Serves a connection until it ends. `buffer` holds what was read before.
pub(crate) async fn serve(worker: Rc<Worker>, peer: Peer, transport: Transport, buffer: ReadBuffer) {
    let pinned = worker.pin();
    let policy = pinned.listener();
    let (concurrent, patience) = (policy.http2_max_concurrent_streams, policy.header_timeout);
    drop(pinned);
    let before = Bytes::copy_from_slice(buffer.filled());
    drop(buffer);
    let (transport, watch) = Watched::new(Prefixed::new(before, transport), frame_limits(concurrent));
    let handshake = Builder::new()
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(MAX_LIST)
        .max_concurrent_streams(concurrent)
        .max_pending_accept_reset_streams(MAX_PENDING_RESETS)
        .max_local_error_reset_streams(Some(MAX_LOCAL_RESETS))
        .max_send_buffer_size(sending::MAX_BUFFERED)
        .handshake(transport);
    let Ok(Ok(connection)) = timeout(patience, handshake).await else { return };
    let session = Session {
        drain: worker.drain(),
        worker,
        peer: Rc::new(peer),
        connection,
        watch,
        streams: JoinSet::new(),
        timer: IdleTimer::default(),
        idle: Idle::No,
        budget: Budget::new(concurrent, now()),
        served: 0,
        leaving: Leaving::No,
    };
    session.run().await;
}

/// What frames cost is bounded for everybody; of resets, giving up all streams at once is no attack.
const fn frame_limits(concurrent: u32) -> FrameLimits {
    FrameLimits {
        pings: 100,
        settings: 50,
        resets: concurrent.saturating_add(100),
        empty_data: 100,
        ignored: 1000,
        window_updates: 1000,
        continuations: 20,
        section_octets: 2 * MAX_LIST as usize,
    }
}

/// How a stream ended, as far as the connection cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Answered,
    /// Given up by the client, or reset by us for what it carried.
    Wasted,
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
    Announced,
}

enum Event {
    Request(Box<Request<RecvStream>>, SendResponse<Bytes>),
    Stream(Result<Ended, JoinError>),
    Offence(Offence),
    /// No more streams are wanted.
    Leave,
    Over,
}

struct Session {
    worker: Rc<Worker>,
    drain: Drain,
    peer: Rc<Peer>,
    connection: Server,
    watch: Rc<Watch>,
    streams: JoinSet<Ended>,
    timer: IdleTimer,
    idle: Idle,
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
                Event::Over => return,
            }
        }
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        let accepted = self.connection.poll_accept(cx);
        if let Some(offence) = self.watch.take_offence() {
            return Poll::Ready(Event::Offence(offence));
        }
        match accepted {
            Poll::Ready(Some(Ok((request, respond)))) => {
                return Poll::Ready(Event::Request(Box::new(request), respond));
            }
            Poll::Ready(Some(Err(_)) | None) => return Poll::Ready(Event::Over),
            Poll::Pending => {}
        }
        if let Poll::Ready(Some(ended)) = self.streams.poll_join_next(cx) {
            return Poll::Ready(Event::Stream(ended));
        }
        if self.leaving == Leaving::Announced {
            return Poll::Pending;
        }
        if self.drain.poll_draining(cx).is_ready() || self.poll_idle(cx).is_ready() {
            return Poll::Ready(Event::Leave);
        }
        Poll::Pending
    }

    /// Ready when there have been no streams for as long as keep-alive allows.
    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.streams.is_empty() {
            self.idle = Idle::No;
            return Poll::Pending;
        }
        if self.idle == Idle::No {
            self.idle = Idle::Timed;
            self.timer.begin(self.worker.pin().listener().keep_alive);
        }
        self.timer.poll_expired(cx)
    }

    fn leave(&mut self) {
        self.leaving = Leaving::Announced;
        self.connection.graceful_shutdown();
    }

    /// Ends the connection because a limit was exceeded.
    fn end(&mut self, limit: &'static str, reason: Reason) {
        self.worker.limited(limit);
        self.leaving = Leaving::Announced;
        self.connection.abrupt_shutdown(reason);
    }

    fn start(&mut self, request: Request<RecvStream>, mut respond: SendResponse<Bytes>) {
        if self.watch.is_malformed(respond.stream_id().into()) {
            respond.send_reset(Reason::PROTOCOL_ERROR);
            return self.stream_ended(Ok(Ended::Wasted));
        }
        self.idle = Idle::No;
        self.served += 1;
        if self.served >= self.worker.pin().listener().keep_alive_requests && self.leaving == Leaving::No {
            self.leave();
        }
        let (worker, peer, watch) = (Rc::clone(&self.worker), Rc::clone(&self.peer), Rc::clone(&self.watch));
        self.streams.spawn_local(serve_stream(worker, peer, watch, request, respond));
    }

    fn stream_ended(&mut self, ended: Result<Ended, JoinError>) {
        match ended {
            Ok(Ended::Wasted) => {
                if self.budget.charge(now()) == Verdict::Exceeded {
                    self.end("http2-wasted-streams", Reason::ENHANCE_YOUR_CALM);
                }
            }
            Err(error) if error.is_panic() => self.worker.count_panic(),
            // Tasks are cancelled only with the session.
            Ok(Ended::Answered) | Err(_) => {}
        }
    }
}

/// Serves one request.
async fn serve_stream(
    worker: Rc<Worker>,
    peer: Rc<Peer>,
    watch: Rc<Watch>,
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
) -> Ended {
    let (parts, body) = request.into_parts();
    let mut head = RequestHead::default();
    let mut memory = Memory::default();
    let read = head::read(&parts, &mut head).and_then(|()| fields::content_length(&parts.headers));
    let length = match read {
        Ok(stated) => length(&body, stated),
        Err(FieldsError::Malformed(_)) => {
            respond.send_reset(Reason::PROTOCOL_ERROR);
            return Ended::Wasted;
        }
        Err(FieldsError::Refused { status, code }) => {
            drop((parts, body));
            let mut reply = H2Reply::new(respond);
            let refused = Refused { head: &head, status, code };
            service::refuse(&worker, &peer, &refused, &mut reply, &mut memory).await;
            return Ended::Wasted;
        }
    };
    drop(parts);
    let inbound = Inbound { head: &head, peer: &peer, demand: head::demand(&head) };
    let mut body = Receiving::watched(body, length, watch);
    let mut reply = H2Reply::new(respond);
    service::serve(&worker, inbound, &mut body, &mut reply, &mut memory).await;
    if !reply.is_complete() {
        return Ended::Wasted;
    }
    skip_rest(&mut body, &mut memory.timers.upload).await;
    Ended::Answered
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
