//! Connections to a proxy, plain or TLS 1.3, all alike whatever the proxy prefers.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use anyhow::{Context as _, Result};
use landfall::testing::certificates::TestCa;
use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs::{self, cipher_suite, kx_group};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The protocol that is asked for in ALPN.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Protocol {
    Http1,
    Http2,
}

/// Makes connections that trust one authority.
#[derive(Debug)]
pub(crate) struct Dialer {
    roots: Arc<RootCertStore>,
    http1: Arc<ClientConfig>,
    http2: Arc<ClientConfig>,
}

impl Dialer {
    pub(crate) fn new(authority: &TestCa) -> Self {
        let roots = Arc::new(authority.roots());
        let fixed = |protocol| Arc::new(config(&roots, protocol, Resumption::disabled()));
        Self { http1: fixed(Protocol::Http1), http2: fixed(Protocol::Http2), roots }
    }

    /// A configuration that resumes, with tickets of its own.
    pub(crate) fn resuming(&self) -> Arc<ClientConfig> {
        Arc::new(config(&self.roots, Protocol::Http1, Resumption::in_memory_sessions(8)))
    }

    /// The shared configuration, which never resumes.
    pub(crate) fn config(&self, protocol: Protocol) -> &Arc<ClientConfig> {
        match protocol {
            Protocol::Http1 => &self.http1,
            Protocol::Http2 => &self.http2,
        }
    }
}

/// One cipher suite and one key exchange, so that no proxy is given other work than the others.
fn config(roots: &Arc<RootCertStore>, protocol: Protocol, resumption: Resumption) -> ClientConfig {
    let mut provider = aws_lc_rs::default_provider();
    provider.cipher_suites = vec![cipher_suite::TLS13_AES_128_GCM_SHA256];
    provider.kx_groups = vec![kx_group::X25519];
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("the suite is one of TLS 1.3")
        .with_root_certificates(Arc::clone(roots))
        .with_no_client_auth();
    config.resumption = resumption;
    config.alpn_protocols = match protocol {
        Protocol::Http1 => vec![b"http/1.1".to_vec()],
        Protocol::Http2 => vec![b"h2".to_vec()],
    };
    config
}

pub(crate) async fn plain(address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(address).await.context("cannot connect")?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

pub(crate) async fn secure(
    address: SocketAddr,
    host: &str,
    config: &Arc<ClientConfig>,
) -> Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(host.to_owned())?;
    let stream = plain(address).await?;
    TlsConnector::from(Arc::clone(config)).connect(name, stream).await.context("the TLS handshake fails")
}

/// Either kind of connection.
pub(crate) enum Stream {
    Plain(TcpStream),
    Secure(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Secure(stream) => Pin::new(stream.as_mut()).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, octets),
            Self::Secure(stream) => Pin::new(stream.as_mut()).poll_write(cx, octets),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Secure(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Secure(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
        }
    }
}
