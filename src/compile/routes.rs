//! The routes of one host: the paths of all its Ingresses merged.
//!
//! The first Ingress in order of age to claim a path of a type has it; the later is told. If any path of the host is
//! a regular expression, all are, as ingress-nginx has it.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::annotations::{PathSyntax, pattern};
use crate::diagnostic::Diagnostic;
use crate::ir::host::HostTls;
use crate::ir::{Action, HostPattern, PathMatcher, Provenance, Refusal, Route, VirtualHost};

use super::lower::{Fallback, Lowered, Path, PathKind, PathText, RouteParts};

/// What the merge of one host gives.
#[derive(Debug)]
pub(super) struct HostOutcome {
    pub(super) host: Arc<VirtualHost>,
    pub(super) diagnostics: Vec<Diagnostic>,
    /// What became of each member's paths, in the order of the members.
    pub(super) tallies: Vec<Tally>,
}

/// How many paths of one Ingress came to what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Tally {
    pub(super) served: usize,
    pub(super) refused: usize,
    pub(super) dropped: usize,
}

impl Tally {
    fn count(&mut self, action: &Action) {
        match action {
            Action::Forward(_) | Action::Redirect(_) => self.served += 1,
            Action::Refuse(_) => self.refused += 1,
        }
    }
}

/// Merges what `members`, oldest first, say of the host `pattern`.
pub(super) fn merge(pattern: &HostPattern, members: &[Arc<Lowered>], tls: HostTls) -> HostOutcome {
    let mut merging = Merging {
        pattern,
        members,
        syntax: syntax_of(pattern, members),
        host_refusal: members.iter().find_map(|member| member.host_refusal.as_ref()),
        diagnostics: Vec::new(),
        tallies: vec![Tally::default(); members.len()],
    };
    let claims = merging.claims();
    let routes = merging.routes(claims);
    let fallback = merging.fallback();
    let app_root = merging.app_root();
    HostOutcome {
        host: Arc::new(VirtualHost { pattern: pattern.clone(), tls, app_root, routes, fallback }),
        diagnostics: merging.diagnostics,
        tallies: merging.tallies,
    }
}

/// The default backend that an Ingress gives to a host: of the unknown hosts, that of an Ingress without rules too.
fn fallback_of<'l>(pattern: &HostPattern, member: &'l Lowered) -> Option<&'l Fallback> {
    let catch_all = member.catch_all.as_ref().filter(|_| *pattern == HostPattern::Any);
    member.default_backend.as_ref().or(catch_all)
}

fn paths_of<'l>(pattern: &HostPattern, member: &'l Lowered) -> impl Iterator<Item = &'l Path> {
    member.rules.iter().filter(move |rule| rule.host == *pattern).flat_map(|rule| &rule.paths)
}

/// How the paths of the host are read: as regular expressions as soon as one of them is.
fn syntax_of(pattern: &HostPattern, members: &[Arc<Lowered>]) -> PathSyntax {
    let fallback = members.iter().find_map(|member| fallback_of(pattern, member));
    let paths = members.iter().flat_map(|member| paths_of(pattern, member)).map(|path| path.syntax);
    let any = paths.chain(fallback.map(|fallback| fallback.syntax)).any(|syntax| syntax == PathSyntax::Regex);
    if any { PathSyntax::Regex } else { PathSyntax::Literal }
}

/// A path that has won its place.
struct Claim<'l> {
    path: &'l Path,
    member: usize,
}

struct Merging<'l> {
    pattern: &'l HostPattern,
    members: &'l [Arc<Lowered>],
    syntax: PathSyntax,
    host_refusal: Option<&'l Refusal>,
    diagnostics: Vec<Diagnostic>,
    tallies: Vec<Tally>,
}

