//! The access log as JSON, one object a line.
//!
//! Keys are nginx's variable names where there is one. `attempts` lists every attempt in order; `error` is the stable
//! code of an answer of ours; absent values are `null`; octets that are not UTF-8 appear as U+FFFD. Times are seconds.

use std::borrow::Cow;
use std::time::Duration;

use serde::Serialize;

use super::combined::remote_user;
use crate::proxy::exchange::{Attempt, Received, Record};
use crate::request::head::FieldName;
use crate::telemetry::Listener;

/// One line.
#[derive(Debug, Serialize)]
struct Line<'a> {
    time: &'a str,
    remote_addr: std::net::IpAddr,
    remote_user: Option<Cow<'a, str>>,
    request_id: Cow<'a, str>,
    scheme: &'static str,
    method: Option<&'a str>,
    host: Option<Cow<'a, str>>,
    target: Cow<'a, str>,
    protocol: Option<&'static str>,
    status: u16,
    error: Option<&'static str>,
    request_length: u64,
    request_time: f64,
    bytes_sent: u64,
    body_bytes_sent: u64,
    http_referer: Option<Cow<'a, str>>,
    http_user_agent: Option<Cow<'a, str>>,
    proxy_upstream_name: &'a str,
    namespace: &'a str,
    ingress: &'a str,
    service: &'a str,
    route_host: &'a str,
    route_path: &'a str,
    attempts: Vec<AttemptLine>,
}

/// One attempt at an endpoint.
#[derive(Debug, Serialize)]
struct AttemptLine {
    address: std::net::SocketAddr,
    status: Option<u16>,
    response_length: u64,
    connect_time: Option<f64>,
    header_time: Option<f64>,
    response_time: Option<f64>,
}

/// Appends the object, without the line's end.
pub(super) fn write(out: &mut Vec<u8>, record: &Record<'_>, elapsed: Duration, time: &str, scratch: &mut Vec<u8>) {
    let (head, malformed) = match record.received {
        Received::Head(head) => (Some(head), None),
        Received::Malformed(line) => (None, Some(line)),
    };
    let labels = record.labels();
    let field = |known| head.and_then(|head| head.fields.first(known)).map(String::from_utf8_lossy);
    let line = Line {
        time,
        remote_addr: record.client,
        remote_user: head.and_then(|head| remote_user(head, scratch)).map(String::from_utf8_lossy),
        request_id: String::from_utf8_lossy(&record.request_id),
        scheme: match record.listener {
            Listener::Http => "http",
            Listener::Https => "https",
        },
        method: head.map(|head| head.method.as_str()),
        host: head.and_then(|head| head.effective_authority()).map(String::from_utf8_lossy),
        target: String::from_utf8_lossy(malformed.or(head.map(|head| head.target.as_slice())).unwrap_or_default()),
        protocol: head.map(|head| head.version.as_str()),
        status: record.status,
        error: record.error,
        request_length: record.request_octets(),
        request_time: seconds(elapsed),
        bytes_sent: record.head_octets + record.body_octets,
        body_bytes_sent: record.body_octets,
        http_referer: field(FieldName::Referer),
        http_user_agent: field(FieldName::UserAgent),
        proxy_upstream_name: record.upstream_name(),
        namespace: labels.map_or("", |labels| &labels.namespace),
        ingress: labels.map_or("", |labels| &labels.ingress),
        service: labels.map_or("", |labels| &labels.service),
        route_host: labels.map_or("", |labels| &labels.host),
        route_path: labels.map_or("", |labels| &labels.path),
        attempts: record.attempts.iter().map(AttemptLine::of).collect(),
    };
    serde_json::to_writer(out, &line).expect("text and numbers serialise into memory");
}

impl AttemptLine {
    fn of(attempt: &Attempt) -> Self {
        Self {
            address: attempt.address,
            status: attempt.status,
            response_length: attempt.response_octets,
            connect_time: attempt.connect.map(seconds),
            header_time: attempt.header.map(seconds),
            response_time: attempt.response.map(seconds),
        }
    }
}

/// Milliseconds are what nginx has, and enough.
fn seconds(elapsed: Duration) -> f64 {
    Duration::from_millis(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)).as_secs_f64()
}
