//! Frames as they arrive (RFC 9113 §4, §6), in order: what each of them may be, and sections put together and decoded.
//!
//! What a section means is the side's: [`Requests`] for a server, [`Answers`] for a client.
//!
//! [`Requests`]: super::requests::Requests
//! [`Answers`]: super::answers::Answers

use std::rc::Rc;

use super::frame::{Frame, Head, PREFACE, Reason, flag, kind};
use super::hpack::Decoder;
use super::link::{Link, Standing, Wrong};
use crate::ir::Limit;

/// A field section that is whole.
#[derive(Debug)]
pub(super) struct Section<'a> {
    pub(super) stream: u32,
    pub(super) ends_stream: bool,
    octets: &'a [u8],
    decoder: &'a mut Decoder,
}

impl Section<'_> {
    /// Gives the fields in order. Every section has to be decoded, for the sake of those that come after it.
    pub(super) fn decode(&mut self, each: impl FnMut(&[u8], &[u8])) -> Result<(), Wrong> {
        self.decoder
            .decode(self.octets, each)
            .map_err(|_malformed| Wrong::connection(Reason::COMPRESSION_ERROR, "malformed-section"))
    }

    /// Decodes the section for the sake of those that come after it.
    pub(super) fn pass_over(&mut self) -> Result<(), Wrong> {
        self.decode(|_, _| ())
    }
}

/// What frames mean to one side of a connection.
pub(super) trait Side {
    /// What comes of a section that its driver has to know of.
    type Event;

