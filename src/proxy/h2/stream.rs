//! One request to an upstream over a stream of a shared connection. Dropping it cancels the request.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use http::header::{HeaderValue, TE};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, Method, Request, Uri, response};

use super::failure;
use super::fields::{self, FieldsError, MapWriter};
use super::receiving::Receiving;
use super::sending::{self, Sending};
use super::upstream::StreamCount;
use crate::proxy::body::{Length, Piece, Sink, SinkError, Source, SourceError};
use crate::proxy::sides::{Answer, AnswerError, AnswerHead, Call, Outbound, TrailersWanted};
use crate::request::{Fields, ResponseHead, Version};

/// A request and its answer.
#[derive(Debug)]
pub(crate) struct Exchange {
    send: SendRequest<Bytes>,
    scheme: Scheme,
    /// Set when the connection takes no more streams.
    closed: Rc<Cell<bool>>,
    fields: HeaderMap,
    upload: Upload,
    answer: AnswerReader,
    _counted: StreamCount,
}

impl Exchange {
    pub(super) fn new(send: SendRequest<Bytes>, scheme: Scheme, closed: Rc<Cell<bool>>, counted: StreamCount) -> Self {
        let answer = AnswerReader { state: State::Unsent, closed: Rc::clone(&closed), content: Content::Expected };
        Self { send, scheme, closed, fields: HeaderMap::new(), upload: Upload(None), answer, _counted: counted }
    }

    fn request(&mut self, call: &Call<'_>) -> Option<Request<()>> {
        let mut target = http::uri::Parts::default();
        target.scheme = Some(self.scheme.clone());
        target.authority = Some(Authority::try_from(call.authority).ok()?);
        target.path_and_query = Some(PathAndQuery::try_from(call.target).ok()?);
        let mut request = Request::new(());
        *request.method_mut() = Method::from_bytes(call.method.as_bytes()).ok()?;
        *request.uri_mut() = Uri::from_parts(target).ok()?;
        *request.headers_mut() = std::mem::take(&mut self.fields);
        Some(request)
    }
}

impl Outbound for Exchange {
    type Fields<'a>
        = MapWriter<'a>
    where
        Self: 'a;
    type Upload = Upload;
    type Answer = AnswerReader;

    fn begin(&mut self, _call: &Call<'_>) -> Self::Fields<'_> {
        MapWriter::new(&mut self.fields)
    }

    fn end(&mut self, call: &Call<'_>) -> Result<(), AnswerError> {
        if let Length::Exact(octets) = call.body {
            fields::state_length(&mut self.fields, octets);
        }
        if call.trailers == TrailersWanted::Stated {
            self.fields.insert(TE, HeaderValue::from_static("trailers"));
        }
        let request = self.request(call).ok_or(AnswerError::Malformed("request-not-expressible-in-http2"))?;
        match self.send.send_request(request, call.body == Length::None) {
            Ok((answer, stream)) => {
                if call.method == "HEAD" {
                    self.answer.content = Content::None;
                }
                self.answer.state = State::Head(answer);
                self.upload.0 = Some(Sending::new(stream, call.body));
                Ok(())
            }
            // Nothing of the request was sent.
            Err(error) => {
                tracing::debug!(%error, "an upstream HTTP/2 connection takes no more streams");
                self.closed.set(true);
                Err(AnswerError::Refused)
            }
        }
    }

    fn parts(&mut self) -> (&mut Self::Upload, &mut Self::Answer) {
        (&mut self.upload, &mut self.answer)
    }

    /// Never asked for: only HTTP/1.1 answers 101.
    fn upgrade(&mut self) {}

    fn is_written(&self) -> bool {
        self.upload.0.is_some()
    }
}

/// The request body on its way; nothing before the head is sent.
#[derive(Debug)]
pub(crate) struct Upload(Option<Sending>);

impl Sink for Upload {
    fn poll_move(&mut self, cx: &mut Context<'_>, source: &mut impl Source) -> Poll<Result<usize, SinkError>> {
        match &mut self.0 {
            Some(sending) => sending.poll_move(cx, source),
            None => Poll::Ready(Err(SinkError::Reset)),
        }
    }

    fn largest_piece(&self) -> usize {
        sending::FRAME
    }

