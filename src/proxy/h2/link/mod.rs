//! What the streams of one connection and the task that drives it share: windows, what is to be sent, what has arrived.
//!
//! All of them run on one thread, so that a [`Link`] is one cell: an operation borrows it for itself and waits for
//! nothing. A stream writes its frames behind those of the others, into one buffer, and wakes the driver, which sends
//! what all of them have written at once. What arrives is laid into the stream, which is woken if it waits for that.
//!
//! Bounded are: what lies in the buffer ([`Terms::unsent`], beyond which bodies wait; heads and the answers to control
//! frames are counted elsewhere), and what has arrived and was not taken (the windows).

mod arrival;
mod stream;
mod window;

use std::cell::{RefCell, RefMut};
use std::collections::{HashMap, VecDeque};
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use foldhash::fast::FixedState;

use self::stream::{Awaiting, Receiving, Sending, Stream, Wants};
use self::window::{Credit, Window};
use super::fields::Draft;
use super::frame::{self, LARGEST, MOST, Reason, flag, kind, setting};
use super::hpack::Encoder;
use crate::proxy::spare;
use crate::proxy::wire::Wire;
use crate::request::{Fields, ResponseHead};

pub(super) use self::arrival::{Standing, Wrong};
pub(super) use self::stream::{Answer, Broken};

/// The window of streams before settings are acknowledged, and of connections to begin with (RFC 9113 §6.9.2).
const INITIAL_WINDOW: u32 = 65_535;
/// So many streams that were reset by us are remembered: what comes for them was sent before the peer knew.
const REMEMBERED: usize = 256;
/// The largest buffer whose memory is kept for the next connection that sends.
const KEPT: usize = 128 * 1024;
/// What was sent of the buffer is cut off from it when it is so much.
const CUT: usize = 64 * 1024;

thread_local! {
    static BUFFERS: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// Which side of a connection this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Server,
    Client,
}

/// What is said to the peer, and held to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    pub(super) role: Role,
    /// Octets that may arrive on a stream before they are taken.
    pub(super) stream_window: u32,
    /// The same of all streams.
    pub(super) connection_window: u32,
    /// The largest field list; advice.
    pub(super) list_octets: u32,
    /// Streams that the peer may have open.
    pub(super) streams: u32,
    /// Octets that bodies may have in the buffer.
    pub(super) unsent: usize,
}

/// The connection as its streams and its driver see it.
#[derive(Debug)]
pub(super) struct Link(RefCell<State>);

#[derive(Debug)]
struct State {
    terms: Terms,
    /// What is to be sent, of which `sent` octets were.
    out: Vec<u8>,
    sent: usize,
    /// Octets sent over the life of the connection, cut off or not.
    written: u64,
    /// The transport took nothing more when it was last asked to.
    blocked: bool,
    driver: Option<Waker>,
    encoder: Encoder,
    streams: HashMap<u32, Stream, FixedState>,
    /// Streams that count as open: not closed in both directions, nor reset.
    open: u32,
    /// What the peer allows to be sent.
    window: Window,
    /// What it allows for each new stream.
    stream_window: u32,
    /// What we allow to be sent.
    credit: Credit,
    /// What we allow for each new stream: what the terms say, once they are acknowledged.
    stream_credit: u32,
    /// Streams that wait for room in the connection's window or in the buffer, first come first.
    waiting: VecDeque<u32>,
    /// A body has waited for room in the buffer since it was last empty.
    full: bool,
    /// The next stream of ours.
    next: u32,
    /// The highest stream that has begun, on whichever side opens them.
    highest: u32,
    /// How many streams the peer takes at once.
    peer_streams: u32,
    /// The peer takes no more streams.
    closed: bool,
    /// Streams that were reset by us while more could come, the latest last.
    forgotten: VecDeque<u32>,
    over: Option<io::ErrorKind>,
}

/// Where a frame stands in the buffer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place(usize);

/// The stream or its connection is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gone;

