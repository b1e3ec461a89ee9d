//! A body being read from an HTTP/1.1 connection: requests' on the client side, responses' on the upstream side.

use std::io;
use std::task::{Context, Poll, ready};

use super::chunked::{Decoded, Decoder};
use crate::proxy::body::{Length, Piece, SourceError};
use crate::proxy::buffer::ReadBuffer;
use crate::proxy::wire::Wire;
use crate::request::Fields;

/// How the octets on the wire make a body.
#[derive(Debug)]
pub(crate) enum Framing {
    /// Over, or never was.
    Done,
    /// This many octets are still to come.
    Length(u64),
    Chunked(Box<Decoder>),
    /// Everything until the connection ends: responses without a length, and tunnels.
    UntilClose,
    /// Cannot be read further, and why. Nothing behind it is a message.
    Broken(&'static str),
}

/// The reading state of one message's body.
#[derive(Debug)]
pub(crate) struct Incoming {
    framing: Framing,
    announced: Length,
    /// Octets of body data at the front of the buffer.
    ready: usize,
    /// Trailers of a chunked body.
    trailers: Option<Fields>,
    /// Octets taken from the wire, framing included.
    wire_octets: u64,
}

impl Incoming {
    pub(crate) fn new(framing: Framing) -> Self {
        let announced = match &framing {
            Framing::Done => Length::None,
            Framing::Length(octets) => Length::Exact(*octets),
            Framing::Chunked(_) | Framing::UntilClose | Framing::Broken(_) => Length::Unknown,
        };
        let framing = match framing {
            Framing::Length(0) => Framing::Done,
            other => other,
        };
        Self { framing, announced, ready: 0, trailers: None, wire_octets: 0 }
    }

    pub(crate) const fn announced(&self) -> Length {
        self.announced
    }

    /// Whether the whole body, its framing included, has been taken from the connection.
    pub(crate) const fn is_complete(&self) -> bool {
        matches!(self.framing, Framing::Done) && self.ready == 0
    }

    pub(crate) const fn wire_octets(&self) -> u64 {
        self.wire_octets
    }

    pub(crate) const fn trailers(&self) -> Option<&Fields> {
        self.trailers.as_ref()
    }

    pub(crate) fn piece<'a>(&self, buffer: &'a ReadBuffer) -> &'a [u8] {
        buffer.filled().get(..self.ready).unwrap_or_default()
    }

    pub(crate) fn consume(&mut self, buffer: &mut ReadBuffer, octets: usize) {
        let octets = octets.min(self.ready);
        buffer.consume(octets);
        self.ready -= octets;
        self.wire_octets += octets as u64;
    }

    /// How many octets of the body can be taken from the wire as they are, without anything that was read before.
    pub(crate) fn unread(&self, buffer: &ReadBuffer) -> Option<u64> {
        match self.framing {
            Framing::Length(octets) if buffer.is_empty() => Some(octets),
            Framing::Length(_) | Framing::Done | Framing::Chunked(_) | Framing::UntilClose | Framing::Broken(_) => None,
        }
    }

    /// So many of them were taken.
    pub(crate) fn pass(&mut self, octets: usize) {
        self.wire_octets += octets as u64;
        if let Framing::Length(remaining) = &mut self.framing {
            *remaining = remaining.saturating_sub(octets as u64);
            if *remaining == 0 {
                self.framing = Framing::Done;
            }
        }
    }

    pub(crate) fn poll_piece(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuffer,
        wire: &Wire,
    ) -> Poll<Result<Piece, SourceError>> {
        loop {
            if self.ready > 0 {
                return Poll::Ready(Ok(Piece::Data));
            }
            match self.framing {
                Framing::Done => return Poll::Ready(Ok(Piece::End)),
                Framing::Broken(code) => return Poll::Ready(Err(SourceError::Malformed(code))),
                Framing::Length(_) | Framing::Chunked(_) | Framing::UntilClose => {}
            }
            if !buffer.is_empty() && self.advance(buffer)? {
                continue;
            }
            let octets = ready!(buffer.poll_fill(cx, wire)).map_err(SourceError::Io)?;
            if octets == 0 {
                return Poll::Ready(self.end_of_stream());
            }
        }
    }

    /// Makes what is buffered into body data or an end. `false` if more has to be read first.
    fn advance(&mut self, buffer: &mut ReadBuffer) -> Result<bool, SourceError> {
        let available = buffer.filled().len();
        match &mut self.framing {
            Framing::Done | Framing::Broken(_) => return Ok(true),
            Framing::UntilClose => self.ready = available,
            Framing::Length(remaining) => {
                let taken = usize::try_from(*remaining).map_or(available, |remaining| remaining.min(available));
                *remaining -= taken as u64;
                let finished = *remaining == 0;
                self.ready = taken;
                if finished {
                    self.framing = Framing::Done;
                }
            }
            Framing::Chunked(_) => {
                // An error stays one: what follows it is never tried as content again.
                return self.decode_chunked(buffer).inspect_err(|error| {
                    if let SourceError::Malformed(code) = error {
                        self.framing = Framing::Broken(code);
                    }
                });
            }
        }
        Ok(true)
    }

    fn decode_chunked(&mut self, buffer: &mut ReadBuffer) -> Result<bool, SourceError> {
        let Framing::Chunked(decoder) = &mut self.framing else { return Ok(true) };
        let step = decoder.decode(buffer.filled()).map_err(|error| SourceError::Malformed(error.code()))?;
        let (framing_octets, data, more) = match step {
            Decoded::Incomplete { consumed } => (consumed, 0, false),
            Decoded::Data { data } => (data.start, data.len(), true),
            Decoded::End { consumed } => {
                let trailers = decoder.trailers();
                self.trailers = (!trailers.is_empty()).then(|| trailers.clone());
                self.framing = Framing::Done;
                (consumed, 0, true)
            }
        };
        buffer.consume(framing_octets);
        self.wire_octets += framing_octets as u64;
        self.ready = data;
        Ok(more)
    }

    fn end_of_stream(&mut self) -> Result<Piece, SourceError> {
        match self.framing {
            Framing::UntilClose => {
                self.framing = Framing::Done;
                Ok(Piece::End)
            }
            Framing::Done | Framing::Length(_) | Framing::Chunked(_) | Framing::Broken(_) => {
                Err(SourceError::Truncated)
            }
        }
    }
}

/// The end of a connection as an error, where an answer was due.
pub(crate) fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the connection was closed")
}