    fn finish(&mut self, trailers: Option<&Fields>) {
        if let Some(sending) = &mut self.0 {
            sending.finish(trailers);
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SinkError>> {
        match &mut self.0 {
            Some(sending) => sending.poll_flush(cx),
            None => Poll::Ready(Ok(())),
        }
    }
}

#[derive(Debug)]
enum State {
    Unsent,
    Head(ResponseFuture),
    Body(Receiving),
}

/// Whether an answer may have content, as far as the request tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    Expected,
    /// The answer to HEAD.
    None,
}

/// The answer being read.
#[derive(Debug)]
pub(crate) struct AnswerReader {
    state: State,
    closed: Rc<Cell<bool>>,
    content: Content,
}

impl AnswerReader {
    fn failed(&self, error: h2::Error) -> AnswerError {
        if error.is_go_away() {
            self.closed.set(true);
        }
        failure::of_answer(error)
    }
}

impl Answer for AnswerReader {
    fn poll_head(&mut self, cx: &mut Context<'_>, head: &mut ResponseHead) -> Poll<Result<AnswerHead, AnswerError>> {
        let State::Head(answer) = &mut self.state else {
            return Poll::Ready(Err(AnswerError::Malformed("no-answer-is-due")));
        };
        if let Poll::Ready(Some(interim)) = answer.poll_informational(cx) {
            let parts = match interim {
                Ok(interim) => interim.into_parts().0,
                Err(error) => return Poll::Ready(Err(self.failed(error))),
            };
            return Poll::Ready(
                read_head(&parts, head).map(|_| AnswerHead { body: Length::None, content_length: None }),
            );
        }
        let (parts, body) = match ready!(Pin::new(answer).poll(cx)) {
            Ok(response) => response.into_parts(),
            Err(error) => return Poll::Ready(Err(self.failed(error))),
        };
        let content_length = read_head(&parts, head)?;
        // Content where none may be is left unread: a client of HTTP/1.1 would take it for the next answer.
        let bodiless = self.content == Content::None || matches!(head.status, 204 | 304);
        let length = match content_length {
            _ if bodiless || body.is_end_stream() => Length::None,
            Some(octets) => Length::Exact(octets),
            None => Length::Unknown,
        };
        self.state = State::Body(Receiving::new(body, length));
        Poll::Ready(Ok(AnswerHead { body: length, content_length }))
    }
}

/// Fills `head` and returns the stated length.
fn read_head(parts: &response::Parts, head: &mut ResponseHead) -> Result<Option<u64>, AnswerError> {
    head.clear();
    head.status = parts.status.as_u16();
    head.version = Version::Http2;
    let read = fields::read(&parts.headers, fields::ANSWER_FIELDS, &mut head.fields)
        .and_then(|()| fields::content_length(&parts.headers));
    read.map_err(|error| match error {
        FieldsError::Malformed(what) | FieldsError::Refused { code: what, .. } => AnswerError::Malformed(what),
    })
}

impl Source for AnswerReader {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Piece, SourceError>> {
        match &mut self.state {
            State::Body(body) => body.poll_piece(cx),
            State::Unsent | State::Head(_) => Poll::Ready(Ok(Piece::End)),
        }
    }

    fn piece(&self) -> &[u8] {
        match &self.state {
            State::Body(body) => body.piece(),
            State::Unsent | State::Head(_) => &[],
        }
    }

    fn consume(&mut self, octets: usize) {
        if let State::Body(body) = &mut self.state {
            body.consume(octets);
        }
    }

    fn take(&mut self, octets: usize) -> Bytes {
        match &mut self.state {
            State::Body(body) => body.take(octets),
            State::Unsent | State::Head(_) => Bytes::new(),
        }
    }

    fn trailers(&self) -> Option<&Fields> {
        match &self.state {
            State::Body(body) => body.trailers(),
            State::Unsent | State::Head(_) => None,
        }
    }

    fn length(&self) -> Length {
        match &self.state {
            State::Body(body) => body.length(),
            State::Unsent | State::Head(_) => Length::None,
        }
    }

    fn wire_octets(&self) -> u64 {
        match &self.state {
            State::Body(body) => body.wire_octets(),
            State::Unsent | State::Head(_) => 0,
        }
    }
}
