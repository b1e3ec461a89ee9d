//! Message heads, from octets to [`RequestHead`] and [`ResponseHead`], without I/O.
//!
//! The lines are found first, so that nothing but CRLF ends one and the head's extent depends on no parser; httparse
//! then checks the characters; `target` and `framing` say what was meant. A head has one reading or is refused.
//! An unfinished head costs one search for line ends per call, over at most [`Limits::head_octets`], and is parsed
//! again only when it ends with a whole line: sent octet by octet it costs no more than its lines.

use std::mem::MaybeUninit;
use std::sync::LazyLock;

use httparse::{Header, ParserConfig, Status};
use memchr::memmem::Finder;

use super::error::HeadError;
use super::framing::{self, RequestFraming, ResponseFraming};
use super::target;
use crate::request::{Fields, RequestHead, ResponseHead, Version};

/// The bounds of one head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// All octets up to and with the empty line. More are answered 431.
    pub head_octets: usize,
    /// Field lines, at most 128 whatever is set here. More are answered 431.
    pub fields: usize,
    /// Octets of the request target. More are answered 414.
    pub target_octets: usize,
}

impl Limits {
    /// Those that hold for clients.
    #[must_use]
    pub const fn of(limits: &crate::ir::Limits) -> Self {
        Self {
            head_octets: limits.head_octets as usize,
            fields: limits.header_fields as usize,
            target_octets: limits.target_octets as usize,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::of(&crate::ir::Limits::default())
    }
}

/// Room for this many field lines is kept on the stack.
const MAX_FIELDS: usize = 128;
/// Empty lines tolerated before a request line (RFC 9112 §2.2).
const MAX_LEADING_LINES: usize = 4;
/// A longer method is none that anything implements (RFC 9112 §3).
const MAX_METHOD_OCTETS: usize = 64;

/// What came of reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parsed<T> {
    /// More octets are needed; none were consumed.
    Incomplete,
    /// A whole head, which took this many octets of the input.
    Complete { consumed: usize, value: T },
}

/// Reads a request head from the start of `input` into `head`, which is cleared first.
///
/// An error carries the status to answer with; the connection is then closed, because nothing says where the next
/// request would begin.
pub fn request_head(
    input: &[u8],
    limits: &Limits,
    head: &mut RequestHead,
) -> Result<Parsed<RequestFraming>, HeadError> {
    let Some((skipped, rest)) = leading_lines(input)? else { return Ok(Parsed::Incomplete) };
    let mut slots = [const { MaybeUninit::uninit() }; MAX_FIELDS];
    let mut request = httparse::Request::new(&mut []);
    let text = match extent(rest, limits)? {
        Extent::Open { checkable: [] } => return Ok(Parsed::Incomplete),
        Extent::Open { checkable: text } | Extent::Closed(text) => text,
    };
    match request.parse_with_uninit_headers(text, &mut slots) {
        Ok(Status::Complete(length)) if length == text.len() => {}
        Ok(Status::Complete(_)) => return Err(HeadError::bad_request("malformed-head")),
        Ok(Status::Partial) => return Ok(Parsed::Incomplete),
        Err(error) => return Err(request_error(error, text)),
    }
    let (Some(method), Some(target), Some(version)) = (request.method, request.path, request.version) else {
        return Err(HeadError::bad_request("malformed-head"));
    };
    if method.len() > MAX_METHOD_OCTETS {
        return Err(HeadError::refused(501, "method-too-long"));
    }
    if target.len() > limits.target_octets {
        return Err(HeadError::refused(414, "target-too-long"));
    }
    head.clear();
    head.method.push_str(method);
    head.version = version_of(version);
    head.wire_octets = text.len() as u64;
    let form = target::read(method, target, head)?;
    store_fields(request.headers, limits, &mut head.fields)?;
    let framing = framing::request(head, form)?;
    Ok(Parsed::Complete { consumed: skipped + text.len(), value: framing })
}

/// Reads a response head from the start of `input` into `head`, which is cleared first. The method of the request
/// that it answers decides whether content follows.
///
/// Every error carries 502; the connection to the upstream is then closed and never reused.
pub fn response_head(
    input: &[u8],
    limits: &Limits,
    request_method: &str,
    head: &mut ResponseHead,
) -> Result<Parsed<ResponseFraming>, HeadError> {
    let parsed = read_response(input, limits, request_method, head);
    parsed.map_err(HeadError::of_upstream)
}

