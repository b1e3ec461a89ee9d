//! Backends and their endpoints.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

/// Names a Service port: the identity under which endpoints and running state are kept across generations.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BackendId {
    pub namespace: Arc<str>,
    pub service: Arc<str>,
    /// The port as the Ingress writes it, a name or a number.
    pub port: Arc<str>,
}

impl fmt::Display for BackendId {
    /// ingress-nginx's upstream name, `namespace-service-port`, as access logs carry it. Not unique: never a key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.namespace, self.service, self.port)
    }
}

/// Where requests go and how: a Service port and the way to speak to it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Backend {
    pub id: BackendId,
    pub protocol: Protocol,
    pub balance: Balance,
    pub keep_alive: KeepAlive,
}

/// What is spoken to the endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Protocol {
    /// HTTP/1.1 in the clear.
    #[default]
    Http1,
    /// HTTP/1.1 over TLS, the certificate not verified (ingress-nginx `HTTPS` without `proxy-ssl-*`).
    Http1Tls,
    /// HTTP/2 with prior knowledge in the clear (`GRPC`, appProtocol `kubernetes.io/h2c`).
    Http2,
    /// HTTP/2 over TLS, the certificate not verified (`GRPCS`).
    Http2Tls,
}

/// How an endpoint is picked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Balance {
    #[default]
    RoundRobin,
    /// The better of two at random by peak exponentially weighted moving average of latency.
    Ewma,
}

/// The bounds of the pool of idle connections to an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeepAlive {
    /// Idle connections kept per worker and backend (`upstream-keepalive-connections`); 0 keeps none.
    pub connections: u32,
    /// How long one may idle, in seconds (`upstream-keepalive-timeout`).
    pub timeout_secs: u32,
    /// Requests over one connection (`upstream-keepalive-requests`).
    pub requests: u32,
    /// The longest a connection may live, in seconds (`upstream-keepalive-time`).
    pub lifetime_secs: u32,
}

impl Default for KeepAlive {
    fn default() -> Self {
        Self { connections: 320, timeout_secs: 60, requests: 10_000, lifetime_secs: 3_600 }
    }
}

/// One address that serves a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    pub address: SocketAddr,
}

/// Where the endpoints of a backend come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndpointSource {
    /// These addresses, sorted, each once. Empty answers 503.
    Addresses(Arc<[Endpoint]>),
    /// A name that the control plane resolves (ExternalName Services); with a dot at the end, it is whole.
    Name { host: String, port: u16 },
}
