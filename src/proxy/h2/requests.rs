//! What arrives on a connection of a client's: requests, and their trailers.

use std::cell::Cell;
use std::rc::Rc;

use super::fields::{FieldsError, RequestReader, Trailers};
use super::frame::{Frame, Reason};
use super::guard::Guard;
use super::inbound::{Section, Side};
use super::link::{Handle, Link, Wrong};
use crate::ir::{Limit, Limits};
use crate::proxy::body::Length;
use crate::proxy::h1::parse::Limits as HeadLimits;
use crate::proxy::kit::{Kit, Lent};
use crate::request::Fields;
use crate::telemetry::WorkerMetrics;

/// A head of more octets than so many times what a head may have ends the connection. Compressed, it may have been little.
const FAR_TOO_LARGE: u64 = 8;

/// Room for the heads of the requests of a connection that are being answered.
#[derive(Debug)]
struct Room {
    octets: u64,
    taken: Cell<u64>,
}

/// A head in flight, for which room is taken.
#[derive(Debug)]
pub(super) struct HeldHead {
    room: Rc<Room>,
    octets: u64,
}

impl HeldHead {
    /// `None` if there is no room for so many octets.
    fn new(room: &Rc<Room>, octets: u64) -> Option<Self> {
        let taken = room.taken.get() + octets;
        if taken > room.octets {
            return None;
        }
        room.taken.set(taken);
        Some(Self { room: Rc::clone(room), octets })
    }
}

impl Drop for HeldHead {
    fn drop(&mut self) {
        self.room.taken.set(self.room.taken.get() - self.octets);
    }
}

/// A request that has begun to arrive.
#[derive(Debug)]
pub(super) struct NewRequest {
    pub(super) stream: Handle,
    /// Holds its head.
    pub(super) kit: Lent,
    pub(super) held: HeldHead,
    pub(super) body: Length,
    /// The status and the code that it is to be refused with.
    pub(super) refused: Option<(u16, &'static str)>,
}

/// Reads requests, within the limits.
#[derive(Debug)]
pub(super) struct Requests {
    guard: Guard,
    limits: HeadLimits,
    continuations: u32,
    room: Rc<Room>,
    metrics: WorkerMetrics,
    /// The last stream that is served, once that was said.
    last: Option<u32>,
}

impl Requests {
    pub(super) fn new(limits: &Limits, metrics: WorkerMetrics) -> Self {
        Self {
            guard: Guard::new(limits),
            limits: HeadLimits::of(limits),
            continuations: limits.http2_continuations,
            room: Rc::new(Room { octets: limits.http2_head_octets.into(), taken: Cell::new(0) }),
            metrics,
            last: None,
        }
    }

    /// No stream beyond this is served.
    pub(super) fn end_with(&mut self, last: u32) {
        self.last = Some(last);
    }

    /// Counts a stream that came to nothing.
    pub(super) fn wasted(&mut self, link: &Link) -> Result<(), Wrong> {
        self.guard.wasted(|| link.written())
    }

    /// Reads the head of a request into the kit, and how much body is stated.
    fn read(&self, section: &mut Section<'_>, kit: &mut Kit) -> Result<Result<Option<u64>, FieldsError>, Wrong> {
        let mut reader = RequestReader::new(&mut kit.head, self.limits);
        section.decode(|name, value| reader.field(name, value))?;
        let read = reader.finish();
        if kit.head.wire_octets > FAR_TOO_LARGE * self.limits.head_octets as u64 {
            return Err(Wrong::beyond(&Limit::HEAD_SIZE));
        }
        if read.is_err() {
            // What waits for its answer to be taken holds no more than that needs.
            kit.head.fields = Fields::default();
        }
        Ok(read)
    }
}

impl Side for Requests {
    type Event = NewRequest;

    fn admit(&mut self, link: &Link, frame: &Frame<'_>) -> Result<(), Wrong> {
        self.guard.frame(frame, || link.written())
    }

    /// Huffman's code can make octets longer, too.
    fn section_limits(&self) -> (usize, u32) {
        (2 * self.limits.head_octets, self.continuations)
    }

    fn begin(&mut self, link: &Rc<Link>, mut section: Section<'_>) -> Result<Option<NewRequest>, Wrong> {
        let (id, ends) = (section.stream, section.ends_stream);
        if id.is_multiple_of(2) {
            return Err(Wrong::connection(Reason::PROTOCOL_ERROR, "stream-of-the-server"));
        }
        if self.last.is_some_and(|last| id > last) {
            link.pass_over(id);
            section.pass_over()?;
            return self.wasted(link).map(|()| None);
        }
        if link.is_crowded() {
            section.pass_over()?;
            link.refuse(id, Reason::REFUSED_STREAM, ends);
            self.metrics.limited(Limit::HTTP2_STREAMS.key);
            return self.wasted(link).map(|()| None);
        }
        let mut kit = Lent::new();
        let (stated, refused) = match self.read(&mut section, &mut kit)? {
            Ok(Some(1..)) if ends => return self.refuse_malformed(link, id, ends),
            Ok(stated) => (stated, None),
            Err(FieldsError::Malformed(_)) => return self.refuse_malformed(link, id, ends),
            Err(FieldsError::Refused { status, code }) => (None, Some((status, code))),
        };
        let octets = if refused.is_some() { 0 } else { kit.head.wire_octets };
        let Some(held) = HeldHead::new(&self.room, octets) else {
            link.refuse(id, Reason::REFUSED_STREAM, ends);
            self.metrics.limited(Limit::HTTP2_HEADS.key);
            return self.wasted(link).map(|()| None);
        };
        let body = match stated {
            _ if ends => Length::None,
            Some(octets) => Length::Exact(octets),
            None => Length::Unknown,
        };
        Ok(Some(NewRequest { stream: link.accept(id, ends, stated), kit, held, body, refused }))
    }

    fn passed_over(&mut self, link: &Link) -> Result<(), Wrong> {
        self.guard.ignored(|| link.written())
    }

    fn go_on(&mut self, link: &Link, mut section: Section<'_>) -> Result<(), Wrong> {
        let mut trailers = Trailers::new(self.limits.fields, self.limits.head_octets as u64);
        section.decode(|name, value| trailers.field(name, value))?;
        let id = section.stream;
        if !section.ends_stream {
            return Err(Wrong::stream(id, Reason::PROTOCOL_ERROR, "second-head"));
        }
        match trailers.finish() {
            Ok(trailers) => link.take_trailers(id, Ok(trailers)),
            Err(FieldsError::Refused { code, .. }) => link.take_trailers(id, Err(code)),
            Err(FieldsError::Malformed(what)) => Err(Wrong::stream(id, Reason::PROTOCOL_ERROR, what)),
        }
    }

    fn reset(&mut self, limit: Option<&'static Limit>) -> Result<(), Wrong> {
        if let Some(limit) = limit {
            self.metrics.limited(limit.key);
        }
        self.guard.provoked()
    }
}

impl Requests {
    fn refuse_malformed(&mut self, link: &Link, id: u32, ends: bool) -> Result<Option<NewRequest>, Wrong> {
        link.refuse(id, Reason::PROTOCOL_ERROR, ends);
        self.guard.provoked().map(|()| None)
    }
}
