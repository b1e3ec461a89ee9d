//! What the end of a stream means to whoever serves it.

use std::io;

use super::frame::Reason;
use super::link::Broken;
use crate::proxy::body::SourceError;
use crate::proxy::sides::AnswerError;

/// Why a request to an upstream got no answer.
///
/// A stream is certainly unprocessed if the upstream refused it (RFC 9113 §8.7), or if it is beyond the last stream of
/// the upstream's GOAWAY (§6.8); those before it go on.
pub(super) fn of_answer(broken: Broken) -> AnswerError {
    match broken {
        Broken::Unprocessed | Broken::Peer(Reason::REFUSED_STREAM) => AnswerError::Refused,
        Broken::Peer(reason) => AnswerError::Closed(io::Error::other(format!("the stream was reset: {reason:?}"))),
        Broken::Malformed(what) => AnswerError::Malformed(what),
        Broken::Ours(_) => AnswerError::Malformed("http2-protocol-error"),
        Broken::Connection(kind) => AnswerError::Closed(kind.into()),
    }
}

/// Why the rest of a body cannot be had.
pub(super) fn of_body(broken: Broken) -> SourceError {
    match broken {
        Broken::Malformed(what) => SourceError::Malformed(what),
        Broken::Connection(kind) => SourceError::Io(kind.into()),
        Broken::Peer(_) | Broken::Unprocessed | Broken::Ours(_) => SourceError::Reset,
    }
}
