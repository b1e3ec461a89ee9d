//! A message being written to an HTTP/1.1 connection: the head and small pieces gather in a buffer, large pieces go
//! out beside it in one vectored write.

use std::task::{Context, Poll, ready};

use super::encode;
use crate::proxy::body::{SinkError, Source};
use crate::proxy::wire::Wire;
use crate::request::Fields;

/// Pieces up to this size are copied into the buffer and sent with what comes next; larger ones are written from where
/// they are.
const GATHERED: usize = 4 * 1024;
/// The same for chunks, which something always comes behind: at least their end.
const GATHERED_CHUNK: usize = 16 * 1024;
/// The buffer takes no more pieces once it holds so much more than one of them.
const BESIDE: usize = 4 * 1024;
/// What the buffer may hold on to between messages.
const KEPT: usize = 8 * 1024;

/// How the body is delimited on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delimiting {
    /// By its length, or by the end of the connection: octets go out as they are.
    Plain,
    /// By chunks; `open` octets of the current one are still to be written.
    Chunked { open: usize },
    /// As `Plain`, and the end of the body ends the writing direction: tunnels.
    Raw,
}

/// What is to be written, and how the rest of the message is framed.
#[derive(Debug)]
pub(crate) struct Outgoing {
    buffer: Vec<u8>,
    written: usize,
    delimiting: Delimiting,
    shutdown: bool,
    total: u64,
    body: u64,
}

impl Default for Outgoing {
    fn default() -> Self {
        Self { buffer: Vec::new(), written: 0, delimiting: Delimiting::Plain, shutdown: false, total: 0, body: 0 }
    }
}

impl Outgoing {
    /// Forgets everything, and keeps a head's worth of memory.
    pub(crate) fn clear(&mut self) {
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        buffer.shrink_to(KEPT);
        *self = Self { buffer, ..Self::default() };
    }

    /// Begins another message. What is still buffered of the last one stays in front.
    pub(crate) const fn reset(&mut self) {
        self.delimiting = Delimiting::Plain;
        self.total = 0;
        self.body = 0;
    }

    /// Where heads are encoded into.
    pub(crate) const fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    pub(crate) const fn delimit(&mut self, delimiting: Delimiting) {
        self.delimiting = delimiting;
    }

    /// Octets written or buffered for this message: all, and those of the body.
    pub(crate) const fn counts(&self) -> (u64, u64) {
        (self.total + (self.buffer.len() - self.written) as u64, self.body)
    }

    /// Whether any octet of this message has left the buffer.
    pub(crate) const fn is_written(&self) -> bool {
        self.total > 0
    }

    pub(crate) const fn is_flushed(&self) -> bool {
        self.buffer.len() == self.written
    }

    /// The wire, if it is plain and what goes out next is the body as it is.
    pub(crate) fn unwritten<'w>(&self, wire: &'w Wire) -> Option<&'w Wire> {
        let is_unframed = self.is_flushed() && matches!(self.delimiting, Delimiting::Plain | Delimiting::Raw);
        (is_unframed && wire.is_plain()).then_some(wire)
    }

    /// So many octets of the body went out otherwise.
    pub(crate) const fn pass(&mut self, octets: usize) {
        self.total += octets as u64;
        self.body += octets as u64;
    }

    pub(crate) fn poll_move(
        &mut self,
        cx: &mut Context<'_>,
        wire: &Wire,
        source: &mut impl Source,
    ) -> Poll<Result<usize, SinkError>> {
        let length = source.piece().len();
        self.open_chunk(length);
        let gathered = self.gathered();
        if length <= gathered && self.buffer.len() <= gathered + BESIDE {
            let allowed = self.allowed(length);
            let piece = source.piece();
            self.buffer.extend_from_slice(piece.get(..allowed).unwrap_or(piece));
            source.consume(allowed);
            self.moved(allowed);
            return Poll::Ready(Ok(allowed));
        }
        loop {
            let allowed = self.allowed(length);
            let pending = self.buffer.get(self.written..).unwrap_or_default();
            let before = pending.len();
            let piece = source.piece();
            let piece = piece.get(..allowed).unwrap_or(piece);
            let octets = ready!(wire.poll_write(cx, pending, piece)).map_err(SinkError::Io)?;
            if octets == 0 {
                return Poll::Ready(Err(SinkError::Io(std::io::ErrorKind::WriteZero.into())));
            }
            self.total += octets as u64;
            if octets < before {
                self.written += octets;
                continue;
            }
            self.buffer.clear();
            self.written = 0;
            let moved = octets - before;
            if moved > 0 {
                source.consume(moved);
                self.moved(moved);
                return Poll::Ready(Ok(moved));
            }
        }
    }

    /// Ends the body.
    pub(crate) fn finish(&mut self, trailers: Option<&Fields>) {
        match self.delimiting {
            Delimiting::Plain => {}
            Delimiting::Chunked { .. } => match trailers {
                Some(trailers) => encode::last_chunk(&mut self.buffer, trailers),
                None => self.buffer.extend_from_slice(encode::LAST_CHUNK),
            },
            Delimiting::Raw => self.shutdown = true,
        }
    }

    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>, wire: &Wire) -> Poll<Result<(), SinkError>> {
        while self.written < self.buffer.len() {
            let pending = self.buffer.get(self.written..).unwrap_or_default();
            let octets = ready!(wire.poll_write(cx, pending, &[])).map_err(SinkError::Io)?;
            if octets == 0 {
                return Poll::Ready(Err(SinkError::Io(std::io::ErrorKind::WriteZero.into())));
            }
            self.written += octets;
            self.total += octets as u64;
        }
        self.buffer.clear();
        self.buffer.shrink_to(KEPT);
        self.written = 0;
        ready!(wire.poll_flush(cx)).map_err(SinkError::Io)?;
        if self.shutdown {
            ready!(wire.poll_shutdown(cx)).map_err(SinkError::Io)?;
            self.shutdown = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Writes a chunk's size line if a new one has to begin.
    fn open_chunk(&mut self, length: usize) {
        if let Delimiting::Chunked { open } = &mut self.delimiting
            && *open == 0
            && length > 0
        {
            *open = length;
            encode::chunk_start(&mut self.buffer, length);
        }
    }

    /// How large a piece may be to be copied.
    const fn gathered(&self) -> usize {
        match self.delimiting {
            Delimiting::Plain | Delimiting::Raw => GATHERED,
            Delimiting::Chunked { .. } => GATHERED_CHUNK,
        }
    }

    /// How much of a piece may be written now.
    fn allowed(&self, length: usize) -> usize {
        match self.delimiting {
            Delimiting::Plain | Delimiting::Raw => length,
            Delimiting::Chunked { open } => length.min(open),
        }
    }

    /// Octets of the body were taken; a chunk that is complete is closed.
    fn moved(&mut self, octets: usize) {
        self.body += octets as u64;
        if let Delimiting::Chunked { open } = &mut self.delimiting {
            *open -= octets.min(*open);
            if *open == 0 {
                encode::chunk_end(&mut self.buffer);
            }
        }
    }
}
