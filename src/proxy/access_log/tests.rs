//! Lines against those that nginx 1.22 wrote for the same requests with ingress-nginx's `log_format`.

#![expect(clippy::disallowed_methods, reason = "records begin at some moment, whichever")]

use std::time::{Duration, Instant};

use smallvec::SmallVec;

use super::stamp::Stamp;
use super::{combined, json};
use crate::ir::route::RouteLabels;
use crate::proxy::exchange::{Attempt, Claim, Received, Record};
use crate::request::head::{RequestHead, Version};
use crate::telemetry::{Listener, Metrics};

/// 24 November 2026, 00:17:14 UTC: when the recording was made.
const RECORDED: u64 = 1_795_479_434;

fn head(method: &str, target: &str, fields: &[(&str, &str)], wire_octets: u64) -> RequestHead {
    let mut head = RequestHead { method: method.into(), target: target.into(), wire_octets, ..RequestHead::default() };
    for (name, value) in fields {
        head.fields.push(name.as_bytes(), value.as_bytes());
    }
    head
}

fn record<'a>(received: Received<'a>, service: Option<&str>, status: u16, body_octets: u64) -> Record<'a> {
    let labels = service.map(|service| RouteLabels {
        namespace: "default".into(),
        service: service.into(),
        service_port: "80".into(),
        ..RouteLabels::default()
    });
    let mut request_id = SmallVec::new();
    request_id.extend_from_slice(b"abc");
    Record {
        received,
        client: "127.0.0.1".parse().unwrap(),
        listener: Listener::Http,
        started: Instant::now(),
        status,
        request_body_octets: 0,
        head_octets: 0,
        body_octets,
        attempts: SmallVec::new(),
        request_id,
        claim: labels.map_or(Claim::Unmatched, |labels| Claim::Route(Metrics::new().worker().route(&labels))),
        error: None,
    }
}

fn attempt(address: &str, status: Option<u16>, response_octets: u64, millis: u64) -> Attempt {
    Attempt {
        address: address.parse().unwrap(),
        started: Instant::now(),
        status,
        response_octets,
        connect: None,
        header: None,
        response: Some(Duration::from_millis(millis)),
    }
}

fn line(record: &Record<'_>, millis: u64) -> String {
    let mut out = Vec::new();
    let stamp = Stamp::of(RECORDED);
    combined::write(&mut out, record, Duration::from_millis(millis), &stamp.local, &mut Vec::new());
    String::from_utf8(out).unwrap()
}

#[test]
fn an_answered_request_is_written_as_nginx_writes_it() {
    let head = head("GET", "/a?b=c", &[("Host", "127.0.0.1:18976"), ("User-Agent", "curl/8")], 98);
    let mut record = record(Received::Head(&head), Some("web"), 200, 5);
    record.attempts.push(attempt("127.0.0.1:18977", Some(200), 5, 6));
    assert_eq!(
        line(&record, 7),
        r#"127.0.0.1 - - [24/Nov/2026:00:17:14 +0000] "GET /a?b=c HTTP/1.1" 200 5 "-" "curl/8" 98 0.007 [default-web-80] [] 127.0.0.1:18977 5 0.006 200 abc"#
    );
}

#[test]
fn every_attempt_is_listed() {
    let head = head("GET", "/retry", &[("User-Agent", "ua")], 94);
    let mut record = record(Received::Head(&head), Some("retry"), 200, 5);
    record.attempts.push(attempt("127.0.0.1:18999", Some(502), 0, 0));
    record.attempts.push(attempt("127.0.0.1:18977", Some(200), 5, 6));
    assert_eq!(
        line(&record, 6),
        r#"127.0.0.1 - - [24/Nov/2026:00:17:14 +0000] "GET /retry HTTP/1.1" 200 5 "-" "ua" 94 0.006 [default-retry-80] [] 127.0.0.1:18999, 127.0.0.1:18977 0, 5 0.000, 0.006 502, 200 abc"#
    );
}

#[test]
fn a_client_that_went_away_leaves_an_attempt_without_status() {
    let head = head("GET", "/slow", &[("User-Agent", "ua")], 93);
    let mut record = record(Received::Head(&head), Some("slow"), 499, 0);
    record.attempts.push(attempt("127.0.0.1:18977", None, 0, 102));
    assert_eq!(
        line(&record, 102),
        r#"127.0.0.1 - - [24/Nov/2026:00:17:14 +0000] "GET /slow HTTP/1.1" 499 0 "-" "ua" 93 0.102 [default-slow-80] [] 127.0.0.1:18977 0 0.102 - abc"#
    );
}

