//! The cases, in the order in which they are measured.

use landfall::testing::certificates::Key;

use super::load::{Exchange, Hosts, Load, Resumption, Reuse};
use super::order::{ANSWER, Action, Scheme};

/// What is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Work {
    /// The cost of requests, of which there are as many as the proxy answers.
    Cost(Load),
    /// Latencies at half as many requests per second as the best peer answers under this load.
    Latency { scheme: Scheme, connections: usize },
    /// Memory of so many connections over TLS on which nothing happens.
    Idle { connections: usize },
    /// The share of the busiest of several workers while clients rest between requests, so that none has all it can do.
    Skew(Load),
}

/// One case.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    pub name: &'static str,
    pub title: &'static str,
    pub work: Work,
    /// Whether the quick mode has it.
    pub is_quick: bool,
    /// Whether the relay of octets is a floor: it knows no TLS, and cannot use a connection to the origin again.
    pub has_floor: bool,
    /// Hosts besides the three that every case has.
    pub hosts: usize,
}

const SMALL: Exchange = Exchange { action: Action::Get, size: ANSWER };

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

impl Case {
    /// Whether what is measured are requests, each of which a proxy logs: a handshake is none, and all that goes over a
    /// WebSocket is one.
    pub(crate) const fn is_logged(&self) -> bool {
        !matches!(self.work, Work::Cost(Load::Handshakes { .. } | Load::WebSocket { .. }))
    }
}

/// Every case.
pub(crate) fn all() -> Vec<Case> {
    [small(), http2(), handshakes(), bodies(), others(), skews()].concat()
}

fn case(name: &'static str, title: &'static str, load: Load) -> Case {
    let has_floor = match load {
        Load::Http1 { scheme, reuse, .. } => scheme == Scheme::Http && reuse == Reuse::Always,
        Load::WebSocket { .. } => true,
        Load::Http2 { .. } | Load::Grpc { .. } | Load::Handshakes { .. } | Load::Paced { .. } => false,
    };
    Case { name, title, work: Work::Cost(load), is_quick: false, has_floor, hosts: 0 }
}

fn quick(case: Case) -> Case {
    Case { is_quick: true, ..case }
}

fn http1(scheme: Scheme, connections: usize, exchange: Exchange) -> Load {
    Load::Http1 { scheme, connections, reuse: Reuse::Always, exchange, hosts: Hosts::One }
}

fn one_by_one(scheme: Scheme, connections: usize) -> Load {
    Load::Http1 { scheme, connections, reuse: Reuse::Never, exchange: SMALL, hosts: Hosts::One }
}

fn tls(name: &'static str, title: &'static str) -> Case {
    case(name, title, http1(Scheme::Https, 64, SMALL))
}

fn small() -> Vec<Case> {
    vec![
        case("http1-1", "HTTP/1.1, 1 connection", http1(Scheme::Http, 1, SMALL)),
        quick(case("http1-64", "HTTP/1.1, 64 connections", http1(Scheme::Http, 64, SMALL))),
        case("http1-1000", "HTTP/1.1, 1,000 connections", http1(Scheme::Http, 1000, SMALL)),
        quick(case("http1-new", "HTTP/1.1, a connection per request", one_by_one(Scheme::Http, 64))),
        quick(tls("tls-http1-64", "HTTP/1.1 over TLS, 64 connections")),
        case("tls-http1-new", "HTTP/1.1 over TLS, a connection per request", one_by_one(Scheme::Https, 16)),
    ]
}

fn http2() -> Vec<Case> {
    let load = |connections, streams| Load::Http2 { connections, streams, exchange: SMALL };
    vec![
        quick(case("http2-16x32", "HTTP/2, 16 connections of 32 streams", load(16, 32))),
        quick(case("http2-1x100", "HTTP/2, 1 connection of 100 streams", load(1, 100))),
        quick(case("grpc-16x8", "gRPC unary, 16 connections of 8 streams", Load::Grpc { connections: 16, streams: 8 })),
    ]
}

fn handshakes() -> Vec<Case> {
    let load = |key, resumption| Load::Handshakes { key, resumption, clients: 16, hosts: Hosts::One };
    vec![
        quick(case("handshake-ecdsa", "TLS handshake, ECDSA P-256", load(Key::EcdsaP256, Resumption::Full))),
        case("handshake-rsa", "TLS handshake, RSA 2048", load(Key::Rsa, Resumption::Full)),
        quick(case("resume-ecdsa", "TLS resumption, ECDSA P-256", load(Key::EcdsaP256, Resumption::Resumed))),
        case("resume-rsa", "TLS resumption, RSA 2048", load(Key::Rsa, Resumption::Resumed)),
    ]
}

fn bodies() -> Vec<Case> {
    let get = |size| Exchange { action: Action::Get, size };
    let put = |size| Exchange { action: Action::Put, size };
    let chunked = Exchange { action: Action::Chunked, size: 16 * KIB };
    let plain = |exchange| http1(Scheme::Http, 16, exchange);
    vec![
        case("get-1k", "response of 1 KiB", plain(get(KIB))),
        quick(case("get-64k", "response of 64 KiB", plain(get(64 * KIB)))),
        quick(case("get-10m", "response of 10 MiB", http1(Scheme::Http, 4, get(10 * MIB)))),
        case("put-1k", "upload of 1 KiB", plain(put(KIB))),
        case("put-64k", "upload of 64 KiB", plain(put(64 * KIB))),
        case("put-10m", "upload of 10 MiB", http1(Scheme::Http, 4, put(10 * MIB))),
        case("tls-get-64k", "response of 64 KiB over TLS", http1(Scheme::Https, 16, get(64 * KIB))),
        case("tls-get-10m", "response of 10 MiB over TLS", http1(Scheme::Https, 4, get(10 * MIB))),
        case("chunked-16k", "chunked both ways, 16 KiB", plain(chunked)),
    ]
}

fn others() -> Vec<Case> {
    let many = 10_000;
    let any = Load::Http1 {
        scheme: Scheme::Http,
        connections: 64,
        reuse: Reuse::Always,
        exchange: SMALL,
        hosts: Hosts::Random,
    };
    let handshakes =
        Load::Handshakes { key: Key::EcdsaP256, resumption: Resumption::Full, clients: 16, hosts: Hosts::Random };
    vec![
        case("websocket", "WebSocket, 64 connections", Load::WebSocket { connections: 64, size: ANSWER }),
        Case { hosts: many, has_floor: false, ..case("hosts-http1", "10,000 hosts at random, HTTP/1.1", any) },
        Case { hosts: many, ..case("hosts-handshake", "10,000 hosts at random, TLS handshake", handshakes) },
        Case { work: Work::Idle { connections: many }, ..tls("idle-tls", "10,000 idle TLS connections") },
        Case {
            work: Work::Latency { scheme: Scheme::Http, connections: 64 },
            ..case("latency-http1", "latency of HTTP/1.1 at half load", http1(Scheme::Http, 64, SMALL))
        },
        Case {
            work: Work::Latency { scheme: Scheme::Https, connections: 64 },
            ..tls("latency-tls-http1", "latency of HTTP/1.1 over TLS at half load")
        },
    ]
}

fn skews() -> Vec<Case> {
    let skew = |name, title, load| Case { work: Work::Skew(load), has_floor: false, ..case(name, title, load) };
    let http2 = Load::Http2 { connections: 8, streams: 16, exchange: SMALL };
    vec![
        skew("skew-http2", "HTTP/2 over TLS, 8 connections of 16 streams", http2),
        skew("skew-http1", "HTTP/1.1, 64 connections", http1(Scheme::Http, 64, SMALL)),
    ]
}
