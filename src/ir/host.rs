//! Host names, host patterns and virtual hosts.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use super::route::Route;

/// A DNS name in canonical form: lower-case ASCII letters, digits, `-` and `_` in non-empty labels of at most 63
/// octets, at most 253 in all, no port, no trailing dot; or an IPv4 address, or an IPv6 address in brackets.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostName(Arc<str>);

impl HostName {
    /// Reads a host name, folding case and dropping one trailing dot. `None` if it is not one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_suffix('.').unwrap_or(text);
        let valid = !text.is_empty()
            && text.len() <= 253
            && text.split('.').all(|label| {
                !label.is_empty()
                    && label.len() <= 63
                    && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            });
        valid.then(|| Self(text.to_ascii_lowercase().into()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Maps keyed by host names are looked up by text in canonical form.
impl Borrow<str> for HostName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What host names a virtual host answers to. The order is that of precedence: exact before wildcard before any.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HostPattern {
    /// This name alone.
    Exact(HostName),
    /// `*.parent`: exactly one label of `[A-Za-z0-9_-]+` before `.parent` (Kubernetes Ingress v1, ingress-nginx).
    Wildcard(HostName),
    /// Every name that no other pattern claims, and requests without a usable name.
    Any,
}

impl HostPattern {
    /// Reads an Ingress rule's host: empty for any, `*.` and a name for a wildcard, else a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::Any);
        }
        match text.strip_prefix("*.") {
            Some(parent) => HostName::parse(parent).map(Self::Wildcard),
            None => HostName::parse(text).map(Self::Exact),
        }
    }

    /// The wildcard that claims this exact name where nothing claims it itself: its first label replaced by `*`.
    #[must_use]
    pub fn covering_wildcard(&self) -> Option<Self> {
        match self {
            Self::Exact(name) => {
                let (_, parent) = name.as_str().split_once('.')?;
                HostName::parse(parent).map(Self::Wildcard)
            }
            Self::Wildcard(_) | Self::Any => None,
        }
    }
}

impl fmt::Display for HostPattern {
    /// The host as an Ingress writes it; `*` for any.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => name.fmt(f),
            Self::Wildcard(parent) => write!(f, "*.{parent}"),
            Self::Any => f.write_str("*"),
        }
    }
}

/// Whether a request for this host can be sent to HTTPS, as ssl-redirect asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HostTls {
    /// No Ingress lists the host under `tls`; only the default certificate could serve it.
    #[default]
    None,
    /// An Ingress lists the host under `tls`, be its Secret usable or not.
    Configured,
}

/// One virtual host: the routes for the names that its pattern claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VirtualHost {
    pub pattern: HostPattern,
    pub tls: HostTls,
    /// Where a request for exactly `/` is redirected (302), an absolute path.
    pub app_root: Option<String>,
    /// The routes in order of precedence. For exact and prefix matchers the order says nothing that the matchers do
    /// not (longest first, exact before prefix); among regex matchers the first in this order that matches wins.
    pub routes: Vec<Arc<Route>>,
    /// What a path gets that no route claims; `None` leaves it to [`Config::fallback`](super::Config::fallback).
    pub fallback: Option<Arc<Route>>,
}
