//! A body that arrives on a stream: a request's on the client side, an answer's on the upstream side.
//!
//! Flow control is the back-pressure: octets are given back to the sender's window when they are consumed, so what is
//! held per stream never exceeds its window. Pieces are the frames as received, and are taken without copying.

use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use h2::RecvStream;
use http::HeaderMap;

use super::fields::FieldsError;
use super::watch::Watch;
use super::{failure, fields};
use crate::proxy::body::{Length, Piece, Source, SourceError};
use crate::request::Fields;

/// Where the reading of a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Data,
    Trailers,
    Ended,
    /// Broken off; every further read says so.
    Failed,
}

/// A body being received.
#[derive(Debug)]
pub(super) struct Receiving {
    stream: RecvStream,
    length: Length,
    phase: Phase,
    piece: Bytes,
    trailers: Option<Fields>,
    octets: u64,
    /// The most trailers.
    fields: usize,
    /// What knows whether the trailers are malformed in a way that the crate does not tell.
    watch: Option<Rc<Watch>>,
}

impl Receiving {
    /// `length` is what the head announced; with [`Length::None`] nothing is read, whatever arrives.
    pub(super) const fn new(stream: RecvStream, length: Length) -> Self {
        let phase = match length {
            Length::None => Phase::Ended,
            Length::Exact(_) | Length::Unknown => Phase::Data,
        };
        Self {
            stream,
            length,
            phase,
            piece: Bytes::new(),
            trailers: None,
            octets: 0,
            fields: fields::ANSWER_FIELDS,
            watch: None,
        }
    }

    /// A body from a client, whose frames are watched, with at most so many trailers.
    pub(super) fn watched(stream: RecvStream, length: Length, fields: usize, watch: Rc<Watch>) -> Self {
        Self { fields, watch: Some(watch), ..Self::new(stream, length) }
    }

    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SourceError>> {
        match self.phase {
            Phase::Data => match ready!(self.stream.poll_data(cx)) {
                Some(data) => {
                    self.piece = data.map_err(failure::of_body)?;
                    self.octets += self.piece.len() as u64;
                }
                None => self.phase = Phase::Trailers,
            },
            Phase::Trailers => {
                let trailers = ready!(self.stream.poll_trailers(cx)).map_err(failure::of_body)?;
                let stream = self.stream.stream_id().into();
                if self.watch.as_ref().is_some_and(|watch| trailers.is_some() && watch.is_malformed(stream)) {
                    return Poll::Ready(Err(SourceError::Malformed("pseudo-field-in-trailers")));
                }
                self.trailers = read_trailers(trailers.as_ref(), self.fields)?;
                self.phase = Phase::Ended;
            }
            Phase::Ended => {}
            Phase::Failed => return Poll::Ready(Err(SourceError::Reset)),
        }
        Poll::Ready(Ok(()))
    }

    /// Gives octets back to the sender's window.
    fn release(&mut self, octets: usize) {
        // It fails only for octets that were never received.
        let _released = self.stream.flow_control().release_capacity(octets);
    }
}

fn read_trailers(map: Option<&HeaderMap>, most: usize) -> Result<Option<Fields>, SourceError> {
    let Some(map) = map else { return Ok(None) };
    fields::read_trailers(map, most).map_err(|error| match error {
        FieldsError::Malformed(_) => SourceError::Malformed("malformed-trailers"),
        FieldsError::Refused { .. } => SourceError::Malformed("too-many-trailers"),
    })
}

impl Source for Receiving {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Piece, SourceError>> {
        loop {
            if !self.piece.is_empty() {
                return Poll::Ready(Ok(Piece::Data));
            }
            if self.phase == Phase::Ended {
                return Poll::Ready(Ok(Piece::End));
            }
            if let Err(error) = ready!(self.poll_frame(cx)) {
                self.phase = Phase::Failed;
                return Poll::Ready(Err(error));
            }
        }
    }

    fn piece(&self) -> &[u8] {
        &self.piece
    }

    fn consume(&mut self, octets: usize) {
        let octets = octets.min(self.piece.len());
        self.piece.advance(octets);
        self.release(octets);
    }

    fn take(&mut self, octets: usize) -> Bytes {
        let taken = self.piece.split_to(octets.min(self.piece.len()));
        self.release(taken.len());
        taken
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
