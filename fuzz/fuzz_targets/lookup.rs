//! The routing table against a naive scan: the same virtual host and the same route, for any configuration and request,
//! also when the table was made from another one.
//!
//! The input is lines: `host=` opens a virtual host, `path=` adds a path to it, `default=` gives it a fallback, and
//! `get=host path` looks up.

#![no_main]

use std::collections::BTreeMap;
use std::sync::Arc;

use landfall::ir::{Config, HostPattern, PathMatcher, Pattern, VirtualHost};
use landfall::table::{CanonicalHost, RegexScratch, Table};
use landfall::testing::scan;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    let (config, requests) = read(input);
    let config = Arc::new(config);
    let fresh = Table::new(Arc::clone(&config));
    let half = Config { hosts: config.hosts.iter().step_by(2).cloned().collect(), ..Config::default() };
    let updated = Table::new(Arc::new(half)).update(Arc::clone(&config));
    let mut scratch = RegexScratch::default();
    for (host, path) in requests {
        let wanted = scan::scan(&config, &host, path.as_bytes());
        for table in [&fresh, &updated] {
            let found = table.lookup(&host, path.as_bytes(), &mut scratch);
            let hosts = (found.host.map(Arc::as_ptr), wanted.host.map(Arc::as_ptr));
            assert_eq!(hosts.0, hosts.1, "another virtual host for {host} {path}");
            let routes = (found.route.map(Arc::as_ptr), wanted.route.map(Arc::as_ptr));
            assert_eq!(routes.0, routes.1, "another route for {host} {path}");
        }
    }
});

/// A configuration as the compiler makes them: canonical literal paths, each matcher once, in order of precedence.
fn read(input: &str) -> (Config, Vec<(CanonicalHost, String)>) {
    let mut hosts: BTreeMap<HostPattern, VirtualHost> = BTreeMap::new();
    let mut current = HostPattern::Any;
    let mut requests = Vec::new();
    for line in input.lines().take(200) {
        match line.split_once('=') {
            Some(("host", text)) => current = HostPattern::parse(text).unwrap_or(HostPattern::Any),
            Some(("path", text)) => {
                let host = hosts.entry(current.clone()).or_insert_with(|| empty(&current));
                let Some(matcher) = matcher(text) else { continue };
                if !host.routes.iter().any(|route| route.matcher == matcher) {
                    host.routes.push(scan::route(matcher, line));
                }
            }
            Some(("default", _)) => {
                let host = hosts.entry(current.clone()).or_insert_with(|| empty(&current));
                host.fallback = Some(scan::route(PathMatcher::Prefix("/".to_owned()), line));
            }
            Some(("get", text)) => {
                let (host, path) = text.split_once(' ').unwrap_or((text, "/"));
                let host = CanonicalHost::parse(host.as_bytes()).unwrap_or_else(CanonicalHost::absent);
                requests.extend(canonical(path).map(|path| (host, path)));
            }
            Some(_) | None => {}
        }
    }
    (scan::config(hosts.into_values()), requests)
}

fn empty(pattern: &HostPattern) -> VirtualHost {
    VirtualHost { pattern: pattern.clone(), ..scan::virtual_host("", &[]) }
}

/// `= /exact`, `~ regex`, else a prefix.
fn matcher(text: &str) -> Option<PathMatcher> {
    if let Some(exact) = text.strip_prefix("= ") {
        return canonical(exact).map(PathMatcher::Exact);
    }
    if let Some(regex) = text.strip_prefix("~ ") {
        let pattern = Pattern::new(&format!("(?i)^{regex}")).ok()?;
        return Some(PathMatcher::Regex { path: regex.to_owned(), pattern });
    }
    let path = canonical(text)?;
    Some(PathMatcher::Prefix(if path == "/" { path } else { path.trim_end_matches('/').to_owned() }))
}

/// A path that is its own canonical form.
fn canonical(text: &str) -> Option<String> {
    let mut path = Vec::new();
    landfall::request::path::canonicalize(text.as_bytes(), &mut path).ok()?;
    (path == text.as_bytes()).then(|| text.to_owned())
}
