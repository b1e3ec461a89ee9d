//! A body that arrives on a stream: a request's on the client side, an answer's on the upstream side.
//!
//! Flow control is the back-pressure: octets are given back to the sender's window when they are consumed, so what is
//! held per stream never exceeds its window.

use std::rc::Rc;
use std::task::{Context, Poll, ready};

use super::failure;
use super::link::Handle;
use crate::proxy::body::{Length, Piece, Source, SourceError};
use crate::request::Fields;

/// Memory beyond this is not kept for what arrives next.
const KEPT: usize = 4 * 1024;

/// Where the reading of a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Data,
    Ended,
    /// Broken off; every further read says so.
    Failed,
}

/// A body being received.
#[derive(Debug)]
pub(super) struct Receiving {
    stream: Rc<Handle>,
    length: Length,
    phase: Phase,
    /// What has arrived, of which the first octets were consumed.
    piece: Vec<u8>,
    consumed: usize,
    trailers: Option<Fields>,
    octets: u64,
}

impl Receiving {
    /// `length` is what the head announced; with [`Length::None`] nothing is read, whatever arrives.
    pub(super) const fn new(stream: Rc<Handle>, length: Length) -> Self {
        let phase = match length {
            Length::None => Phase::Ended,
            Length::Exact(_) | Length::Unknown => Phase::Data,
        };
        Self { stream, length, phase, piece: Vec::new(), consumed: 0, trailers: None, octets: 0 }
    }

    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SourceError>> {
        match ready!(self.stream.poll_data(cx, &mut self.piece)) {
            Ok(true) => self.octets += self.piece.len() as u64,
            Ok(false) => {
                self.trailers = self.stream.take_trailers();
                self.phase = Phase::Ended;
            }
            Err(broken) => {
                self.phase = Phase::Failed;
                return Poll::Ready(Err(failure::of_body(broken)));
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl Drop for Receiving {
    fn drop(&mut self) {
        let left = self.piece.len() - self.consumed;
        if left > 0 {
            self.stream.release(left);
        }
    }
}

impl Source for Receiving {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Piece, SourceError>> {
        loop {
            if !self.piece.is_empty() {
                return Poll::Ready(Ok(Piece::Data));
            }
            match self.phase {
                Phase::Data => ready!(self.poll_data(cx))?,
                Phase::Ended => return Poll::Ready(Ok(Piece::End)),
                Phase::Failed => return Poll::Ready(Err(SourceError::Reset)),
            }
        }
    }

    fn piece(&self) -> &[u8] {
        self.piece.get(self.consumed..).unwrap_or_default()
    }

    fn consume(&mut self, octets: usize) {
        let octets = octets.min(self.piece.len() - self.consumed);
        self.consumed += octets;
        if self.consumed == self.piece.len() {
            self.consumed = 0;
            self.piece.clear();
            self.piece.shrink_to(KEPT);
        }
        self.stream.release(octets);
    }

    fn trailers(&self) -> Option<&Fields> {
        self.trailers.as_ref()
    }

    fn length(&self) -> Length {
        self.length
    }

    fn wire_octets(&self) -> u64 {
        self.octets
    }
}
