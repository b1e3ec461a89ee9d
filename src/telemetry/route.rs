//! What one worker counts for one route: ingress-nginx's request metrics, by status and method.
//!
//! A route costs nothing until its first request, and then one block of cells for each pair of status and method that
//! it has answered. Labels are bounded: hosts and paths are the configuration's, methods are a closed list, and beyond
//! [`SERIES_LIMIT`] pairs the rest is counted by status class.

use std::sync::Arc;
use std::time::Duration;

use super::cells::{AppendList, Cell};
use super::histogram::{Buckets, Histogram};
use crate::ir::route::RouteLabels;

/// Pairs of status and method that are told apart per worker and route.
const SERIES_LIMIT: usize = 64;

/// Status classes, with room for statuses outside 100 to 599.
const CLASS_LIMIT: usize = 10;

/// What one finished request adds to its route's metrics.
#[derive(Debug, Clone)]
pub struct Sample {
    pub method: MethodLabel,
    pub status: u16,
    /// From the first octet of the request to the last of the response.
    pub duration: Duration,
    /// Octets received: request line, fields and body.
    pub request_octets: u64,
    /// Octets sent to the client: status line, fields and body.
    pub sent_octets: u64,
    /// Times of the attempt that answered, or of the last; `None` if nothing was passed on.
    pub upstream: Option<UpstreamSample>,
}

/// The times of one attempt, each from its start; `None` for what it did not reach.
#[derive(Debug, Clone, Copy, Default)]
pub struct UpstreamSample {
    pub connect: Option<Duration>,
    pub header: Option<Duration>,
    pub response: Option<Duration>,
}

/// The `method` label: the methods of RFC 9110 and PATCH, and `other` for every other token a client may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MethodLabel {
    Get,
    Head,
    Post,
    Put,
    Delete,
    Connect,
    Options,
    Trace,
    Patch,
    Other,
}

impl MethodLabel {
    /// Methods are case-sensitive (RFC 9110 §9.1).
    #[must_use]
    pub fn of(method: &str) -> Self {
        match method {
            "GET" => Self::Get,
            "HEAD" => Self::Head,
            "POST" => Self::Post,
            "PUT" => Self::Put,
            "DELETE" => Self::Delete,
            "CONNECT" => Self::Connect,
            "OPTIONS" => Self::Options,
            "TRACE" => Self::Trace,
            "PATCH" => Self::Patch,
            _ => Self::Other,
        }
    }

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
            Self::Connect => "CONNECT",
            Self::Options => "OPTIONS",
            Self::Trace => "TRACE",
            Self::Patch => "PATCH",
            Self::Other => "other",
        }
    }
}

/// How the `status` label is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StatusLabels {
    /// `200`, `404`.
    #[default]
    Codes,
    /// `2xx`, `4xx` (`--report-status-classes`).
    Classes,
}

/// A `status` label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Status {
    Code(u16),
    /// The first digit.
    Class(u16),
}

impl Status {
    const fn class(code: u16) -> Self {
        Self::Class(code / 100)
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Code(code) => write!(f, "{code}"),
            Self::Class(digit) => write!(f, "{digit}xx"),
        }
    }
}

/// The labels that vary within a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct SeriesKey {
    pub(super) status: Status,
    pub(super) method: MethodLabel,
}

/// The cells of one status and method.
#[derive(Debug)]
pub(super) struct Series {
    pub(super) requests: Cell,
    pub(super) request_duration: Histogram,
    pub(super) connect_duration: Histogram,
    pub(super) header_duration: Histogram,
    pub(super) response_duration: Histogram,
    pub(super) request_size: Histogram,
    pub(super) response_size: Histogram,
    pub(super) bytes_sent: Histogram,
}

/// The counters of one route in one worker. Only that worker's thread records.
#[derive(Debug)]
pub struct RouteCounters {
    labels: RouteLabels,
    upstream_name: String,
    statuses: StatusLabels,
    buckets: Arc<Buckets>,
    series: AppendList<SeriesKey, Series>,
    overflow: AppendList<SeriesKey, Series>,
}

impl RouteCounters {
    /// What ingress-nginx calls the upstream of requests without a Service.
    pub const DEFAULT_UPSTREAM: &'static str = "upstream-default-backend";