#[test]
fn a_request_that_is_not_passed_on_has_no_attempt() {
    let head = head("GET", "/nothing", &[("User-Agent", "ua")], 96);
    let mut record = record(Received::Head(&head), None, 404, 153);
    record.claim = Claim::Nothing;
    assert_eq!(
        line(&record, 0),
        r#"127.0.0.1 - - [24/Nov/2026:00:17:14 +0000] "GET /nothing HTTP/1.1" 404 153 "-" "ua" 96 0.000 [upstream-default-backend] [] - - - - abc"#
    );
}

#[test]
fn what_is_no_request_is_written_with_its_octets_escaped() {
    let record = record(Received::Malformed(b"\x16\x03\x01\x7f\xff\x00abc"), None, 400, 157);
    assert_eq!(
        line(&record, 0),
        r#"127.0.0.1 - - [24/Nov/2026:00:17:14 +0000] "\x16\x03\x01\x7F\xFF\x00abc" 400 157 "-" "-" 0 0.000 [] [] - - - - abc"#
    );
}

#[test]
fn no_field_can_break_out_of_its_place() {
    let head = head(
        "GET",
        "/",
        &[("Authorization", "Basic dXMgZXIieDpwdw=="), ("User-Agent", r#"a"b\c"#), ("Referer", "http://x/é")],
        153,
    );
    let mut record = record(Received::Head(&head), Some("web"), 200, 5);
    record.attempts.push(attempt("127.0.0.1:18977", Some(200), 5, 6));
    assert_eq!(
        line(&record, 6),
        r#"127.0.0.1 - us er\x22x [24/Nov/2026:00:17:14 +0000] "GET / HTTP/1.1" 200 5 "http://x/\xC3\xA9" "a\x22b\x5Cc" 153 0.006 [default-web-80] [] 127.0.0.1:18977 5 0.006 200 abc"#
    );
}

#[test]
fn an_empty_field_stays_empty_and_a_missing_one_is_a_dash() {
    let head = head("GET", "/", &[("User-Agent", ""), ("Referer", "")], 96);
    let text = line(&record(Received::Head(&head), Some("web"), 200, 5), 6);
    assert!(text.contains(r#" 200 5 "" "" 96 "#), "{text}");
}

#[test]
fn the_user_is_read_as_nginx_reads_it() {
    let users = [
        ("Basic YQpiOmM=", r"a\x0Ab"),
        ("basic   YTpi", "a"),
        ("Basic YTpiYw", "a"),
        ("Basic bm9jb2xvbg==", "-"),
        ("Basic OnB3", "-"),
        ("Basic YTpi!!", "-"),
        ("Basic YTpi junk", "-"),
        ("Bearer YTpi", "-"),
        ("B", "-"),
    ];
    for (credentials, user) in users {
        let head = head("GET", "/", &[("Authorization", credentials)], 0);
        let text = line(&record(Received::Head(&head), None, 200, 0), 0);
        assert!(text.starts_with(&format!("127.0.0.1 - {user} [")), "{credentials}: {text}");
    }
}

#[test]
fn http2_and_ipv6_are_written_as_nginx_writes_them() {
    let mut head = head("GET", "/x", &[], 30);
    head.version = Version::Http2;
    head.authority = Some("shop.example".into());
    let mut record = record(Received::Head(&head), Some("web"), 200, 0);
    record.client = "2001:db8::1".parse().unwrap();
    record.attempts.push(attempt("[::1]:8080", Some(200), 0, 12_345));
    let text = line(&record, 12_345);
    assert!(text.starts_with("2001:db8::1 - - ["), "{text}");
    assert!(text.contains(r#""GET /x HTTP/2.0" 200"#), "{text}");
    assert!(text.contains("30 12.345 [default-web-80] [] [::1]:8080 0 12.345 200"), "{text}");
}

#[test]
fn json_lines_carry_the_same_and_more() {
    let head = head("GET", "/a\u{1}", &[("Host", "shop.example"), ("User-Agent", "u\"a")], 40);
    let mut record = record(Received::Head(&head), Some("web"), 502, 7);
    record.error = Some("upstream-connect");
    record.attempts.push(attempt("10.0.0.1:80", Some(502), 0, 3));
    let mut out = Vec::new();
    let stamp = Stamp::of(RECORDED);
    json::write(&mut out, &record, Duration::from_millis(5), &stamp.rfc3339, &mut Vec::new());
    let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(value["time"], "2026-11-24T00:17:14Z");
    assert_eq!(value["target"], "/a\u{1}");
    assert_eq!(value["host"], "shop.example");
    assert_eq!(value["http_user_agent"], "u\"a");
    assert_eq!(value["error"], "upstream-connect");
    assert_eq!(value["request_time"], 0.005);
    assert_eq!(value["attempts"][0]["address"], "10.0.0.1:80");
    assert_eq!(value["attempts"][0]["response_time"], 0.003);
    assert!(!out.contains(&b'\n'));
}
