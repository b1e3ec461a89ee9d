//! What is sent over HTTP/2 in either direction, watched on its way to and from the crate for what the crate does not
//! count or tell.
//!
//! [`Watched`] is the transport that the crate reads and writes; every octet goes through it unchanged, until a limit is
//! exceeded: from then on the crate reads nothing. [`Watch`] is what it has found: streams whose fields are malformed in a
//! way that the crate passes over, and the limit that was exceeded, with which the connection is to be ended. Limits that
//! the crate holds to by itself are counted here. `frames` splits what comes in, `section` walks field sections, `huffman`
//! decodes strings; `outgoing` skims what goes out, `outflow` bounds it.

mod frames;
mod huffman;
mod outflow;
mod outgoing;
mod section;

use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice};
use std::ops::ControlFlow;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use h2::Reason;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use self::frames::{Head, Observer, Splitter, kind};
pub(crate) use self::outflow::Outflow;
use self::outgoing::{Sent, Skimmer};
use self::section::Walker;
use super::failure;
use crate::ir::Limit;
use crate::proxy::clock::now;
use crate::telemetry::WorkerMetrics;

/// The time over which frames are counted together.
const WINDOW: Duration = Duration::from_secs(10);

/// How many frames of a kind a client may send per [`WINDOW`]. All of them cost us an answer, a search or a queue entry,
/// and the client next to nothing (RFC 9113 §10.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameLimits {
    pub(crate) pings: u32,
    pub(crate) settings: u32,
    /// RST_STREAM.
    pub(crate) resets: u32,
    /// RST_STREAM over the life of the connection.
    pub(crate) life_resets: u32,
    /// DATA without content that does not end its stream.
    pub(crate) empty_data: u32,
    /// PRIORITY and frames of unknown kinds.
    pub(crate) ignored: u32,
    /// WINDOW_UPDATE, beside one for each [`UPDATE_OCTETS`] that were sent.
    pub(crate) window_updates: u32,
    /// CONTINUATION in one field section.
    pub(crate) continuations: u32,
    /// Octets of one field section, compressed.
    pub(crate) section_octets: usize,
}

/// The least that a window update can be for: a frame with an octet.
const UPDATE_OCTETS: u64 = 10;

/// Why a connection is to be ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Offence {
    /// The limit that was exceeded, if it is one that can be set.
    pub(crate) limit: Option<&'static Limit>,
    pub(crate) reason: Reason,
}

/// What was found on one connection.
#[derive(Debug)]
pub(crate) struct Watch {
    offence: Cell<Option<Offence>>,
    /// Streams that hold malformed fields and have not been asked about.
    malformed: RefCell<Vec<u32>>,
    written: Cell<u64>,
    /// The last stream that the crate has given to us.
    accepted: Cell<u32>,
    metrics: WorkerMetrics,
    outflow: Outflow,
}

/// So many malformed streams are remembered at most; each is a reset that counts in the connection's budget anyway.
const MAX_MALFORMED: usize = 256;

impl Watch {
    /// Octets that the transport has taken.
    pub(crate) fn written(&self) -> u64 {
        self.written.get()
    }

    /// Takes note of a stream that the crate has given to us.
    pub(crate) fn accepted(&self, stream: u32) {
        self.accepted.set(stream);
    }

    /// What the crate may hold for sending.
    pub(crate) fn outflow(&self) -> &Outflow {
        &self.outflow
    }

    /// Ready with how many octets of a response may be given to the crate, at least one. Counts the wait if the client is
    /// what it is for.
    pub(crate) fn poll_room(&self, cx: &mut Context<'_>) -> Poll<usize> {
        let room = self.outflow.poll_room(cx);
        if room.is_pending() {
            self.count_wait();
        }
        room
    }

    /// The crate has sent what it could. To be called when it has nothing more to do for now.
    pub(crate) fn flushed(&self) {
        self.outflow.sent();
        if self.outflow.is_blocked() {
            self.count_wait();
        }
    }

    fn count_wait(&self) {
        if self.outflow.take_wait() {
            self.metrics.limited(Limit::HTTP2_UNSENT.key);
        }
    }

