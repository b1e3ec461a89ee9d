//! What the proxy is to do, in proxy words.
//!
//! Plain data that compares by value: no Kubernetes type, no annotation name, no socket and no clock. A [`Config`] is
//! valid by construction: `compile` builds it from objects, `table` indexes it, `proxy` acts on it.

pub mod access;
pub mod backend;
pub mod filter;
pub mod host;
mod hosts;
pub mod limits;
pub mod listener;
pub mod matcher;
pub mod pattern;
pub mod policy;
pub mod provenance;
pub mod route;
pub mod time;
pub mod tls;

use std::sync::Arc;

pub use backend::{Backend, BackendId, Balance, Endpoint, EndpointSource, Protocol};
pub use host::{HostName, HostPattern, VirtualHost};
pub use hosts::VirtualHosts;
pub use limits::{Limit, Limits};
pub use listener::ListenerPolicy;
pub use matcher::PathMatcher;
pub use pattern::Pattern;
pub use policy::RoutePolicy;
pub use provenance::{ObjectKind, ObjectRef, Provenance};
pub use route::{Action, Forward, Redirect, Refusal, Route};
pub use time::UnixTime;

/// One complete, valid configuration: everything a request's treatment depends on except the addresses of endpoints
/// and the key material, which change on their own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// How client connections are treated. Live: a change applies to the next connection or request.
    pub listener: ListenerPolicy,
    pub hosts: VirtualHosts,
    /// What a request gets that no virtual host and no path claims. `None` answers 404.
    pub fallback: Option<Arc<Route>>,
}
