//! Matching written a second time, as plainly as the rules read: the oracle of the routing table.
//!
//! [`scan`] looks at every virtual host and every route each time and shares no code with `table`. The builders below
//! make the small configurations that tests, benches and fuzz targets of matching need.

use std::sync::Arc;

use crate::ir::{
    Action, Backend, BackendId, Balance, Config, Forward, HostPattern, ObjectKind, ObjectRef, PathMatcher, Pattern,
    Protocol, Route, RoutePolicy, VirtualHost, backend::KeepAlive, host::HostTls, route::RouteLabels,
};
use crate::table::CanonicalHost;

/// What a scan finds: as `table::Found`.
#[derive(Debug, Clone, Copy)]
pub struct Scanned<'c> {
    pub host: Option<&'c Arc<VirtualHost>>,
    pub route: Option<&'c Arc<Route>>,
}

/// Finds what claims `path`, in canonical form, on `host`, by looking at everything.
#[must_use]
pub fn scan<'c>(config: &'c Config, host: &CanonicalHost, path: &[u8]) -> Scanned<'c> {
    let claims = |wanted: fn(&HostPattern, &str) -> bool| {
        config.hosts.iter().find(|candidate| wanted(&candidate.pattern, host.as_str()))
    };
    let virtual_host = claims(is_exactly).or_else(|| claims(is_wildcard_for)).or_else(|| claims(is_any));
    let matched = virtual_host.and_then(|virtual_host| best(&virtual_host.routes, path));
    let own_fallback = virtual_host.and_then(|virtual_host| virtual_host.fallback.as_ref());
    Scanned { host: virtual_host, route: matched.or(own_fallback).or(config.fallback.as_ref()) }
}

fn is_exactly(pattern: &HostPattern, host: &str) -> bool {
    match pattern {
        HostPattern::Exact(name) => name.as_str() == host,
        HostPattern::Wildcard(_) | HostPattern::Any => false,
    }
}

/// One label of letters, digits, `-` and `_`, then the rest of the pattern.
fn is_wildcard_for(pattern: &HostPattern, host: &str) -> bool {
    match pattern {
        HostPattern::Wildcard(parent) => {
            host.strip_suffix(parent.as_str()).and_then(|start| start.strip_suffix('.')).is_some_and(|label| {
                !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
            })
        }
        HostPattern::Exact(_) | HostPattern::Any => false,
    }
}

fn is_any(pattern: &HostPattern, _host: &str) -> bool {
    match pattern {
        HostPattern::Any => true,
        HostPattern::Exact(_) | HostPattern::Wildcard(_) => false,
    }
}

/// The exact route; else the first regular expression that matches; else the prefix of the most elements.
fn best<'c>(routes: &'c [Arc<Route>], path: &[u8]) -> Option<&'c Arc<Route>> {
    let mut exact = None;
    let mut regex = None;
    let mut prefix: Option<(usize, &Arc<Route>)> = None;
    for route in routes {
        match &route.matcher {
            PathMatcher::Exact(whole) if whole.as_bytes() == path => exact = exact.or(Some(route)),
            PathMatcher::Regex { pattern, .. } if pattern.regex().is_match(path) => regex = regex.or(Some(route)),
            PathMatcher::Prefix(wanted) => match matching_elements(wanted, path) {
                Some(count) if prefix.is_none_or(|(longest, _)| count > longest) => prefix = Some((count, route)),
                Some(_) | None => {}
            },
            PathMatcher::Exact(_) | PathMatcher::Regex { .. } => {}
        }
    }
    exact.or(regex).or(prefix.map(|(_, route)| route))
}

/// How many elements `prefix` has, if they are the first ones of `path`. The prefix `/` has none.
fn matching_elements(prefix: &str, path: &[u8]) -> Option<usize> {
    if prefix == "/" {
        return Some(0);
    }
    let prefix: Vec<_> = prefix.strip_suffix('/').unwrap_or(prefix).as_bytes().split(|octet| *octet == b'/').collect();
    let path: Vec<_> = path.split(|octet| *octet == b'/').collect();
    path.starts_with(&prefix).then_some(prefix.len())
}

/// A route that forwards to the backend `default/web:80`, named `name` in its provenance.
#[must_use]
pub fn route(matcher: PathMatcher, name: &str) -> Arc<Route> {
    let id = BackendId { namespace: "default".into(), service: "web".into(), port: "80".into() };
    let backend =
        Backend { id, protocol: Protocol::Http1, balance: Balance::RoundRobin, keep_alive: KeepAlive::default() };
    let forward = Forward { backend: Arc::new(backend), rewrite: None, upstream_host: None, forwarded_prefix: None };
    Arc::new(Route {
        matcher,
        action: Action::Forward(forward),
        policy: Arc::new(RoutePolicy::default()),
        labels: RouteLabels::default(),
        provenance: ObjectRef::new(ObjectKind::Ingress, "default", name).field("spec"),
    })
}

/// A route for a path as tests write it: `= /exact`, `~ regex`, and anything else is a prefix.
///
/// # Panics
/// When the regular expression is invalid.
#[must_use]
pub fn route_for(path: &str) -> Arc<Route> {
    let matcher = match (path.strip_prefix("= "), path.strip_prefix("~ ")) {
        (Some(exact), _) => PathMatcher::Exact(exact.to_owned()),
        (None, Some(regex)) => PathMatcher::Regex {
            path: regex.to_owned(),
            pattern: Pattern::new(&format!("(?i)^{regex}")).expect("tests write valid expressions"),
        },
        (None, None) => PathMatcher::Prefix(path.to_owned()),
    };
    route(matcher, path)
}

/// A virtual host for a host as an Ingress writes it, with routes as [`route_for`] reads them.
///
/// # Panics
/// When the host or a regular expression is invalid.
#[must_use]
pub fn virtual_host(host: &str, paths: &[&str]) -> VirtualHost {
    VirtualHost {
        pattern: HostPattern::parse(host).expect("tests write valid hosts"),
        tls: HostTls::None,
        app_root: None,
        routes: paths.iter().map(|path| route_for(path)).collect(),
        fallback: None,
    }
}

/// A configuration of these virtual hosts.
#[must_use]
pub fn config(hosts: impl IntoIterator<Item = VirtualHost>) -> Config {
    Config { hosts: hosts.into_iter().map(Arc::new).collect(), ..Config::default() }
}
