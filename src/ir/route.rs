//! Routes: what a matched request gets.

use std::sync::Arc;

use super::backend::Backend;
use super::filter::{ForwardedPrefix, Rewrite};
use super::matcher::PathMatcher;
use super::policy::RoutePolicy;
use super::provenance::Provenance;

/// One path of one virtual host and what happens to requests that match it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    pub matcher: PathMatcher,
    pub action: Action,
    /// Shared by all routes of one Ingress whose policies are equal.
    pub policy: Arc<RoutePolicy>,
    /// The names that logs and metrics carry.
    pub labels: RouteLabels,
    /// The Ingress and the field of the path.
    pub provenance: Provenance,
}

/// What logs and metrics call a route. All empty for a route that belongs to no Ingress.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct RouteLabels {
    pub namespace: Arc<str>,
    pub ingress: Arc<str>,
    pub service: Arc<str>,
    /// The Service port as the Ingress writes it, a name or a number.
    pub service_port: Arc<str>,
    /// The virtual host as the Ingress writes it, `*` for any (bounds the label: never the request's own Host).
    pub host: Arc<str>,
    /// The path as the Ingress writes it.
    pub path: Arc<str>,
}

/// The one thing a route does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Pass the request to a backend.
    Forward(Forward),
    /// Answer with a redirect. Comes before ssl-redirect and every gate, as in ingress-nginx.
    Redirect(Redirect),
    /// Answer with an error because the configuration cannot be honoured; nothing is passed on (fails closed).
    Refuse(Refusal),
}

/// Passing a request on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forward {
    pub backend: Arc<Backend>,
    pub rewrite: Option<Rewrite>,
    /// The `Host` sent upstream; `None` sends the client's.
    pub upstream_host: Option<String>,
    /// `X-Forwarded-Prefix`, sent only when a rewrite is active.
    pub forwarded_prefix: Option<ForwardedPrefix>,
}

/// A redirect to a fixed location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    /// 300 to 308.
    pub status: u16,
    /// Sent as it is; checked to be a legal field value.
    pub location: String,
}

/// Why a route is not served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub status: u16,
    /// The diagnostic's code, for logs and metrics.
    pub code: &'static str,
    /// For logs and `explain`; never sent to the client.
    pub reason: String,
}
