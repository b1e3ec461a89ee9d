//! The chunked coding, decoded in place (RFC 9112 §7.1).
//!
//! [`Decoder::decode`] names the ranges of the input that are content and copies none of it. The coding is read
//! strictly: sizes are 1 to 16 hexadecimal digits, every line ends with CRLF, extensions follow the grammar without
//! white space, and are forgotten. It bounds extensions and trailers; the content's size is the caller's to bound.

use std::ops::Range;

use super::octets::is_token_octet;
use super::trailers::{self, SectionError};
use crate::ir::Limits;
use crate::request::Fields;

/// What may come with the content of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Octets of chunk extensions.
    pub extension_octets: u32,
    /// Octets of the trailer section.
    pub trailer_octets: u32,
    /// Trailer fields.
    pub trailer_fields: u32,
}

impl Bounds {
    /// Those that hold for clients.
    #[must_use]
    pub const fn of(limits: &Limits) -> Self {
        Self {
            extension_octets: limits.chunk_extension_octets,
            trailer_octets: limits.trailer_octets,
            trailer_fields: limits.header_fields,
        }
    }
}

impl Default for Bounds {
    fn default() -> Self {
        Self::of(&Limits::default())
    }
}

/// Hexadecimal digits of a chunk size: what 64 bits hold.
const MAX_SIZE_DIGITS: u8 = 16;

/// What a call to [`Decoder::decode`] came to. Each says how many octets of the input are done with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decoded {
    /// All of the input was framing; more is needed.
    Incomplete { consumed: usize },
    /// `input[data]` is content and the input is consumed up to `data.end`. Never empty.
    Data { data: Range<usize> },
    /// The message ended; what follows `consumed` belongs to the next. [`Decoder::trailers`] is complete.
    End { consumed: usize },
}

/// Why a chunked message cannot be read. The connection cannot be used after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    #[error("invalid-chunk-size")]
    Size,
    #[error("invalid-chunk-extension")]
    Extension,
    #[error("chunk-extensions-too-long")]
    ExtensionsTooLong,
    #[error("invalid-chunk-end")]
    End,
    #[error("invalid-trailers")]
    Trailers,
    #[error("trailers-too-large")]
    TrailersTooLarge,
    #[error("too-many-trailers")]
    TooManyTrailers,
    #[error("truncated-chunked-content")]
    Truncated,
}

impl ChunkError {
    /// The stable kebab-case name, for logs and metrics.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Size => "invalid-chunk-size",
            Self::Extension => "invalid-chunk-extension",
            Self::ExtensionsTooLong => "chunk-extensions-too-long",
            Self::End => "invalid-chunk-end",
            Self::Trailers => "invalid-trailers",
            Self::TrailersTooLarge => "trailers-too-large",
            Self::TooManyTrailers => "too-many-trailers",
            Self::Truncated => "truncated-chunked-content",
        }
    }
}

/// Decodes one message after another; [`Decoder::reset`] between them keeps its memory.
#[derive(Debug, Default)]
pub struct Decoder {
    bounds: Bounds,
    state: State,
    /// Octets of the current chunk that have not come yet; while its size is read, the size so far.
    remaining: u64,
    extension_octets: u32,
    /// The trailer section so far, only if there is one.
    section: Vec<u8>,
    trailers: Fields,
}

/// Where in the coding the next octet is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Among the digits of a chunk size, of which this many were read.
    Size(u8),
    Extension(Extension),
    /// At the LF that ends the size line.
    SizeFeed,
    Data,
    /// At the CR after a chunk's data.
    DataReturn,
    /// At the LF after a chunk's data.
    DataFeed,
    /// After the last chunk.
    Trailers,
    Done,
}

impl Default for State {
    fn default() -> Self {
        Self::Size(0)
    }
}

/// Where in `;name=value` the next octet is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extension {
    NameStart,
    Name,
    ValueStart,
    Value,
    Quoted,
    QuotedPair,
    AfterQuoted,
}

