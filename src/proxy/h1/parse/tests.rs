//! Heads as they arrive: whole, in pieces, malformed, too large.

use super::*;
use crate::request::{FieldName, Version};

fn parse(input: &[u8]) -> (Result<Parsed<RequestFraming>, HeadError>, RequestHead) {
    let mut head = RequestHead::default();
    (request_head(input, &Limits::default(), &mut head), head)
}

fn refusal(input: &[u8]) -> Result<(), (u16, &'static str)> {
    parse(input).0.map(|_| ()).map_err(|error| (error.status, error.code))
}

fn parse_response(input: &[u8]) -> (Result<Parsed<ResponseFraming>, HeadError>, ResponseHead) {
    let mut head = ResponseHead::default();
    (response_head(input, &Limits::default(), "GET", &mut head), head)
}

const PLAIN: &[u8] = b"GET /a?b HTTP/1.1\r\nHost: example.com\r\nX-One:  1 \r\nx-two:\r\n\r\n";

#[test]
fn a_plain_request_is_read_and_the_rest_left() {
    let mut input = PLAIN.to_vec();
    input.extend_from_slice(b"GET /next");
    let (result, head) = parse(&input);
    assert!(matches!(result, Ok(Parsed::Complete { consumed, .. }) if consumed == PLAIN.len()));
    assert_eq!((head.method.as_str(), head.target.as_slice(), head.version), ("GET", &b"/a?b"[..], Version::Http11));
    assert_eq!(head.wire_octets, PLAIN.len() as u64);
    assert_eq!(head.fields.first(FieldName::Host), Some(&b"example.com"[..]));
    let fields: Vec<_> = head.fields.iter().map(|field| (field.name, field.value)).collect();
    assert_eq!(fields, [(&b"Host"[..], &b"example.com"[..]), (b"X-One", b"1"), (b"x-two", b"")]);
}

#[test]
fn every_prefix_of_a_legal_head_is_incomplete() {
    for length in 0..PLAIN.len() {
        assert_eq!(parse(&PLAIN[..length]).0, Ok(Parsed::Incomplete), "{length}");
    }
    let response = b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n";
    for length in 0..response.len() {
        assert_eq!(parse_response(&response[..length]).0, Ok(Parsed::Incomplete), "{length}");
    }
}

#[test]
fn a_head_is_cleared_before_it_is_filled() {
    let mut head = RequestHead::default();
    let limits = Limits::default();
    request_head(b"GET http://a/long HTTP/1.0\r\nX: y\r\n\r\n", &limits, &mut head).unwrap();
    request_head(b"PUT / HTTP/1.1\r\nHost: b\r\n\r\n", &limits, &mut head).unwrap();
    assert_eq!((head.method.as_str(), head.target.as_slice(), head.authority.as_deref()), ("PUT", &b"/"[..], None));
    assert_eq!((head.version, head.fields.len()), (Version::Http11, 1));
}

#[test]
fn a_few_empty_lines_before_the_request_line_are_passed_over() {
    let mut input = b"\r\n\r\n".to_vec();
    input.extend_from_slice(PLAIN);
    let (result, head) = parse(&input);
    assert!(matches!(result, Ok(Parsed::Complete { consumed, .. }) if consumed == input.len()));
    assert_eq!(head.wire_octets, PLAIN.len() as u64);
    assert_eq!(parse(b"\r\n\r").0, Ok(Parsed::Incomplete));
    assert_eq!(refusal(b"\r\n\r\n\r\n\r\n\r\n"), Err((400, "too-many-empty-lines")));
}