impl Link {
    /// A connection that begins; what is said first is in its buffer.
    pub(super) fn new(terms: Terms) -> Rc<Self> {
        let mut state = State {
            terms,
            out: Vec::new(),
            sent: 0,
            written: 0,
            blocked: false,
            driver: None,
            encoder: Encoder::default(),
            streams: HashMap::default(),
            open: 0,
            window: Window::new(INITIAL_WINDOW),
            stream_window: INITIAL_WINDOW,
            credit: Credit::new(INITIAL_WINDOW),
            stream_credit: INITIAL_WINDOW,
            waiting: VecDeque::new(),
            full: false,
            next: 1,
            highest: 0,
            peer_streams: u32::MAX,
            closed: false,
            forgotten: VecDeque::new(),
            over: None,
        };
        state.introduce();
        Rc::new(Self(RefCell::new(state)))
    }

    fn state(&self) -> RefMut<'_, State> {
        self.0.borrow_mut()
    }

    /// Wakes the task of `cx` when there is something to send.
    pub(super) fn drive(&self, cx: &Context<'_>) {
        let mut state = self.state();
        if !state.driver.as_ref().is_some_and(|driver| driver.will_wake(cx.waker())) {
            state.driver = Some(cx.waker().clone());
        }
    }

    /// Sends what there is to send. Ready when nothing is left.
    pub(super) fn poll_send(&self, cx: &mut Context<'_>, wire: &Wire) -> Poll<io::Result<()>> {
        self.state().poll_send(cx, wire)
    }

    /// Whether so much waits to be sent that nothing should be read that asks for more.
    pub(super) fn is_clogged(&self) -> bool {
        let state = self.state();
        state.unsent() > 2 * state.terms.unsent
    }

    /// Whether the transport took nothing more when it was last asked to.
    pub(super) fn is_blocked(&self) -> bool {
        self.state().blocked
    }

    /// Whether a body waits for room because the peer takes nothing.
    pub(super) fn is_full(&self) -> bool {
        let state = self.state();
        state.blocked && state.full
    }

    /// Octets that the transport has taken.
    pub(super) fn written(&self) -> u64 {
        self.state().written
    }

    /// Streams that somebody holds.
    pub(super) fn streams(&self) -> usize {
        self.state().streams.len()
    }

    /// Whether the peer takes no more streams, or there is no connection any more.
    pub(super) fn is_closed(&self) -> bool {
        let state = self.state();
        state.closed || state.over.is_some()
    }

    /// How many streams the peer takes at once.
    pub(super) fn peer_streams(&self) -> usize {
        self.state().peer_streams as usize
    }

    /// The connection is over: every stream is told, and nothing is sent any more.
    pub(super) fn end(&self, kind: io::ErrorKind) {
        let mut state = self.state();
        state.over = Some(kind);
        for stream in state.streams.values_mut() {
            stream.break_off(Broken::Connection(kind));
        }
    }

    /// Says that no streams are taken beyond `last`.
    pub(super) fn go_away(&self, last: u32, reason: Reason, words: &str) {
        frame::go_away(self.state().out(), last, reason, words);
    }

    /// Asks for an answer that tells that everything before it was read.
    pub(super) fn ping(&self, payload: [u8; 8]) {
        let mut state = self.state();
        let out = state.out();
        frame::head(out, payload.len(), kind::PING, 0, 0);
        out.extend_from_slice(&payload);
    }

    /// Has the driver see that something has changed which it looks at by itself.
    pub(super) fn wake(&self) {
        self.state().wake_driver();
    }
}

impl State {
    /// What is said first: the settings, and the size of the connection's window.
    fn introduce(&mut self) {
        let Terms { role, stream_window, connection_window, list_octets, streams, .. } = self.terms;
        let which = match role {
            Role::Server => (setting::MAX_CONCURRENT_STREAMS, streams),
            Role::Client => (setting::ENABLE_PUSH, 0),
        };
        let settings =
            [which, (setting::INITIAL_WINDOW_SIZE, stream_window), (setting::MAX_HEADER_LIST_SIZE, list_octets)];
        let more = self.credit.grow_to(connection_window);
        let out = self.out();
        if role == Role::Client {
            out.extend_from_slice(frame::PREFACE);
        }
        frame::settings(out, &settings);
        if more > 0 {
            frame::number(out, kind::WINDOW_UPDATE, 0, more);
        }
    }

    /// The buffer to write frames into; the driver will send them.
    fn out(&mut self) -> &mut Vec<u8> {
        self.wake_driver();
        if self.out.capacity() == 0 {
            self.out = spare::take(&BUFFERS).unwrap_or_default();
        }
        &mut self.out
    }

    fn wake_driver(&mut self) {
        if let Some(driver) = self.driver.take() {
            driver.wake();
        }
    }

