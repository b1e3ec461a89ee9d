//! What became of each Ingress.

use std::fmt;

use crate::ir::ObjectRef;

/// What became of one Ingress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngressStatus {
    pub ingress: ObjectRef,
    pub verdict: Verdict,
    /// The hosts it has routes on, as an Ingress writes them (`*` for any), sorted, each once.
    pub hosts: Vec<String>,
    /// Routes that forward or redirect.
    pub served: usize,
    /// Routes that answer an error because a setting cannot be honoured.
    pub refused: usize,
    /// Paths that made no route: invalid, claimed by an older Ingress, or with a backend that is not served.
    pub dropped: usize,
}

/// The summary of an [`IngressStatus`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Every path is served.
    Served,
    /// Some paths are served, others refused or dropped.
    Partly,
    /// Nothing of it is served, though it is ours.
    NotServed,
    /// It belongs to another controller, namespace or class.
    NotOurs,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Served => "served",
            Self::Partly => "partly served",
            Self::NotServed => "not served",
            Self::NotOurs => "not ours",
        })
    }
}
