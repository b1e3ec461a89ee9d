//! The routes of one host: the paths of all its Ingresses merged.
//!
//! The first Ingress in order of age to claim a path of a type has it; the later is told. If any path of the host is
//! a regular expression, all are, as ingress-nginx has it.

mod claims;
mod order;

use std::sync::Arc;

use crate::annotations::PathSyntax;
use crate::diagnostic::Diagnostic;
use crate::ir::host::HostTls;
use crate::ir::{Action, HostPattern, PathMatcher, Refusal, Route, VirtualHost};

use super::lower::{Fallback, Lowered, Path, RouteParts};

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
    let catch_all = member.catch_all.as_deref().filter(|_| *pattern == HostPattern::Any);
    member.default_backend.as_deref().or(catch_all)
}

fn paths_of<'l>(pattern: &HostPattern, member: &'l Lowered) -> impl Iterator<Item = &'l Path> {
    member.rules.get(pattern).into_iter().flatten()
}

/// How the paths of the host are read: as regular expressions as soon as one of them is.
fn syntax_of(pattern: &HostPattern, members: &[Arc<Lowered>]) -> PathSyntax {
    let fallback = members.iter().find_map(|member| fallback_of(pattern, member));
    let paths = members.iter().flat_map(|member| paths_of(pattern, member)).map(|path| path.syntax);
    let any = paths.chain(fallback.map(|fallback| fallback.syntax)).any(|syntax| syntax == PathSyntax::Regex);
    if any { PathSyntax::Regex } else { PathSyntax::Literal }
}

struct Merging<'l> {
    pattern: &'l HostPattern,
    members: &'l [Arc<Lowered>],
    syntax: PathSyntax,
    host_refusal: Option<&'l Refusal>,
    diagnostics: Vec<Diagnostic>,
    tallies: Vec<Tally>,
}

impl Merging<'_> {
    /// A route of a matcher: refused if its pattern is none, or if its host is.
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

    fn drop_path(&mut self, member: usize) {
        if let Some(tally) = self.tallies.get_mut(member) {
            tally.dropped += 1;
        }
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
            route.labels.host = self.pattern.to_string().into();
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