    /// Counts what the crate refuses without a word to us. A stream that it has not given to us when it answers it, it
    /// never will. A refusal goes out before a later stream is accepted, unless the client takes nothing; then it may
    /// not be counted.
    fn sent(&self, sent: Sent<'_>) {
        let limit = match sent {
            Sent::Fields { stream } if stream > self.accepted.get() => Some(&Limit::HEAD_SIZE),
            Sent::Reset { stream, reason: Reason::REFUSED_STREAM } if stream > self.accepted.get() => {
                Some(&Limit::HTTP2_STREAMS)
            }
            Sent::Reset { reason: Reason::FLOW_CONTROL_ERROR, .. } => Some(&Limit::HTTP2_STREAM_WINDOW),
            // What is ours to end the connection for is counted when it is ended.
            Sent::GoAway { reason, words } if self.offence.get().is_none() => failure::limit_of(reason, words),
            Sent::Fields { .. } | Sent::Reset { .. } | Sent::GoAway { .. } => None,
        };
        if let Some(limit) = limit {
            self.metrics.limited(limit.key);
        }
    }

    /// The limit that was exceeded, once.
    pub(crate) fn take_offence(&self) -> Option<Offence> {
        self.offence.take()
    }

    /// Whether the fields of this stream are malformed, as far as they have come. Asking costs next to nothing while no
    /// stream is.
    pub(crate) fn is_malformed(&self, stream: u32) -> bool {
        let mut malformed = self.malformed.borrow_mut();
        if malformed.is_empty() {
            return false;
        }
        let found = malformed.iter().position(|known| *known == stream);
        found.map(|place| malformed.swap_remove(place)).is_some()
    }
}

/// A transport whose octets are watched.
#[derive(Debug)]
pub(crate) struct Watched<T> {
    transport: T,
    watch: Rc<Watch>,
    skimmer: Skimmer,
    splitter: Splitter,
    counts: Counts,
    /// Cleared once the watch has nothing more to tell of what comes in.
    watching: bool,
    /// A limit was exceeded: nothing that came with what is too much, or after it, costs more than to be read.
    offended: bool,
}

impl<T> Watched<T> {
    /// `unsent` is how many octets the crate may hold for sending.
    pub(crate) fn new(transport: T, limits: FrameLimits, unsent: u32, metrics: WorkerMetrics) -> (Self, Rc<Watch>) {
        let watch = Rc::new(Watch {
            offence: Cell::new(None),
            malformed: RefCell::default(),
            written: Cell::new(0),
            accepted: Cell::new(0),
            metrics,
            outflow: Outflow::new(unsent),
        });
        let counts = Counts::new(Rc::clone(&watch), limits);
        let watched = Self {
            transport,
            watch: Rc::clone(&watch),
            skimmer: Skimmer::default(),
            splitter: Splitter::default(),
            counts,
            watching: true,
            offended: false,
        };
        (watched, watch)
    }
}

/// What is counted.
#[derive(Debug)]
struct Counts {
    watch: Rc<Watch>,
    limits: FrameLimits,
    walker: Walker,
    /// The highest stream that has begun: fields on it or below are trailers.
    highest: u32,
    continuations: u32,
    section_octets: usize,
    /// RST_STREAM frames so far.
    resets: u32,
    since: Instant,
    in_window: InWindow,
    /// What had been written when the window began.
    written: u64,
}

#[derive(Debug, Default)]
struct InWindow {
    pings: u32,
    settings: u32,
    resets: u32,
    empty_data: u32,
    ignored: u32,
    window_updates: u32,
}

impl Counts {
    fn new(watch: Rc<Watch>, limits: FrameLimits) -> Self {
        Self {
            watch,
            limits,
            walker: Walker::default(),
            highest: 0,
            continuations: 0,
            section_octets: 0,
            resets: 0,
            since: now(),
            in_window: InWindow::default(),
            written: 0,
        }
    }

    fn exceeded(&self, limit: Option<&'static Limit>, reason: Reason) -> ControlFlow<()> {
        self.watch.offence.set(Some(Offence { limit, reason }));
        ControlFlow::Break(())
    }

    /// Counts one frame of the window.
    fn count(&mut self, limit: &'static Limit, most: u32, counter: fn(&mut InWindow) -> &mut u32) -> ControlFlow<()> {
        let count = counter(&mut self.in_window);
        *count += 1;
        if *count <= most {
            return ControlFlow::Continue(());
        }
        // Only a count that is full has the clock read.
        let now = now();
        if now.saturating_duration_since(self.since) < WINDOW {
            return self.exceeded(Some(limit), Reason::ENHANCE_YOUR_CALM);
        }
        self.since = now;
        self.in_window = InWindow::default();
        self.written = self.watch.written.get();
        ControlFlow::Continue(())
    }

    fn reset(&mut self) -> ControlFlow<()> {
        self.resets = self.resets.saturating_add(1);
        if self.resets > self.limits.life_resets {
            return self.exceeded(Some(&Limit::HTTP2_LIFE_RESETS), Reason::ENHANCE_YOUR_CALM);
        }
        self.count(&Limit::HTTP2_RESETS, self.limits.resets, |counts| &mut counts.resets)
    }

