//! What can go wrong with one request: whose fault it is, which status the client gets, and whether another endpoint
//! may be tried. Decided here, in one place.

use std::io;

use super::body::{PumpError, SourceError};
use crate::ir::Limit;
use crate::ir::access::Denial;

/// The limit on clients that a message goes beyond which is refused with this code, if it is one.
pub(crate) fn limit_of(code: &str) -> Option<&'static Limit> {
    match code {
        "head-too-large" => Some(&Limit::HEAD_SIZE),
        "target-too-long" => Some(&Limit::TARGET_SIZE),
        "too-many-fields" | "too-many-trailers" => Some(&Limit::HEADER_FIELDS),
        "chunk-extensions-too-long" => Some(&Limit::CHUNK_EXTENSIONS),
        "trailers-too-large" => Some(&Limit::TRAILERS),
        _ => None,
    }
}

/// Why a request ended without the answer that was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProxyError {
    // The client's side.
    #[error("the client closed the connection")]
    ClientGone,
    #[error("the client sent no body for too long")]
    ClientBodyTimeout,
    #[error("the client read nothing for too long")]
    ClientReadTimeout,
    #[error("the request body is larger than {0} octets")]
    BodyTooLarge(u64),
    #[error("the request body is malformed: {0}")]
    ClientBody(&'static str),
    #[error("the client's address is refused: {0:?}")]
    AddressRefused(Denial),

    // The upstream's side.
    #[error("the backend has no ready endpoints")]
    NoEndpoints,
    #[error("connecting failed: {0}")]
    Connect(io::Error),
    #[error("connecting took too long")]
    ConnectTimeout,
    #[error("the upstream closed the connection before it answered: {0}")]
    UpstreamClosed(io::Error),
    /// The upstream said that it did not process the request (REFUSED_STREAM, GOAWAY).
    #[error("the upstream refused the stream unprocessed")]
    UpstreamRefused,
    #[error("the upstream took nothing for too long")]
    UpstreamSendTimeout,
    #[error("the upstream sent nothing for too long")]
    UpstreamReadTimeout,
    #[error("the upstream's answer is malformed: {0}")]
    UpstreamMalformed(&'static str),
    #[error("the upstream broke off inside its answer: {0}")]
    UpstreamTruncated(SourceError),
}

/// The conditions under which nginx's `proxy_next_upstream` tries another endpoint, but for statuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RetryCondition {
    Error,
    Timeout,
    InvalidHeader,
}

/// What a failure means.
struct Meaning {
    /// What the client gets if nothing was sent yet; what the log says in any case.
    status: u16,
    /// For logs and metrics.
    code: &'static str,
    retry: Option<RetryCondition>,
}

impl ProxyError {
    fn meaning(&self) -> Meaning {
        let (status, code, retry) = match self {
            Self::ClientGone => (499, "client-gone", None),
            Self::ClientBodyTimeout => (408, "client-body-timeout", None),
            Self::ClientReadTimeout => (499, "client-read-timeout", None),
            Self::BodyTooLarge(_) => (413, "body-too-large", None),
            Self::ClientBody(_) => (400, "malformed-body", None),
            Self::AddressRefused(Denial::Denied) => (403, "address-denied", None),
            Self::AddressRefused(Denial::NotAllowed) => (403, "address-not-allowed", None),
            Self::NoEndpoints => (503, "no-endpoints", None),
            Self::Connect(_) => (502, "connect-failed", Some(RetryCondition::Error)),
            Self::ConnectTimeout => (504, "connect-timeout", Some(RetryCondition::Timeout)),
            Self::UpstreamClosed(_) => (502, "upstream-closed", Some(RetryCondition::Error)),
            Self::UpstreamRefused => (502, "upstream-refused", Some(RetryCondition::Error)),
            Self::UpstreamSendTimeout => (504, "upstream-send-timeout", Some(RetryCondition::Timeout)),
            Self::UpstreamReadTimeout => (504, "upstream-read-timeout", Some(RetryCondition::Timeout)),
            Self::UpstreamMalformed(_) => (502, "upstream-malformed", Some(RetryCondition::InvalidHeader)),
            Self::UpstreamTruncated(_) => (502, "upstream-truncated", None),
        };
        Meaning { status, code, retry }
    }

    /// The status that answers the client, or 499 where there is nobody to answer.
    pub(crate) fn status(&self) -> u16 {
        self.meaning().status
    }

    /// Whether the answer must be the connection's last, where a connection is given to one request at a time: what
    /// remains of the request cannot be told from the next one, or is more than is worth reading.
    pub(crate) const fn ends_connection(&self) -> bool {
        matches!(self, Self::ClientBody(_) | Self::BodyTooLarge(_) | Self::ClientBodyTimeout)
    }

    /// A stable name for logs and metrics.
    pub(crate) fn code(&self) -> &'static str {
        self.meaning().code
    }

    /// The limit on clients that was exceeded, if it was one.
    pub(crate) fn limit(&self) -> Option<&'static Limit> {
        match self {
            Self::ClientBodyTimeout => Some(&Limit::BODY_TIMEOUT),
            Self::ClientReadTimeout => Some(&Limit::SEND_TIMEOUT),
            Self::ClientBody(code) => limit_of(code),
            Self::ClientGone
            | Self::BodyTooLarge(_)
            | Self::AddressRefused(_)
            | Self::NoEndpoints
            | Self::Connect(_)
            | Self::ConnectTimeout
            | Self::UpstreamClosed(_)
            | Self::UpstreamRefused
            | Self::UpstreamSendTimeout
            | Self::UpstreamReadTimeout
            | Self::UpstreamMalformed(_)
            | Self::UpstreamTruncated(_) => None,
        }
    }

    /// Under which condition another endpoint may be tried, safety apart.
    pub(crate) fn retry_condition(&self) -> Option<RetryCondition> {
        self.meaning().retry
    }

    /// Whether the upstream certainly did not act on the request, so that any method may be sent again.
    pub(crate) const fn is_unprocessed(&self) -> bool {
        matches!(self, Self::Connect(_) | Self::ConnectTimeout | Self::UpstreamRefused)
    }

    /// The failure of a request body on its way up. A sink that broke is no verdict yet: the upstream may have answered
    /// before it closed.
    pub(crate) fn of_upload(error: PumpError) -> Self {
        match error {
            PumpError::Source(SourceError::TooLarge(limit)) => Self::BodyTooLarge(limit),
            PumpError::Source(SourceError::Malformed(what)) => Self::ClientBody(what),
            PumpError::Source(SourceError::Truncated | SourceError::Reset | SourceError::Io(_)) => Self::ClientGone,
            PumpError::Sink(error) => Self::UpstreamClosed(error.into_io()),
            PumpError::SourceStalled => Self::ClientBodyTimeout,
            PumpError::SinkStalled => Self::UpstreamSendTimeout,
        }
    }

    /// The failure of a response body on its way down.
    pub(crate) fn of_download(error: PumpError) -> Self {
        match error {
            PumpError::Source(SourceError::Malformed(what)) => Self::UpstreamMalformed(what),
            PumpError::Source(error) => Self::UpstreamTruncated(error),
            PumpError::Sink(_) => Self::ClientGone,
            PumpError::SourceStalled => Self::UpstreamReadTimeout,
            PumpError::SinkStalled => Self::ClientReadTimeout,
        }
    }
}
