//! Why a request is matched as it is: every candidate of every host considered, in order of precedence.
//!
//! The verdicts come from the code that [`Table::lookup`] runs, so an explanation cannot differ from what is served.

use std::sync::Arc;

use serde::Serialize;

use super::host::CanonicalHost;
use super::lookup::Table;
use super::path::{matches, prefix_key};
use super::scratch::RegexScratch;
use crate::ir::{PathMatcher, Route, VirtualHost};

/// How a host and a path are matched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The canonical host; empty if the request names none.
    pub host: String,
    /// The canonical path; octets that are no UTF-8 are shown as U+FFFD.
    pub path: String,
    /// The virtual hosts whose patterns match, the most precise first. The first is chosen.
    pub hosts: Vec<ConsideredHost>,
    /// What a request gets that nothing above claims; the last candidate of all.
    pub fallback: Option<Candidate>,
}

/// A virtual host whose pattern matches the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConsideredHost {
    /// As an Ingress writes it; `*` for any.
    pub pattern: String,
    pub verdict: HostVerdict,
    /// Its routes in order of precedence for this path, the host's fallback last.
    pub candidates: Vec<Candidate>,
}

/// What became of a virtual host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostVerdict {
    /// Its routes decide.
    Chosen,
    /// A more precise pattern matches too; its routes decide even where none of them matches the path.
    LessPrecise,
}

/// A route that was considered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Candidate {
    /// The matcher, such as `prefix /foo`, or `fallback`.
    pub matcher: String,
    /// The object and field that the route comes from.
    pub provenance: String,
    pub verdict: RouteVerdict,
    /// The verdict in words.
    pub reason: String,
}

/// What became of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RouteVerdict {
    Won,
    /// It matches, but another route comes first.
    Outranked,
    /// Its matcher does not match the path.
    NoMatch,
    /// Its virtual host is not the one chosen.
    HostNotChosen,
}

/// Explains how `table` matches `path`, in canonical form, on `host`.
#[must_use]
pub fn explain(table: &Table, host: &CanonicalHost, path: &[u8]) -> Explanation {
    let mut scratch = RegexScratch::default();
    let found = table.lookup(host, path, &mut scratch);
    let mut search = Search { winner: found.route, path, scratch };
    let hosts: Vec<_> = table
        .matching_hosts(host)
        .enumerate()
        .map(|(rank, virtual_host)| if rank == 0 { search.chosen(virtual_host) } else { passed_over(virtual_host) })
        .collect();
    let fallback = table.config().fallback.as_ref().map(|route| search.fallback(route));
    Explanation { host: host.to_string(), path: String::from_utf8_lossy(path).into_owned(), hosts, fallback }
}

/// What the verdicts on the chosen virtual host's routes depend on.
struct Search<'a> {
    winner: Option<&'a Arc<Route>>,
    path: &'a [u8],
    scratch: RegexScratch,
}

impl Search<'_> {
    fn chosen(&mut self, host: &VirtualHost) -> ConsideredHost {
        let mut candidates: Vec<_> = in_order(host).into_iter().map(|route| self.matched(route)).collect();
        candidates.extend(host.fallback.as_ref().map(|route| self.fallback(route)));
        ConsideredHost { pattern: host.pattern.to_string(), verdict: HostVerdict::Chosen, candidates }
    }

    fn matched(&mut self, route: &Arc<Route>) -> Candidate {
        let matched = matches(&route.matcher, self.path, &mut self.scratch);
        let (verdict, reason) = match (self.is_winner(route), matched) {
            (true, _) => (RouteVerdict::Won, winning_reason(&route.matcher).to_owned()),
            (false, true) => (RouteVerdict::Outranked, self.outranked_reason()),
            (false, false) => (RouteVerdict::NoMatch, mismatch_reason(&route.matcher)),
        };
        Candidate { matcher: route.matcher.to_string(), provenance: route.provenance.to_string(), verdict, reason }
    }

    fn fallback(&self, route: &Arc<Route>) -> Candidate {
        let (verdict, reason) = if self.is_winner(route) {
            (RouteVerdict::Won, "no path claims the request".to_owned())
        } else {
            (RouteVerdict::Outranked, self.outranked_reason())
        };
        Candidate { matcher: "fallback".to_owned(), provenance: route.provenance.to_string(), verdict, reason }
    }

    fn is_winner(&self, route: &Arc<Route>) -> bool {
        self.winner.is_some_and(|winner| Arc::ptr_eq(winner, route))
    }

    fn outranked_reason(&self) -> String {
        match self.winner {
            Some(winner) => format!("{} of {} comes first", winner.matcher, winner.provenance),
            None => "another route comes first".to_owned(),
        }
    }
}

fn passed_over(host: &VirtualHost) -> ConsideredHost {
    let candidate = |matcher: String, route: &Arc<Route>| Candidate {
        matcher,
        provenance: route.provenance.to_string(),
        verdict: RouteVerdict::HostNotChosen,
        reason: "a more precise host claims the name".to_owned(),
    };
    let mut candidates: Vec<_> =
        in_order(host).into_iter().map(|route| candidate(route.matcher.to_string(), route)).collect();
    candidates.extend(host.fallback.as_ref().map(|route| candidate("fallback".to_owned(), route)));
    ConsideredHost { pattern: host.pattern.to_string(), verdict: HostVerdict::LessPrecise, candidates }
}

/// The routes of a virtual host in order of precedence: exact, regular expressions as configured, prefixes by length.
fn in_order(host: &VirtualHost) -> Vec<&Arc<Route>> {
    let mut routes: Vec<_> = host.routes.iter().collect();
    routes.sort_by_key(|route| match &route.matcher {
        PathMatcher::Exact(_) => (0, 0),
        PathMatcher::Regex { .. } => (1, 0),
        PathMatcher::Prefix(prefix) => (2, usize::MAX - prefix_key(prefix).len()),
    });
    routes
}

fn winning_reason(matcher: &PathMatcher) -> &'static str {
    match matcher {
        PathMatcher::Exact(_) => "the path is exactly this",
        PathMatcher::Prefix(_) => "the longest prefix of the path, and no exact path or regular expression matches",
        PathMatcher::Regex { .. } => "the first regular expression that matches",
    }
}

fn mismatch_reason(matcher: &PathMatcher) -> String {
    match matcher {
        PathMatcher::Exact(path) => format!("the path is not exactly {path}"),
        PathMatcher::Prefix(path) => format!("the path is not {path} and not below it"),
        PathMatcher::Regex { pattern, .. } => format!("{} does not match", pattern.source()),
    }
}
