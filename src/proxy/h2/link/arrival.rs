//! What arrives, laid where it belongs (RFC 9113 §5.1, §6).

use std::rc::Rc;

use super::stream::{Answered, Awaiting, Broken, Receiving, Stream, spare_head};
use super::window::{Credit, TooWide, Window};
use super::{Handle, Life, Link, MOST, Reason, Role, State, frame, kind, setting};
use crate::ir::Limit;
use crate::proxy::body::Length;
use crate::proxy::h2::frame::Frame;
use crate::request::{Fields, ResponseHead};

/// So many heads of one answer wait to be taken at most.
const MOST_HEADS: usize = 16;

/// What is wrong with what arrived, and what has to end for it.
#[derive(Debug, Clone, Copy)]
pub(in crate::proxy::h2) enum Wrong {
    Stream {
        id: u32,
        reason: Reason,
        /// The limit that was exceeded, if it is one.
        limit: Option<&'static Limit>,
        /// For logs.
        what: &'static str,
    },
    Connection {
        reason: Reason,
        limit: Option<&'static Limit>,
        what: &'static str,
    },
}

impl Wrong {
    pub(in crate::proxy::h2) const fn connection(reason: Reason, what: &'static str) -> Self {
        Self::Connection { reason, limit: None, what }
    }

    pub(in crate::proxy::h2) const fn stream(id: u32, reason: Reason, what: &'static str) -> Self {
        Self::Stream { id, reason, limit: None, what }
    }

    /// More of something than a limit allows.
    pub(in crate::proxy::h2) const fn beyond(limit: &'static Limit) -> Self {
        Self::Connection { reason: Reason::ENHANCE_YOUR_CALM, limit: Some(limit), what: limit.key }
    }
}

/// What is known of a stream by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::proxy::h2) enum Standing {
    /// It never began.
    Idle,
    /// Somebody holds it, and nobody has reset it.
    Held,
    /// It was reset by us while more could come.
    Forgotten,
    Closed,
}

impl State {
    pub(super) fn standing(&self, id: u32) -> Standing {
        if let Some(stream) = self.streams.get(&id) {
            match stream.broken {
                None => Standing::Held,
                Some(Broken::Peer(_)) => Standing::Closed,
                Some(_) => Standing::Forgotten,
            }
        } else if id > self.highest || id.is_multiple_of(2) {
            Standing::Idle
        } else if self.forgotten.contains(&id) {
            Standing::Forgotten
        } else {
            Standing::Closed
        }
    }

    /// A stream that begins.
    pub(super) fn begin(&mut self, id: u32, receiving: Receiving, awaiting: Awaiting) {
        self.highest = self.highest.max(id);
        let (window, credit) = (Window::new(self.stream_window), Credit::new(self.stream_credit));
        self.streams.insert(id, Stream::new(receiving, awaiting, window, credit));
        self.open += 1;
    }

    fn take_data(&mut self, frame: &Frame<'_>) -> Result<(), Wrong> {
        let id = frame.head.stream;
        let Some(data) = frame.unpadded() else {
            return Err(Wrong::connection(Reason::PROTOCOL_ERROR, "padding-too-long"));
        };
        if !self.credit.spend(frame.head.length) {
            return Err(Wrong::Connection {
                reason: Reason::FLOW_CONTROL_ERROR,
                limit: Some(&Limit::HTTP2_CONNECTION_WINDOW),
                what: "beyond-the-window-of-the-connection",
            });
        }
        let taken = self.lay_down(id, frame, data);
        // What was not laid down goes on at once, padding with it.
        let rest = frame.head.length - taken.unwrap_or(0);
        if rest > 0 {
            self.release(rest);
        }
        taken.map(|_| ())
    }

