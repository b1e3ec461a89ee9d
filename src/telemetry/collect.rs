//! From counted cells to Prometheus's families. Runs when metrics are read; workers notice nothing of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::UNIX_EPOCH;

use prometheus::TextEncoder;
use prometheus::proto::{self, LabelPair, MetricFamily, MetricType};

use super::count::{Count, Level};
use super::family::{self, FAMILIES, Family, Kind};
use super::histogram::{Buckets, Totals};
use super::metrics::{HostLabels, MetricsOptions, Point};
use super::report::ReportCell;
use super::route::{RouteCounters, Series, SeriesKey};
use super::worker::WorkerCells;
use crate::ir::route::RouteLabels;

/// Everything counted at one moment, summed over the workers.
pub(super) struct Gathered {
    options: MetricsOptions,
    requests: Vec<RouteSeries>,
    points: Vec<Point>,
}

/// One status and method of one route.
struct RouteSeries {
    /// Any worker's counters of the route, for its labels.
    route: Arc<RouteCounters>,
    key: SeriesKey,
    totals: SeriesTotals,
}

/// [`Series`], summed over the workers.
#[derive(Default)]
struct SeriesTotals {
    requests: u64,
    request_duration: Totals,
    connect_duration: Totals,
    header_duration: Totals,
    response_duration: Totals,
    request_size: Totals,
    response_size: Totals,
    bytes_sent: Totals,
}

impl Gathered {
    pub(super) fn new(
        options: &MetricsOptions,
        workers: &[Arc<WorkerCells>],
        log_lines_dropped: &AtomicU64,
        report: &ReportCell,
        others: Vec<Point>,
    ) -> Self {
        let mut points = others;
        count_points(workers, &mut points);
        report_points(report, &mut points);
        report.watches().points(&mut points);
        report.reporting().points(&mut points);
        let dropped = log_lines_dropped.load(Ordering::Relaxed);
        points.push(Point { family: &family::LOG_LINES_DROPPED, labels: Vec::new(), value: dropped as f64 });
        Self { options: options.clone(), requests: request_series(workers), points }
    }

    /// The families that have values, each as text.
    pub(super) fn into_text(self) -> impl Iterator<Item = String> {
        FAMILIES.iter().filter_map(move |family| {
            let family = self.family(family)?;
            TextEncoder::new().encode_to_string(&[family]).ok()
        })
    }

    fn family(&self, family: &'static Family) -> Option<MetricFamily> {
        let of_requests = family.is_of_requests() && !self.options.excluded.iter().any(|name| name == family.name);
        let requests = if of_requests { self.requests.as_slice() } else { &[] };
        let mut metrics: Vec<_> = requests.iter().filter_map(|series| self.request_metric(family, series)).collect();
        metrics.extend(self.points.iter().filter(|point| point.family == family).map(|point| self.point_metric(point)));
        if metrics.is_empty() {
            return None;
        }
        let mut proto = MetricFamily::default();
        proto.set_name(family.name.to_owned());
        proto.set_help(family.help.to_owned());
        proto.set_field_type(match family.kind {
            Kind::Counter => MetricType::COUNTER,
            Kind::Gauge => MetricType::GAUGE,
            Kind::Histogram => MetricType::HISTOGRAM,
        });
        proto.set_metric(metrics);
        Some(proto)
    }

    fn point_metric(&self, point: &Point) -> proto::Metric {
        let mut labels = self.controller_labels(point.family);
        labels.extend(point.family.labels.iter().zip(&point.labels).map(|(name, value)| label(name, value)));
        let mut metric = proto::Metric::from_label(labels);
        match point.family.kind {
            Kind::Counter => {
                let mut counter = proto::Counter::default();
                counter.set_value(point.value);
                metric.set_counter(counter);
            }
            Kind::Gauge | Kind::Histogram => {
                let mut gauge = proto::Gauge::default();
                gauge.set_value(point.value);
                metric.set_gauge(gauge);
            }
        }
        metric
    }

    /// This series' value in `family`; `None` if the family is none of the request metrics, or nothing was observed.
    fn request_metric(&self, family: &'static Family, series: &RouteSeries) -> Option<proto::Metric> {
        let totals = &series.totals;
        let Buckets { time, length, size } = &*self.options.buckets;
        let histogram = match family.name {
            name if name == family::REQUESTS.name => {
                let mut counter = proto::Counter::default();
                counter.set_value(totals.requests as f64);
                let mut metric = proto::Metric::from_label(self.request_labels(family, series));
                metric.set_counter(counter);
                return Some(metric);
            }
            name if name == family::REQUEST_DURATION.name => totals.request_duration.to_proto(time),
            name if name == family::CONNECT_DURATION.name => totals.connect_duration.to_proto(time),
            name if name == family::HEADER_DURATION.name => totals.header_duration.to_proto(time),
            name if name == family::RESPONSE_DURATION.name => totals.response_duration.to_proto(time),
            name if name == family::REQUEST_SIZE.name => totals.request_size.to_proto(length),
            name if name == family::RESPONSE_SIZE.name => totals.response_size.to_proto(length),
            name if name == family::BYTES_SENT.name => totals.bytes_sent.to_proto(size),
            _ => None,
        }?;
        let mut metric = proto::Metric::from_label(self.request_labels(family, series));
        metric.set_histogram(histogram);
        Some(metric)
    }

