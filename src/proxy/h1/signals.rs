//! The fields that framing depends on: what they say, or why they cannot be believed.
//!
//! One pass over a head gathers them; every value has exactly one accepted spelling or the head is refused.

use super::error::HeadError;
use super::framing::{BodyLength, Expectation, Persistence, TrailerSupport, UpgradeRequest};
use super::octets::{is_token, list};
use crate::request::{Field, FieldName, Fields, RequestHead, Version};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    None,
    Chunked,
}

/// The fields of a head that framing depends on, gathered in one pass.
#[derive(Debug)]
pub(super) struct Signals<'a> {
    pub(super) length: Option<u64>,
    transfer_encoding: Option<&'a [u8]>,
    expect: Option<&'a [u8]>,
    upgrade: Option<&'a [u8]>,
    connection: ConnectionTokens,
    pub(super) trailers: TrailerSupport,
}

/// The tokens of `Connection` that mean something to us.
#[derive(Debug, Default)]
struct ConnectionTokens {
    close: bool,
    keep_alive: bool,
    upgrade: bool,
    /// How many members there were in all.
    members: usize,
}

/// What one head may say about its connection: senders have use for two or three options. Fields are looked for among
/// them, so this also bounds what a head can cost.
const MAX_CONNECTION_OPTIONS: usize = 64;

impl<'a> Signals<'a> {
    pub(super) fn read(fields: &'a Fields) -> Result<Self, HeadError> {
        let mut signals = Self {
            length: None,
            transfer_encoding: None,
            expect: None,
            upgrade: None,
            connection: ConnectionTokens::default(),
            trailers: TrailerSupport::Unstated,
        };
        for field in fields.iter() {
            signals.note(field)?;
        }
        Ok(signals)
    }

    fn note(&mut self, field: Field<'a>) -> Result<(), HeadError> {
        let Field { known, value, .. } = field;
        if known == FieldName::ContentLength {
            if self.length.replace(content_length(value)?).is_some() {
                return Err(HeadError::bad_request("duplicate-content-length"));
            }
        } else if known == FieldName::TransferEncoding {
            if self.transfer_encoding.replace(value).is_some() {
                return Err(HeadError::bad_request("duplicate-transfer-encoding"));
            }
        } else if known == FieldName::Connection {
            self.connection.read(value)?;
        } else if known == FieldName::Expect {
            if self.expect.replace(value).is_some() {
                return Err(HeadError::refused(417, "duplicate-expect"));
            }
        } else if known == FieldName::Upgrade {
            if self.upgrade.replace(value).is_some() {
                return Err(HeadError::bad_request("duplicate-upgrade"));
            }
        } else if known == FieldName::Te && list(value).any(|member| member.eq_ignore_ascii_case(b"trailers")) {
            self.trailers = TrailerSupport::Accepted;
        }
        Ok(())
    }

    /// RFC 9112 §6.1 and §6.3. An unknown coding is told apart (501) because the client may do without it.
    pub(super) fn coding(&self) -> Result<Coding, HeadError> {
        let Some(value) = self.transfer_encoding else { return Ok(Coding::None) };
        if self.length.is_some() {
            return Err(HeadError::bad_request("content-length-with-transfer-encoding"));
        }
        if value.eq_ignore_ascii_case(b"chunked") {
            return Ok(Coding::Chunked);
        }
        let chunked = list(value).filter(|member| member.eq_ignore_ascii_case(b"chunked")).count();
        let last = list(value).last().is_some_and(|member| member.eq_ignore_ascii_case(b"chunked"));
        if list(value).all(is_token) && (chunked == 0 || (chunked == 1 && last)) {
            return Err(HeadError::refused(501, "unknown-transfer-coding"));
        }
        Err(HeadError::bad_request("invalid-transfer-encoding"))
    }

