//! The authority of a request, parsed strictly: what `Host`, `:authority` and an absolute target may hold.
//!
//! Routing and forwarding use one value, so nothing that two parsers could read differently passes: no userinfo, no
//! path, no list, no port but decimal digits up to 65535.

use super::head::{FieldName, RequestHead, Version};
use super::plan::Rejected;
use crate::table::CanonicalHost;

/// An authority, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    pub host: CanonicalHost,
    /// `None` where the text has no colon.
    pub port: Option<u16>,
}

/// Parses `host [ ":" port ]` (RFC 9110 §7.2). `None` for whatever is not exactly that, an empty port included.
#[must_use]
pub fn parse(text: &[u8]) -> Option<Authority> {
    let (host, port) = split_port(text)?;
    Some(Authority {
        host: CanonicalHost::parse(host)?,
        port: port.map_or(Some(None), |port| parse_port(port).map(Some))?,
    })
}

/// The host that a request is for. The target's authority goes before `Host` (RFC 9112 §3.2.2); a `Host` field beside
/// it must be valid all the same, and over HTTP/2 agree with it (RFC 9113 §8.3.1). [`CanonicalHost::absent`] for HTTP/1.0
/// without either.
///
/// # Errors
/// 400 when the authority is malformed, when there is more than one `Host`, also if identical, and when there is none
/// where the version asks for one (RFC 9112 §3.2).
pub fn of(head: &RequestHead) -> Result<CanonicalHost, Rejected> {
    let field = host_field(head)?;
    let target = head.authority.as_deref().map(|text| parse(text.as_bytes()).ok_or(INVALID)).transpose()?;
    match (head.version, target, field) {
        (Version::Http10, None, None) => Ok(CanonicalHost::absent()),
        (Version::Http11, _, None) | (Version::Http2, None, None) => Err(MISSING),
        (Version::Http10, Some(target), None) | (Version::Http10 | Version::Http11, Some(target), Some(_)) => {
            Ok(target.host)
        }
        (Version::Http2, Some(target), None) => Ok(target.host),
        (Version::Http2, Some(target), Some(field)) => agree(target, &field),
        (_, None, Some(field)) => Ok(field.host),
    }
}

const INVALID: Rejected = Rejected { status: 400, code: "host-invalid" };
const MISSING: Rejected = Rejected { status: 400, code: "host-missing" };
const REPEATED: Rejected = Rejected { status: 400, code: "host-repeated" };
const CONFLICTING: Rejected = Rejected { status: 400, code: "host-conflicting" };

fn host_field(head: &RequestHead) -> Result<Option<Authority>, Rejected> {
    let mut fields = head.fields.all(FieldName::Host);
    let Some(first) = fields.next() else { return Ok(None) };
    if fields.next().is_some() {
        return Err(REPEATED);
    }
    parse(first).map(Some).ok_or(INVALID)
}

/// The same host, and the same port where both name one.
fn agree(target: Authority, field: &Authority) -> Result<CanonicalHost, Rejected> {
    let ports_agree = target.port.is_none() || field.port.is_none() || target.port == field.port;
    if target.host == field.host && ports_agree { Ok(target.host) } else { Err(CONFLICTING) }
}

/// Splits `:port` off; the colons of an IPv6 address are behind its bracket.
fn split_port(text: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let address_end = if text.first() == Some(&b'[') { memchr::memchr(b']', text)? } else { 0 };
    match text.iter().skip(address_end).position(|b| *b == b':') {
        Some(offset) => {
            let (host, port) = text.split_at_checked(address_end + offset)?;
            Some((host, port.strip_prefix(b":")))
        }
        None => Some((text, None)),
    }
}

/// Parses a port: one to five decimal digits, at most 65535.
#[must_use]
pub fn parse_port(digits: &[u8]) -> Option<u16> {
    if digits.is_empty() || digits.len() > 5 {
        return None;
    }
    let value = digits
        .iter()
        .try_fold(0_u32, |value, digit| digit.is_ascii_digit().then(|| value * 10 + u32::from(digit - b'0')))?;
    u16::try_from(value).ok()
}