    fn request_labels(&self, family: &'static Family, series: &RouteSeries) -> Vec<LabelPair> {
        let RouteLabels { namespace, ingress, service, service_port: _, host, path } = series.route.labels();
        let mut labels = self.controller_labels(family);
        labels.extend([
            label("status", &series.key.status.to_string()),
            label("method", series.key.method.as_str()),
            label("path", path),
            label("namespace", namespace),
            label("ingress", ingress),
            label("service", service),
            // ingress-nginx names the upstream of a canary here that got the request, and leaves it empty otherwise.
            label("canary", ""),
        ]);
        match self.options.hosts {
            HostLabels::Pattern => labels.push(label("host", host)),
            HostLabels::Off => {}
        }
        labels
    }

    /// ingress-nginx's constant labels, on the metrics that have its names.
    fn controller_labels(&self, family: &Family) -> Vec<LabelPair> {
        let MetricsOptions { controller_class, controller_namespace, controller_pod, .. } = &self.options;
        let of_certificates = family == &family::SSL_EXPIRE_TIME || family == &family::SSL_CERTIFICATE_INFO;
        if !family.name.starts_with("nginx_ingress_controller_") || of_certificates {
            return Vec::new();
        }
        vec![
            label("controller_class", controller_class),
            label("controller_namespace", controller_namespace),
            label("controller_pod", controller_pod),
        ]
    }
}

/// What the workers counted besides requests by route.
fn count_points(workers: &[Arc<WorkerCells>], points: &mut Vec<Point>) {
    let mut push = |(family, varying): (&'static Family, Option<&'static str>), value: u64| {
        let labels = varying.map(str::to_owned).into_iter().collect();
        points.push(Point { family, labels, value: value as f64 });
    };
    for count in Count::ALL {
        push(count.name(), workers.iter().map(|worker| worker.count(count)).sum());
    }
    for level in Level::ALL {
        let sum = workers.iter().fold(0, |sum: u64, worker| sum.wrapping_add(worker.level(level)));
        push(level.name(), sum);
    }
    let mut codes = BTreeMap::new();
    for worker in workers {
        for (code, cell) in worker.rejected.iter() {
            *codes.entry((family::REJECTED.name, code)).or_insert(0) += cell.get();
        }
        for (limit, cell) in worker.limited.iter() {
            *codes.entry((family::LIMITED.name, limit)).or_insert(0) += cell.get();
        }
    }
    for ((name, code), value) in codes {
        let family = if name == family::REJECTED.name { &family::REJECTED } else { &family::LIMITED };
        push((family, Some(code)), value);
    }
}

/// What the control plane said of the live generation.
fn report_points(cell: &ReportCell, points: &mut Vec<Point>) {
    let report = cell.current();
    let mut push = |family, labels, value| points.push(Point { family, labels, value });
    let published = report.published.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    push(&family::CONFIG_HASH, Vec::new(), report.generation as f64);
    push(&family::CONFIG_SUCCESSFUL, Vec::new(), if cell.succeeded_last() { 1.0 } else { 0.0 });
    push(&family::CONFIG_SUCCESSFUL_TIME, Vec::new(), published.map_or(0.0, |at| at.as_secs() as f64));
    push(&family::SUCCESS, Vec::new(), cell.successes() as f64);
    push(&family::ERRORS, Vec::new(), cell.failures() as f64);
    push(&family::COMPILE_SECONDS, Vec::new(), report.timings.compile.as_secs_f64());
    push(&family::PUBLISH_SECONDS, Vec::new(), report.timings.publish.as_secs_f64());
    for (kind, count) in &report.objects {
        push(&family::OBJECTS, vec![kind.as_str().to_owned()], *count as f64);
    }
    let mut diagnostics = BTreeMap::new();
    for diagnostic in report.diagnostics.iter() {
        *diagnostics.entry((diagnostic.severity.as_str(), diagnostic.code)).or_insert(0_u32) += 1;
    }
    for ((severity, code), count) in diagnostics {
        push(&family::DIAGNOSTICS, vec![severity.to_owned(), code.to_owned()], f64::from(count));
    }
}

/// The request series of all workers, those of one route, status and method summed, sorted by labels.
fn request_series(workers: &[Arc<WorkerCells>]) -> Vec<RouteSeries> {
    let mut routes: Vec<Arc<RouteCounters>> = workers.iter().flat_map(|worker| worker.routes()).collect();
    routes.sort_by(|a, b| a.labels().cmp(b.labels()));
    let mut all = Vec::new();
    for same in routes.chunk_by(|a, b| a.labels() == b.labels()) {
        let Some(route) = same.first() else { continue };
        let mut by_key: BTreeMap<SeriesKey, SeriesTotals> = BTreeMap::new();
        for (key, series) in same.iter().flat_map(|counters| counters.iter()) {
            by_key.entry(key).or_default().add(series);
        }
        all.extend(by_key.into_iter().map(|(key, totals)| RouteSeries { route: Arc::clone(route), key, totals }));
    }
    all
}

impl SeriesTotals {
    fn add(&mut self, series: &Series) {
        let Series {
            requests,
            request_duration,
            connect_duration,
            header_duration,
            response_duration,
            request_size,
            response_size,
            bytes_sent,
        } = series;
        self.requests += requests.get();
        self.request_duration.add(request_duration);
        self.connect_duration.add(connect_duration);
        self.header_duration.add(header_duration);
        self.response_duration.add(response_duration);
        self.request_size.add(request_size);
        self.response_size.add(response_size);
        self.bytes_sent.add(bytes_sent);
    }
}

fn label(name: &str, value: &str) -> LabelPair {
    let mut pair = LabelPair::default();
    pair.set_name(name.to_owned());
    pair.set_value(value.to_owned());
    pair
}