    /// Lays a piece of a body down; how much of it counts until it is taken.
    fn lay_down(&mut self, id: u32, frame: &Frame<'_>, data: &[u8]) -> Result<usize, Wrong> {
        match self.standing(id) {
            Standing::Idle => return Err(Wrong::connection(Reason::PROTOCOL_ERROR, "data-on-an-idle-stream")),
            Standing::Forgotten => return Ok(0),
            Standing::Held | Standing::Closed => {}
        }
        let closed = Wrong::stream(id, Reason::STREAM_CLOSED, "data-on-a-closed-stream");
        let stream = self.streams.get_mut(&id).filter(|stream| stream.is_receiving()).ok_or(closed)?;
        if !stream.credit.spend(frame.head.length) {
            return Err(Wrong::Stream {
                id,
                reason: Reason::FLOW_CONTROL_ERROR,
                limit: Some(&Limit::HTTP2_STREAM_WINDOW),
                what: "beyond-the-window-of-the-stream",
            });
        }
        if stream.awaiting != Awaiting::Body {
            return Err(Wrong::stream(id, Reason::PROTOCOL_ERROR, "data-before-the-head"));
        }
        if let Some(missing) = &mut stream.missing {
            match missing.checked_sub(data.len() as u64) {
                Some(rest) => *missing = rest,
                None => return Err(Wrong::stream(id, Reason::PROTOCOL_ERROR, "more-data-than-stated")),
            }
        }
        let ends = frame.head.has(frame::flag::END_STREAM);
        if ends && stream.missing.is_some_and(|missing| missing > 0) {
            return Err(Wrong::stream(id, Reason::PROTOCOL_ERROR, "less-data-than-stated"));
        }
        stream.data.extend_from_slice(data);
        let padding = frame.head.length - data.len();
        if ends {
            self.end_receiving(id)?;
        } else {
            stream.arrived();
            if padding > 0
                && let Some(more) = stream.credit.release(padding)
            {
                frame::number(self.out(), kind::WINDOW_UPDATE, id, more);
            }
        }
        Ok(data.len())
    }

    /// The peer has sent all that there is.
    fn end_receiving(&mut self, id: u32) -> Result<(), Wrong> {
        let Some(stream) = self.streams.get_mut(&id) else { return Ok(()) };
        if stream.missing.is_some_and(|missing| missing > 0) {
            return Err(Wrong::stream(id, Reason::PROTOCOL_ERROR, "less-data-than-stated"));
        }
        stream.receiving = Receiving::Ended;
        stream.arrived();
        if stream.close() {
            self.open -= 1;
        }
        Ok(())
    }

    fn apply(&mut self, id: u16, value: u32) -> Result<(), Wrong> {
        match id {
            setting::HEADER_TABLE_SIZE => self.encoder.resize(value),
            setting::ENABLE_PUSH if value > 1 || (value == 1 && self.terms.role == Role::Client) => {
                return Err(Wrong::connection(Reason::PROTOCOL_ERROR, "invalid-enable-push"));
            }
            setting::MAX_CONCURRENT_STREAMS => self.peer_streams = value,
            setting::INITIAL_WINDOW_SIZE if value > MOST => {
                return Err(Wrong::connection(Reason::FLOW_CONTROL_ERROR, "invalid-initial-window"));
            }
            setting::INITIAL_WINDOW_SIZE => {
                let change = i64::from(value) - i64::from(self.stream_window);
                self.stream_window = value;
                for stream in self.streams.values_mut() {
                    stream
                        .widen(change)
                        .map_err(|TooWide| Wrong::connection(Reason::FLOW_CONTROL_ERROR, "window-too-large"))?;
                }
            }
            // Ours are never larger than what everybody takes.
            setting::MAX_FRAME_SIZE if !(16_384..=16_777_215).contains(&value) => {
                return Err(Wrong::connection(Reason::PROTOCOL_ERROR, "invalid-max-frame-size"));
            }
            _ => {}
        }
        Ok(())
    }
}

impl Link {
    /// Where a stream stands.
    pub(in crate::proxy::h2) fn standing(&self, id: u32) -> Standing {
        self.state().standing(id)
    }

    /// Whether the peer has begun all that it may.
    pub(in crate::proxy::h2) fn is_crowded(&self) -> bool {
        let state = self.state();
        state.open >= state.terms.streams
    }

    /// The highest stream that has begun.
    pub(in crate::proxy::h2) fn highest(&self) -> u32 {
        self.state().highest
    }