    /// RFC 9112 §9.3.
    pub(super) fn persistence(&self, version: Version) -> Persistence {
        let tokens = &self.connection;
        match version {
            Version::Http10 if tokens.keep_alive && !tokens.close => Persistence::KeepAlive,
            Version::Http11 | Version::Http2 if !tokens.close => Persistence::KeepAlive,
            Version::Http10 | Version::Http11 | Version::Http2 => Persistence::Close,
        }
    }

    /// RFC 9110 §10.1.1: an expectation in HTTP/1.0 is ignored, one that is not known is refused.
    pub(super) fn expectation(&self, version: Version, body: BodyLength) -> Result<Expectation, HeadError> {
        match self.expect {
            None => Ok(Expectation::None),
            Some(_) if version == Version::Http10 => Ok(Expectation::None),
            Some(value) if !value.eq_ignore_ascii_case(b"100-continue") => {
                Err(HeadError::refused(417, "unknown-expectation"))
            }
            Some(_) if body.is_empty() => Ok(Expectation::None),
            Some(_) => Ok(Expectation::Continue),
        }
    }

    /// The upgrade to pass on (RFC 9110 §7.8): asked for by `Connection` as well, on HTTP/1.1, by a request without
    /// content. Offers that would make the upstream speak another version or TLS past us are left out (RFC 9113 §3.1).
    pub(super) fn upgrade(&self, head: &RequestHead, body: BodyLength) -> Result<Option<UpgradeRequest>, HeadError> {
        let Some(offered) = self.upgrade else { return Ok(None) };
        if !self.connection.upgrade || head.version != Version::Http11 {
            return Ok(None);
        }
        let mut protocols = Vec::with_capacity(offered.len());
        for protocol in list(offered).filter(|protocol| may_pass(protocol, &head.method)) {
            if !protocols.is_empty() {
                protocols.extend_from_slice(b", ");
            }
            protocols.extend_from_slice(protocol);
        }
        if protocols.is_empty() {
            return Ok(None);
        }
        if !body.is_empty() {
            return Err(HeadError::bad_request("upgrade-with-content"));
        }
        Ok(Some(UpgradeRequest { protocols }))
    }
}

impl ConnectionTokens {
    fn read(&mut self, value: &[u8]) -> Result<(), HeadError> {
        for member in list(value) {
            self.members += 1;
            if self.members > MAX_CONNECTION_OPTIONS {
                return Err(HeadError::bad_request("too-many-connection-options"));
            }
            self.close |= member.eq_ignore_ascii_case(b"close");
            self.keep_alive |= member.eq_ignore_ascii_case(b"keep-alive");
            self.upgrade |= member.eq_ignore_ascii_case(b"upgrade");
        }
        Ok(())
    }
}

/// One line of digits without leading zeros, so that no reader can take it for octal, and within 64 bits.
fn content_length(value: &[u8]) -> Result<u64, HeadError> {
    let invalid = HeadError::bad_request("invalid-content-length");
    if matches!(value, [] | [b'0', _, ..]) {
        return Err(invalid);
    }
    value.iter().try_fold(0_u64, |length, octet| {
        let digit = octet.is_ascii_digit().then(|| u64::from(octet - b'0'));
        digit.and_then(|digit| length.checked_mul(10)?.checked_add(digit)).ok_or(invalid)
    })
}

/// Whether a protocol (`name` or `name/version`) may be offered to the upstream.
fn may_pass(protocol: &[u8], method: &str) -> bool {
    let mut parts = protocol.splitn(2, |octet| *octet == b'/');
    let name = parts.next().unwrap_or_default();
    let legal = is_token(name) && parts.next().is_none_or(is_token);
    let http2 = name.eq_ignore_ascii_case(b"HTTP") || name.eq_ignore_ascii_case(b"h2c");
    // RFC 6455 §4.1: the opening handshake is a GET.
    let misplaced = name.eq_ignore_ascii_case(b"websocket") && method != "GET";
    legal && !http2 && !name.eq_ignore_ascii_case(b"TLS") && !misplaced
}
