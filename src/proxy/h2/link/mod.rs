//! What the streams of one connection and the task that drives it share: windows, what is to be sent, what has arrived.
//!
//! All of them run on one thread, so that a [`Link`] is one cell: an operation borrows it for itself and waits for
//! nothing. A stream writes its frames behind those of the others, into one buffer, and wakes the driver, which sends
//! what all of them have written at once. What arrives is laid into the stream, which is woken if it waits for that.
//!
//! Bounded are: what lies in the buffer ([`Terms::unsent`], beyond which bodies wait; heads and the answers to control
//! frames are counted elsewhere), and what has arrived and was not taken (the windows).

mod arrival;
mod handle;
mod outbox;
mod section;
mod stream;
mod window;

use std::cell::{RefCell, RefMut};
use std::collections::{HashMap, VecDeque};
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll};

use foldhash::fast::FixedState;

use self::outbox::Outbox;
use self::stream::{Receiving, Sending, Stream};
use self::window::{Credit, Window};
use super::fields::Draft;
use super::frame::{self, LARGEST, MOST, Reason, flag, kind, setting};
use super::hpack::Encoder;
use crate::proxy::wire::Wire;

pub(super) use self::arrival::{Standing, Wrong};
pub(super) use self::handle::Handle;
pub(super) use self::section::Pseudo;
pub(super) use self::stream::{Answered, Broken};

/// The window of streams before settings are acknowledged, and of connections to begin with (RFC 9113 §6.9.2).
const INITIAL_WINDOW: u32 = 65_535;
/// So many streams that were reset by us are remembered: what comes for them was sent before the peer knew.
const REMEMBERED: usize = 256;
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
    outbox: Outbox,
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
    life: Life,
    /// Streams that were reset by us while more could come, the latest last.
    forgotten: VecDeque<u32>,
}

/// What can still be done on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Open,
    /// The peer takes no more streams.
    Closed,
    /// There is no connection any more.
    Over,
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
            outbox: Outbox::default(),
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
            life: Life::Open,
            forgotten: VecDeque::new(),
        };
        state.introduce();
        Rc::new(Self(RefCell::new(state)))
    }

    fn state(&self) -> RefMut<'_, State> {
        self.0.borrow_mut()
    }

    /// Wakes the task of `cx` when there is something to send.
    pub(super) fn drive(&self, cx: &Context<'_>) {
        self.state().outbox.drive(cx);
    }

    /// Sends what there is to send. Ready when nothing is left.
    pub(super) fn poll_send(&self, cx: &mut Context<'_>, wire: &Wire) -> Poll<io::Result<()>> {
        let mut state = self.state();
        let sent = state.outbox.poll_send(cx, wire);
        if sent.is_ready() {
            state.full = false;
        }
        state.wake_waiting();
        sent
    }

    /// Whether so much waits to be sent that nothing should be read that asks for more.
    pub(super) fn is_clogged(&self) -> bool {
        let state = self.state();
        state.outbox.unsent() > 2 * state.terms.unsent
    }

    /// Whether the transport took nothing more when it was last asked to.
    pub(super) fn is_blocked(&self) -> bool {
        self.state().outbox.is_blocked()
    }

    /// Whether a body waits for room because the peer takes nothing.
    pub(super) fn is_full(&self) -> bool {
        let state = self.state();
        state.full && state.outbox.is_blocked()
    }

    /// Octets that the transport has taken.
    pub(super) fn written(&self) -> u64 {
        self.state().outbox.written()
    }

    /// Streams that somebody holds.
    pub(super) fn streams(&self) -> usize {
        self.state().streams.len()
    }

    /// Whether the peer takes no more streams, be it for want of a connection.
    pub(super) fn is_closed(&self) -> bool {
        self.state().life != Life::Open
    }

    /// How many streams the peer takes at once.
    pub(super) fn peer_streams(&self) -> usize {
        self.state().peer_streams as usize
    }

    /// The connection is over: every stream is told why, and none sends any more.
    pub(super) fn end(&self, why: Broken) {
        let mut state = self.state();
        state.life = Life::Over;
        for stream in state.streams.values_mut() {
            stream.break_off(why);
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
        self.state().outbox.wake();
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
        self.outbox.buffer()
    }

    /// Wakes the streams that wait for what they share, if there is some of it.
    fn wake_waiting(&mut self) {
        if self.window.available() == 0 || self.outbox.unsent() >= self.terms.unsent {
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
        let in_buffer = self.terms.unsent.saturating_sub(self.outbox.unsent());
        let shared = self.window.available().min(in_buffer);
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
        self.full |= in_buffer == 0;
        Ok(0)
    }

    /// Writes a piece of a body, which there is room for. Where its frame stands.
    fn send_data(&mut self, id: u32, piece: &[u8]) -> Option<Place> {
        let stream = self.streams.get_mut(&id).filter(|stream| stream.can_send())?;
        let place = Place(self.outbox.end());
        stream.window.spend(piece.len());
        self.window.spend(piece.len());
        let out = self.out();
        out.reserve(frame::HEAD + piece.len());
        frame::head(out, piece.len(), kind::DATA, 0, id);
        out.extend_from_slice(piece);
        Some(place)
    }

    /// Has a frame that was just written end its stream.
    fn end_at(&mut self, id: u32, Place(place): Place) {
        if let Some([_, _, _, kind::DATA, flags]) = self.out().get_mut(place..place + 5) {
            *flags |= flag::END_STREAM;
            self.ended(id);
        }
    }

    /// Writes a section: `pseudo` first, then the draft.
    fn send_section(&mut self, id: u32, pseudo: &Pseudo<'_>, draft: &Draft, end: bool) {
        let Self { outbox, encoder, .. } = self;
        let out = outbox.buffer();
        let start = out.len();
        out.extend_from_slice(&[0; frame::HEAD]);
        encoder.begin(out);
        pseudo.write(encoder, out);
        for (name, value) in draft.iter() {
            encoder.field(name, value, out);
        }
        section::divide(out, start, id, end);
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
            && self.life != Life::Over
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
        if stream.queued {
            self.waiting.retain(|waiting| *waiting != id);
        }
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
            self.outbox.wake();
        }
    }
}