    /// Takes note of a stream of the peer's that is not to be served; more may come of it.
    pub(in crate::proxy::h2) fn pass_over(&self, id: u32) {
        let mut state = self.state();
        state.highest = state.highest.max(id);
        state.remember(id);
    }

    /// Answers a stream of the peer's, which is not held, with a reset.
    pub(in crate::proxy::h2) fn refuse(&self, id: u32, reason: Reason, ended: bool) {
        let mut state = self.state();
        state.highest = state.highest.max(id);
        state.send_reset(id, reason, !ended);
    }

    /// Begins a stream of the peer's, whose body has the stated length if it has one.
    pub(in crate::proxy::h2) fn accept(self: &Rc<Self>, id: u32, ended: bool, stated: Option<u64>) -> Handle {
        let mut state = self.state();
        let receiving = if ended { Receiving::Ended } else { Receiving::Open };
        state.begin(id, receiving, Awaiting::Body);
        if let Some(stream) = state.streams.get_mut(&id) {
            stream.missing = stated;
        }
        drop(state);
        Handle { link: Rc::clone(self), id }
    }

    /// A head to read an answer into.
    pub(in crate::proxy::h2) fn head() -> ResponseHead {
        spare_head()
    }

    /// Whether the final head of the answer on a stream that is held has come.
    pub(in crate::proxy::h2) fn is_answered(&self, id: u32) -> bool {
        self.state().streams.get(&id).is_some_and(|stream| stream.awaiting == Awaiting::Body)
    }

    /// Whether more may arrive on a stream that is held.
    pub(in crate::proxy::h2) fn is_receiving(&self, id: u32) -> bool {
        self.state().streams.get(&id).is_some_and(Stream::is_receiving)
    }

    /// A head of an answer has come.
    pub(in crate::proxy::h2) fn take_head(
        &self,
        id: u32,
        head: ResponseHead,
        content_length: Option<u64>,
        ends: bool,
    ) -> Result<(), Wrong> {
        let mut state = self.state();
        let Some(stream) = state.streams.get_mut(&id) else { return Ok(()) };
        let is_interim = head.is_informational();
        if is_interim && ends {
            return Err(Wrong::stream(id, Reason::PROTOCOL_ERROR, "interim-answer-that-ends"));
        }
        // An answer without content may state the length of one (RFC 9110 §8.6).
        let bodiless = is_interim || stream.awaiting == Awaiting::HeadAlone || matches!(head.status, 204 | 304);
        if !is_interim {
            stream.missing = content_length.filter(|_| !bodiless);
            stream.awaiting = Awaiting::Body;
        }
        let body = match content_length {
            _ if bodiless || ends => Length::None,
            Some(octets) => Length::Exact(octets),
            None => Length::Unknown,
        };
        if stream.heads.len() == MOST_HEADS {
            return Err(Wrong::stream(id, Reason::ENHANCE_YOUR_CALM, "too-many-interim-answers"));
        }
        stream.heads.push_back((head, Answered { content_length, body }));
        if ends {
            state.end_receiving(id)
        } else {
            stream.arrived();
            Ok(())
        }
    }

    /// The trailers of a body have come, or what is wrong with them that its reader is to say.
    pub(in crate::proxy::h2) fn take_trailers(
        &self,
        id: u32,
        trailers: Result<Option<Fields>, &'static str>,
    ) -> Result<(), Wrong> {
        let mut state = self.state();
        if let Some(stream) = state.streams.get_mut(&id) {
            stream.trailers = trailers.transpose();
            return state.end_receiving(id);
        }
        Ok(())
    }

    /// Breaks a stream off for what arrived on it, if it is held.
    pub(in crate::proxy::h2) fn break_off(&self, id: u32, reason: Reason, what: &'static str) {
        let mut state = self.state();
        match state.streams.get_mut(&id) {
            Some(stream) => {
                let why = if reason == Reason::PROTOCOL_ERROR { Broken::Malformed(what) } else { Broken::Ours(reason) };
                // What had arrived before is of no use any more.
                let data = std::mem::take(&mut stream.data);
                stream.receiving = Receiving::Open;
                stream.broken.get_or_insert(why);
                state.release(data.len());
                state.reset(id, reason);
            }
            None => state.send_reset(id, reason, false),
        }
    }

