//! What the errors of the `h2` crate mean.

use std::io;

use h2::{Error, Reason};

use crate::ir::Limit;
use crate::proxy::body::SourceError;
use crate::proxy::sides::AnswerError;

/// Why a request to an upstream got no answer.
///
/// A stream is certainly unprocessed if the upstream refused it (RFC 9113 §8.7), or if it is beyond the last stream of
/// the upstream's GOAWAY (§6.8): the crate gives a received GOAWAY as the error of such streams alone; those before it
/// go on, and end with an I/O error if the connection does.
pub(super) fn of_answer(error: Error) -> AnswerError {
    if error.is_remote() {
        if error.is_go_away() || error.reason() == Some(Reason::REFUSED_STREAM) {
            return AnswerError::Refused;
        }
        return AnswerError::Closed(io::Error::new(io::ErrorKind::ConnectionReset, error));
    }
    if error.is_library() {
        return AnswerError::Malformed("http2-protocol-error");
    }
    AnswerError::Closed(into_io(error))
}

/// Why the rest of a body cannot be had.
pub(super) fn of_body(error: Error) -> SourceError {
    if error.is_io() {
        SourceError::Io(into_io(error))
    } else if error.is_library() && error.reason() == Some(Reason::PROTOCOL_ERROR) {
        SourceError::Malformed("http2-protocol-error")
    } else {
        SourceError::Reset
    }
}

/// The limit that a client went beyond when the crate ended its connection with such a GOAWAY, if it was one. The crate
/// tells its own limits apart only in words for the client.
///
/// It says `FLOW_CONTROL_ERROR`, of connections and of streams, when bodies are beyond the window, and when window updates
/// are beyond 2^31-1: these are counted as if they were bodies.
pub(super) fn limit_of(reason: Reason, words: &[u8]) -> Option<&'static Limit> {
    match (reason, words) {
        (Reason::FLOW_CONTROL_ERROR, _) => Some(&Limit::HTTP2_CONNECTION_WINDOW),
        (_, b"too_many_internal_resets") => Some(&Limit::HTTP2_PROVOKED),
        (_, b"too_many_resets") => Some(&Limit::HTTP2_WASTED),
        (_, b"too_many_data_frames") => Some(&Limit::HTTP2_EMPTY_DATA),
        (_, b"too_many_continuations") => Some(&Limit::HTTP2_CONTINUATIONS),
        (_, b"header_list_way_too_large") => Some(&Limit::HEAD_SIZE),
        _ => None,
    }
}

fn into_io(error: Error) -> io::Error {
    if error.is_io() {
        error.into_io().unwrap_or_else(|| io::ErrorKind::BrokenPipe.into())
    } else {
        io::Error::other(error)
    }
}
