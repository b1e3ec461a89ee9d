//! Moving a body from where it comes from to where it goes, with back-pressure and no queue in between.
//!
//! A [`Source`] holds at most one piece; a [`Sink`] takes what it has room for. [`Pump`] moves pieces until the body
//! ends, and knows which side it waits for, so that each side has its own timeout. Dropping a pump in the middle
//! leaves the rest of the body unread in its source; the owner of the connection decides what becomes of it.

use std::io;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::splice::{self, Pipe};
use super::timer::IdleTimer;
use super::wire::Wire;
use crate::ir::Limits;
use crate::request::Fields;

/// How much body a message announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    /// No body at all.
    None,
    /// Exactly this many octets.
    Exact(u64),
    /// The body's own framing ends it.
    Unknown,
}

/// What [`Source::poll_piece`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece {
    /// [`Source::piece`] is not empty.
    Data,
    /// The body is complete; trailers are known.
    End,
}

/// Why a body cannot be read further.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    #[error("the connection ended inside the body")]
    Truncated,
    #[error("malformed body: {0}")]
    Malformed(&'static str),
    #[error("the body is larger than the limit of {0} octets")]
    TooLarge(u64),
    #[error("the stream was reset")]
    Reset,
    #[error(transparent)]
    Io(io::Error),
}

/// Why a body cannot be written further.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SinkError {
    #[error("the stream was reset")]
    Reset,
    #[error(transparent)]
    Io(io::Error),
}

impl SinkError {
    /// The same as an I/O error.
    pub(crate) fn into_io(self) -> io::Error {
        match self {
            Self::Reset => io::ErrorKind::ConnectionReset.into(),
            Self::Io(error) => error,
        }
    }
}

/// Octets of a body on the connection that they come by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unread<'a> {
    pub(crate) wire: &'a Wire,
    pub(crate) octets: u64,
}

/// Where a body comes from.
pub(crate) trait Source {
    /// Makes a piece available, or says that the body has ended. Cancel-safe: a piece stays until consumed.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Piece, SourceError>>;

    /// The octets available now.
    fn piece(&self) -> &[u8];

    /// Gives up the first `octets` of the piece.
    fn consume(&mut self, octets: usize);

    /// Pieces larger than this are of no use to whom they are for.
    fn limit_pieces(&mut self, _octets: usize) {}

    /// The piece will not be taken on for a while: holds no more memory than it needs.
    fn settle(&mut self) {}

    /// The octets of the body that still lie on a plain connection as they are, with nothing read that comes before them.
    fn unread(&self) -> Option<Unread<'_>> {
        None
    }

    /// The first `octets` of what is [`unread`](Self::unread) were taken from the connection by somebody else.
    fn pass(&mut self, _octets: usize) {}

    /// The trailers, once the body has ended.
    fn trailers(&self) -> Option<&Fields>;

    fn length(&self) -> Length;

    /// Octets taken from the wire so far, framing included where it is known.
    fn wire_octets(&self) -> u64;
}

/// Where a body goes. Heads are written by the owner before the first piece.
pub(crate) trait Sink {
    /// Moves octets of the source's current piece; ready when at least one was moved or a buffer took it.
    fn poll_move(&mut self, cx: &mut Context<'_>, source: &mut impl Source) -> Poll<Result<usize, SinkError>>;

    /// The largest piece that is worth having: what is read beyond it would only wait.
    fn largest_piece(&self) -> usize {
        usize::MAX
    }

    /// The plain connection that the body goes to as it is, if all that comes before has been sent.
    fn unwritten(&self) -> Option<&Wire> {
        None
    }

    /// So many octets of the body were given to what is [`unwritten`](Self::unwritten) by somebody else.
    fn pass(&mut self, _octets: usize) {}

    /// Ends the body. Nothing is sent before [`poll_flush`](Self::poll_flush).
    fn finish(&mut self, trailers: Option<&Fields>);

    /// Sends what is buffered.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SinkError>>;
}

/// Which side of a pump failed, and how.
#[derive(Debug)]
pub(crate) enum PumpError {
    Source(SourceError),
    Sink(SinkError),
    /// The source gave nothing for too long.
    SourceStalled,
    /// The sink took nothing for too long.
    SinkStalled,
}

/// The longest waits of a [`Pump`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadlines {
    pub(crate) source: Duration,
    pub(crate) sink: Duration,
    /// A wait for the sink goes on until the sink has taken so many octets, or all that there are.
    pub(crate) sink_minimum: u64,
}

impl Deadlines {
    /// Waits end when somebody else says so.
    pub(crate) const NONE: Self = Self { source: Duration::MAX, sink: Duration::MAX, sink_minimum: 1 };

    /// Those of a client that takes what is sent; for what it is sent there is no other yet.
    pub(crate) fn to_client(limits: &Limits) -> Self {
        Self { source: limits.send_timeout, sink: limits.send_timeout, sink_minimum: limits.send_minimum.into() }
    }
}

/// Where a pump is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Reading,
    Writing,
    /// What the pipe holds goes out.
    Draining,
    Flushing,
    Done,
}

/// What a pump waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waiting {
    Nothing,
    Source,
    Sink,
}

/// Moves one body.
#[derive(Debug)]
pub(crate) struct Pump {
    phase: Phase,
    waiting: Waiting,
    deadlines: Deadlines,
    moved: u64,
    /// What had been moved when the wait for the sink began that the timer is for.
    sink_wait: Option<u64>,
    /// What the body passes through, if it need not be read.
    pipe: Option<Pipe>,
}