impl Decoder {
    /// A decoder with these bounds, at the start of a message.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        Self { bounds, ..Self::default() }
    }

    /// Starts a new message.
    pub fn reset(&mut self) {
        self.state = State::default();
        self.remaining = 0;
        self.extension_octets = 0;
        self.section.clear();
        self.trailers.clear();
    }

    /// Decodes on from the start of `input`, up to the end of the next piece of content. Cost: a few instructions per
    /// octet of framing, none per octet of content.
    pub fn decode(&mut self, input: &[u8]) -> Result<Decoded, ChunkError> {
        let mut at = 0;
        loop {
            match self.state {
                State::Data if at < input.len() => return Ok(self.data(at, input.len())),
                State::Trailers => return self.trailer_section(input, at),
                State::Done => return Ok(Decoded::End { consumed: at }),
                State::Data
                | State::Size(_)
                | State::Extension(_)
                | State::SizeFeed
                | State::DataReturn
                | State::DataFeed => {}
            }
            let Some(octet) = input.get(at) else { return Ok(Decoded::Incomplete { consumed: at }) };
            self.state = self.framing(*octet)?;
            at += 1;
        }
    }

    /// To be called when the input ends: an error unless the message is complete.
    pub fn finish(&self) -> Result<(), ChunkError> {
        if self.is_done() { Ok(()) } else { Err(ChunkError::Truncated) }
    }

    /// Whether the message has ended.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// The trailers that may be passed on; complete once the message has ended.
    #[must_use]
    pub fn trailers(&self) -> &Fields {
        &self.trailers
    }

    fn data(&mut self, at: usize, available: usize) -> Decoded {
        let rest = available - at;
        let length = usize::try_from(self.remaining).map_or(rest, |remaining| remaining.min(rest));
        self.remaining -= length as u64;
        if self.remaining == 0 {
            self.state = State::DataReturn;
        }
        Decoded::Data { data: at..at + length }
    }

    /// The state after one octet that is not content.
    fn framing(&mut self, octet: u8) -> Result<State, ChunkError> {
        match (self.state, octet) {
            (State::Size(1..), b'\r') => Ok(State::SizeFeed),
            (State::Size(1..), b';') => self.extension(Extension::NameStart),
            (State::Size(digits), _) => self.digit(digits, octet),
            (State::Extension(_), b'\n') => Err(ChunkError::Extension),
            (State::Extension(place), _) => match place.next(octet) {
                Some(Step::To(next)) => self.extension(next),
                Some(Step::EndOfLine) => Ok(State::SizeFeed),
                None => Err(ChunkError::Extension),
            },
            (State::SizeFeed, b'\n') if self.remaining == 0 => Ok(State::Trailers),
            (State::SizeFeed, b'\n') => Ok(State::Data),
            (State::DataReturn, b'\r') => Ok(State::DataFeed),
            (State::DataFeed, b'\n') => Ok(State::Size(0)),
            (
                State::SizeFeed
                | State::DataReturn
                | State::DataFeed
                // Not framing: `decode` deals with these before it gets here.
                | State::Data
                | State::Trailers
                | State::Done,
                _,
            ) => Err(ChunkError::End),
        }
    }

    fn digit(&mut self, digits: u8, octet: u8) -> Result<State, ChunkError> {
        let value = char::from(octet).to_digit(16).ok_or(ChunkError::Size)?;
        if digits == MAX_SIZE_DIGITS {
            return Err(ChunkError::Size);
        }
        self.remaining = (self.remaining << 4) | u64::from(value);
        Ok(State::Size(digits + 1))
    }

    fn extension(&mut self, place: Extension) -> Result<State, ChunkError> {
        self.extension_octets += 1;
        if self.extension_octets > self.bounds.extension_octets {
            return Err(ChunkError::ExtensionsTooLong);
        }
        Ok(State::Extension(place))
    }

    /// Gathers the trailer section line by line until its empty line.
    fn trailer_section(&mut self, input: &[u8], mut at: usize) -> Result<Decoded, ChunkError> {
        loop {
            let rest = input.get(at..).unwrap_or_default();
            let length = memchr::memchr(b'\n', rest).map(|feed| feed + 1);
            let piece = rest.get(..length.unwrap_or(rest.len())).unwrap_or_default();
            if self.section.len() + piece.len() > self.bounds.trailer_octets as usize {
                return Err(ChunkError::TrailersTooLarge);
            }
            self.section.extend_from_slice(piece);
            at += piece.len();
            if length.is_none() {
                return Ok(Decoded::Incomplete { consumed: at });
            }
            if !self.section.ends_with(b"\r\n") {
                return Err(ChunkError::Trailers);
            }
            if self.section.len() == 2 || self.section.ends_with(b"\r\n\r\n") {
                self.read_trailers()?;
                self.state = State::Done;
                return Ok(Decoded::End { consumed: at });
            }
        }
    }
}

impl Decoder {
    fn read_trailers(&mut self) -> Result<(), ChunkError> {
        let most = self.bounds.trailer_fields as usize;
        trailers::read(&self.section, most, &mut self.trailers).map_err(|error| match error {
            SectionError::Malformed => ChunkError::Trailers,
            SectionError::TooMany => ChunkError::TooManyTrailers,
        })
    }
}

/// A step within an extension.
enum Step {
    To(Extension),
    EndOfLine,
}

impl Extension {
    /// The step that an octet makes, `None` if it is not legal here. RFC 9112 §7.1.1 without the white space that
    /// senders must not generate.
    fn next(self, octet: u8) -> Option<Step> {
        let token = is_token_octet(octet);
        match (self, octet) {
            (Self::NameStart | Self::Name, _) if token => Some(Step::To(Self::Name)),
            (Self::ValueStart | Self::Value, _) if token => Some(Step::To(Self::Value)),
            (Self::Name, b'=') => Some(Step::To(Self::ValueStart)),
            (Self::Name | Self::Value | Self::AfterQuoted, b';') => Some(Step::To(Self::NameStart)),
            (Self::Name | Self::Value | Self::AfterQuoted, b'\r') => Some(Step::EndOfLine),
            (Self::Quoted, b'"') => Some(Step::To(Self::AfterQuoted)),
            (Self::Quoted, b'\\') => Some(Step::To(Self::QuotedPair)),
            (Self::ValueStart, b'"') | (Self::Quoted | Self::QuotedPair, b'\t' | b' '..=b'~' | 0x80..) => {
                Some(Step::To(Self::Quoted))
            }
            (
                Self::NameStart
                | Self::Name
                | Self::ValueStart
                | Self::Value
                | Self::Quoted
                | Self::QuotedPair
                | Self::AfterQuoted,
                _,
            ) => None,
        }
    }
}

#[cfg(test)]
mod tests;
