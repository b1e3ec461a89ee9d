//! The clients: as many at once as a case says, each checking every answer before it sends the next request.

pub(crate) mod grpc;
pub(crate) mod handshake;
pub(crate) mod http1;
pub(crate) mod http2;
pub(crate) mod idle;
pub(crate) mod meter;
pub(crate) mod paced;
pub(crate) mod stream;
pub(crate) mod websocket;

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use landfall::testing::certificates::Key;
use tokio::task::JoinSet;

use super::order::{Action, Order, Place, Scheme};
use super::site::{self, Site};
use meter::Meter;
use stream::Dialer;

/// What is sent, over and over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exchange {
    pub action: Action,
    pub size: usize,
}

/// How long a connection is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reuse {
    /// To the end of the run.
    Always,
    /// For one request.
    Never,
}

/// How a handshake begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resumption {
    /// With nothing: certificate and signature.
    Full,
    /// With the ticket of the connection before.
    Resumed,
}

/// Which of the site's hosts requests are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hosts {
    /// The first.
    One,
    /// Any, at random, and either of its paths.
    Random,
}

/// What so many clients do, each sending its next request after its answer.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Load {
    Http1 {
        scheme: Scheme,
        connections: usize,
        reuse: Reuse,
        exchange: Exchange,
        hosts: Hosts,
    },
    Http2 {
        connections: usize,
        streams: usize,
        exchange: Exchange,
    },
    Grpc {
        connections: usize,
        streams: usize,
    },
    Handshakes {
        key: Key,
        resumption: Resumption,
        clients: usize,
        hosts: Hosts,
    },
    WebSocket {
        connections: usize,
        size: usize,
    },
    /// Not closed: so many requests per second over HTTP/1.1, whatever becomes of those before.
    Paced {
        scheme: Scheme,
        connections: usize,
        rate: f64,
    },
}

/// Where the clients turn to, and what they keep.
#[derive(Debug)]
pub(crate) struct Target {
    pub http: SocketAddr,
    pub https: SocketAddr,
    pub dialer: Dialer,
    pub site: Arc<Site>,
    pub meter: Meter,
    /// For how long clients of HTTP/1.1 and streams of HTTP/2 rest after an answer, on average.
    pub rest: Duration,
}

impl Target {
    /// The next order of an exchange: unlike all before it.
    fn order(&self, exchange: Exchange, scheme: Scheme, place: Place) -> Order {
        let Exchange { action, size } = exchange;
        Order { place, scheme, action, size, nonce: self.meter.nonce() }
    }

    /// Takes a rest of random length.
    async fn rest(&self) {
        if !self.rest.is_zero() {
            tokio::time::sleep(self.rest.mul_f64(2.0 * fastrand::f64())).await;
        }
    }

    fn address(&self, scheme: Scheme) -> SocketAddr {
        match scheme {
            Scheme::Http => self.http,
            Scheme::Https => self.https,
        }
    }

    /// The host and the place of the next request.
    fn aim(&self, hosts: Hosts) -> (&str, Place) {
        match hosts {
            Hosts::One => (site::MAIN, Place::A),
            Hosts::Random => {
                let number = fastrand::usize(..self.site.hosts.len());
                (&self.site.hosts[number], if fastrand::bool() { Place::A } else { Place::B })
            }
        }
    }
}

impl Load {
    /// Starts the clients. They go on until the meter is stopped or something is wrong, which it then records.
    pub(crate) fn start(self, target: &Rc<Target>) -> JoinSet<()> {
        if let Self::Paced { scheme, connections, rate } = self {
            return paced::start(target, scheme, connections, rate);
        }
        let mut clients = JoinSet::new();
        for _ in 0..self.clients() {
            let target = Rc::clone(target);
            clients.spawn_local(async move {
                if let Err(fault) = self.client(&target).await {
                    target.meter.fault(&fault);
                }
            });
        }
        clients
    }

    /// How many clients report that they are ready.
    pub(crate) fn clients(self) -> usize {
        match self {
            Self::Http1 { connections, .. }
            | Self::Http2 { connections, .. }
            | Self::Grpc { connections, .. }
            | Self::WebSocket { connections, .. }
            | Self::Paced { connections, .. } => connections,
            Self::Handshakes { clients, .. } => clients,
        }
    }

    async fn client(self, target: &Rc<Target>) -> Result<()> {
        match self {
            Self::Http1 { scheme, reuse: Reuse::Always, exchange, hosts, .. } => {
                http1::keep_alive(target, scheme, exchange, hosts).await
            }
            Self::Http1 { scheme, reuse: Reuse::Never, exchange, hosts, .. } => {
                http1::one_by_one(target, scheme, exchange, hosts).await
            }
            Self::Http2 { streams, exchange, .. } => http2::connection(target, streams, exchange).await,
            Self::Grpc { streams, .. } => grpc::connection(target, streams).await,
            Self::Handshakes { key, resumption, hosts, .. } => handshake::repeat(target, key, resumption, hosts).await,
            Self::WebSocket { size, .. } => websocket::echo(target, size).await,
            Self::Paced { .. } => unreachable!("its clients are started together with their pace"),
        }
    }
}