#[test]
fn malformed_heads_are_refused() {
    for (input, status, code) in [
        (&b"GET / HTTP/1.1\nHost: a\r\n\r\n"[..], 400, "bare-line-feed"),
        (b"GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", 400, "bare-line-feed"),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\n", 400, "bare-line-feed"),
        (b"GET / HTTP/1.1\r\nHost: a\n\n", 400, "bare-line-feed"),
        (b"\nGET / HTTP/1.1\r\n\r\n", 400, "bare-line-feed"),
        (b"GET / HTTP/1.1\rHost: a\r\n\r\n", 400, "invalid-line-end"),
        (b"\rGET / HTTP/1.1\r\n\r\n", 400, "malformed-request-line"),
        (b"GET / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n", 400, "invalid-field-value"),
        (b"GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", 400, "invalid-field-value"),
        (b"GET / HTTP/1.1\r\nX: a\0b\r\n\r\n", 400, "invalid-field-value"),
        (b"GET / HTTP/1.1\r\nX: a\x01b\r\n\r\n", 400, "invalid-field-value"),
        (b"GET / HTTP/1.1\r\nX: a\x7f\r\n\r\n", 400, "invalid-field-value"),
        (b"GET / HTTP/1.1\r\nX\0: a\r\n\r\n", 400, "invalid-field-name"),
        (b"GET / HTTP/1.1\r\nX : a\r\n\r\n", 400, "invalid-field-name"),
        (b"GET / HTTP/1.1\r\nX\t: a\r\n\r\n", 400, "invalid-field-name"),
        (b"GET / HTTP/1.1\r\n X: a\r\n\r\n", 400, "invalid-field-name"),
        (b"GET / HTTP/1.1\r\nX: a\r\n b\r\n\r\n", 400, "invalid-field-name"),
        (b"GET / HTTP/1.1\r\nX: a\r\n\tb\r\n\r\n", 400, "invalid-field-name"),
        (b"GET / HTTP/1.1\r\nX: a\r\n \r\n\r\n", 400, "invalid-field-name"),
        (b"GET / HTTP/1.1\r\n: a\r\n\r\n", 400, "invalid-field-name"),
        (b"GET / HTTP/1.1\r\nX\r\n\r\n", 400, "invalid-field-name"),
        (b"GET / HTTP/1.1\r\nX\xc3\xa9: a\r\n\r\n", 400, "invalid-field-name"),
        (b"GET / HTTP/1.1\r\nX[]: a\r\n\r\n", 400, "invalid-field-name"),
        (b" GET / HTTP/1.1\r\n\r\n", 400, "malformed-request-line"),
        (b"GET  / HTTP/1.1\r\n\r\n", 400, "malformed-request-line"),
        (b"GET\t/ HTTP/1.1\r\n\r\n", 400, "malformed-request-line"),
        (b"GET /a b HTTP/1.1\r\n\r\n", 400, "invalid-version"),
        (b"GET /  HTTP/1.1\r\n\r\n", 400, "invalid-version"),
        (b"GET / HTTP/1.1 \r\n\r\n", 400, "invalid-line-end"),
        (b"GET  HTTP/1.1\r\n\r\n", 400, "malformed-request-line"),
        (b"G@T / HTTP/1.1\r\n\r\n", 400, "malformed-request-line"),
        (b"GET\r\n\r\n", 400, "malformed-request-line"),
        (b"GET /\r\n\r\n", 400, "malformed-request-line"),
        (b"GET / http/1.1\r\n\r\n", 400, "invalid-version"),
        (b"GET / HTTP/1\r\n\r\n", 400, "invalid-version"),
        (b"GET / HTTP/01.1\r\n\r\n", 400, "invalid-version"),
        (b"GET / HTTP/1.01\r\n\r\n", 400, "invalid-line-end"),
        (b"GET / HTTP / 1.1\r\n\r\n", 400, "invalid-version"),
        (b"GET / HTTP/1.2\r\n\r\n", 505, "unsupported-version"),
        (b"GET / HTTP/2.0\r\n\r\n", 505, "unsupported-version"),
        (b"GET / HTTP/0.9\r\n\r\n", 505, "unsupported-version"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "unsupported-version"),
        (b"GET /a\0b HTTP/1.1\r\n\r\n", 400, "invalid-octet-in-target"),
        (b"GET /\xff HTTP/1.1\r\n\r\n", 400, "invalid-octet-in-target"),
        (b"GET /\xc3\xa9 HTTP/1.1\r\n\r\n", 400, "invalid-octet-in-target"),
        (b"GET /a#b HTTP/1.1\r\n\r\n", 400, "fragment-in-target"),
        (b"GET * HTTP/1.1\r\n\r\n", 400, "invalid-target"),
        (b"\x16\x03\x01\x02\x00\x01\x00", 400, "malformed-request-line"),
    ] {
        assert_eq!(refusal(input), Err((status, code)), "{}", input.escape_ascii());
    }
}

#[test]
fn a_malformed_line_is_refused_before_the_head_is_whole() {
    for (input, code) in [
        (&b"GET / HTTP/1.1\n"[..], "bare-line-feed"),
        (b"GET / HTTP/1.1\r\nHost: a\n", "bare-line-feed"),
        (b"GET /\r\n", "malformed-request-line"),
        (b"GET / HTTP/1.1\r\nX : a\r\n", "invalid-field-name"),
    ] {
        assert_eq!(refusal(input), Err((400, code)), "{}", input.escape_ascii());
    }
}

#[test]
fn field_values_may_hold_tabs_and_octets_above_ascii() {
    let (result, head) = parse(b"GET / HTTP/1.1\r\nX: a\tb\xff\r\n\r\n");
    assert!(matches!(result, Ok(Parsed::Complete { .. })));
    assert_eq!(head.fields.first_named(b"x"), Some(&b"a\tb\xff"[..]));
}

