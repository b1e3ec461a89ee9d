//! Getting a connection to an endpoint: an idle or shared one, or a new one.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::{EndpointState, Reuse, Upstream};
use crate::ir::Protocol;
use crate::proxy::clock::now;
use crate::proxy::error::ProxyError;
use crate::proxy::h1::upstream::Connection;
use crate::proxy::h2::upstream::SharedConnection;
use crate::proxy::sides::AnswerError;
use crate::proxy::wire::Transport;
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
        let stream = TlsConnector::from(Arc::clone(tls)).connect(name, stream).await?;
        Ok(Transport::TlsClient(Box::new(stream)))
    }
}

fn of_open(error: AnswerError) -> ProxyError {
    match error {
        AnswerError::Closed(error) => ProxyError::Connect(error),
        AnswerError::Refused => ProxyError::UpstreamRefused,
        AnswerError::Malformed(what) => ProxyError::UpstreamMalformed(what),
    }
}

impl Upstream {
    /// A connection to `endpoint`: an idle or shared one if `reuse` allows it, else a new one, opened within `limit`,
    /// TLS included.
    pub(crate) async fn lease(
        &self,
        endpoint: &Rc<EndpointState>,
        reuse: Reuse,
        worker: &Worker,
        limit: Duration,
    ) -> Result<Leased, ProxyError> {
        match self.backend.protocol {
            Protocol::Http1 | Protocol::Http1Tls => self.lease_http1(endpoint, reuse, worker, limit).await,
            Protocol::Http2 | Protocol::Http2Tls => {
                timeout(limit, self.lease_http2(endpoint, worker)).await.map_err(|_| ProxyError::ConnectTimeout)?
            }
        }
    }

    async fn lease_http1(
        &self,
        endpoint: &EndpointState,
        reuse: Reuse,
        worker: &Worker,
        limit: Duration,
    ) -> Result<Leased, ProxyError> {
        if reuse == Reuse::Reused {
            let idle = poll_fn(|cx| Poll::Ready(endpoint.http1.take(cx, now()))).await;
            if let Some(connection) = idle {
                worker.count(Count::PoolReused);
                return Ok(Leased::Http1(connection, Reuse::Reused));
            }
        }
        worker.count(Count::PoolOpened);
        let opening = worker.connector.open(endpoint.endpoint.address, self.backend.protocol);
        let transport = timeout(limit, opening).await.map_err(|_| ProxyError::ConnectTimeout)?;
        let connection = Connection::new(transport.map_err(ProxyError::Connect)?, &self.backend.keep_alive, now());
        Ok(Leased::Http1(Box::new(connection), Reuse::Fresh))
    }

    async fn lease_http2(&self, endpoint: &EndpointState, worker: &Worker) -> Result<Leased, ProxyError> {
        let limits = &self.backend.keep_alive;
        let shared = |reuse| endpoint.http2.take(limits, now()).map(|connection| Leased::Http2(connection, reuse));
        if let Some(leased) = shared(Reuse::Reused) {
            worker.count(Count::PoolReused);
            return Ok(leased);
        }
        let _turn = endpoint.http2.opening.lock().await;
        if let Some(leased) = shared(Reuse::Reused) {
            worker.count(Count::PoolReused);
            return Ok(leased);
        }
        worker.count(Count::PoolOpened);
        let transport = worker.connector.open(endpoint.endpoint.address, self.backend.protocol).await;
        let transport = transport.map_err(ProxyError::Connect)?;
        let connection =
            SharedConnection::open(transport, now(), |driver| worker.spawn_driver(driver)).await.map_err(of_open)?;
        if !endpoint.is_retired() {
            endpoint.http2.put(Rc::clone(&connection));
        }
        Ok(Leased::Http2(connection, Reuse::Fresh))
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
