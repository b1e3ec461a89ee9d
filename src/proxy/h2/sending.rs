//! A body that is sent on a stream: an answer's on the client side, a request's on the upstream side.
//!
//! Nothing is queued beyond what the receiver's window and a bounded buffer of the crate have room for. What the crate
//! has taken it can also send without a further window, so a body counts as sent once it is taken.

use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::{Reason, SendStream};

use super::fields;
use super::watch::Watch;
use crate::proxy::body::{Length, Piece, SinkError, Source};
use crate::request::Fields;

/// The most octets of one stream that the crate holds for sending.
pub(super) const MAX_BUFFERED: usize = 128 * 1024;

/// What a frame holds unless the receiver allows more (RFC 9113 §4.2).
pub(super) const FRAME: usize = 16 * 1024;

/// Whether END_STREAM was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    Ended,
}

/// A body being sent; its head went before.
#[derive(Debug)]
pub(super) struct Sending {
    stream: SendStream<Bytes>,
    phase: Phase,
    /// Octets of an announced length that are still to come.
    remaining: Option<u64>,
    /// What bounds the streams of the connection together, towards clients.
    watch: Option<Rc<Watch>>,
}

impl Sending {
    /// `length` is what the head announced; with [`Length::None`] the head ended the stream.
    pub(super) const fn new(stream: SendStream<Bytes>, length: Length) -> Self {
        let (phase, remaining) = match length {
            Length::None => (Phase::Ended, None),
            Length::Exact(octets) => (Phase::Open, Some(octets)),
            Length::Unknown => (Phase::Open, None),
        };
        Self { stream, phase, remaining, watch: None }
    }

    /// A body to a client, which shares a bound with the others of its connection.
    pub(super) fn watched(stream: SendStream<Bytes>, length: Length, watch: Rc<Watch>) -> Self {
        Self { watch: Some(watch), ..Self::new(stream, length) }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.phase == Phase::Ended
    }

    /// Sends as much of the source's piece as there is room for.
    pub(super) fn poll_move(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut impl Source,
    ) -> Poll<Result<usize, SinkError>> {
        let length = source.piece().len();
        if length == 0 {
            return Poll::Ready(Ok(0));
        }
        let room = ready!(self.poll_room(cx, length))?;
        let piece = source.take(room.min(length));
        let moved = piece.len();
        if let Some(watch) = &self.watch {
            watch.outflow().gave(moved);
        }
        self.remaining = self.remaining.map(|remaining| remaining.saturating_sub(moved as u64));
        let ends = self.remaining == Some(0) && is_over(cx, source);
        if ends {
            self.phase = Phase::Ended;
        }
        match self.stream.send_data(piece, ends) {
            Ok(()) => Poll::Ready(Ok(moved)),
            Err(_) => Poll::Ready(Err(SinkError::Reset)),
        }
    }

    fn poll_room(&mut self, cx: &mut Context<'_>, wanted: usize) -> Poll<Result<usize, SinkError>> {
        let most = match &self.watch {
            Some(watch) => match watch.poll_room(cx) {
                Poll::Ready(room) => room,
                // The client may give the stream up meanwhile.
                Poll::Pending => return self.poll_reset(cx).map(|()| Err(SinkError::Reset)),
            },
            None => usize::MAX,
        };
        let room = ready!(self.poll_capacity(cx, wanted.min(most)))?;
        Poll::Ready(Ok(room.min(most)))
    }

    fn poll_capacity(&mut self, cx: &mut Context<'_>, wanted: usize) -> Poll<Result<usize, SinkError>> {
        let room = self.stream.capacity();
        if room > 0 {
            return Poll::Ready(Ok(room));
        }
        self.stream.reserve_capacity(wanted);
        match ready!(self.stream.poll_capacity(cx)) {
            Some(Ok(room)) => Poll::Ready(Ok(room)),
            Some(Err(_)) | None => Poll::Ready(Err(SinkError::Reset)),
        }
    }

    /// Ends the stream. One that was reset shows it elsewhere.
    pub(super) fn finish(&mut self, trailers: Option<&Fields>) {
        if self.has_ended() {
            return;
        }
        self.phase = Phase::Ended;
        let _sent = match trailers.and_then(fields::trailers_to_send) {
            Some(trailers) => self.stream.send_trailers(trailers),
            None => self.stream.send_data(Bytes::new(), true),
        };
    }

    /// Ready with an error if the other side wants no more. The crate sends by itself what it was given.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SinkError>> {
        if !self.has_ended() && self.poll_reset(cx).is_ready() {
            return Poll::Ready(Err(SinkError::Reset));
        }
        Poll::Ready(Ok(()))
    }

    /// Ready once the stream or its connection is gone.
    pub(super) fn poll_reset(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.stream.poll_reset(cx).map(|_reason| ())
    }

    pub(super) fn reset(&mut self, reason: Reason) {
        self.stream.send_reset(reason);
    }
}

/// Whether nothing follows the last octet, so that the frame which carries it can end the stream. Trailers may follow
/// even where a length was stated.
fn is_over(cx: &mut Context<'_>, source: &mut impl Source) -> bool {
    matches!(source.poll_piece(cx), Poll::Ready(Ok(Piece::End))) && source.trailers().is_none()
}