fn read_response(
    input: &[u8],
    limits: &Limits,
    request_method: &str,
    head: &mut ResponseHead,
) -> Result<Parsed<ResponseFraming>, HeadError> {
    if input.iter().zip(b"HTTP/1.").any(|(octet, expected)| octet != expected) {
        return Err(HeadError::bad_request("malformed-status-line"));
    }
    let text = match extent(input, limits)? {
        Extent::Open { checkable: [] } => return Ok(Parsed::Incomplete),
        Extent::Open { checkable: text } | Extent::Closed(text) => text,
    };
    let mut slots = [const { MaybeUninit::uninit() }; MAX_FIELDS];
    let mut response = httparse::Response::new(&mut []);
    let mut config = ParserConfig::default();
    config.allow_obsolete_multiline_headers_in_responses(true);
    match config.parse_response_with_uninit_headers(&mut response, text, &mut slots) {
        Ok(Status::Complete(length)) if length == text.len() => {}
        Ok(Status::Complete(_)) => return Err(HeadError::bad_request("malformed-head")),
        Ok(Status::Partial) => return Ok(Parsed::Incomplete),
        Err(error) => return Err(HeadError::bad_request(error_code(error))),
    }
    let (Some(status @ 100..=999), Some(version)) = (response.code, response.version) else {
        return Err(HeadError::bad_request("malformed-status-line"));
    };
    head.clear();
    head.status = status;
    head.version = version_of(version);
    if any_pair(text, |(before, octet)| *before == b'\n' && matches!(octet, b' ' | b'\t')) {
        store_unfolded(response.headers, limits, &mut head.fields)?;
    } else {
        store_fields(response.headers, limits, &mut head.fields)?;
    }
    let framing = framing::response(head, request_method)?;
    Ok(Parsed::Complete { consumed: text.len(), value: framing })
}

/// Passes over empty lines before the request line. `None` if a request cannot have begun yet.
fn leading_lines(input: &[u8]) -> Result<Option<(usize, &[u8])>, HeadError> {
    let mut rest = input;
    let mut lines = 0;
    while let [b'\r', b'\n', next @ ..] = rest {
        rest = next;
        lines += 1;
    }
    match rest {
        _ if lines > MAX_LEADING_LINES => Err(HeadError::bad_request("too-many-empty-lines")),
        [] | [b'\r'] => Ok(None),
        [b'\n', ..] => Err(HeadError::bad_request("bare-line-feed")),
        [first, ..] if !super::octets::is_token_octet(*first) => Err(HeadError::bad_request("malformed-request-line")),
        _ => Ok(Some((input.len() - rest.len(), rest))),
    }
}

/// How far the head reaches.
enum Extent<'a> {
    /// The empty line has not come. `checkable` is the input if it ends with a whole line, so that what is wrong in it
    /// is told at once and not when a timeout ends the wait; else nothing.
    Open { checkable: &'a [u8] },
    /// The head, with its empty line.
    Closed(&'a [u8]),
}

/// Finds the end of the head line by line: a line ends with CRLF and nothing else (stricter than RFC 9112 §2.2, which
/// lets a recipient take a bare LF: what one hop takes for a line end and the next does not splits requests).
fn extent<'a>(input: &'a [u8], limits: &Limits) -> Result<Extent<'a>, HeadError> {
    let window = input.get(..limits.head_octets).unwrap_or(input);
    if let Some(head) = whole(window) {
        return Ok(Extent::Closed(head));
    }
    let mut start = 0;
    let mut lines = 0;
    for feed in memchr::memchr_iter(b'\n', window) {
        let line = window.get(start..feed).unwrap_or_default();
        let Some((b'\r', line)) = line.split_last() else { return Err(HeadError::bad_request("bare-line-feed")) };
        if line.is_empty() {
            return Ok(Extent::Closed(input.get(..=feed).unwrap_or_default()));
        }
        start = feed + 1;
        lines += 1;
    }
    if lines == 0 && window.len() > limits.target_octets + MAX_METHOD_OCTETS {
        // It is the target that is too long, if there is one.
        let has_method = window.iter().take(MAX_METHOD_OCTETS + 1).any(|octet| *octet == b' ');
        return Err(if has_method {
            HeadError::refused(414, "target-too-long")
        } else {
            HeadError::bad_request("malformed-request-line")
        });
    }
    // The request line is the first; folded lines of responses count as well.
    if window.len() == limits.head_octets || lines > limits.fields + 1 {
        return Err(HeadError::refused(431, "head-too-large"));
    }
    Ok(Extent::Open { checkable: if start == input.len() { input } else { &[] } })
}