impl<'l> Merging<'l> {
    /// The paths that are served, oldest first; the others are reported.
    fn claims(&mut self) -> Vec<Claim<'l>> {
        let mut winners: HashMap<(&str, PathKind), &Provenance> = HashMap::new();
        let mut claims = Vec::new();
        for (index, member) in self.members.iter().enumerate() {
            for path in paths_of(self.pattern, member) {
                let compared = match self.syntax {
                    PathSyntax::Literal => path.text.literal(),
                    PathSyntax::Regex => path.text.raw(),
                };
                if self.is_unreachable(path) {
                    self.drop_path(index);
                } else if let Some(winner) = winners.get(&(compared, path.text.kind())) {
                    self.report_conflict(path, winner);
                    self.drop_path(index);
                } else {
                    winners.insert((compared, path.text.kind()), &path.route.provenance);
                    self.note_oddities(path);
                    claims.push(Claim { path, member: index });
                }
            }
        }
        claims
    }

    fn drop_path(&mut self, member: usize) {
        if let Some(tally) = self.tallies.get_mut(member) {
            tally.dropped += 1;
        }
    }

    fn is_unreachable(&mut self, path: &Path) -> bool {
        let why = match self.syntax {
            PathSyntax::Literal => path.text.unreachable(),
            PathSyntax::Regex => None,
        };
        if let Some(why) = why {
            let message = format!("{:?} {why}; no request can match it and the path is not served", path.text.raw());
            self.diagnostics.push(Diagnostic::error("unreachable-path", path_field(path), message));
        }
        why.is_some()
    }

    fn report_conflict(&mut self, path: &Path, winner: &Provenance) {
        let own = &path.route.provenance;
        let raw = path.text.raw();
        let message = if winner.object == own.object {
            format!(
                "{raw:?} on host {} is claimed already by {} of the same Ingress; this path is not served",
                self.pattern, winner.field
            )
        } else {
            format!(
                "{raw:?} on host {} is claimed already by {winner}, which comes first; this path is not served",
                self.pattern
            )
        };
        self.diagnostics.push(Diagnostic::warning("path-conflict", own.clone(), message));
    }

    /// Reports what is served but perhaps not as it was meant.
    fn note_oddities(&mut self, path: &Path) {
        let raw = path.text.raw();
        if path.text.is_encoded() {
            let message = format!(
                "{raw:?} is compared as it is with decoded paths, so that requests for it do not match; write it decoded"
            );
            self.diagnostics.push(Diagnostic::warning("encoded-path", path_field(path), message));
        }
        let spilled = path.syntax == PathSyntax::Literal && path.text.kind() == PathKind::Exact;
        match self.syntax {
            PathSyntax::Literal if path.text.looks_like_regex() => {
                let message =
                    format!("{raw:?} reads like a regular expression but is compared literally without use-regex");
                self.diagnostics.push(Diagnostic::warning("literal-pattern", path_field(path), message));
            }
            PathSyntax::Regex if spilled => {
                let message = format!(
                    "{raw:?} is of type Exact, but host {} uses regular expressions, so that it matches every path that begins with it",
                    self.pattern
                );
                self.diagnostics.push(Diagnostic::warning("exact-path-widened", path_field(path), message));
            }
            PathSyntax::Literal | PathSyntax::Regex => {}
        }
    }

    /// The claims as routes, in order of precedence.
    fn routes(&mut self, mut claims: Vec<Claim<'l>>) -> Vec<Arc<Route>> {
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

    fn finish_route(&self, matcher: PathMatcher, parts: &RouteParts, trouble: Option<Refusal>) -> Route {
        let RouteParts { action, policy, labels, provenance } = parts.clone();
        let refusal = trouble.or_else(|| self.host_refusal.cloned());
        let action = match (action, refusal) {
            (Action::Refuse(own), _) => Action::Refuse(own),
            (Action::Forward(_) | Action::Redirect(_), Some(refusal)) => Action::Refuse(refusal),
            (action @ (Action::Forward(_) | Action::Redirect(_)), None) => action,
        };
        Route { matcher, action, policy, labels, provenance }
    }

    /// The oldest default backend; later ones are told.
    fn fallback(&mut self) -> Option<Arc<Route>> {
        let mut chosen: Option<Route> = None;
        for (index, member) in self.members.iter().enumerate() {
            let Some(fallback) = fallback_of(self.pattern, member) else { continue };
            if let Some(winner) = &chosen {
                let message = format!(
                    "the default backend of host {} is {}, which comes first; this one is not used",
                    self.pattern, winner.provenance
                );
                let provenance = fallback.route.provenance.clone();
                self.diagnostics.push(Diagnostic::warning("default-backend-conflict", provenance, message));
                self.drop_path(index);
                continue;
            }
            let mut route = self.finish_route(PathMatcher::Prefix(String::from("/")), &fallback.route, None);
            route.labels.host = self.pattern.to_string();
            if let Some(tally) = self.tallies.get_mut(index) {
                tally.count(&route.action);
            }
            chosen = Some(route);
        }
        chosen.map(Arc::new)
    }

    /// The oldest `app-root`; later ones that differ are told.
    fn app_root(&mut self) -> Option<String> {
        let mut chosen: Option<(&Lowered, &String)> = None;
        for member in self.members {
            let Some(root) = &member.app_root else { continue };
            match chosen {
                None => chosen = Some((member, root)),
                Some((_, winner)) if winner == root => {}
                Some((older, winner)) => {
                    let message = format!(
                        "app-root {root:?} has no effect on host {}: {} comes first and has {winner:?}",
                        self.pattern, older.ingress
                    );
                    let provenance = member.ingress.field("metadata.annotations");
                    self.diagnostics.push(Diagnostic::warning("app-root-conflict", provenance, message));
                }
            }
        }
        chosen.map(|(_, root)| root.clone())
    }
}

fn path_field(path: &Path) -> Provenance {
    let Provenance { object, field } = &path.route.provenance;
    object.field(format!("{field}.path"))
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
