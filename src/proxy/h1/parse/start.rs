//! The first line of a head: a request line (RFC 9112 §3) or a status line (§4).

use crate::proxy::h1::error::HeadError;
use crate::proxy::h1::octets::is_token;
use crate::request::Version;

/// A request line; the target is whatever stands between the spaces.
#[derive(Debug, Clone, Copy)]
pub(super) struct RequestLine<'a> {
    pub(super) method: &'a str,
    pub(super) target: &'a [u8],
    pub(super) version: Version,
}

/// Reads a request line: three words with one space between any two.
pub(super) fn request_line(line: &[u8]) -> Result<RequestLine<'_>, HeadError> {
    let malformed = HeadError::bad_request("malformed-request-line");
    let (method, rest) = word(line).ok_or(malformed)?;
    let (target, rest) = word(rest).ok_or(malformed)?;
    let method = str::from_utf8(method).ok().filter(|_| is_token(method)).ok_or(malformed)?;
    let version = match rest.split_at_checked(VERSION_OCTETS) {
        Some((b"HTTP/1.1", rest)) => (Version::Http11, rest),
        Some((b"HTTP/1.0", rest)) => (Version::Http10, rest),
        Some(_) | None => return Err(version_error(line)),
    };
    match version {
        (version, []) => Ok(RequestLine { method, target, version }),
        _ => Err(HeadError::bad_request("invalid-line-end")),
    }
}

/// Reads a status line: a version, three digits, and whatever is said beside them.
pub(super) fn status_line(line: &[u8]) -> Result<(Version, u16), HeadError> {
    let malformed = HeadError::bad_request("malformed-status-line");
    let (version, rest) = match line.split_at_checked(VERSION_OCTETS + 1) {
        Some((b"HTTP/1.1 ", rest)) => (Version::Http11, rest),
        Some((b"HTTP/1.0 ", rest)) => (Version::Http10, rest),
        Some(_) | None => return Err(HeadError::bad_request("invalid-version")),
    };
    let [a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', reason @ ..] = rest else { return Err(malformed) };
    let is_reason =
        matches!(reason, [] | [b' ', ..]) && reason.iter().all(|octet| matches!(octet, b'\t' | b' '..=b'~' | 0x80..));
    if !is_reason {
        return Err(malformed);
    }
    let digit = |octet: u8| u16::from(octet - b'0');
    Ok((version, digit(*a) * 100 + digit(*b) * 10 + digit(*c)))
}

const VERSION_OCTETS: usize = b"HTTP/1.1".len();

/// What stands before the first space, if there is any of it, and what comes behind that space.
fn word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (word, rest) = text.split_at(memchr::memchr(b' ', text).filter(|end| *end > 0)?);
    Some((word, rest.strip_prefix(b" ")?))
}

/// The answer by what stands where the version should: 505 if it is one, if not one of ours (RFC 9112 §2.3). Three
/// words of which the last does not even begin like a version are another protocol's, and whoever speaks that would
/// not understand an answer: so begins what a client of HTTP/2 would say, were it not for an error.
fn version_error(line: &[u8]) -> HeadError {
    let line = line.split(|octet| *octet == b'\r').next().unwrap_or_default();
    let mut words = line.split(|octet| *octet == b' ').skip(2);
    match (words.next(), words.next()) {
        (Some([b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9']), None) => {
            HeadError::refused(505, "unsupported-version")
        }
        (Some(word), None) if !word.is_empty() && !word.to_ascii_uppercase().starts_with(b"HTTP") => {
            HeadError::refused(HeadError::UNANSWERED, "another-protocol")
        }
        (Some(_) | None, _) => HeadError::bad_request("invalid-version"),
    }
}
