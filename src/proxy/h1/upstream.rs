//! The upstream side over HTTP/1.1: one connection, one request at a time.

use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use super::framing::{Persistence, ResponseBody, ResponseFraming};
use super::incoming::{Framing, Incoming, closed};
use super::outgoing::{Delimiting, Outgoing};
use super::parse::{Limits, Parsed};
use super::{encode, parse};
use crate::ir::backend::KeepAlive;
use crate::proxy::body::{Length, Piece, Sink, SinkError, Source, SourceError, Unread};
use crate::proxy::buffer::ReadBuffer;
use crate::proxy::sides::{Answer, AnswerError, AnswerHead, Call, Outbound, TrailersWanted};
use crate::proxy::wire::{Transport, Wire};
use crate::request::{Fields, ResponseHead};

/// A connection to an endpoint, between requests.
#[derive(Debug)]
pub(crate) struct Connection {
    wire: Wire,
    buffer: ReadBuffer,
    outgoing: Outgoing,
    /// When its time is up, whatever it does.
    expires: Instant,
    /// When it has been idle for too long.
    rests_until: Instant,
    /// How many requests it may still carry.
    requests: u32,
}

impl Connection {
    pub(crate) fn new(transport: Transport, limits: &KeepAlive, now: Instant) -> Self {
        Self {
            wire: Wire::new(transport),
            buffer: ReadBuffer::default(),
            outgoing: Outgoing::default(),
            expires: now + seconds(limits.lifetime_secs),
            rests_until: now,
            requests: limits.requests,
        }
    }

    /// Whether its age, its idle time and its number of requests allow another request.
    pub(crate) fn is_reusable(&self, now: Instant) -> bool {
        self.requests > 0 && now < self.expires && now < self.rests_until
    }

    /// Whether nothing has arrived while it was idle: neither octets nor an end.
    pub(crate) fn is_quiet(&self, cx: &mut Context<'_>) -> bool {
        self.buffer.is_empty() && self.wire.is_quiet(cx)
    }

    /// Begins a request. `method` decides how the answer is framed.
    pub(crate) fn exchange<'a>(&'a mut self, method: &'a str) -> Exchange<'a> {
        self.requests = self.requests.saturating_sub(1);
        self.outgoing.reset();
        let Self { wire, buffer, outgoing, .. } = self;
        let wire = &*wire;
        Exchange {
            upload: Upload { wire, outgoing },
            answer: AnswerReader {
                wire,
                buffer,
                method,
                incoming: Incoming::new(Framing::Done),
                persistence: Persistence::KeepAlive,
                state: AnswerState::AwaitingHead,
            },
        }
    }

    /// The connection is idle from now on.
    pub(crate) fn rest(&mut self, limits: &KeepAlive, now: Instant) {
        self.rests_until = now + seconds(limits.timeout_secs);
    }
}

fn seconds(count: u32) -> Duration {
    Duration::from_secs(u64::from(count))
}

/// One request over the connection.
#[derive(Debug)]
pub(crate) struct Exchange<'a> {
    upload: Upload<'a>,
    answer: AnswerReader<'a>,
}

impl Exchange<'_> {
    /// Whether request and answer are complete to the octet, so that the connection may serve another request
    /// (RFC 9112 §9.3). Octets beyond the answer forbid it.
    pub(crate) fn is_reusable(&self, upload_finished: bool) -> bool {
        upload_finished
            && self.upload.outgoing.is_flushed()
            && self.answer.state == AnswerState::Body
            && self.answer.persistence == Persistence::KeepAlive
            && self.answer.incoming.is_complete()
            && self.answer.buffer.is_empty()
    }
}

impl<'x> Outbound for Exchange<'x> {
    type Fields<'a>
        = encode::FieldLines<'a>
    where
        Self: 'a;
    type Upload = Upload<'x>;
    type Answer = AnswerReader<'x>;