#[test]
fn limits_hold_whether_or_not_the_head_is_whole() {
    let long = |count: usize| "a".repeat(count);
    let many = "x: y\r\n".repeat(100);
    for (input, status) in [
        (format!("GET /{} HTTP/1.1\r\n\r\n", long(16 * 1024)), 414),
        (format!("GET /{}", long(16 * 1024 + 64)), 414),
        (format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", long(32 * 1024)), 431),
        (format!("GET / HTTP/1.1\r\nX: {}", long(32 * 1024)), 431),
        (format!("GET / HTTP/1.1\r\n{many}y: z\r\n\r\n"), 431),
        (format!("GET / HTTP/1.1\r\n{many}y: z\r\n"), 431),
        (format!("GET / HTTP/1.1\r\n{many}{many}"), 431),
        (format!("{} / HTTP/1.1\r\n\r\n", long(65)), 501),
    ] {
        let status_of = refusal(input.as_bytes()).map_err(|(status, _)| status);
        assert_eq!(status_of, Err(status), "{}", input.get(..40).unwrap_or(&input));
    }
    for input in [
        format!("GET /{} HTTP/1.1\r\n\r\n", long(16 * 1024 - 1)),
        format!("GET / HTTP/1.1\r\n{many}\r\n"),
        format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", long(32 * 1024 - 23)),
    ] {
        assert_eq!(refusal(input.as_bytes()), Ok(()), "{}", input.get(..40).unwrap_or(&input));
    }
}

#[test]
fn octets_after_the_head_do_not_count_against_it() {
    let mut input = PLAIN.to_vec();
    input.extend_from_slice(&vec![b'\n'; 64 * 1024]);
    assert_eq!(refusal(&input), Ok(()));
}

#[test]
fn a_plain_response_is_read_and_the_rest_left() {
    let input = b"HTTP/1.1 200 Fine\r\nServer: x\r\nContent-Length: 2\r\n\r\nok";
    let (result, head) = parse_response(input);
    assert!(matches!(result, Ok(Parsed::Complete { consumed, .. }) if consumed == input.len() - 2));
    assert_eq!((head.status, head.version, head.fields.len()), (200, Version::Http11, 2));
}

#[test]
fn folded_lines_of_responses_are_joined_by_one_space() {
    let (result, head) =
        parse_response(b"HTTP/1.1 200 OK\r\nA: one \r\n\t two\r\n  three\r\nB:\r\n four\r\nContent-Length: 0\r\n\r\n");
    assert!(matches!(result, Ok(Parsed::Complete { .. })), "{result:?}");
    let fields: Vec<_> = head.fields.iter().map(|field| (field.name, field.value)).collect();
    assert_eq!(fields, [(&b"A"[..], &b"one two three"[..]), (b"B", b"four"), (b"Content-Length", b"0")]);
}

#[test]
fn malformed_responses_are_bad_gateways() {
    for (input, code) in [
        (&b"HTTP/1.1 200 OK\nA: b\r\n\r\n"[..], "bare-line-feed"),
        (b"HTTP/1.1 200 OK\r\nA: b\n\r\n", "bare-line-feed"),
        (b"\r\nHTTP/1.1 200 OK\r\n\r\n", "malformed-status-line"),
        (b"HTTP/2 200 OK\r\n\r\n", "malformed-status-line"),
        (b"ICY 200 OK\r\n\r\n", "malformed-status-line"),
        (b"<html>", "malformed-status-line"),
        (b"HTTP/1.1 2000 OK\r\n\r\n", "malformed-status-line"),
        (b"HTTP/1.1 20 OK\r\n\r\n", "malformed-status-line"),
        (b"HTTP/1.1 099 OK\r\n\r\n", "malformed-status-line"),
        (b"HTTP/1.1 200 O\0K\r\n\r\n", "malformed-status-line"),
        (b"HTTP/1.2 200 OK\r\n\r\n", "invalid-version"),
        (b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n", "invalid-field-name"),
        (b"HTTP/1.1 200 OK\r\n A: b\r\n\r\n", "invalid-field-name"),
        (b"HTTP/1.1 200 OK\r\nA: b\0\r\n\r\n", "invalid-field-value"),
    ] {
        let refused = parse_response(input).0.map_err(|error| (error.status, error.code));
        assert_eq!(refused.err(), Some((502, code)), "{}", input.escape_ascii());
    }
    let bomb = format!("HTTP/1.1 200 OK\r\nA: {}", "b".repeat(32 * 1024));
    assert_eq!(parse_response(bomb.as_bytes()).0.map_err(|error| error.status).err(), Some(502));
}