    /// Looks at each frame before it is taken: what may come how often.
    fn admit(&mut self, link: &Link, frame: &Frame<'_>) -> Result<(), Wrong>;

    /// How many octets a section may have, compressed, and how many CONTINUATIONs.
    fn section_limits(&self) -> (usize, u32);

    /// A section on a stream that has not begun.
    fn begin(&mut self, link: &Rc<Link>, section: Section<'_>) -> Result<Option<Self::Event>, Wrong>;

    /// A section on a stream that was reset while more could come was passed over.
    fn passed_over(&mut self, _link: &Link) -> Result<(), Wrong> {
        Ok(())
    }

    /// A section on a stream that is held, and on which more may arrive.
    fn go_on(&mut self, link: &Link, section: Section<'_>) -> Result<(), Wrong>;

    /// Something on a stream was wrong; that it was reset for.
    fn reset(&mut self, limit: Option<&'static Limit>) -> Result<(), Wrong>;
}

/// What begins with HEADERS and goes on with CONTINUATION.
#[derive(Debug)]
struct Parts {
    stream: u32,
    ends_stream: bool,
    octets: Vec<u8>,
    continuations: u32,
}

/// Where the reading of a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Preface,
    /// The first frame has to be SETTINGS (§3.4).
    Settings,
    Frames,
}

/// The reading of one connection.
#[derive(Debug)]
pub(super) struct Inbound<S> {
    pub(super) side: S,
    phase: Phase,
    decoder: Decoder,
    parts: Option<Parts>,
    /// Our settings, which are said once, were acknowledged.
    acknowledged: bool,
    /// PINGs of ours that were answered.
    pub(super) pongs: u32,
}

impl<S: Side> Inbound<S> {
    /// Reads what a client says, from its preface on.
    pub(super) fn of_client(side: S) -> Self {
        Self { side, phase: Phase::Preface, decoder: Decoder::default(), parts: None, acknowledged: false, pongs: 0 }
    }

    /// Reads what a server says.
    pub(super) fn of_server(side: S) -> Self {
        Self { phase: Phase::Settings, ..Self::of_client(side) }
    }

    /// Whether the peer has said what it has to say before anything else.
    pub(super) fn has_begun(&self) -> bool {
        self.phase == Phase::Frames
    }

    /// Takes what is whole at the start of what was read: how many octets that is, none if more are needed, and what
    /// comes of it.
    pub(super) fn take(&mut self, link: &Rc<Link>, octets: &[u8]) -> Result<(usize, Option<S::Event>), Wrong> {
        if self.phase == Phase::Preface {
            return self.take_preface(octets).map(|taken| (taken, None));
        }
        let frame = Frame::first(octets).map_err(|_| Wrong::connection(Reason::FRAME_SIZE_ERROR, "frame-too-large"))?;
        let Some(frame) = frame else { return Ok((0, None)) };
        let event = match self.take_frame(link, &frame) {
            Ok(event) => event,
            Err(Wrong::Stream { id, reason, limit, what }) => {
                link.break_off(id, reason, what);
                self.side.reset(limit)?;
                None
            }
            Err(wrong) => return Err(wrong),
        };
        Ok((frame.octets(), event))
    }

    fn take_preface(&mut self, octets: &[u8]) -> Result<usize, Wrong> {
        let compared = octets.len().min(PREFACE.len());
        if octets.get(..compared) != PREFACE.get(..compared) {
            return Err(Wrong::connection(Reason::PROTOCOL_ERROR, "no-preface"));
        }
        if compared < PREFACE.len() {
            return Ok(0);
        }
        self.phase = Phase::Settings;
        Ok(PREFACE.len())
    }

    fn take_frame(&mut self, link: &Rc<Link>, frame: &Frame<'_>) -> Result<Option<S::Event>, Wrong> {
        let head = frame.head;
        if self.phase == Phase::Settings && (head.kind != kind::SETTINGS || head.has(flag::ACK)) {
            return Err(Wrong::connection(Reason::PROTOCOL_ERROR, "no-settings"));
        }
        if self.parts.is_some() != (head.kind == kind::CONTINUATION) {
            return Err(Wrong::connection(Reason::PROTOCOL_ERROR, "section-interrupted"));
        }
        self.side.admit(link, frame)?;
        check_stream(head)?;
        match head.kind {
            kind::HEADERS => return self.take_headers(link, frame),
            kind::CONTINUATION => return self.take_continuation(link, frame),
            kind::DATA => link.take_data(frame)?,
            kind::PRIORITY => check_priority(frame)?,
            kind::RST_STREAM => link.take_reset(head.stream, Reason(number(frame)?))?,
            kind::SETTINGS => self.take_settings(link, frame)?,
            kind::PUSH_PROMISE => return Err(Wrong::connection(Reason::PROTOCOL_ERROR, "unwanted-push")),
            kind::PING => self.take_ping(link, frame)?,
            kind::GOAWAY => match frame.payload {
                [a, b, c, d, _, _, _, _, ..] => link.take_go_away(u32::from_be_bytes([*a, *b, *c, *d])),
                _ => return Err(Wrong::connection(Reason::FRAME_SIZE_ERROR, "frame-of-a-wrong-size")),
            },
            kind::WINDOW_UPDATE => link.take_window_update(head.stream, number(frame)?)?,
            // Frames of unknown kinds are passed over (§4.1).
            _ => {}
        }
        Ok(None)
    }

    fn take_settings(&mut self, link: &Link, frame: &Frame<'_>) -> Result<(), Wrong> {
        if !frame.head.has(flag::ACK) {
            self.phase = Phase::Frames;
            return link.take_settings(frame.payload);
        }
        if !frame.payload.is_empty() {
            return Err(Wrong::connection(Reason::FRAME_SIZE_ERROR, "settings-of-a-wrong-size"));
        }
        if std::mem::replace(&mut self.acknowledged, true) {
            return Err(Wrong::connection(Reason::PROTOCOL_ERROR, "settings-acknowledged-twice"));
        }
        link.settings_taken();
        Ok(())
    }

    fn take_ping(&mut self, link: &Link, frame: &Frame<'_>) -> Result<(), Wrong> {
        if frame.payload.len() != 8 {
            return Err(Wrong::connection(Reason::FRAME_SIZE_ERROR, "frame-of-a-wrong-size"));
        }
        if frame.head.has(flag::ACK) {
            self.pongs = self.pongs.saturating_add(1);
        } else {
            link.answer_ping(frame.payload);
        }
        Ok(())
    }

    fn take_headers(&mut self, link: &Rc<Link>, frame: &Frame<'_>) -> Result<Option<S::Event>, Wrong> {
        let octets = fragment(frame)?;
        let stream = frame.head.stream;
        let ends_stream = frame.head.has(flag::END_STREAM);
        let (most, _) = self.side.section_limits();
        if octets.len() > most {
            return Err(Wrong::beyond(&Limit::HEAD_SIZE));
        }
        if !frame.head.has(flag::END_HEADERS) {
            self.parts = Some(Parts { stream, ends_stream, octets: octets.to_vec(), continuations: 0 });
            return Ok(None);
        }
        let Self { side, decoder, .. } = self;
        take_section(side, link, Section { stream, ends_stream, octets, decoder })
    }

    fn take_continuation(&mut self, link: &Rc<Link>, frame: &Frame<'_>) -> Result<Option<S::Event>, Wrong> {
        let (most, most_continuations) = self.side.section_limits();
        let Some(mut parts) = self.parts.take().filter(|parts| parts.stream == frame.head.stream) else {
            return Err(Wrong::connection(Reason::PROTOCOL_ERROR, "section-interrupted"));
        };
        parts.continuations += 1;
        if parts.continuations > most_continuations {
            return Err(Wrong::beyond(&Limit::HTTP2_CONTINUATIONS));
        }
        if parts.octets.len() + frame.payload.len() > most {
            return Err(Wrong::beyond(&Limit::HEAD_SIZE));
        }
        parts.octets.extend_from_slice(frame.payload);
        if !frame.head.has(flag::END_HEADERS) {
            self.parts = Some(parts);
            return Ok(None);
        }
        let Self { side, decoder, .. } = self;
        let Parts { stream, ends_stream, octets, .. } = parts;
        take_section(side, link, Section { stream, ends_stream, octets: &octets, decoder })
    }
}

fn take_section<S: Side>(side: &mut S, link: &Rc<Link>, mut section: Section<'_>) -> Result<Option<S::Event>, Wrong> {
    let stream = section.stream;
    match link.standing(stream) {
        Standing::Idle => side.begin(link, section),
        Standing::Held if link.is_receiving(stream) => side.go_on(link, section).map(|()| None),
        Standing::Held => {
            section.pass_over()?;
            Err(Wrong::stream(stream, Reason::STREAM_CLOSED, "head-on-a-closed-stream"))
        }
        Standing::Forgotten => {
            section.pass_over()?;
            side.passed_over(link).map(|()| None)
        }
        Standing::Closed => Err(Wrong::connection(Reason::STREAM_CLOSED, "head-on-a-closed-stream")),
    }
}

/// Frames of streams name one, frames of the connection none (§6).
fn check_stream(head: Head) -> Result<(), Wrong> {
    let right = match head.kind {
        kind::DATA | kind::HEADERS | kind::PRIORITY | kind::RST_STREAM | kind::CONTINUATION => head.stream != 0,
        kind::SETTINGS | kind::PING | kind::GOAWAY => head.stream == 0,
        _ => true,
    };
    if right { Ok(()) } else { Err(Wrong::connection(Reason::PROTOCOL_ERROR, "frame-on-a-wrong-stream")) }
}

fn number(frame: &Frame<'_>) -> Result<u32, Wrong> {
    frame.number().ok_or(Wrong::connection(Reason::FRAME_SIZE_ERROR, "frame-of-a-wrong-size"))
}

/// Priorities are deprecated and passed over (§5.3.2); what was no legal one ends the connection, so that nobody can have
/// us reset streams by it.
fn check_priority(frame: &Frame<'_>) -> Result<(), Wrong> {
    let dependency = frame.payload.as_array::<5>().map(|[a, b, c, d, _]| u32::from_be_bytes([*a, *b, *c, *d]));
    let dependency = dependency.ok_or(Wrong::connection(Reason::FRAME_SIZE_ERROR, "frame-of-a-wrong-size"))?;
    check_dependency(frame.head.stream, dependency)
}

fn check_dependency(stream: u32, dependency: u32) -> Result<(), Wrong> {
    if dependency & super::frame::MOST == stream {
        return Err(Wrong::connection(Reason::PROTOCOL_ERROR, "stream-that-depends-on-itself"));
    }
    Ok(())
}

/// The part of a section that HEADERS holds (§6.2).
fn fragment<'a>(frame: &Frame<'a>) -> Result<&'a [u8], Wrong> {
    let octets = frame.unpadded().ok_or(Wrong::connection(Reason::PROTOCOL_ERROR, "padding-too-long"))?;
    if !frame.head.has(flag::PRIORITY) {
        return Ok(octets);
    }
    let Some(([a, b, c, d, _], octets)) = octets.split_first_chunk::<5>() else {
        return Err(Wrong::connection(Reason::FRAME_SIZE_ERROR, "frame-of-a-wrong-size"));
    };
    check_dependency(frame.head.stream, u32::from_be_bytes([*a, *b, *c, *d]))?;
    Ok(octets)
}
