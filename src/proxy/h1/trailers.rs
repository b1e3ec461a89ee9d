//! Trailer fields: which may be passed on, and the reading of a trailer section.
//!
//! A trailer is seen after decisions were made on the head, so a field that delimits, routes, authenticates, modifies
//! or describes the message must not appear there (RFC 9110 §6.5.1); such fields are dropped, not refused.

use super::parse::lines::{self, Line, LineError, Section};
use crate::request::Fields;

/// Names that are never passed on as trailers, lower-case with `-`.
const FORBIDDEN: &[&str] = &[
    "accept-encoding",
    "age",
    "authorization",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "cookie",
    "date",
    "expect",
    "expires",
    "forwarded",
    "host",
    "http2-settings",
    "keep-alive",
    "location",
    "max-forwards",
    "pragma",
    "proxy",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "retry-after",
    "set-cookie",
    "strict-transport-security",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "vary",
    "warning",
    "www-authenticate",
    "x-real-ip",
    "x-request-id",
    "x-scheme",
];

/// Beginnings of names that are never passed on: preconditions, and what proxies say to origins.
const FORBIDDEN_PREFIXES: &[&str] = &["if-", "x-forwarded-", "x-original-", "x-auth-request-", "ssl-client-"];

/// Whether a field of this name must not be passed on as a trailer. Case does not matter, and `_` counts as `-`:
/// programs behind CGI-like interfaces cannot tell them apart.
#[must_use]
pub fn is_forbidden(name: &[u8]) -> bool {
    FORBIDDEN.iter().any(|known| known.len() == name.len() && begins_with(name, known))
        || FORBIDDEN_PREFIXES.iter().any(|prefix| begins_with(name, prefix))
}

fn begins_with(name: &[u8], prefix: &str) -> bool {
    let folded = name.iter().map(|octet| if *octet == b'_' { b'-' } else { octet.to_ascii_lowercase() });
    name.len() >= prefix.len() && folded.zip(prefix.bytes()).all(|(octet, expected)| octet == expected)
}

/// Why a section cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SectionError {
    Malformed,
    TooMany,
}

/// Reads a whole section, empty line and all, whose lines are known to end with CRLF, of at most so many fields.
pub(super) fn read(section: &[u8], most: usize, fields: &mut Fields) -> Result<(), SectionError> {
    let read = lines::read(section, most, |line| match line {
        Line::Field { name, value } => {
            if !is_forbidden(name) {
                fields.push(name, value);
            }
            Ok(())
        }
        Line::Fold(_) => Err(LineError::Name),
    });
    match read {
        Ok(Section::Whole) => Ok(()),
        Err(LineError::TooMany) => Err(SectionError::TooMany),
        Ok(Section::Open) | Err(LineError::End | LineError::Name | LineError::Value) => Err(SectionError::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_that_change_the_message_are_forbidden_in_any_spelling() {
        for name in
            ["Content-Length", "TRANSFER_ENCODING", "host", "X-Forwarded-Anything", "x_forwarded_for", "If-Match"]
        {
            assert!(is_forbidden(name.as_bytes()), "{name}");
        }
        for name in ["grpc-status", "grpc-message", "server-timing", "digest", "hosts", "x-forwarded", "etag"] {
            assert!(!is_forbidden(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn the_lists_hold_names_as_they_are_compared() {
        for name in FORBIDDEN.iter().chain(FORBIDDEN_PREFIXES) {
            assert!(is_forbidden(name.as_bytes()), "{name}");
            assert_eq!(**name, name.to_ascii_lowercase());
        }
    }
}
