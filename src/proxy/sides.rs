//! The two sides of an exchange, whatever the protocol: what the pipeline asks of a client connection and of an
//! upstream connection. HTTP/1.1 and HTTP/2 implement both; the pipeline is written once over them.

use std::io;
use std::task::{Context, Poll};

use super::body::{Length, Sink, Source};
use crate::request::ResponseHead;
use crate::request::edit::FieldSink;

/// What a request tells the pipeline beside its head.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Demand<'a> {
    /// The protocols of an upgrade that may be passed on.
    pub(crate) upgrade: Option<&'a [u8]>,
    pub(crate) trailers: TrailersWanted,
    pub(crate) interim: InterimResponses,
}

/// Whether the client said that it reads trailers (`TE: trailers`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TrailersWanted {
    Unstated,
    Stated,
}

/// Whether the client understands 1xx responses (not in HTTP/1.0, RFC 9110 §15.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InterimResponses {
    Understood,
    Unknown,
}

/// How a response's body is announced to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReplyBody {
    /// There is none; a length may still be stated (HEAD, 304).
    Absent { stated: Option<u64> },
    /// This many octets follow.
    Exact(u64),
    /// Its own framing ends it.
    Unknown,
}

/// Octets sent to the client.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sent {
    /// Everything, heads and framing included (`$bytes_sent`; HTTP/2 counts heads uncompressed).
    pub(crate) total: u64,
    /// The body alone (`$body_bytes_sent`).
    pub(crate) body: u64,
}

/// The way back to the client.
pub(crate) trait Reply: Sink {
    type Fields<'a>: FieldSink
    where
        Self: 'a;

    /// Begins an interim response (1xx, not 101); its fields go into what is returned.
    fn begin_interim(&mut self, status: u16) -> Self::Fields<'_>;

    /// Queues the interim response of that status.
    fn end_interim(&mut self, status: u16);

    /// Begins the final response; its fields go into what is returned.
    fn begin(&mut self, status: u16) -> Self::Fields<'_>;

    /// Ends the head. Nothing is sent before the body's first piece or a flush.
    fn end(&mut self, body: ReplyBody);

    /// Ends the head of a 101 and makes the reply a raw stream.
    fn end_upgraded(&mut self, protocol: &[u8]);

    /// Makes the response that is about to begin the connection's last, where the protocol gives a connection to one
    /// request at a time. For requests that cannot be relied on to be what they seem.
    fn close_after(&mut self) {}

    /// Whether the final response has begun, so that no other can be sent.
    fn has_begun(&self) -> bool;

    /// Breaks the response off, so that the client cannot take it for complete.
    fn abort(&mut self);

    fn sent(&self) -> Sent;

    /// Ready when the client has given the request up while nothing is being sent to it. A client that has only ended
    /// its own direction still reads (RFC 9112 §9.6), so HTTP/1.1 cannot tell before it writes.
    fn poll_gone(&mut self, _cx: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}

/// What is sent upstream beside the fields.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) method: &'a str,
    /// Origin form, or `*`.
    pub(crate) target: &'a [u8],
    pub(crate) authority: &'a [u8],
    pub(crate) body: Length,
    pub(crate) upgrade: Option<&'a [u8]>,
    pub(crate) trailers: TrailersWanted,
}

/// What an answer says beside its fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AnswerHead {
    pub(crate) body: Length,
    /// The stated length; for HEAD and 304 of a body that does not follow.
    pub(crate) content_length: Option<u64>,
}

/// Why no answer came.
#[derive(Debug)]
pub(crate) enum AnswerError {
    Closed(io::Error),
    /// Certainly not processed (REFUSED_STREAM, beyond GOAWAY's last stream).
    Refused,
    Malformed(&'static str),
}

/// The answer of an upstream: heads, then a body.
pub(crate) trait Answer: Source {
    /// The next head, interim or final.
    fn poll_head(&mut self, cx: &mut Context<'_>, head: &mut ResponseHead) -> Poll<Result<AnswerHead, AnswerError>>;
}

/// One request to an upstream, over a connection of its own or a stream of a shared one.
pub(crate) trait Outbound {
    type Fields<'a>: FieldSink
    where
        Self: 'a;
    type Upload: Sink;
    type Answer: Answer;

    /// Begins the request; its fields go into what is returned.
    fn begin(&mut self, call: &Call<'_>) -> Self::Fields<'_>;

    /// Ends the head. Nothing need be sent before the first flush.
    fn end(&mut self, call: &Call<'_>) -> Result<(), AnswerError>;

    /// Both directions, to be driven at once.
    fn parts(&mut self) -> (&mut Self::Upload, &mut Self::Answer);

    /// Makes both directions raw streams, after a 101.
    fn upgrade(&mut self);

    /// Whether any octet of the request may have reached the upstream.
    fn is_written(&self) -> bool;
}