    const fn unsent(&self) -> usize {
        self.out.len() - self.sent
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, wire: &Wire) -> Poll<io::Result<()>> {
        self.blocked = true;
        while let Some(rest) = self.out.get(self.sent..).filter(|rest| !rest.is_empty()) {
            let Poll::Ready(taken) = wire.poll_write(cx, rest, &[]) else {
                self.cut();
                return Poll::Pending;
            };
            let taken = taken?;
            if taken == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += taken;
            self.written += taken as u64;
        }
        self.give_back();
        ready!(wire.poll_flush(cx))?;
        self.blocked = false;
        self.full = false;
        self.wake_waiting();
        Poll::Ready(Ok(()))
    }

    fn cut(&mut self) {
        if self.sent > CUT {
            self.out.drain(..self.sent);
            self.sent = 0;
            self.wake_waiting();
        }
    }

    fn give_back(&mut self) {
        self.sent = 0;
        let mut out = std::mem::take(&mut self.out);
        if out.capacity() > 0 && out.capacity() <= KEPT {
            out.clear();
            spare::keep(&BUFFERS, out);
        }
    }

    /// Wakes the streams that wait for what they share, if there is some of it.
    fn wake_waiting(&mut self) {
        if self.window.available() == 0 || self.unsent() >= self.terms.unsent {
            return;
        }
        while let Some(id) = self.waiting.pop_front() {
            if let Some(stream) = self.streams.get_mut(&id) {
                stream.queued = false;
                stream.wake();
            }
        }
    }

    /// How much of a body may be written now. Zero for none: then the stream is woken when that has changed.
    fn room(&mut self, id: u32, cx: &Context<'_>) -> Result<usize, Gone> {
        let shared = self.window.available().min(self.terms.unsent.saturating_sub(self.unsent()));
        let full = self.unsent() >= self.terms.unsent;
        let Some(stream) = self.streams.get_mut(&id).filter(|stream| stream.can_send()) else { return Err(Gone) };
        let room = stream.window.available().min(shared).min(LARGEST);
        if room > 0 {
            return Ok(room);
        }
        stream.register(cx);
        if stream.window.available() == 0 {
            stream.wants.room = true;
        } else if !std::mem::replace(&mut stream.queued, true) {
            self.waiting.push_back(id);
        }
        self.full |= full;
        Ok(0)
    }

    /// Writes a piece of a body, which there is room for. Where its frame stands.
    fn send_data(&mut self, id: u32, piece: &[u8]) -> Place {
        let place = Place(self.out.len());
        let Some(stream) = self.streams.get_mut(&id) else { return place };
        stream.window.spend(piece.len());
        self.window.spend(piece.len());
        let out = self.out();
        out.reserve(frame::HEAD + piece.len());
        frame::head(out, piece.len(), kind::DATA, 0, id);
        out.extend_from_slice(piece);
        place
    }

    /// Has a frame that was just written end its stream.
    fn end_at(&mut self, id: u32, Place(place): Place) {
        if let Some([_, _, _, kind::DATA, flags]) = self.out.get_mut(place..place + 5) {
            *flags |= flag::END_STREAM;
            self.ended(id);
        }
    }

    /// Writes a section: `pseudo` first, then the draft.
    fn send_section(&mut self, id: u32, pseudo: &Pseudo<'_>, draft: &Draft, end: bool) {
        self.wake_driver();
        self.out();
        let Self { out, encoder, .. } = self;
        let start = out.len();
        out.extend_from_slice(&[0; frame::HEAD]);
        encoder.begin(out);
        pseudo.write(encoder, out);
        for (name, value) in draft.iter() {
            encoder.field(name, value, out);
        }
        divide_section(out, start, id, end);
        if end {
            self.ended(id);
        }
    }

