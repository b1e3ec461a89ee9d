//! Getting a connection to an endpoint: an idle or shared one, or a new one.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{EndpointState, Reuse, Upstream};
use crate::ir::Protocol;
use crate::proxy::clock::now;
use crate::proxy::error::ProxyError;
use crate::proxy::h1::upstream::Connection;
use crate::proxy::h2::upstream::SharedConnection;
use crate::proxy::wire::{TlsStream, Transport};
use crate::proxy::worker::Worker;
use crate::telemetry::{Count, Level};
use crate::tls::client::{UpstreamAlpn, unverified};

/// A connection for one request.
#[derive(Debug)]
pub(crate) enum Leased {
    /// Owned for the time of the request.
    Http1(Box<Connection>, Reuse),
    /// Shared with other streams.
    Http2(Rc<SharedConnection>, Reuse),
}

/// Opens connections of every protocol. One per worker, so that TLS sessions are resumed within it.
#[derive(Debug)]
pub(crate) struct Connector {
    http1: Arc<ClientConfig>,
    http2: Arc<ClientConfig>,
}

impl Connector {
    pub(crate) fn new() -> Self {
        Self { http1: Arc::new(unverified(UpstreamAlpn::Http1)), http2: Arc::new(unverified(UpstreamAlpn::Http2)) }
    }

    async fn open(&self, address: SocketAddr, protocol: Protocol) -> io::Result<Transport> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let tls = match protocol {
            Protocol::Http1 | Protocol::Http2 => return Ok(Transport::Plain(stream)),
            Protocol::Http1Tls => &self.http1,
            Protocol::Http2Tls => &self.http2,
        };
        let name = ServerName::IpAddress(address.ip().into());
        let session = ClientConnection::new(Arc::clone(tls), name).map_err(io::Error::other)?;
        let mut stream = Box::new(TlsStream::new(stream, session));
        poll_fn(|cx| stream.poll_handshake(cx)).await?;
        Ok(Transport::Tls(stream))
    }
}

impl Upstream {
    /// A connection to `endpoint`: an idle one if `reuse` allows it, or a shared one, else a new one, opened within
    /// `limit`, TLS included.
    pub(crate) async fn lease(
        &self,
        endpoint: &Rc<EndpointState>,
        reuse: Reuse,
        worker: &Worker,
        limit: Duration,
    ) -> Result<Leased, ProxyError> {
        if let Some(kept) = poll_fn(|cx| Poll::Ready(self.kept(endpoint, reuse, worker, cx))).await {
            return Ok(kept);
        }
        // Boxed: it is rare, and every exchange would carry the room for it.
        let opening = Box::pin(self.open(endpoint, worker));
        timeout(limit, opening).await.unwrap_or(Err(ProxyError::ConnectTimeout))
    }

    /// A connection that is open already.
    fn kept(&self, endpoint: &EndpointState, reuse: Reuse, worker: &Worker, cx: &mut Context<'_>) -> Option<Leased> {
        let kept = match self.backend.protocol {
            Protocol::Http1 | Protocol::Http1Tls if reuse == Reuse::Fresh => None,
            Protocol::Http1 | Protocol::Http1Tls => {
                endpoint.http1.take(cx, now()).map(|connection| Leased::Http1(connection, Reuse::Reused))
            }
            Protocol::Http2 | Protocol::Http2Tls => {
                let shared = endpoint.http2.take(&self.backend.keep_alive, now());
                shared.map(|connection| Leased::Http2(connection, Reuse::Reused))
            }
        };
        if kept.is_some() {
            worker.count(Count::PoolReused);
        }
        kept
    }

    async fn open(&self, endpoint: &EndpointState, worker: &Worker) -> Result<Leased, ProxyError> {
        match self.backend.protocol {
            Protocol::Http1 | Protocol::Http1Tls => {
                let transport = self.connect(endpoint, worker).await?;
                let connection = Connection::new(transport, &self.backend.keep_alive, now());
                Ok(Leased::Http1(Box::new(connection), Reuse::Fresh))
            }
            Protocol::Http2 | Protocol::Http2Tls => {
                let _turn = endpoint.http2.opening.lock().await;
                // Whoever had the turn before may have opened one.
                let opened = poll_fn(|cx| Poll::Ready(self.kept(endpoint, Reuse::Reused, worker, cx))).await;
                if let Some(shared) = opened {
                    return Ok(shared);
                }
                let transport = self.connect(endpoint, worker).await?;
                let connection = SharedConnection::open(transport, now(), |driver| worker.spawn_driver(driver));
                if !endpoint.is_retired() {
                    endpoint.http2.put(Rc::clone(&connection));
                }
                Ok(Leased::Http2(connection, Reuse::Fresh))
            }
        }
    }

    async fn connect(&self, endpoint: &EndpointState, worker: &Worker) -> Result<Transport, ProxyError> {
        worker.count(Count::PoolOpened);
        let opening = worker.connector.open(endpoint.endpoint.address, self.backend.protocol);
        opening.await.map_err(ProxyError::Connect)
    }

    /// Keeps a connection whose exchange ended cleanly for the next request.
    pub(crate) fn give_back(&self, endpoint: &EndpointState, mut connection: Box<Connection>, worker: &Worker) {
        if !endpoint.is_retired() {
            let now = now();
            let limits = &self.backend.keep_alive;
            connection.rest(limits, now);
            endpoint.http1.put(connection, worker.hold(Level::PoolIdle), limits, now);
        }
    }
}
