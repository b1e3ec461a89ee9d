//! Why a message head cannot be read.
//!
//! A head is read in exactly one way or not at all (RFC 9112 §11.2): after any error here the framing of what follows
//! is unknown, so the connection must be closed once the answer is written, and must never return to a pool.

use super::parse::lines::LineError;

/// A head that is refused. On the client's side `status` is the answer; a response head of an upstream always carries
/// 502.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{code}")]
pub struct HeadError {
    /// The status to answer with; [`UNANSWERED`](Self::UNANSWERED) to close without an answer.
    pub status: u16,
    /// Stable kebab-case name of the cause, for logs and metrics.
    pub code: &'static str,
}

impl HeadError {
    /// nginx's status in logs for a connection that is closed without an answer.
    pub const UNANSWERED: u16 = 444;

    /// A request that is malformed: 400.
    pub(super) const fn bad_request(code: &'static str) -> Self {
        Self { status: 400, code }
    }

    /// A request that is refused with a status of its own.
    pub(super) const fn refused(status: u16, code: &'static str) -> Self {
        Self { status, code }
    }

    /// A line of a head that cannot be read.
    pub(super) const fn of_line(error: LineError) -> Self {
        match error {
            LineError::End => Self::bad_request("bare-line-feed"),
            LineError::Name => Self::bad_request("invalid-field-name"),
            LineError::Value => Self::bad_request("invalid-field-value"),
            LineError::TooMany => Self::refused(431, "too-many-fields"),
        }
    }

    /// The same cause in an upstream's response.
    pub(super) const fn of_upstream(self) -> Self {
        Self { status: 502, code: self.code }
    }
}
