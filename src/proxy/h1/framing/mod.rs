//! How messages are delimited and what becomes of the connection, read from a parsed head.
//!
//! RFC 9112 §6 and §9 with every choice taken strictly: a message has one length or is refused. `Content-Length` is
//! one line of digits; `Transfer-Encoding` is one line that says `chunked`; never both. What later hops could read
//! differently never gets past here.

use super::error::HeadError;
use super::signals::{Coding, Signals};
use super::target::TargetForm;
use crate::request::{RequestHead, ResponseHead, Version};

/// How a request's content is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyLength {
    /// No framing field: there is no content.
    None,
    /// This many octets; 0 was written out by the client and is passed on.
    Length(u64),
    /// The chunked coding.
    Chunked,
}

impl BodyLength {
    /// Whether any octet of content can follow the head.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        matches!(self, Self::None | Self::Length(0))
    }
}

/// How a response's content is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseBody {
    /// None by the rules: 1xx, 204, 304, or the answer to HEAD.
    None,
    /// This many octets.
    Length(u64),
    /// The chunked coding.
    Chunked,
    /// Everything until the upstream closes.
    UntilClose,
}

/// Whether the connection may carry another message after this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Persistence {
    KeepAlive,
    Close,
}

/// What the client waits for before it sends the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expectation {
    None,
    /// `Expect: 100-continue` on HTTP/1.1 with content to come (RFC 9110 §10.1.1).
    Continue,
}

/// Whether the client said `TE: trailers`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrailerSupport {
    Unstated,
    Accepted,
}

/// An upgrade that the client offers and that may be passed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpgradeRequest {
    /// The value of the `Upgrade` field to send: what was offered but `h2c`, `HTTP/2` and `TLS`.
    pub protocols: Vec<u8>,
}

/// What a request head says beside its fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestFraming {
    pub form: TargetForm,
    pub body: BodyLength,
    pub connection: Persistence,
    pub expect: Expectation,
    pub upgrade: Option<UpgradeRequest>,
    pub trailers: TrailerSupport,
}

/// What a response head says beside its fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResponseFraming {
    pub body: ResponseBody,
    pub connection: Persistence,
    /// The stated length; for the answer to HEAD and for 304 it describes content that does not follow. `None` for
    /// 1xx and 204, which have no length to state (RFC 9110 §8.6).
    pub content_length: Option<u64>,
}

/// The framing of a request.
pub(super) fn request(head: &RequestHead, form: TargetForm) -> Result<RequestFraming, HeadError> {
    let signals = Signals::read(&head.fields)?;
    let body = match signals.coding()? {
        Coding::Chunked if head.version == Version::Http10 => {
            return Err(HeadError::bad_request("transfer-encoding-in-http10"));
        }
        Coding::Chunked => BodyLength::Chunked,
        Coding::None => signals.length.map_or(BodyLength::None, BodyLength::Length),
    };
    let upgrade = signals.upgrade(head, body)?;
    let connection = match form {
        // What follows a CONNECT is not a message of ours, whatever its fields say.
        TargetForm::Authority => Persistence::Close,
        TargetForm::Origin | TargetForm::Absolute | TargetForm::Asterisk => signals.persistence(head.version),
    };
    Ok(RequestFraming {
        form,
        body,
        connection,
        expect: signals.expectation(head.version, body)?,
        upgrade,
        trailers: signals.trailers,
    })
}

/// The framing of the response to a request of this method (RFC 9112 §6.3).
pub(super) fn response(head: &ResponseHead, request_method: &str) -> Result<ResponseFraming, HeadError> {
    let signals = Signals::read(&head.fields)?;
    let coding = signals.coding()?;
    if coding == Coding::Chunked && head.version == Version::Http10 {
        return Err(HeadError::bad_request("transfer-encoding-in-http10"));
    }
    let connection = signals.persistence(head.version);
    if head.is_informational() || head.status == 204 {
        // A length here contradicts the status: whatever comes next cannot be told from the next response.
        let stated = coding == Coding::Chunked || signals.length.is_some_and(|length| length > 0);
        if stated && head.is_informational() {
            return Err(HeadError::bad_request("content-of-an-interim-response"));
        }
        let connection = if stated { Persistence::Close } else { connection };
        return Ok(ResponseFraming { body: ResponseBody::None, connection, content_length: None });
    }
    if head.status == 304 || request_method == "HEAD" {
        return Ok(ResponseFraming { body: ResponseBody::None, connection, content_length: signals.length });
    }
    Ok(match (coding, signals.length) {
        (Coding::Chunked, _) => ResponseFraming { body: ResponseBody::Chunked, connection, content_length: None },
        (Coding::None, Some(length)) => {
            ResponseFraming { body: ResponseBody::Length(length), connection, content_length: Some(length) }
        }
        (Coding::None, None) => {
            ResponseFraming { body: ResponseBody::UntilClose, connection: Persistence::Close, content_length: None }
        }
    })
}

#[cfg(test)]
mod tests;
