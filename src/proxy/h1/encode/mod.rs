//! Heads and chunks, written into a buffer that the connection reuses.
//!
//! Nothing is allocated but the buffer's growth. Whatever the values given, a field is written as exactly one line: a
//! value with CR, LF or NUL, or a name that is no token, is left out. Those of a received head cannot be such: they
//! were refused when it was read.

use super::octets::is_token;
use crate::request::edit::{FieldSink, OwnName};
use crate::request::{Field, Fields};

/// The interim response that `Expect: 100-continue` waits for.
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// The end of a chunked message without trailers.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// Writes the request line and `Host`, which comes first (RFC 9110 §7.2).
pub fn request_line(out: &mut Vec<u8>, method: &str, target: &[u8], host: &[u8]) {
    out.extend_from_slice(method.as_bytes());
    out.push(b' ');
    out.extend_from_slice(target);
    out.extend_from_slice(b" HTTP/1.1\r\n");
    field(out, b"Host", host);
}

/// Writes the status line with the phrase that RFC 9110 names for the status, without one for others.
pub fn status_line(out: &mut Vec<u8>, status: u16) {
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(itoa::Buffer::new().format(status).as_bytes());
    out.push(b' ');
    out.extend_from_slice(reason(status).as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Writes one field line.
pub fn field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    if is_one_line(value) && is_token(name) {
        line(out, name, value);
    }
}

fn is_one_line(value: &[u8]) -> bool {
    !value.iter().fold(false, |splits, octet| splits | matches!(octet, b'\r' | b'\n' | 0))
}

/// Writes a field line of what is known to be one.
fn line(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.reserve(name.len() + value.len() + 4);
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// The sink that writes edited fields as field lines.
#[derive(Debug)]
pub struct FieldLines<'a>(pub &'a mut Vec<u8>);

impl FieldSink for FieldLines<'_> {
    fn own(&mut self, name: OwnName, value: &[u8]) {
        if is_one_line(value) {
            line(self.0, name.as_bytes(), value);
        }
    }

    fn relay(&mut self, field: &Field<'_>) {
        line(self.0, field.name, field.value);
    }
}

/// Writes `Content-Length`.
pub fn content_length(out: &mut Vec<u8>, length: u64) {
    out.extend_from_slice(b"Content-Length: ");
    out.extend_from_slice(itoa::Buffer::new().format(length).as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Writes `Connection: close`.
pub fn connection_close(out: &mut Vec<u8>) {
    out.extend_from_slice(b"Connection: close\r\n");
}

/// Writes `Connection: keep-alive`, which only HTTP/1.0 peers need.
pub fn connection_keep_alive(out: &mut Vec<u8>) {
    out.extend_from_slice(b"Connection: keep-alive\r\n");
}

/// Writes `Connection: upgrade` and the protocols offered or chosen.
pub fn connection_upgrade(out: &mut Vec<u8>, protocols: &[u8]) {
    out.extend_from_slice(b"Connection: upgrade\r\n");
    field(out, b"Upgrade", protocols);
}

/// Ends a head.
pub fn end_of_head(out: &mut Vec<u8>) {
    out.extend_from_slice(b"\r\n");
}

/// Writes a chunk's size line. The chunk's data and [`chunk_end`] follow. The length is not 0: that would end the
/// message, so nothing is written for it.
pub fn chunk_start(out: &mut Vec<u8>, length: usize) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let significant = (usize::BITS - length.leading_zeros()).div_ceil(4);
    for place in (0..significant).rev() {
        let digit = (length >> (place * 4)) & 0xf;
        out.extend(DIGITS.get(digit));
    }
    if length > 0 {
        out.extend_from_slice(b"\r\n");
    }
}

/// Ends a chunk after its data.
pub fn chunk_end(out: &mut Vec<u8>) {
    out.extend_from_slice(b"\r\n");
}

/// Ends a chunked message, with the trailers that may be sent.
pub fn last_chunk(out: &mut Vec<u8>, trailers: &Fields) {
    out.extend_from_slice(b"0\r\n");
    for trailer in trailers.iter().filter(|trailer| !super::trailers::is_forbidden(trailer.name)) {
        field(out, trailer.name, trailer.value);
    }
    out.extend_from_slice(b"\r\n");
}

/// The reason phrase of a status (RFC 9110 §15, and those registered since); empty for one that is not registered.
#[must_use]
pub const fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        101 => "Switching Protocols",
        102 => "Processing",
        103 => "Early Hints",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "Non-Authoritative Information",
        204 => "No Content",
        205 => "Reset Content",
        206 => "Partial Content",
        207 => "Multi-Status",
        208 => "Already Reported",
        226 => "IM Used",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        305 => "Use Proxy",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400..=499 => client_error(status),
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        506 => "Variant Also Negotiates",
        507 => "Insufficient Storage",
        508 => "Loop Detected",
        511 => "Network Authentication Required",
        _ => "",
    }
}

const fn client_error(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        423 => "Locked",
        424 => "Failed Dependency",
        425 => "Too Early",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        451 => "Unavailable For Legal Reasons",
        _ => "",
    }
}

#[cfg(test)]
mod tests;
