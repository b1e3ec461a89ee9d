//! Properties of the table: a look-up equals a scan, an update equals a new table, an explanation equals a look-up.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::ir::{Config, Route, VirtualHost};
use crate::testing::scan::{self, scan};

const PATTERNS: [&str; 8] = ["", "x", "a.x", "b.x", "*.x", "a.a.x", "*.a.x", "*.b.x"];
const HOSTS: [&str; 12] =
    ["x", "a.x", "b.x", "c.x", "A_-1.X.", "a.a.x", "c.a.x", "d.b.x", "e.c.a.x", "y", "[::1]", ".absent"];

fn route() -> impl Strategy<Value = Arc<Route>> {
    let literal = "(/[ab.-]{1,2}){0,3}";
    prop_oneof![
        3 => literal.prop_map(|path| format!("= {path}/")),
        3 => literal.prop_filter("a path", |path| !path.is_empty()).prop_map(|path| format!("= {path}")),
        6 => literal.prop_map(|path| if path.is_empty() { "/".to_owned() } else { path }),
        1 => prop::sample::select(vec!["~ /a", "~ /a(.*)", "~ /[ab]+/b$", "~ .*-", "~ /"]).prop_map(str::to_owned),
    ]
    .prop_map(|path| scan::route_for(&path))
}

fn virtual_host(pattern: &'static str) -> impl Strategy<Value = VirtualHost> {
    (prop::collection::vec(route(), 0..12), prop::option::of(Just(scan::route_for("= fallback"))))
        .prop_map(move |(routes, fallback)| VirtualHost { routes, fallback, ..scan::virtual_host(pattern, &[]) })
}

fn config() -> impl Strategy<Value = Config> {
    let hosts = prop::sample::subsequence(PATTERNS.to_vec(), 0..=PATTERNS.len())
        .prop_flat_map(|patterns| patterns.into_iter().map(virtual_host).collect::<Vec<_>>());
    (hosts, prop::option::of(Just(scan::route_for("= global"))))
        .prop_map(|(hosts, fallback)| Config { fallback, ..scan::config(hosts) })
}

fn requests() -> impl Strategy<Value = Vec<(CanonicalHost, String)>> {
    let host = prop::sample::select(HOSTS.to_vec())
        .prop_map(|host| CanonicalHost::parse(host.as_bytes()).unwrap_or_else(CanonicalHost::absent));
    let path = prop_oneof![9 => "(/[ab.-]{1,2}){0,4}/?", 1 => Just("*".to_owned())]
        .prop_map(|path| if path.is_empty() { "/".to_owned() } else { path });
    prop::collection::vec((host, path), 1..40)
}

fn same<T>(a: Option<&Arc<T>>, b: Option<&Arc<T>>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => Arc::ptr_eq(a, b),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

proptest! {
    #[test]
    fn a_lookup_finds_what_a_scan_finds(config in config(), requests in requests()) {
        let table = Table::new(Arc::new(config));
        let mut scratch = RegexScratch::default();
        for (host, path) in &requests {
            let found = table.lookup(host, path.as_bytes(), &mut scratch);
            let scanned = scan(table.config(), host, path.as_bytes());
            prop_assert!(same(found.host, scanned.host), "{host} {path}: {:?}", found.host);
            prop_assert!(same(found.route, scanned.route), "{host} {path}: {:?} {:?}", found.route, scanned.route);
        }
    }

    #[test]
    fn an_updated_table_finds_what_a_new_one_finds(
        first in config(),
        second in config(),
        kept in any::<[bool; PATTERNS.len()]>(),
        requests in requests(),
    ) {
        let first = Table::new(Arc::new(first));
        let table = first.update(Arc::new(mixed(first.config(), second, &kept)));
        let mut scratch = RegexScratch::default();
        for (host, path) in &requests {
            let found = table.lookup(host, path.as_bytes(), &mut scratch);
            let scanned = scan(table.config(), host, path.as_bytes());
            prop_assert!(same(found.host, scanned.host) && same(found.route, scanned.route), "{host} {path}");
        }
        for host in table.config().hosts.iter() {
            let unchanged = first.config().hosts.iter().any(|old| Arc::ptr_eq(old, host));
            prop_assert_eq!(same(first.index_of(&host.pattern), table.index_of(&host.pattern)), unchanged);
        }
    }

    #[test]
    fn an_explanation_names_the_route_that_is_found(config in config(), requests in requests()) {
        let table = Table::new(Arc::new(config));
        for (host, path) in &requests {
            let found = table.lookup(host, path.as_bytes(), &mut RegexScratch::default());
            let explanation = explain(&table, host, path.as_bytes());
            let candidates = explanation.hosts.iter().flat_map(|host| &host.candidates).chain(&explanation.fallback);
            let winners: Vec<_> = candidates.filter(|candidate| candidate.verdict == RouteVerdict::Won).collect();
            let expected: Vec<_> = found.route.map(|route| route.provenance.to_string()).into_iter().collect();
            prop_assert_eq!(winners.iter().map(|winner| winner.provenance.clone()).collect::<Vec<_>>(), expected);
            let chosen = explanation.hosts.first().map(|host| host.pattern.clone());
            prop_assert_eq!(chosen, found.host.map(|host| host.pattern.to_string()));
        }
    }
}

/// `second`, with the virtual hosts of `first` wherever `kept` says so and both have the pattern.
fn mixed(first: &Config, second: Config, kept: &[bool]) -> Config {
    let keep = |host: &Arc<VirtualHost>, kept: bool| {
        let old = first.hosts.get(&host.pattern).filter(|_| kept);
        Arc::clone(old.unwrap_or(host))
    };
    let hosts = second.hosts.iter().zip(kept).map(|(host, kept)| keep(host, *kept)).collect();
    Config { hosts, ..second }
}