impl Pump {
    /// `deadlines` are the longest waits for the source and for the sink.
    pub(crate) const fn new(deadlines: Deadlines) -> Self {
        Self { phase: Phase::Reading, waiting: Waiting::Nothing, deadlines, moved: 0, sink_wait: None, pipe: None }
    }

    /// Octets moved so far.
    pub(crate) const fn moved(&self) -> u64 {
        self.moved
    }

    pub(crate) fn is_done(&self) -> bool {
        self.phase == Phase::Done
    }

    /// Moves until the body has ended and is flushed. Ready at once after that.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut impl Source,
        sink: &mut impl Sink,
        timer: &mut IdleTimer,
    ) -> Poll<Result<(), PumpError>> {
        source.limit_pieces(sink.largest_piece());
        loop {
            match self.phase {
                Phase::Done => return Poll::Ready(Ok(())),
                Phase::Reading => match self.poll_read(cx, source, sink) {
                    Poll::Ready(Ok(next)) => {
                        if next == Phase::Flushing {
                            sink.finish(source.trailers());
                        }
                        self.enter(next);
                    }
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(PumpError::Source(error))),
                    Poll::Pending => return self.wait_for_source(cx, sink, timer),
                },
                Phase::Draining => match self.poll_drain(cx, sink) {
                    Poll::Ready(Ok(next)) => self.enter(next),
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(PumpError::Sink(error))),
                    Poll::Pending => return self.wait(Waiting::Sink, cx, timer),
                },
                Phase::Writing => match sink.poll_move(cx, source) {
                    Poll::Ready(Ok(octets)) => {
                        self.moved += octets as u64;
                        self.enter(if source.piece().is_empty() { Phase::Reading } else { Phase::Writing });
                    }
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(PumpError::Sink(error))),
                    Poll::Pending => {
                        source.settle();
                        return self.wait(Waiting::Sink, cx, timer);
                    }
                },
                Phase::Flushing => match sink.poll_flush(cx) {
                    Poll::Ready(Ok(())) => self.enter(Phase::Done),
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(PumpError::Sink(error))),
                    Poll::Pending => return self.wait(Waiting::Sink, cx, timer),
                },
            }
        }
    }

    /// Takes a piece, or as much as a pipe holds where the body can pass through one. The result is what comes next.
    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut impl Source,
        sink: &impl Sink,
    ) -> Poll<Result<Phase, SourceError>> {
        let worth_it = |unread: &Unread<'_>| self.pipe.is_some() || unread.octets >= splice::LEAST;
        if let Some(unread) = source.unread().filter(worth_it)
            && sink.unwritten().is_some()
            && let Some(pipe) = self.pipe.take().or_else(|| Pipe::lent().ok())
        {
            match ready!(self.pipe.insert(pipe).poll_fill(cx, unread.wire, unread.octets)) {
                // Who reads will find the same, and knows what it means.
                Ok(0) => {}
                Ok(octets) => {
                    source.pass(octets);
                    return Poll::Ready(Ok(Phase::Draining));
                }
                Err(error) if splice::is_impossible(&error) => {}
                Err(error) => return Poll::Ready(Err(SourceError::Io(error))),
            }
        }
        Poll::Ready(Ok(match ready!(source.poll_piece(cx))? {
            Piece::Data => Phase::Writing,
            Piece::End => Phase::Flushing,
        }))
    }

    /// Gives on what the pipe holds.
    fn poll_drain(&mut self, cx: &mut Context<'_>, sink: &mut impl Sink) -> Poll<Result<Phase, SinkError>> {
        let (Some(pipe), Some(wire)) = (&mut self.pipe, sink.unwritten()) else {
            return Poll::Ready(Ok(Phase::Reading));
        };
        let octets = ready!(pipe.poll_drain(cx, wire)).map_err(SinkError::Io)?;
        if octets == 0 {
            return Poll::Ready(Err(SinkError::Io(io::ErrorKind::WriteZero.into())));
        }
        let next = if pipe.is_empty() { Phase::Reading } else { Phase::Draining };
        sink.pass(octets);
        self.moved += octets as u64;
        Poll::Ready(Ok(next))
    }

    /// Something moved: the next wait is a new one.
    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.waiting = Waiting::Nothing;
    }

    /// Nothing to read: what is buffered goes out, so that no octet waits for the next one.
    fn wait_for_source(
        &mut self,
        cx: &mut Context<'_>,
        sink: &mut impl Sink,
        timer: &mut IdleTimer,
    ) -> Poll<Result<(), PumpError>> {
        match sink.poll_flush(cx) {
            Poll::Ready(Ok(())) => self.wait(Waiting::Source, cx, timer),
            Poll::Ready(Err(error)) => Poll::Ready(Err(PumpError::Sink(error))),
            Poll::Pending => self.wait(Waiting::Sink, cx, timer),
        }
    }

    fn wait(&mut self, waiting: Waiting, cx: &mut Context<'_>, timer: &mut IdleTimer) -> Poll<Result<(), PumpError>> {
        let (limit, error) = match waiting {
            Waiting::Nothing => return Poll::Pending,
            Waiting::Source => (self.deadlines.source, PumpError::SourceStalled),
            Waiting::Sink => (self.deadlines.sink, PumpError::SinkStalled),
        };
        if limit == Duration::MAX {
            return Poll::Pending;
        }
        if self.waiting != waiting {
            self.waiting = waiting;
            let goes_on = |since: u64| waiting == Waiting::Sink && self.moved - since < self.deadlines.sink_minimum;
            if !self.sink_wait.is_some_and(goes_on) {
                self.sink_wait = (waiting == Waiting::Sink).then_some(self.moved);
                timer.begin(limit);
            }
        }
        timer.poll_expired(cx).map(|()| Err(error))
    }
}