    /// We have sent all that there is on a stream.
    fn ended(&mut self, id: u32) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        stream.sending = Sending::Ended;
        if stream.close() {
            self.open -= 1;
        }
    }

    /// Resets a stream that is there, for a reason of ours.
    fn reset(&mut self, id: u32, reason: Reason) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        let late = stream.receiving == Receiving::Open;
        stream.break_off(Broken::Ours(reason));
        if stream.close() {
            self.open -= 1;
        }
        self.send_reset(id, reason, late);
    }

    /// Writes RST_STREAM. `late` if more may come for the stream that was sent before the peer knew.
    fn send_reset(&mut self, id: u32, reason: Reason, late: bool) {
        frame::number(self.out(), kind::RST_STREAM, id, reason.0);
        if late {
            self.remember(id);
        }
    }

    /// Gives octets back to the connection's window.
    fn release(&mut self, octets: usize) {
        if let Some(more) = self.credit.release(octets)
            && self.over.is_none()
        {
            frame::number(self.out(), kind::WINDOW_UPDATE, 0, more);
        }
    }

    /// Gives octets back to a stream's window and to the connection's.
    fn release_stream(&mut self, id: u32, octets: usize) {
        self.release(octets);
        let Some(stream) = self.streams.get_mut(&id) else { return };
        if stream.is_receiving()
            && let Some(more) = stream.credit.release(octets)
        {
            frame::number(self.out(), kind::WINDOW_UPDATE, id, more);
        }
    }

    /// Nobody holds the stream any more.
    fn drop_stream(&mut self, id: u32) {
        let Some(mut stream) = self.streams.remove(&id) else { return };
        self.release(stream.data.len());
        if stream.close() {
            self.open -= 1;
        } else if stream.counted {
            self.open -= 1;
            // A server that has answered whole needs no more of the request (RFC 9113 §8.1).
            let answered = stream.sending == Sending::Ended && self.terms.role == Role::Server;
            let reason = if answered { Reason::NO_ERROR } else { Reason::CANCEL };
            self.send_reset(id, reason, stream.receiving == Receiving::Open);
        }
        // Whoever waits for the last stream to end is told.
        if self.streams.is_empty() {
            self.wake_driver();
        }
    }
}

/// Divides what was written from `start` on, room for a head and a section, into HEADERS and as many CONTINUATIONs as it
/// takes (RFC 9113 §4.3).
fn divide_section(out: &mut Vec<u8>, start: usize, id: u32, end: bool) {
    let end_stream = if end { flag::END_STREAM } else { 0 };
    let section = start + frame::HEAD;
    let length = out.len() - section;
    let first = length.min(LARGEST);
    let rest = if length > LARGEST { out.split_off(section + LARGEST) } else { Vec::new() };
    let end_headers = |is_last: bool| if is_last { flag::END_HEADERS } else { 0 };
    let head = frame::head_of(first, kind::HEADERS, end_stream | end_headers(rest.is_empty()), id);
    if let Some(place) = out.get_mut(start..section) {
        place.copy_from_slice(&head);
    }
    let mut pieces = rest.chunks(LARGEST).peekable();
    while let Some(piece) = pieces.next() {
        frame::head(out, piece.len(), kind::CONTINUATION, end_headers(pieces.peek().is_none()), id);
        out.extend_from_slice(piece);
    }
}

/// The pseudo-fields of a section.
#[derive(Debug, Clone, Copy)]
pub(super) enum Pseudo<'a> {
    Request {
        method: &'a [u8],
        scheme: &'a [u8],
        path: &'a [u8],
        authority: &'a [u8],
    },
    Status(u16),
    /// Trailers have none.
    None,
}

impl Pseudo<'_> {
    fn write(&self, encoder: &mut Encoder, out: &mut Vec<u8>) {
        match *self {
            Self::Request { method, scheme, path, authority } => {
                encoder.field(b":method", method, out);
                encoder.field(b":scheme", scheme, out);
                encoder.field(b":path", path, out);
                encoder.field(b":authority", authority, out);
            }
            Self::Status(status) => encoder.status(status, out),
            Self::None => {}
        }
    }
}

/// A stream, held by whoever serves it. Dropping it resets the stream unless both sides have ended it.
#[derive(Debug)]
pub(super) struct Handle {
    link: Rc<Link>,
    id: u32,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.link.state().drop_stream(self.id);
    }
}

impl Handle {
    /// Opens a stream of ours. Nothing was sent if there is none to be had.
    pub(super) fn open(
        link: &Rc<Link>,
        pseudo: &Pseudo<'_>,
        draft: &Draft,
        end: bool,
        is_head: bool,
    ) -> Result<Self, Gone> {
        let mut state = link.state();
        let id = state.next;
        if state.closed || state.over.is_some() || id > MOST || state.open >= state.peer_streams {
            return Err(Gone);
        }
        state.next += 2;
        state.begin(id, Receiving::Open, if is_head { Awaiting::HeadAlone } else { Awaiting::Head });
        state.send_section(id, pseudo, draft, end);
        drop(state);
        Ok(Self { link: Rc::clone(link), id })
    }

