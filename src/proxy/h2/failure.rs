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

/// The limit that a client went beyond when the crate ended its connection, if it was one.
pub(super) fn limit_of(error: &Error) -> Option<&'static Limit> {
    match error.reason().filter(|_| error.is_library())? {
        Reason::FLOW_CONTROL_ERROR => Some(&Limit::HTTP2_CONNECTION_WINDOW),
        Reason::ENHANCE_YOUR_CALM => {
            // The crate tells its own limits apart only in the text for the client.
            let text = error.to_string();
            let known = [
                ("too_many_internal_resets", &Limit::HTTP2_PROVOKED),
                ("too_many_resets", &Limit::HTTP2_WASTED),
                ("too_many_data_frames", &Limit::HTTP2_EMPTY_DATA),
                ("too_many_continuations", &Limit::HTTP2_CONTINUATIONS),
            ];
            known.into_iter().find(|(words, _)| text.contains(words)).map(|(_, limit)| limit)
        }
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
