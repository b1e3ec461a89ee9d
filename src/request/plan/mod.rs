//! What is done with a request, as a value: the phases in their order, from the routing table alone.

use std::sync::Arc;

use super::client::{self, Client, Peer, Scheme};
use super::encode;
use super::head::RequestHead;
use super::host;
use super::path::{self, Canonical, DotSegments};
use super::rewrite::{self, Matched, Rewritten};
use crate::ir::host::HostTls;
use crate::ir::policy::{SslRedirectWhen, TrailingSlash};
use crate::ir::{Action, Forward, Redirect, Refusal, Route, VirtualHost};
use crate::table::{CanonicalHost, Found, RegexScratch, Table};

/// The memory that planning reuses from request to request; one per worker or connection.
#[derive(Debug, Default)]
pub struct Scratch {
    path: Vec<u8>,
    regex: RegexScratch,
}

impl Scratch {
    /// The canonical path of the request that was planned last.
    #[must_use]
    pub fn path(&self) -> &[u8] {
        &self.path
    }
}

/// Why a request is answered before it is matched: it is malformed, or its method is not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rejected {
    pub status: u16,
    /// For log and metric; stable, kebab-case.
    pub code: &'static str,
}

/// What is done with a request.
#[derive(Debug)]
pub struct Plan<'t> {
    pub client: Client,
    pub host: CanonicalHost,
    /// The virtual host that claims the host.
    pub vhost: Option<&'t Arc<VirtualHost>>,
    /// The route that claims the request, whose labels and policy hold for every outcome.
    pub route: Option<&'t Arc<Route>>,
    pub outcome: Outcome<'t>,
}

/// How a request is answered.
#[derive(Debug)]
pub enum Outcome<'t> {
    /// Nothing claims it: 404.
    NotFound,
    /// The route cannot be honoured as configured.
    Refuse(&'t Refusal),
    /// `location` is a legal field value.
    Redirect {
        status: u16,
        location: Vec<u8>,
    },
    Forward(ForwardPlan<'t>),
}

/// How a request is passed on.
#[derive(Debug)]
pub struct ForwardPlan<'t> {
    pub forward: &'t Forward,
    pub route: &'t Arc<Route>,
    pub target: Target,
    /// The value of `X-Forwarded-Prefix`, a legal field value.
    pub forwarded_prefix: Option<Vec<u8>>,
}

/// The request target that is sent upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The head's, as it was received.
    Raw,
    /// This one, in origin form.
    Replaced(Vec<u8>),
}

/// Decides what is done with a request, in this order: who the client is; host and path in canonical form; match;
/// `app-root`; the route's refusal or redirect; rewrite; redirect to HTTPS; forwarding. Allocates only where a target
/// or a location is made.
///
/// # Errors
/// The answer to a request that is malformed, or whose method is not served: 405 for CONNECT and TRACE, as nginx.
pub fn plan<'t>(
    table: &'t Table,
    head: &RequestHead,
    peer: &Peer,
    scratch: &mut Scratch,
) -> Result<Plan<'t>, Rejected> {
    let Scratch { path, regex } = scratch;
    check_method(&head.method)?;
    let client = Client::of(head, peer, &table.config().listener);
    let host = host::of(head)?;
    let canonical = canonical_target(head, path)?;
    let found = table.lookup(&host, path, regex);
    let request = Request { head, client: &client, host: &host, path, canonical };
    let outcome = request.outcome(found, regex)?;
    Ok(Plan { client, host, vhost: found.host, route: found.route, outcome })
}

/// CONNECT would make a tunnel to anywhere of us; TRACE would show a client what the proxy adds to its request.
fn check_method(method: &str) -> Result<(), Rejected> {
    match method {
        "CONNECT" | "TRACE" => Err(Rejected { status: 405, code: "method-not-served" }),
        _ => Ok(()),
    }
}

/// Leaves the canonical path in `path`. The asterisk form is OPTIONS' alone (RFC 9112 §3.2.4) and its own path, which
/// only the prefix `/`, a regular expression that matches it, and fallbacks claim.
fn canonical_target<'h>(head: &'h RequestHead, path: &mut Vec<u8>) -> Result<Canonical<'h>, Rejected> {
    if head.target == b"*" && head.method == "OPTIONS" {
        path.clear();
        path.push(b'*');
        return Ok(Canonical { query: None, dot_segments: DotSegments::None });
    }
    Ok(path::canonicalize(&head.target, path)?)
}

/// A request in canonical form.
struct Request<'r> {
    head: &'r RequestHead,
    client: &'r Client,
    host: &'r CanonicalHost,
    path: &'r [u8],
    canonical: Canonical<'r>,
}