    fn begin(&mut self, call: &Call<'_>) -> Self::Fields<'_> {
        let buffer = self.upload.outgoing.buffer();
        encode::request_line(buffer, call.method, call.target, call.authority);
        encode::FieldLines(buffer)
    }

    fn end(&mut self, call: &Call<'_>) -> Result<(), AnswerError> {
        let outgoing = &mut *self.upload.outgoing;
        match call.body {
            Length::None => {}
            Length::Exact(octets) => encode::content_length(outgoing.buffer(), octets),
            Length::Unknown => {
                encode::field(outgoing.buffer(), b"Transfer-Encoding", b"chunked");
                outgoing.delimit(Delimiting::Chunked { open: 0 });
            }
        }
        let buffer = outgoing.buffer();
        match (call.upgrade, call.trailers) {
            (Some(protocols), _) => {
                encode::connection_upgrade(buffer, protocols);
            }
            (None, TrailersWanted::Stated) => {
                encode::field(buffer, b"TE", b"trailers");
                encode::field(buffer, b"Connection", b"TE");
            }
            (None, TrailersWanted::Unstated) => {}
        }
        encode::end_of_head(buffer);
        Ok(())
    }

    fn parts(&mut self) -> (&mut Self::Upload, &mut Self::Answer) {
        (&mut self.upload, &mut self.answer)
    }

    fn upgrade(&mut self) {
        self.upload.outgoing.delimit(Delimiting::Raw);
        self.answer.incoming = Incoming::new(Framing::UntilClose);
        self.answer.state = AnswerState::Tunnel;
    }

    fn is_written(&self) -> bool {
        self.upload.outgoing.is_written()
    }
}

/// The request body on its way.
#[derive(Debug)]
pub(crate) struct Upload<'a> {
    wire: &'a Wire,
    outgoing: &'a mut Outgoing,
}

impl Sink for Upload<'_> {
    fn poll_move(&mut self, cx: &mut Context<'_>, source: &mut impl Source) -> Poll<Result<usize, SinkError>> {
        self.outgoing.poll_move(cx, self.wire, source)
    }

    fn unwritten(&self) -> Option<&Wire> {
        self.outgoing.unwritten(self.wire)
    }

    fn pass(&mut self, octets: usize) {
        self.outgoing.pass(octets);
    }

    fn finish(&mut self, trailers: Option<&Fields>) {
        self.outgoing.finish(trailers);
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SinkError>> {
        self.outgoing.poll_flush(cx, self.wire)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AnswerState {
    AwaitingHead,
    Body,
    Tunnel,
}

/// The answer being read.
#[derive(Debug)]
pub(crate) struct AnswerReader<'a> {
    wire: &'a Wire,
    buffer: &'a mut ReadBuffer,
    method: &'a str,
    incoming: Incoming,
    persistence: Persistence,
    state: AnswerState,
}

impl Answer for AnswerReader<'_> {
    fn poll_head(&mut self, cx: &mut Context<'_>, head: &mut ResponseHead) -> Poll<Result<AnswerHead, AnswerError>> {
        loop {
            if !self.buffer.is_empty() {
                let parsed = parse::response_head(self.buffer.filled(), &Limits::default(), self.method, head)
                    .map_err(|error| AnswerError::Malformed(error.code))?;
                if let Parsed::Complete { consumed, value } = parsed {
                    self.buffer.consume(consumed);
                    return Poll::Ready(Ok(self.begin_body(head, &value)));
                }
            }
            let octets = ready!(self.buffer.poll_fill(cx, self.wire)).map_err(AnswerError::Closed)?;
            if octets == 0 {
                return Poll::Ready(Err(if self.buffer.is_empty() {
                    AnswerError::Closed(closed())
                } else {
                    AnswerError::Malformed("truncated-head")
                }));
            }
        }
    }
}

impl AnswerReader<'_> {
    fn begin_body(&mut self, head: &ResponseHead, framing: &ResponseFraming) -> AnswerHead {
        if !head.is_informational() {
            self.state = AnswerState::Body;
            self.persistence = framing.connection;
            self.incoming = Incoming::new(match framing.body {
                ResponseBody::None => Framing::Done,
                ResponseBody::Length(octets) => Framing::Length(octets),
                ResponseBody::Chunked => Framing::Chunked(Box::default()),
                ResponseBody::UntilClose => {
                    self.persistence = Persistence::Close;
                    Framing::UntilClose
                }
            });
        }
        AnswerHead { body: self.incoming.announced(), content_length: framing.content_length }
    }
}

impl Source for AnswerReader<'_> {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Piece, SourceError>> {
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
        Some(Unread { wire: self.wire, octets })
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
