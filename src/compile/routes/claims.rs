//! Who has which path of a host: the oldest, and what the others are told.

use std::collections::HashMap;

use crate::annotations::PathSyntax;
use crate::diagnostic::Diagnostic;
use crate::ir::Provenance;

use super::super::lower::{Path, PathKind};
use super::{Merging, paths_of};

/// A path that has won its place.
pub(super) struct Claim<'l> {
    pub(super) path: &'l Path,
    pub(super) member: usize,
}

impl<'l> Merging<'l> {
    /// The paths that are served, oldest first; the others are reported.
    pub(super) fn claims(&mut self) -> Vec<Claim<'l>> {
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
}

/// The field of a path's text.
pub(super) fn path_field(path: &Path) -> Provenance {
    let Provenance { object, field } = &path.route.provenance;
    object.field(format!("{field}.path"))
}