impl Request<'_> {
    fn outcome<'t>(&self, found: Found<'t>, regex: &mut RegexScratch) -> Result<Outcome<'t>, Rejected> {
        if let Some(app_root) = found.host.and_then(|host| host.app_root.as_deref())
            && self.path == b"/"
        {
            return Ok(Outcome::Redirect { status: 302, location: self.app_root_location(app_root) });
        }
        let Some(route) = found.route else { return Ok(Outcome::NotFound) };
        match &route.action {
            Action::Refuse(refusal) => Ok(Outcome::Refuse(refusal)),
            Action::Redirect(Redirect { status, location }) => {
                Ok(Outcome::Redirect { status: *status, location: header_safe(location) })
            }
            Action::Forward(forward) => self.forward(forward, route, found.host, regex),
        }
    }

    fn forward<'t>(
        &self,
        forward: &'t Forward,
        route: &'t Arc<Route>,
        host: Option<&Arc<VirtualHost>>,
        regex: &mut RegexScratch,
    ) -> Result<Outcome<'t>, Rejected> {
        let mut target = None;
        let mut forwarded_prefix = None;
        if let Some(rewrite) = &forward.rewrite {
            let matched = Matched::find(rewrite, self.path, regex);
            target = match rewrite::apply(rewrite, &matched, self.canonical.query)? {
                Rewritten::Unmatched => None,
                Rewritten::Target(target) => Some(target),
                Rewritten::Redirect(location) => return Ok(Outcome::Redirect { status: 302, location }),
            };
            forwarded_prefix =
                forward.forwarded_prefix.as_ref().map(|prefix| rewrite::expand_field(&prefix.0, &matched));
        }
        let ssl_redirect = route.policy.ssl_redirect;
        if self.wants_https(ssl_redirect.when, host) {
            let location = self.https_location(ssl_redirect.trailing_slash)?;
            return Ok(Outcome::Redirect { status: ssl_redirect.status, location });
        }
        let target = target.map_or_else(|| self.unchanged_target(), Target::Replaced);
        Ok(Outcome::Forward(ForwardPlan { forward, route, target, forwarded_prefix }))
    }

    /// What is sent without a rewrite: the raw target, but no dot segment in it.
    fn unchanged_target(&self) -> Target {
        match self.canonical.dot_segments {
            DotSegments::None => Target::Raw,
            DotSegments::Current | DotSegments::Parent => {
                Target::Replaced(path::to_target(self.path, self.canonical.query))
            }
        }
    }

    fn wants_https(&self, when: SslRedirectWhen, host: Option<&Arc<VirtualHost>>) -> bool {
        let configured = match when {
            SslRedirectWhen::Never => false,
            SslRedirectWhen::Always => true,
            SslRedirectWhen::CertificateConfigured => host.is_some_and(|host| host.tls == HostTls::Configured),
        };
        configured && self.client.scheme == Scheme::Http
    }

    /// `https://`, the host without port, and the target as received, less one trailing slash if asked (ingress-nginx:
    /// be it the path's or the query's). A request without a host cannot be redirected and is refused.
    fn https_location(&self, trailing_slash: TrailingSlash) -> Result<Vec<u8>, Rejected> {
        let forwarded = self.forwarded_authority().and_then(host::parse).map(|authority| authority.host);
        let host = forwarded.as_ref().unwrap_or(self.host);
        if host.is_absent() {
            return Err(Rejected { status: 400, code: "host-missing" });
        }
        let target = if self.head.target == b"*" { b"/" } else { self.head.target.as_slice() };
        let target = match trailing_slash {
            TrailingSlash::StripOne => target.strip_suffix(b"/").unwrap_or(target),
            TrailingSlash::Preserve => target,
        };
        Ok([b"https://", host.as_bytes(), target].concat())
    }

    /// `app_root` on the scheme and authority that the client used; relative for a request that names no host. The
    /// scheme is the effective one, so that TLS that ends in front of us is not redirected to plain HTTP.
    fn app_root_location(&self, app_root: &str) -> Vec<u8> {
        let authority = self.forwarded_authority().or_else(|| self.head.effective_authority());
        let mut location = Vec::new();
        if let Some(authority) = authority {
            for part in [self.client.scheme.as_str().as_bytes(), b"://", authority] {
                location.extend_from_slice(part);
            }
        }
        encode::uri_text(app_root.as_bytes(), &mut location);
        location
    }

    fn forwarded_authority(&self) -> Option<&[u8]> {
        client::forwarded_authority(self.head, self.client)
    }
}

fn header_safe(location: &str) -> Vec<u8> {
    let mut safe = Vec::with_capacity(location.len());
    encode::uri_text(location.as_bytes(), &mut safe);
    safe
}

#[cfg(test)]
mod tests;
