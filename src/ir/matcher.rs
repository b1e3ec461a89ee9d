//! How a route's path is matched, always against the canonical path (decoded once, slashes merged, dots resolved).

use std::fmt;

use super::pattern::Pattern;

/// A path matcher. Literal paths are in canonical form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathMatcher {
    /// The whole path, case-sensitive.
    Exact(String),
    /// The path element by element (Kubernetes Ingress v1): `/foo` matches `/foo`, `/foo/` and `/foo/bar`, not `/foobar`.
    /// Stored without a trailing slash, except that `/` itself matches everything.
    Prefix(String),
    /// A case-insensitive regular expression anchored at the start, as ingress-nginx makes one of every path of a host
    /// once any of them uses `use-regex` or `rewrite-target`. `path` is the text as the Ingress has it.
    Regex { path: String, pattern: Pattern },
}

impl PathMatcher {
    /// The path as the Ingress wrote it, up to a prefix's trailing slash.
    #[must_use]
    pub fn path(&self) -> &str {
        match self {
            Self::Exact(path) | Self::Prefix(path) | Self::Regex { path, .. } => path,
        }
    }
}

impl fmt::Display for PathMatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(path) => write!(f, "exact {path}"),
            Self::Prefix(path) => write!(f, "prefix {path}"),
            Self::Regex { path, .. } => write!(f, "regex {path}"),
        }
    }
}
