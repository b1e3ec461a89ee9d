//! Message heads, from octets to [`RequestHead`] and [`ResponseHead`], without I/O.
//!
//! The end of the head is found first, so that its extent depends on no reading of what it says; `start` and `lines` then
//! take it apart and check each character, and nothing but CRLF ends a line; `target` and `framing` say what was meant. A
//! head has one reading or is refused.
//! An unfinished head costs one search for line ends per call, over at most [`Limits::head_octets`], and is parsed
//! again only when it ends with a whole line: sent octet by octet it costs no more than its lines.

pub(super) mod lines;
mod start;

use std::sync::LazyLock;

use memchr::memmem::Finder;

use self::lines::{Line, LineError, Section};

use super::error::HeadError;
use super::framing::{self, RequestFraming, ResponseFraming};
use super::target;
use crate::request::{RequestHead, ResponseHead};

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

/// The most field lines that limits can allow.
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
    head.clear();
    let Some((skipped, rest)) = leading_lines(input)? else { return Ok(Parsed::Incomplete) };
    let text = match extent(rest, limits)? {
        Extent::Open { checkable: [] } => return Ok(Parsed::Incomplete),
        Extent::Open { checkable: text } | Extent::Closed(text) => text,
    };
    let (line, section) = lines::first(text).map_err(HeadError::of_line)?;
    let line = start::request_line(line)?;
    if line.method.len() > MAX_METHOD_OCTETS {
        return Err(HeadError::refused(501, "method-too-long"));
    }
    if line.target.len() > limits.target_octets {
        return Err(HeadError::refused(414, "target-too-long"));
    }
    let form = target::read(line.method, line.target, head)?;
    let fields = &mut head.fields;
    let read = lines::read(section, limits.fields.min(MAX_FIELDS), |line| match line {
        Line::Field { name, value } => {
            fields.push(name, value);
            Ok(())
        }
        Line::Fold(_) => Err(LineError::Name),
    });
    if read.map_err(HeadError::of_line)? == Section::Open {
        head.clear();
        return Ok(Parsed::Incomplete);
    }
    head.method.push_str(line.method);
    head.version = line.version;
    head.wire_octets = text.len() as u64;
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
    head.clear();
    let (line, section) = lines::first(text).map_err(HeadError::of_line)?;
    (head.version, head.status) = start::status_line(line)?;
    let fields = &mut head.fields;
    let read = lines::read(section, limits.fields.min(MAX_FIELDS), |line| match line {
        Line::Field { name, value } => {
            fields.push(name, value);
            Ok(())
        }
        // Joined by one space (RFC 9112 §5.2).
        Line::Fold(more) => {
            if fields.continue_last(more) {
                Ok(())
            } else {
                Err(LineError::Name)
            }
        }
    });
    if read.map_err(HeadError::of_line)? == Section::Open {
        return Ok(Parsed::Incomplete);
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

/// The head, if it is all there. What its lines end with, their reader looks at.
fn whole(window: &[u8]) -> Option<&[u8]> {
    static END: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\r\n\r\n"));
    window.get(..END.find(window)? + 4)
}

#[cfg(test)]
mod tests;
