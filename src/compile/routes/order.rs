//! The claimed paths as routes in order of precedence, each with its matcher.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::sync::Arc;

use crate::annotations::{PathSyntax, pattern};
use crate::diagnostic::Diagnostic;
use crate::ir::{PathMatcher, Refusal, Route};

use super::super::lower::{Path, PathKind, PathText};
use super::Merging;
use super::claims::{Claim, path_field};

impl<'l> Merging<'l> {
    /// The claims as routes, in order of precedence.
    pub(super) fn routes(&mut self, mut claims: Vec<Claim<'l>>) -> Vec<Arc<Route>> {
        match self.syntax {
            // Longest first, exact before prefix; the rest only makes the order one.
            PathSyntax::Literal => claims.sort_by(|a, b| {
                let key = |claim: &Claim<'l>| (Reverse(claim.path.text.literal().len()), claim.path.text.kind());
                key(a).cmp(&key(b)).then_with(|| b.path.text.literal().cmp(a.path.text.literal()))
            }),
            // ingress-nginx's order, in which the first that matches wins: length, then reverse lexicographic, then age.
            PathSyntax::Regex => claims.sort_by(|a, b| {
                let (a, b) = (a.path.text.raw(), b.path.text.raw());
                b.len().cmp(&a.len()).then_with(|| b.cmp(a))
            }),
        }
        let exact: HashSet<&str> = claims
            .iter()
            .filter(|claim| claim.path.text.kind() == PathKind::Exact)
            .map(|claim| claim.path.text.raw())
            .collect();
        claims.iter().map(|claim| self.claimed_route(claim, &exact)).collect()
    }

    fn claimed_route(&mut self, claim: &Claim<'_>, exact: &HashSet<&str>) -> Arc<Route> {
        let Path { text, syntax, route } = claim.path;
        let (matcher, trouble) = match self.syntax {
            PathSyntax::Literal => (literal_matcher(text), None),
            PathSyntax::Regex => self.regex_matcher(claim.path, &located(text, *syntax, exact)),
        };
        let route = self.finish_route(matcher, route, trouble);
        if let Some(tally) = self.tallies.get_mut(claim.member) {
            tally.count(&route.action);
        }
        Arc::new(route)
    }

    /// The matcher of a path on a host of regular expressions; if the path is none that can be served, one that takes
    /// what it might have meant, and the refusal.
    fn regex_matcher(&mut self, path: &Path, located: &str) -> (PathMatcher, Option<Refusal>) {
        let raw = path.text.raw().to_owned();
        match pattern::location(located) {
            Ok(pattern) => (PathMatcher::Regex { path: raw, pattern }, None),
            Err(error) => {
                let covering = pattern::covering(&raw);
                let message =
                    format!("{raw:?}: {error}; requests that match {:?} answer 503 instead", covering.source());
                self.diagnostics.push(Diagnostic::error(error.code(), path_field(path), message));
                let refusal = Refusal { status: 503, code: error.code(), reason: format!("{raw:?}: {error}") };
                (PathMatcher::Regex { path: raw, pattern: covering }, Some(refusal))
            }
        }
    }
}

fn literal_matcher(text: &PathText) -> PathMatcher {
    let literal = text.literal().to_owned();
    match text.kind() {
        PathKind::Exact => PathMatcher::Exact(literal),
        PathKind::Prefix => PathMatcher::Prefix(literal),
    }
}

/// What ingress-nginx anchors as a regular expression: the path; but a prefix that is none on its own account and has
/// an exact sibling only what is below it, since the sibling has the path itself.
fn located(text: &PathText, syntax: PathSyntax, exact: &HashSet<&str>) -> String {
    let raw = text.raw();
    let shared = syntax == PathSyntax::Literal && text.kind() == PathKind::Prefix && exact.contains(raw);
    if shared && !raw.ends_with('/') { format!("{raw}/") } else { raw.to_owned() }
}