    /// Whether nothing more comes of the stream.
    pub(super) fn is_broken(&self) -> bool {
        self.link.state().streams.get(&self.id).is_none_or(|stream| stream.broken.is_some())
    }

    /// Ready once the stream was reset or its connection is gone.
    pub(super) fn poll_gone(&self, cx: &Context<'_>) -> Poll<()> {
        match self.link.state().streams.get_mut(&self.id) {
            Some(stream) if stream.broken.is_none() => {
                stream.register(cx);
                Poll::Pending
            }
            Some(_) | None => Poll::Ready(()),
        }
    }

    pub(super) fn reset(&self, reason: Reason) {
        let mut state = self.link.state();
        if state.streams.get(&self.id).is_some_and(|stream| stream.broken.is_none()) {
            state.reset(self.id, reason);
        }
    }

    /// Sends a head, interim or final.
    pub(super) fn send_head(&self, pseudo: &Pseudo<'_>, draft: &Draft, end: bool) -> Result<(), Gone> {
        let mut state = self.link.state();
        if !state.streams.get(&self.id).is_some_and(Stream::can_send) {
            return Err(Gone);
        }
        state.send_section(self.id, pseudo, draft, end);
        Ok(())
    }

    /// Ready with how many octets of a body can be sent as one piece, at least one.
    pub(super) fn poll_room(&self, cx: &Context<'_>) -> Poll<Result<usize, Gone>> {
        match self.link.state().room(self.id, cx) {
            Ok(0) => Poll::Pending,
            room => Poll::Ready(room),
        }
    }

    /// Sends a piece of a body that there is room for. Where its frame stands, until something else is waited for.
    pub(super) fn send_data(&self, piece: &[u8]) -> Place {
        self.link.state().send_data(self.id, piece)
    }

    /// Has the frame that was sent last end the stream.
    pub(super) fn end_at(&self, place: Place) {
        self.link.state().end_at(self.id, place);
    }

    /// Fills `into`, which is empty, with what has arrived of a body; `false` at its end.
    pub(super) fn poll_data(&self, cx: &Context<'_>, into: &mut Vec<u8>) -> Poll<Result<bool, Broken>> {
        let mut state = self.link.state();
        let Some(stream) = state.streams.get_mut(&self.id) else {
            return Poll::Ready(Err(Broken::Ours(Reason::STREAM_CLOSED)));
        };
        if !stream.data.is_empty() {
            std::mem::swap(into, &mut stream.data);
            return Poll::Ready(Ok(true));
        }
        match (stream.receiving, stream.broken) {
            (Receiving::Ended, _) => match &stream.trailers {
                Some(Err(what)) => Poll::Ready(Err(Broken::Malformed(what))),
                Some(Ok(_)) | None => Poll::Ready(Ok(false)),
            },
            (Receiving::Open, Some(broken)) => Poll::Ready(Err(broken)),
            (Receiving::Open, None) => {
                stream.register(cx);
                stream.wants = Wants { data: true, ..stream.wants };
                Poll::Pending
            }
        }
    }

    /// The trailers that arrived, once the body has ended.
    pub(super) fn take_trailers(&self) -> Option<Fields> {
        self.link.state().streams.get_mut(&self.id)?.trailers.take()?.ok()
    }

    /// Octets that arrived have gone on: as many more may come.
    pub(super) fn release(&self, octets: usize) {
        self.link.state().release_stream(self.id, octets);
    }

    /// The next head of an answer.
    pub(super) fn poll_answer(&self, cx: &Context<'_>, head: &mut ResponseHead) -> Poll<Result<Answer, Broken>> {
        let mut state = self.link.state();
        let Some(stream) = state.streams.get_mut(&self.id) else {
            return Poll::Ready(Err(Broken::Ours(Reason::STREAM_CLOSED)));
        };
        if let Some((mut next, answer)) = stream.heads.pop_front() {
            std::mem::swap(head, &mut next);
            stream::keep_head(next);
            return Poll::Ready(Ok(answer));
        }
        if let Some(broken) = stream.broken {
            return Poll::Ready(Err(broken));
        }
        stream.register(cx);
        stream.wants.data = true;
        Poll::Pending
    }
}
