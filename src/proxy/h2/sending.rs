//! A body that is sent on a stream: an answer's on the client side, a request's on the upstream side.
//!
//! Nothing is taken on beyond what the receiver's windows and the connection's buffer have room for. What is in the
//! buffer can be sent without a further window, so a body counts as sent once it is there.

use std::rc::Rc;
use std::task::{Context, Poll, ready};

use super::fields::Draft;
use super::frame::LARGEST;
use super::link::{Gone, Handle, Pseudo};
use crate::proxy::body::{Length, Piece, SinkError, Source};
use crate::request::Fields;

/// The largest piece of a body that is of use: what a frame holds.
pub(super) const FRAME: usize = LARGEST;

/// Whether END_STREAM was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    Ended,
}

/// A body being sent; its head went before.
#[derive(Debug)]
pub(super) struct Sending {
    stream: Rc<Handle>,
    phase: Phase,
    /// Octets of an announced length that are still to come.
    remaining: Option<u64>,
}

impl Sending {
    /// `length` is what the head announced; with [`Length::None`] the head ended the stream.
    pub(super) const fn new(stream: Rc<Handle>, length: Length) -> Self {
        let (phase, remaining) = match length {
            Length::None => (Phase::Ended, None),
            Length::Exact(octets) => (Phase::Open, Some(octets)),
            Length::Unknown => (Phase::Open, None),
        };
        Self { stream, phase, remaining }
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
        let room = ready!(self.stream.poll_room(cx)).map_err(|Gone| SinkError::Reset)?;
        let moved = room.min(length);
        self.remaining = self.remaining.map(|remaining| remaining.saturating_sub(moved as u64));
        let place = self.stream.send_data(source.piece().get(..moved).unwrap_or_default());
        source.consume(moved);
        if self.remaining == Some(0) && is_over(cx, source) {
            self.phase = Phase::Ended;
            self.stream.end_at(place);
        }
        Poll::Ready(Ok(moved))
    }

    /// Ends the stream. One that was reset shows it elsewhere.
    pub(super) fn finish(&mut self, trailers: Option<&Fields>) {
        if self.has_ended() {
            return;
        }
        self.phase = Phase::Ended;
        let draft = trailers.map(Draft::of_trailers).filter(|draft| !draft.is_empty());
        match draft {
            // One that was reset shows it elsewhere.
            Some(draft) => drop(self.stream.send_head(&Pseudo::None, &draft, true)),
            None => self.stream.end_at(self.stream.send_data(&[])),
        }
    }

    /// Ready with an error if the other side wants no more. The driver sends what it was given.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SinkError>> {
        if !self.has_ended() && self.poll_reset(cx).is_ready() {
            return Poll::Ready(Err(SinkError::Reset));
        }
        Poll::Ready(Ok(()))
    }

    /// Ready once the stream or its connection is gone.
    pub(super) fn poll_reset(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.stream.poll_gone(cx)
    }
}

/// Whether nothing follows the last octet, so that the frame which carries it can end the stream. Trailers may follow
/// even where a length was stated.
fn is_over(cx: &mut Context<'_>, source: &mut impl Source) -> bool {
    matches!(source.poll_piece(cx), Poll::Ready(Ok(Piece::End))) && source.trailers().is_none()
}