    pub(super) fn new(labels: RouteLabels, statuses: StatusLabels, buckets: Arc<Buckets>) -> Self {
        let upstream_name = match &*labels.service {
            "" => Self::DEFAULT_UPSTREAM.to_owned(),
            service => format!("{}-{service}-{}", labels.namespace, labels.service_port),
        };
        let (series, overflow) = (AppendList::default(), AppendList::default());
        Self { labels, upstream_name, statuses, buckets, series, overflow }
    }

    /// The labels that these are the counters of.
    #[must_use]
    pub fn labels(&self) -> &RouteLabels {
        &self.labels
    }

    /// ingress-nginx's `$proxy_upstream_name`: `namespace-service-port`, or `upstream-default-backend` for a route
    /// without a Service.
    #[must_use]
    pub fn upstream_name(&self) -> &str {
        &self.upstream_name
    }

    /// Counts one request. Lock-free; allocates when this route first answers with this status and method.
    pub fn record(&self, sample: &Sample) {
        let status = match self.statuses {
            StatusLabels::Codes => Status::Code(sample.status),
            StatusLabels::Classes => Status::class(sample.status),
        };
        let rest = SeriesKey { status: Status::class(sample.status), method: MethodLabel::Other };
        let make = || Series::new(&self.buckets);
        let series = self
            .series
            .entry_or(SeriesKey { status, method: sample.method }, SERIES_LIMIT, make)
            .or_else(|| self.overflow.entry_or(rest, CLASS_LIMIT, make));
        if let Some(series) = series {
            series.record(sample, &self.buckets);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (SeriesKey, &Series)> {
        self.series.iter().chain(self.overflow.iter())
    }
}

impl Series {
    fn new(buckets: &Buckets) -> Self {
        let Buckets { time, length, size } = buckets;
        Self {
            requests: Cell::default(),
            request_duration: Histogram::new(time),
            connect_duration: Histogram::new(time),
            header_duration: Histogram::new(time),
            response_duration: Histogram::new(time),
            request_size: Histogram::new(length),
            response_size: Histogram::new(length),
            bytes_sent: Histogram::new(size),
        }
    }

    fn record(&self, sample: &Sample, buckets: &Buckets) {
        let Buckets { time, length, size } = buckets;
        self.requests.add(1);
        self.request_duration.observe_time(time, sample.duration);
        self.request_size.observe(length, sample.request_octets);
        self.response_size.observe(length, sample.sent_octets);
        self.bytes_sent.observe(size, sample.sent_octets);
        let UpstreamSample { connect, header, response } = sample.upstream.unwrap_or_default();
        let times =
            [(connect, &self.connect_duration), (header, &self.header_duration), (response, &self.response_duration)];
        for (elapsed, histogram) in times {
            if let Some(elapsed) = elapsed {
                histogram.observe_time(time, elapsed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counters(statuses: StatusLabels) -> RouteCounters {
        RouteCounters::new(RouteLabels::default(), statuses, Arc::default())
    }

    fn sample(status: u16, method: MethodLabel) -> Sample {
        Sample { method, status, duration: Duration::ZERO, request_octets: 0, sent_octets: 0, upstream: None }
    }

    #[test]
    fn methods_outside_the_list_share_one_label() {
        for method in ["get", "PROPFIND", "", "G\u{e9}T"] {
            assert_eq!(MethodLabel::of(method), MethodLabel::Other);
        }
        assert_eq!(MethodLabel::of("PATCH").as_str(), "PATCH");
    }

    #[test]
    fn series_beyond_the_limit_are_counted_by_class_and_none_is_lost() {
        let counters = counters(StatusLabels::Codes);
        for status in 100..600 {
            counters.record(&sample(status, MethodLabel::Get));
        }
        let series: Vec<_> = counters.iter().collect();
        assert_eq!(series.len(), SERIES_LIMIT + 5);
        assert_eq!(series.iter().map(|(_, s)| s.requests.get()).sum::<u64>(), 500);
        assert_eq!(series.last().map(|(key, _)| key.status.to_string()), Some("5xx".to_owned()));
    }

    #[test]
    fn classes_replace_codes_when_asked_for() {
        let counters = counters(StatusLabels::Classes);
        counters.record(&sample(404, MethodLabel::Get));
        counters.record(&sample(410, MethodLabel::Get));
        let labels: Vec<_> = counters.iter().map(|(key, s)| (key.status.to_string(), s.requests.get())).collect();
        assert_eq!(labels, [("4xx".to_owned(), 2)]);
    }
}