/// The head, if it is all there and each of its lines ends with CRLF: what nearly every head is, found in two passes
/// that look at many octets at a time.
fn whole(window: &[u8]) -> Option<&[u8]> {
    static END: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\r\n\r\n"));
    let end = END.find(window)? + 4;
    let head = window.get(..end)?;
    let is_bare = |(before, octet): (&u8, &u8)| *octet == b'\n' && *before != b'\r';
    (!any_pair(head, is_bare)).then_some(head)
}

/// Whether some two neighbouring octets are as `wanted`. Looks at all of them, without a branch for each.
fn any_pair(text: &[u8], wanted: impl Fn((&u8, &u8)) -> bool) -> bool {
    text.iter().zip(text.iter().skip(1)).fold(0, |any, pair| any | u8::from(wanted(pair))) != 0
}

fn request_error(error: httparse::Error, text: &[u8]) -> HeadError {
    match error {
        httparse::Error::TooManyHeaders => HeadError::refused(431, "too-many-fields"),
        httparse::Error::Version => version_error(text),
        other => HeadError::bad_request(error_code(other)),
    }
}

/// The answer by what stands where the version should: 505 if it is one, if not one of ours (RFC 9112 §2.3). Three
/// words of which the last does not even begin like a version are another protocol's, and whoever speaks that would
/// not understand an answer: so begins what a client of HTTP/2 would say, were it not for an error.
fn version_error(text: &[u8]) -> HeadError {
    let line = text.split(|octet| *octet == b'\r').next().unwrap_or_default();
    let mut words = line.split(|octet| *octet == b' ').skip(2);
    match (words.next(), words.next()) {
        (Some([b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9']), None) => {
            HeadError::refused(505, "unsupported-version")
        }
        (Some(word), None) if !word.is_empty() && !word.to_ascii_uppercase().starts_with(b"HTTP") => {
            HeadError::refused(HeadError::UNANSWERED, "another-protocol")
        }
        (Some(_) | None, _) => HeadError::bad_request(error_code(httparse::Error::Version)),
    }
}

const fn error_code(error: httparse::Error) -> &'static str {
    match error {
        httparse::Error::HeaderName => "invalid-field-name",
        httparse::Error::HeaderValue => "invalid-field-value",
        httparse::Error::NewLine => "invalid-line-end",
        httparse::Error::Status => "malformed-status-line",
        httparse::Error::Token => "malformed-request-line",
        httparse::Error::TooManyHeaders => "too-many-fields",
        httparse::Error::Version => "invalid-version",
    }
}

const fn version_of(minor: u8) -> Version {
    if minor == 0 { Version::Http10 } else { Version::Http11 }
}

fn store_fields(lines: &[Header<'_>], limits: &Limits, fields: &mut Fields) -> Result<(), HeadError> {
    if lines.len() > limits.fields {
        return Err(HeadError::refused(431, "too-many-fields"));
    }
    for line in lines {
        fields.push(line.name.as_bytes(), line.value);
    }
    Ok(())
}

/// As [`store_fields`], and joins folded lines with one space each (RFC 9112 §5.2).
fn store_unfolded(lines: &[Header<'_>], limits: &Limits, fields: &mut Fields) -> Result<(), HeadError> {
    if lines.len() > limits.fields {
        return Err(HeadError::refused(431, "too-many-fields"));
    }
    for line in lines {
        let parts = line.value.split(|octet| matches!(octet, b'\r' | b'\n')).map(super::octets::trim);
        let parts: Vec<&[u8]> = parts.filter(|part| !part.is_empty()).collect();
        fields.push(line.name.as_bytes(), &parts.join(&b' '));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
