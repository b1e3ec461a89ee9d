//! ingress-nginx's default line (`log-format-upstream`), octet for octet:
//!
//! ```text
//! $remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"
//! $request_length $request_time [$proxy_upstream_name] [$proxy_alternative_upstream_name] $upstream_addr
//! $upstream_response_length $upstream_response_time $upstream_status $req_id
//! ```
//!
//! on one line. What is absent is `-`, what is empty stays empty, attempts are joined by `, `, and times are seconds with
//! three decimals. Octets that could end a line or a field are written as `\xHH`, as nginx does it, so that no client can
//! forge a line.

use std::fmt::Display;
use std::io::Write;
use std::time::Duration;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::proxy::exchange::{Attempt, Received, Record};
use crate::request::head::{FieldName, RequestHead, Version};

/// nginx decodes credentials with and without padding, and ignores what bits are left over.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Appends the line, without its end.
pub(super) fn write(out: &mut Vec<u8>, record: &Record<'_>, elapsed: Duration, time: &str, scratch: &mut Vec<u8>) {
    let head = match record.received {
        Received::Head(head) => Some(head),
        Received::Malformed(_) => None,
    };
    display(out, record.client);
    out.extend_from_slice(b" - ");
    optional(out, head.and_then(|head| remote_user(head, scratch)));
    out.extend_from_slice(b" [");
    out.extend_from_slice(time.as_bytes());
    out.extend_from_slice(b"] \"");
    request_line(out, record.received);
    out.extend_from_slice(b"\" ");
    status(out, record.status);
    out.push(b' ');
    number(out, record.body_octets);
    out.extend_from_slice(b" \"");
    optional(out, head.and_then(|head| head.fields.first(FieldName::Referer)));
    out.extend_from_slice(b"\" \"");
    optional(out, head.and_then(|head| head.fields.first(FieldName::UserAgent)));
    out.extend_from_slice(b"\" ");
    number(out, record.request_octets());
    out.push(b' ');
    seconds(out, elapsed);
    out.extend_from_slice(b" [");
    escaped(out, record.upstream_name().as_bytes());
    out.extend_from_slice(b"] [] ");
    attempts(out, &record.attempts, |out, attempt| display(out, attempt.address));
    out.push(b' ');
    attempts(out, &record.attempts, |out, attempt| number(out, attempt.response_octets));
    out.push(b' ');
    attempts(out, &record.attempts, |out, attempt| match attempt.response {
        Some(elapsed) => seconds(out, elapsed),
        None => out.push(b'-'),
    });
    out.push(b' ');
    attempts(out, &record.attempts, |out, attempt| match attempt.status {
        Some(code) => status(out, code),
        None => out.push(b'-'),
    });
    out.push(b' ');
    optional(out, Some(record.request_id.as_slice()).filter(|id| !id.is_empty()));
}

/// The user of Basic credentials (RFC 7617), as nginx reads them; `None` if there is none. Decodes into `scratch`.
pub(super) fn remote_user<'s>(head: &RequestHead, scratch: &'s mut Vec<u8>) -> Option<&'s [u8]> {
    let value = head.fields.first(FieldName::Authorization)?;
    let (scheme, credentials) = value.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    scratch.clear();
    LENIENT.decode_vec(credentials.trim_ascii_start(), scratch).ok()?;
    let (user, _) = scratch.split_at(memchr::memchr(b':', scratch)?);
    Some(user).filter(|user| !user.is_empty())
}

/// nginx's `$request`: the request line as received, but for what HTTP/2 does not have.
fn request_line(out: &mut Vec<u8>, received: Received<'_>) {
    match received {
        Received::Malformed(line) => escaped(out, line),
        Received::Head(head) => {
            escaped(out, head.method.as_bytes());
            out.push(b' ');
            if let (Version::Http10 | Version::Http11, Some(authority)) = (head.version, &head.authority) {
                out.extend_from_slice(b"http://");
                escaped(out, authority.as_bytes());
            }
            escaped(out, &head.target);
            out.push(b' ');
            out.extend_from_slice(head.version.as_str().as_bytes());
        }
    }
}

fn attempts(out: &mut Vec<u8>, attempts: &[Attempt], mut each: impl FnMut(&mut Vec<u8>, &Attempt)) {
    let Some((first, others)) = attempts.split_first() else { return out.push(b'-') };
    each(out, first);
    for attempt in others {
        out.extend_from_slice(b", ");
        each(out, attempt);
    }
}

fn optional(out: &mut Vec<u8>, value: Option<&[u8]>) {
    match value {
        Some(value) => escaped(out, value),
        None => out.push(b'-'),
    }
}

/// nginx's default escape: quotation marks, backslashes, controls and everything from 0x7F up as `\xHH`.
fn escaped(out: &mut Vec<u8>, text: &[u8]) {
    let mut rest = text;
    while let Some(at) = rest.iter().position(|octet| must_escape(*octet)) {
        let (plain, tail) = rest.split_at(at);
        out.extend_from_slice(plain);
        let Some((octet, after)) = tail.split_first() else { return };
        out.extend_from_slice(b"\\x");
        out.extend([octet >> 4, octet & 0x0f].map(hex_digit));
        rest = after;
    }
    out.extend_from_slice(rest);
}

const fn hex_digit(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'A' + nibble - 10 }
}

const fn must_escape(octet: u8) -> bool {
    octet < b' ' || octet >= 0x7f || octet == b'"' || octet == b'\\'
}

/// nginx's `%03ui`.
fn status(out: &mut Vec<u8>, code: u16) {
    if code < 100 {
        out.extend_from_slice(if code < 10 { b"00" } else { b"0" });
    }
    number(out, u64::from(code));
}

/// Seconds with three decimals, cut off.
fn seconds(out: &mut Vec<u8>, elapsed: Duration) {
    number(out, elapsed.as_secs());
    let millis = elapsed.subsec_millis();
    out.extend_from_slice(match millis {
        0..=9 => b".00",
        10..=99 => b".0",
        100.. => b".",
    });
    number(out, u64::from(millis));
}

fn number(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

fn display(out: &mut Vec<u8>, value: impl Display) {
    let _ = write!(out, "{value}");
}
