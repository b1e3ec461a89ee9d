//! The exposition, from what workers count to the text that Prometheus reads.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use super::report::Timings;
use super::*;
use crate::diagnostic::Diagnostic;
use crate::ir::route::RouteLabels;
use crate::ir::{ObjectKind, ObjectRef};

fn labels(path: &str) -> RouteLabels {
    RouteLabels {
        namespace: "shop".into(),
        ingress: "web".into(),
        service: "cart".into(),
        service_port: "http".into(),
        host: "*.shop.example".into(),
        path: path.into(),
    }
}

fn sample(status: u16) -> Sample {
    Sample {
        method: MethodLabel::Get,
        status,
        duration: Duration::from_millis(30),
        request_octets: 95,
        sent_octets: 5_000,
        upstream: None,
    }
}

fn controller() -> MetricsOptions {
    MetricsOptions {
        controller_class: "k8s.io/ingress-nginx".into(),
        controller_namespace: "edge".into(),
        controller_pod: "edge-1".into(),
        ..MetricsOptions::default()
    }
}

fn exposition(metrics: &Metrics) -> String {
    metrics.exposition(&ReportCell::default(), Vec::new()).collect()
}

/// The lines of one family, comments included.
fn family_lines(text: &str, name: &str) -> String {
    let of_family = |line: &&str| line.trim_start_matches("# HELP ").trim_start_matches("# TYPE ").starts_with(name);
    text.lines().filter(of_family).fold(String::new(), |lines, line| lines + line + "\n")
}

const LABELS: &str = r#"controller_class="k8s.io/ingress-nginx",controller_namespace="edge",controller_pod="edge-1",status="200",method="GET",path="/cart",namespace="shop",ingress="web",service="cart",canary="",host="*.shop.example""#;

#[test]
fn request_counts_of_all_workers_are_one_series() {
    let metrics = Metrics::with(controller());
    for worker in [metrics.worker(), metrics.worker()] {
        worker.route(&labels("/cart")).record(&sample(200));
    }
    let expected = format!(
        "# HELP nginx_ingress_controller_requests The total number of client requests\n\
         # TYPE nginx_ingress_controller_requests counter\n\
         nginx_ingress_controller_requests{{{LABELS}}} 2\n"
    );
    assert_eq!(family_lines(&exposition(&metrics), "nginx_ingress_controller_requests"), expected);
}

#[test]
fn durations_are_in_seconds_and_in_the_buckets_of_ingress_nginx() {
    let metrics = Metrics::with(controller());
    metrics.worker().route(&labels("/cart")).record(&sample(200));
    let name = "nginx_ingress_controller_request_duration_seconds";
    let below = ["0.005", "0.01", "0.025"].map(|bound| (bound, 0));
    let above = ["0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf"].map(|bound| (bound, 1));
    let mut expected = String::new();
    for (bound, count) in below.into_iter().chain(above) {
        writeln!(expected, "{name}_bucket{{{LABELS},le=\"{bound}\"}} {count}").unwrap();
    }
    writeln!(expected, "{name}_sum{{{LABELS}}} 0.03\n{name}_count{{{LABELS}}} 1").unwrap();
    let lines = family_lines(&exposition(&metrics), name);
    let values: String = lines.lines().skip(2).fold(String::new(), |lines, line| lines + line + "\n");
    assert_eq!(values, expected);
}

#[test]
fn sizes_are_in_the_buckets_of_ingress_nginx() {
    let metrics = Metrics::with(controller());
    metrics.worker().route(&labels("/cart")).record(&sample(200));
    let text = exposition(&metrics);
    for (family, bound, count) in [
        ("request_size", "90", 0),
        ("request_size", "100", 1),
        ("response_size", "100", 0),
        ("bytes_sent", "1000", 0),
        ("bytes_sent", "10000", 1),
        ("bytes_sent", "10000000", 1),
    ] {
        let line = format!("nginx_ingress_controller_{family}_bucket{{{LABELS},le=\"{bound}\"}} {count}\n");
        assert!(text.contains(&line), "{line} is not in {text}");
    }
}

#[test]
fn upstream_times_are_absent_until_something_was_passed_on() {
    let metrics = Metrics::new();
    let route = metrics.worker().route(&labels("/cart"));
    route.record(&sample(404));
    assert!(!exposition(&metrics).contains("header_duration_seconds"));
    let upstream = UpstreamSample { header: Some(Duration::from_millis(7)), ..UpstreamSample::default() };
    route.record(&Sample { upstream: Some(upstream), ..sample(200) });
    let text = exposition(&metrics);
    assert_eq!(family_lines(&text, "nginx_ingress_controller_header_duration_seconds_count").lines().count(), 1);
    assert!(!text.contains("connect_duration_seconds"), "{text}");
}

#[test]
fn the_host_label_can_be_left_out() {
    let metrics = Metrics::with(MetricsOptions { hosts: HostLabels::Off, ..controller() });
    metrics.worker().route(&labels("/cart")).record(&sample(200));
    assert!(!exposition(&metrics).contains("host=\"*.shop.example\""));
}

