//! One request to an upstream over a stream of a shared connection. Dropping it cancels the request.

use std::rc::Rc;
use std::task::{Context, Poll, ready};

use super::failure;
use super::fields::{Draft, SectionWriter};
use super::link::{Answered, Gone, Handle, Link, Pseudo};
use super::receiving::Receiving;
use super::sending::{self, Sending};
use super::upstream::StreamCount;
use crate::proxy::body::{Length, Piece, Sink, SinkError, Source, SourceError};
use crate::proxy::sides::{Answer, AnswerError, AnswerHead, Call, Outbound, TrailersWanted};
use crate::request::{Fields, ResponseHead};

/// A request and its answer.
#[derive(Debug)]
pub(crate) struct Exchange {
    link: Rc<Link>,
    scheme: &'static [u8],
    draft: Draft,
    upload: Upload,
    answer: AnswerReader,
    _counted: StreamCount,
}

impl Exchange {
    pub(super) fn new(link: Rc<Link>, scheme: &'static [u8], counted: StreamCount) -> Self {
        let answer = AnswerReader { state: State::Unsent };
        Self { link, scheme, draft: Draft::default(), upload: Upload(None), answer, _counted: counted }
    }
}

impl Outbound for Exchange {
    type Fields<'a>
        = SectionWriter<'a>
    where
        Self: 'a;
    type Upload = Upload;
    type Answer = AnswerReader;

    fn begin(&mut self, _call: &Call<'_>) -> Self::Fields<'_> {
        self.draft = Draft::new();
        SectionWriter(&mut self.draft)
    }

    fn end(&mut self, call: &Call<'_>) -> Result<(), AnswerError> {
        let mut draft = std::mem::take(&mut self.draft);
        if let Length::Exact(octets) = call.body {
            draft.state_length(octets);
        }
        if call.trailers == TrailersWanted::Stated {
            draft.push(b"te", b"trailers");
        }
        let Call { method, target, authority, .. } = *call;
        let pseudo = Pseudo::Request { method: method.as_bytes(), scheme: self.scheme, path: target, authority };
        match Handle::open(&self.link, &pseudo, &draft, call.body == Length::None, method == "HEAD") {
            Ok(stream) => {
                let stream = Rc::new(stream);
                self.upload.0 = Some(Sending::new(Rc::clone(&stream), call.body));
                self.answer.state = State::Head(stream);
                Ok(())
            }
            // Nothing of the request was sent.
            Err(Gone) => Err(AnswerError::Refused),
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
    Head(Rc<Handle>),
    Body(Receiving),
}

/// The answer being read.
#[derive(Debug)]
pub(crate) struct AnswerReader {
    state: State,
}

impl Answer for AnswerReader {
    fn poll_head(&mut self, cx: &mut Context<'_>, head: &mut ResponseHead) -> Poll<Result<AnswerHead, AnswerError>> {
        let State::Head(stream) = &self.state else {
            return Poll::Ready(Err(AnswerError::Malformed("no-answer-is-due")));
        };
        let Answered { content_length, body } = ready!(stream.poll_answer(cx, head)).map_err(failure::of_answer)?;
        if !head.is_informational() {
            self.state = State::Body(Receiving::new(Rc::clone(stream), body));
        }
        Poll::Ready(Ok(AnswerHead { body, content_length }))
    }
}

impl AnswerReader {
    fn body(&self) -> Option<&Receiving> {
        match &self.state {
            State::Body(body) => Some(body),
            State::Unsent | State::Head(_) => None,
        }
    }
}

impl Source for AnswerReader {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Piece, SourceError>> {
        match &mut self.state {
            State::Body(body) => body.poll_piece(cx),
            State::Unsent | State::Head(_) => Poll::Ready(Ok(Piece::End)),
        }
    }

    fn piece(&self) -> &[u8] {
        self.body().map_or(&[], Receiving::piece)
    }

    fn consume(&mut self, octets: usize) {
        if let State::Body(body) = &mut self.state {
            body.consume(octets);
        }
    }

    fn trailers(&self) -> Option<&Fields> {
        self.body().and_then(Receiving::trailers)
    }

    fn length(&self) -> Length {
        self.body().map_or(Length::None, Receiving::length)
    }

    fn wire_octets(&self) -> u64 {
        self.body().map_or(0, Receiving::wire_octets)
    }
}
