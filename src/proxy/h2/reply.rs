//! A response on its way to the client over a stream.

use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use super::fields::{Draft, SectionWriter};
use super::frame::Reason;
use super::link::{Handle, Pseudo};
use super::sending::{self, Sending};
use crate::proxy::body::{Length, Sink, SinkError, Source};
use crate::proxy::sides::{Reply, ReplyBody, Sent};
use crate::request::Fields;

/// Where a response is.
#[derive(Debug)]
enum State {
    /// No final head was sent; `status` is 0 until one was begun.
    Head {
        status: u16,
        draft: Draft,
    },
    Body(Sending),
    /// Broken off, by us or by the client.
    Broken,
}

/// The response of one stream. Dropping it before its end resets the stream.
#[derive(Debug)]
pub(super) struct H2Reply {
    stream: Rc<Handle>,
    state: State,
    sent: Sent,
    given_up: GivenUp,
}

/// Whether the client had no use for the response any more when it was broken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum GivenUp {
    No,
    Yes,
}

impl H2Reply {
    pub(super) fn new(stream: Rc<Handle>) -> Self {
        let state = State::Head { status: 0, draft: Draft::default() };
        Self { stream, state, sent: Sent::default(), given_up: GivenUp::No }
    }

    /// Whether the client gave the stream up before the response was sent to its end.
    pub(super) fn is_given_up(&self) -> bool {
        self.given_up == GivenUp::Yes
    }

    /// Whether the response was sent to its end.
    pub(super) fn is_complete(&self) -> bool {
        matches!(&self.state, State::Body(sending) if sending.has_ended())
    }

    /// Begins a head; `status` is 0 unless it is the final one.
    fn begin_head(&mut self, status: u16) -> SectionWriter<'_> {
        self.state = State::Head { status, draft: Draft::new() };
        let State::Head { draft, .. } = &mut self.state else { unreachable!("it was set just now") };
        SectionWriter(draft)
    }

    fn send_head(&mut self, status: u16, draft: &Draft, length: Length) {
        self.sent.total += draft.size();
        if self.stream.send_head(&Pseudo::Status(status), draft, length == Length::None).is_ok() {
            self.state = State::Body(Sending::new(Rc::clone(&self.stream), length));
        } else {
            self.given_up = GivenUp::Yes;
            self.state = State::Broken;
        }
    }
}

impl Sink for H2Reply {
    fn poll_move(&mut self, cx: &mut Context<'_>, source: &mut impl Source) -> Poll<Result<usize, SinkError>> {
        let State::Body(sending) = &mut self.state else { return Poll::Ready(Err(SinkError::Reset)) };
        let moved = sending.poll_move(cx, source);
        if let Poll::Ready(Ok(octets)) = moved {
            self.sent.total += octets as u64;
            self.sent.body += octets as u64;
        }
        moved
    }

    fn largest_piece(&self) -> usize {
        sending::FRAME
    }

    fn finish(&mut self, trailers: Option<&Fields>) {
        if let State::Body(sending) = &mut self.state {
            sending.finish(trailers);
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SinkError>> {
        match &mut self.state {
            State::Head { .. } => Poll::Ready(Ok(())),
            State::Body(sending) => sending.poll_flush(cx),
            State::Broken => Poll::Ready(Err(SinkError::Reset)),
        }
    }
}

impl Reply for H2Reply {
    type Fields<'a>
        = SectionWriter<'a>
    where
        Self: 'a;

    fn begin_interim(&mut self, _status: u16) -> Self::Fields<'_> {
        self.begin_head(0)
    }

    fn end_interim(&mut self, status: u16) {
        let State::Head { draft, .. } = &self.state else { return };
        // A stream that was reset shows it when the final head is sent.
        let _sent = self.stream.send_head(&Pseudo::Status(status), draft, false);
    }

    fn begin(&mut self, status: u16) -> Self::Fields<'_> {
        self.begin_head(status)
    }

    fn end(&mut self, body: ReplyBody) {
        let State::Head { status, mut draft } = std::mem::replace(&mut self.state, State::Broken) else { return };
        let length = match body {
            ReplyBody::Absent { stated } => {
                if let Some(octets) = stated {
                    draft.state_length(octets);
                }
                Length::None
            }
            ReplyBody::Exact(octets) => {
                draft.state_length(octets);
                if octets == 0 { Length::None } else { Length::Exact(octets) }
            }
            ReplyBody::Unknown => Length::Unknown,
        };
        self.send_head(status, &draft, length);
    }

    /// Never asked for: no HTTP/2 request demands an upgrade.
    fn end_upgraded(&mut self, _protocol: &[u8]) {
        self.abort();
    }

    fn has_begun(&self) -> bool {
        match &self.state {
            State::Head { status, .. } => *status != 0,
            State::Body(_) | State::Broken => true,
        }
    }

    fn abort(&mut self) {
        let broken = matches!(self.state, State::Broken);
        if !broken && self.poll_gone(&mut Context::from_waker(Waker::noop())).is_ready() {
            self.given_up = GivenUp::Yes;
        }
        if !broken {
            self.stream.reset(Reason::INTERNAL_ERROR);
        }
        self.state = State::Broken;
    }

    fn sent(&self) -> Sent {
        self.sent
    }

    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &self.state {
            State::Head { .. } | State::Body(_) => self.stream.poll_gone(cx),
            State::Broken => Poll::Ready(()),
        }
    }
}
