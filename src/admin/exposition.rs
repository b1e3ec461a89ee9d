//! `/metrics`: what the workers counted, the control plane's report, and what the live state itself shows.

use std::collections::HashSet;

use crate::ir::route::RouteLabels;
use crate::ir::{Action, Config, Route};
use crate::live::State;
use crate::telemetry::{Metrics, Point, ReportCell, family};

use super::certificates;

/// The exposition in Prometheus's text format, one family an item.
pub(super) fn text(metrics: &Metrics, report: &ReportCell, state: &State) -> impl Iterator<Item = String> + use<> {
    forget_deleted_routes(metrics, &state.config);
    let mut points = certificates::points(metrics.options(), state);
    points.extend(orphans(state));
    points.push(Point { family: &family::GENERATION, labels: Vec::new(), value: state.generation as f64 });
    metrics.exposition(report, points)
}

/// Drops the series of routes that the live configuration does not have, as ingress-nginx does for deleted Ingresses.
fn forget_deleted_routes(metrics: &Metrics, config: &Config) {
    let live: HashSet<&RouteLabels> = routes(config).map(|route| &route.labels).collect();
    let unrouted = RouteLabels::default();
    metrics.retain_routes(|labels| labels == &unrouted || live.contains(labels));
}

/// Ingresses with a Service that has no endpoints, each once.
fn orphans(state: &State) -> Vec<Point> {
    let mut orphans: Vec<_> = routes(&state.config).filter(|route| is_orphan(state, route)).map(names).collect();
    orphans.sort_unstable();
    orphans.dedup();
    let point = |(namespace, ingress): (&str, &str)| Point {
        family: &family::ORPHAN_INGRESS,
        labels: vec![namespace.to_owned(), ingress.to_owned(), "no-endpoint".to_owned()],
        value: 1.0,
    };
    orphans.into_iter().map(point).collect()
}

fn is_orphan(state: &State, route: &Route) -> bool {
    match &route.action {
        Action::Forward(forward) => {
            !route.labels.ingress.is_empty()
                && state.endpoints.get(&forward.backend.id).is_none_or(|endpoints| endpoints.is_empty())
        }
        Action::Redirect(_) | Action::Refuse(_) => false,
    }
}

fn names(route: &Route) -> (&str, &str) {
    (&route.labels.namespace, &route.labels.ingress)
}

/// Every route of a configuration, fallbacks included.
fn routes(config: &Config) -> impl Iterator<Item = &Route> {
    let of_hosts = config.hosts.iter().flat_map(|host| host.routes.iter().chain(&host.fallback));
    of_hosts.chain(&config.fallback).map(AsRef::as_ref)
}