    fn continued(&mut self, head: Head) -> ControlFlow<()> {
        if head.kind == kind::HEADERS {
            self.continuations = 0;
            self.section_octets = 0;
        } else {
            self.continuations += 1;
        }
        self.section_octets += head.length;
        if self.continuations > self.limits.continuations {
            return self.exceeded(Some(&Limit::HTTP2_CONTINUATIONS), Reason::ENHANCE_YOUR_CALM);
        }
        if self.section_octets > self.limits.section_octets {
            return self.exceeded(Some(&Limit::HEAD_SIZE), Reason::ENHANCE_YOUR_CALM);
        }
        ControlFlow::Continue(())
    }
}

impl Observer for Counts {
    fn frame(&mut self, head: Head) -> ControlFlow<()> {
        let limits = self.limits;
        match head.kind {
            kind::DATA if head.length > 0 || head.ends_stream() => ControlFlow::Continue(()),
            kind::DATA => self.count(&Limit::HTTP2_EMPTY_DATA, limits.empty_data, |counts| &mut counts.empty_data),
            kind::HEADERS | kind::CONTINUATION => self.continued(head),
            kind::RST_STREAM => self.reset(),
            kind::SETTINGS | kind::PING if head.acknowledges() => ControlFlow::Continue(()),
            kind::SETTINGS => self.count(&Limit::HTTP2_SETTINGS, limits.settings, |counts| &mut counts.settings),
            kind::PING => self.count(&Limit::HTTP2_PINGS, limits.pings, |counts| &mut counts.pings),
            kind::WINDOW_UPDATE => {
                let sent = (self.watch.written.get() - self.written) / UPDATE_OCTETS;
                let most = limits.window_updates.saturating_add(u32::try_from(sent).unwrap_or(u32::MAX));
                self.count(&Limit::HTTP2_WINDOW_UPDATES, most, |counts| &mut counts.window_updates)
            }
            _ => self.count(&Limit::HTTP2_IGNORED, limits.ignored, |counts| &mut counts.ignored),
        }
    }

    fn section(&mut self, stream: u32, block: &[u8]) -> ControlFlow<()> {
        let Some(held) = self.walker.walk(block) else {
            // The crate ends the connection for this, too.
            return self.exceeded(None, Reason::COMPRESSION_ERROR);
        };
        let trailers = stream <= self.highest;
        self.highest = self.highest.max(stream);
        if held.fragment || (trailers && held.pseudo) {
            let mut malformed = self.watch.malformed.borrow_mut();
            if malformed.len() == MAX_MALFORMED {
                drop(malformed);
                return self.exceeded(Some(&Limit::HTTP2_PROVOKED), Reason::ENHANCE_YOUR_CALM);
            }
            malformed.push(stream);
        }
        ControlFlow::Continue(())
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Watched<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.offended {
            return Poll::Pending;
        }
        let before = buf.filled().len();
        let read = Pin::new(&mut this.transport).poll_read(cx, buf);
        if this.watching
            && let Some(octets) = buf.filled().get(before..)
        {
            this.watching = this.splitter.take(octets, &mut this.counts).is_continue();
            // Whoever polls the crate asks for the offence next.
            this.offended = this.watch.offence.get().is_some();
            if this.offended {
                buf.set_filled(before);
                return Poll::Pending;
            }
        }
        read
    }
}

impl<T: AsyncWrite + Unpin> Watched<T> {
    /// Takes note of how many octets of `pieces` were written.
    fn wrote<'a>(&mut self, result: &Poll<io::Result<usize>>, pieces: impl IntoIterator<Item = &'a [u8]>) {
        self.watch.outflow.blocked(result.is_pending());
        let Poll::Ready(Ok(octets)) = *result else { return };
        self.watch.written.set(self.watch.written.get() + octets as u64);
        let mut rest = octets;
        for piece in pieces {
            let written = piece.get(..rest).unwrap_or(piece);
            self.skimmer.take(written, |sent| self.watch.sent(sent));
            rest -= written.len();
            if rest == 0 {
                return;
            }
        }
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Watched<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.transport).poll_write(cx, buf);
        self.wrote(&result, [buf]);
        result
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.transport).poll_write_vectored(cx, bufs);
        self.wrote(&result, bufs.iter().map(|buf| &**buf));
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.transport.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.transport).poll_flush(cx);
        self.watch.outflow.blocked(result.is_pending());
        result
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_shutdown(cx)
    }
}