    pub(in crate::proxy::h2) fn take_data(&self, frame: &Frame<'_>) -> Result<(), Wrong> {
        self.state().take_data(frame)
    }

    pub(in crate::proxy::h2) fn take_reset(&self, id: u32, reason: Reason) -> Result<(), Wrong> {
        let mut state = self.state();
        if state.standing(id) == Standing::Idle {
            return Err(Wrong::connection(Reason::PROTOCOL_ERROR, "reset-of-an-idle-stream"));
        }
        if let Some(stream) = state.streams.get_mut(&id) {
            stream.break_off(Broken::Peer(reason));
            if stream.close() {
                state.open -= 1;
            }
        }
        Ok(())
    }

    /// Settings of the peer's, which are answered.
    pub(in crate::proxy::h2) fn take_settings(&self, payload: &[u8]) -> Result<(), Wrong> {
        let (settings, rest) = payload.as_chunks::<6>();
        if !rest.is_empty() {
            return Err(Wrong::connection(Reason::FRAME_SIZE_ERROR, "settings-of-a-wrong-size"));
        }
        let mut state = self.state();
        for [a, b, value @ ..] in settings {
            state.apply(u16::from_be_bytes([*a, *b]), u32::from_be_bytes(*value))?;
        }
        frame::head(state.out(), 0, kind::SETTINGS, frame::flag::ACK, 0);
        Ok(())
    }

    /// The peer has taken note of our settings.
    pub(in crate::proxy::h2) fn settings_taken(&self) {
        let mut state = self.state();
        let whole = state.terms.stream_window;
        state.stream_credit = whole;
        for stream in state.streams.values_mut() {
            stream.credit.resize(whole);
        }
    }

    pub(in crate::proxy::h2) fn answer_ping(&self, payload: &[u8]) {
        let mut state = self.state();
        let out = state.out();
        frame::head(out, payload.len(), kind::PING, frame::flag::ACK, 0);
        out.extend_from_slice(payload);
    }

    pub(in crate::proxy::h2) fn take_window_update(&self, id: u32, more: u32) -> Result<(), Wrong> {
        let mut state = self.state();
        let more = more & MOST;
        if id == 0 {
            if more == 0 {
                return Err(Wrong::connection(Reason::PROTOCOL_ERROR, "window-update-of-zero"));
            }
            state
                .window
                .change(more.into())
                .map_err(|TooWide| Wrong::connection(Reason::FLOW_CONTROL_ERROR, "window-too-large"))?;
            state.wake_waiting();
            return Ok(());
        }
        match state.standing(id) {
            Standing::Idle => Err(Wrong::connection(Reason::PROTOCOL_ERROR, "window-update-of-an-idle-stream")),
            Standing::Held if more == 0 => Err(Wrong::stream(id, Reason::PROTOCOL_ERROR, "window-update-of-zero")),
            Standing::Held | Standing::Forgotten | Standing::Closed => match state.streams.get_mut(&id) {
                Some(stream) => stream
                    .widen(more.into())
                    .map_err(|TooWide| Wrong::stream(id, Reason::FLOW_CONTROL_ERROR, "window-too-large")),
                None => Ok(()),
            },
        }
    }

    /// The peer takes no more streams, and has not looked at those beyond `last`.
    pub(in crate::proxy::h2) fn take_go_away(&self, last: u32) {
        let mut state = self.state();
        if state.life == Life::Open {
            state.life = Life::Closed;
        }
        let State { streams, open, terms, .. } = &mut *state;
        if terms.role == Role::Server {
            return;
        }
        for (id, stream) in streams {
            if *id > last {
                stream.break_off(Broken::Unprocessed);
                if stream.close() {
                    *open -= 1;
                }
            }
        }
    }
}

impl State {
    /// Remembers that what comes for a stream was sent before the peer knew.
    pub(super) fn remember(&mut self, id: u32) {
        if self.forgotten.len() == super::REMEMBERED {
            self.forgotten.pop_front();
        }
        self.forgotten.push_back(id);
    }
}