#[test]
fn buckets_can_be_chosen() {
    let buckets = Buckets { time: Bounds::seconds(&[0.02, 0.04]), ..Buckets::default() };
    let metrics = Metrics::with(MetricsOptions { buckets: Arc::new(buckets), ..controller() });
    metrics.worker().route(&labels("/cart")).record(&sample(200));
    let lines = family_lines(&exposition(&metrics), "nginx_ingress_controller_request_duration_seconds_bucket");
    let counts: Vec<_> = lines.lines().map(|line| line.rsplit("le=").next().unwrap_or_default()).collect();
    assert_eq!(counts, ["\"0.02\"} 0", "\"0.04\"} 1", "\"+Inf\"} 1"]);
}

#[test]
fn request_metrics_can_be_left_out_and_others_cannot() {
    let names = ["nginx_ingress_controller_request_size", "nginx_ingress_controller_success"];
    let metrics = Metrics::with(MetricsOptions { excluded: names.map(str::to_owned).to_vec(), ..controller() });
    metrics.worker().route(&labels("/cart")).record(&sample(200));
    let text = exposition(&metrics);
    assert!(!text.contains("nginx_ingress_controller_request_size"));
    assert!(
        text.contains("nginx_ingress_controller_response_size") && text.contains("nginx_ingress_controller_success")
    );
}

#[test]
fn label_values_cannot_break_out_of_their_quotes() {
    let metrics = Metrics::new();
    metrics.worker().route(&labels("/a\"b\\c\nd")).record(&sample(200));
    assert!(exposition(&metrics).contains(r#"path="/a\"b\\c\nd","#));
}

#[test]
fn a_deleted_route_leaves_no_series_and_the_others_stay() {
    let metrics = Metrics::new();
    let worker = metrics.worker();
    for path in ["/kept", "/deleted"] {
        worker.route(&labels(path)).record(&sample(200));
    }
    metrics.retain_routes(|labels| &*labels.path == "/kept");
    let text = exposition(&metrics);
    assert!(text.contains("path=\"/kept\""));
    assert!(!text.contains("path=\"/deleted\""));
}

#[test]
fn counters_that_a_worker_still_holds_are_not_forgotten() {
    let metrics = Metrics::new();
    let held = metrics.worker().route(&labels("/held"));
    metrics.retain_routes(|_| false);
    held.record(&sample(200));
    assert!(exposition(&metrics).contains("path=\"/held\""));
}

#[test]
fn a_route_keeps_its_counters_while_it_is_kept() {
    let worker = Metrics::new().worker();
    let first = worker.route(&labels("/cart"));
    assert!(Arc::ptr_eq(&first, &worker.route(&labels("/cart"))));
}

#[test]
fn events_levels_and_codes_are_summed_over_workers() {
    let metrics = Metrics::new();
    for worker in [metrics.worker(), metrics.worker()] {
        worker.count(Count::Accepted(Listener::Https));
        worker.raise(Level::Connections(Listener::Https));
        worker.rejected("no-endpoints");
        worker.limited("body-size");
    }
    let leaving = metrics.worker();
    leaving.raise(Level::Connections(Listener::Https));
    leaving.lower(Level::Connections(Listener::Https));
    let text = exposition(&metrics);
    for line in [
        "landfall_connections_accepted_total{listener=\"https\"} 2\n",
        "landfall_connections_accepted_total{listener=\"http\"} 0\n",
        "landfall_connections_active{listener=\"https\"} 2\n",
        "landfall_requests_rejected_total{code=\"no-endpoints\"} 2\n",
        "landfall_limits_hit_total{limit=\"body-size\"} 2\n",
        "landfall_panics_total 0\n",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
}

#[test]
fn the_control_planes_report_is_exposed() {
    let ingress = ObjectRef::new(ObjectKind::Ingress, "shop", "web");
    let report = ReportCell::default();
    report.store(Report {
        generation: 7,
        published: Some(UNIX_EPOCH + Duration::from_secs(1_700_000_000)),
        diagnostics: [
            Diagnostic::error("missing-secret", ingress.field("spec.tls[0]"), "one"),
            Diagnostic::error("missing-secret", ingress.field("spec.tls[1]"), "two"),
        ]
        .into_iter()
        .collect(),
        objects: [(ObjectKind::Ingress, 3)].into(),
        timings: Timings { compile: Duration::from_millis(20), publish: Duration::from_millis(40) },
    });
    let text: String = Metrics::new().exposition(&report, Vec::new()).collect();
    for line in [
        "landfall_objects{kind=\"Ingress\"} 3\n",
        "landfall_diagnostics{severity=\"error\",code=\"missing-secret\"} 2\n",
        "landfall_compile_seconds 0.02\n",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
    let successful = family_lines(&text, "nginx_ingress_controller_config_last_reload_successful{");
    assert!(successful.ends_with("} 1\n"), "{successful}");
    report.failed();
    let text: String = Metrics::new().exposition(&report, Vec::new()).collect();
    assert!(family_lines(&text, "nginx_ingress_controller_config_last_reload_successful{").ends_with("} 0\n"));
    assert!(family_lines(&text, "nginx_ingress_controller_errors{").ends_with("} 1\n"));
}
