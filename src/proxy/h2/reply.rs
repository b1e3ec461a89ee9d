//! A response on its way to the client over a stream.

use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use h2::Reason;
use h2::server::SendResponse;
use http::{HeaderMap, Response, StatusCode};

use super::fields::{self, MapWriter};
use super::sending::{self, Sending};
use super::watch::Watch;
use crate::proxy::body::{Length, Sink, SinkError, Source};
use crate::proxy::sides::{Reply, ReplyBody, Sent};
use crate::request::Fields;

/// Where a response is.
#[derive(Debug)]
enum State {
    /// No final head was sent; `status` is 0 until one was begun.
    Head {
        status: u16,
        fields: HeaderMap,
    },
    Body(Sending),
    /// Broken off, by us or by the client.
    Broken,
}

/// The response of one stream. Dropping it before its end resets the stream.
#[derive(Debug)]
pub(super) struct H2Reply {
    respond: SendResponse<Bytes>,
    state: State,
    sent: Sent,
    watch: Rc<Watch>,
    given_up: GivenUp,
}

/// Whether the client had no use for the response any more when it was broken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum GivenUp {
    No,
    Yes,
}

impl H2Reply {
    pub(super) fn new(respond: SendResponse<Bytes>, watch: Rc<Watch>) -> Self {
        let state = State::Head { status: 0, fields: HeaderMap::new() };
        Self { respond, state, sent: Sent::default(), watch, given_up: GivenUp::No }
    }

    /// Whether the client gave the stream up before the response was sent to its end.
    pub(super) fn is_given_up(&self) -> bool {
        self.given_up == GivenUp::Yes
    }

    /// Whether the response was sent to its end.
    pub(super) fn is_complete(&self) -> bool {
        matches!(&self.state, State::Body(sending) if sending.has_ended())
    }

    fn send_head(&mut self, status: u16, fields: HeaderMap, length: Length) {
        self.sent.total += fields::list_size(&fields);
        let mut response = Response::new(());
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
        *response.headers_mut() = fields;
        if let Ok(stream) = self.respond.send_response(response, length == Length::None) {
            self.state = State::Body(Sending::watched(stream, length, Rc::clone(&self.watch)));
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
        = MapWriter<'a>
    where
        Self: 'a;

    fn interim(&mut self, status: u16, fields: &Fields) {
        let mut response = Response::new(());
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::PROCESSING);
        let mut writer = MapWriter::new(response.headers_mut());
        for field in fields.iter() {
            crate::request::edit::FieldSink::field(&mut writer, field.name, field.value);
        }
        // A stream that was reset shows it when the final head is sent.
        let _sent = self.respond.send_informational(response);
    }

    fn begin(&mut self, status: u16) -> Self::Fields<'_> {
        self.state = State::Head { status, fields: HeaderMap::new() };
        let State::Head { fields, .. } = &mut self.state else { unreachable!("it was set just now") };
        MapWriter::new(fields)
    }

    fn end(&mut self, body: ReplyBody) {
        let State::Head { status, fields } = std::mem::replace(&mut self.state, State::Broken) else { return };
        let mut fields = fields;
        let length = match body {
            ReplyBody::Absent { stated } => {
                if let Some(octets) = stated {
                    fields::state_length(&mut fields, octets);
                }
                Length::None
            }
            ReplyBody::Exact(octets) => {
                fields::state_length(&mut fields, octets);
                if octets == 0 { Length::None } else { Length::Exact(octets) }
            }
            ReplyBody::Unknown => Length::Unknown,
        };
        self.send_head(status, fields, length);
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
        match &mut self.state {
            State::Head { .. } => self.respond.send_reset(Reason::INTERNAL_ERROR),
            State::Body(sending) => sending.reset(Reason::INTERNAL_ERROR),
            State::Broken => {}
        }
        self.state = State::Broken;
    }

    fn sent(&self) -> Sent {
        self.sent
    }

    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.state {
            State::Head { .. } => self.respond.poll_reset(cx).map(|_reason| ()),
            State::Body(sending) => sending.poll_reset(cx),
            State::Broken => Poll::Ready(()),
        }
    }
}
