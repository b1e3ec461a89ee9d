//! The TLS handshake of a client: from an accepted connection to an encrypted one.
//!
//! The ClientHello is read first; then the TLS policy and the certificate are those of the live state, so that a change
//! of either holds from the next handshake on. A client that speaks plain HTTP is told so, as nginx tells it. The whole
//! handshake has one deadline. No PROXY protocol header is read here: that comes before.

mod pending;

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use rustls::HandshakeKind;
use rustls::server::{AcceptedAlert, Acceptor, ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use self::pending::Displaced;
pub(crate) use self::pending::Pending;
use super::wire::{self, TlsStream};
use crate::live;
use crate::tls::server::{ALPN_HTTP2, ServerConfigs};

/// How long a client that spoke plain HTTP may take to read that it is wrong here.
const FAREWELL_TIMEOUT: Duration = Duration::from_secs(1);

/// How much of a plain request is read and thrown away, so that the answer is not lost to a reset.
const FAREWELL_BYTES: u64 = 64 * 1024;

/// Accepts handshakes. Clones share configurations and ticket keys, so a client may resume with any of them: make one,
/// and give each worker a clone.
#[derive(Debug, Clone)]
pub(crate) struct TlsAcceptor {
    reader: live::Reader,
    configs: Arc<ServerConfigs>,
}

impl TlsAcceptor {
    /// Takes policy and certificates from `reader`'s state at each handshake.
    #[must_use]
    pub(crate) fn new(reader: live::Reader) -> Self {
        let configs = ServerConfigs::new(Arc::new(LiveResolver { reader: reader.clone() }));
        Self { reader, configs: Arc::new(configs) }
    }

    /// Completes the handshake of one client. On failure the client has been told where TLS or HTTP has a way to, and
    /// the connection is closed. Dropping the future closes it too.
    pub(crate) async fn accept(&self, io: TcpStream) -> Result<Accepted, TlsFailure> {
        let patience = self.reader.current().config.listener.limits.handshake_timeout;
        timeout(patience, self.handshake(io)).await.unwrap_or(Err(TlsFailure::Timeout))
    }

    async fn handshake(&self, mut io: TcpStream) -> Result<Accepted, TlsFailure> {
        let hello = match read_hello(&mut io).await {
            Ok(hello) => hello,
            Err(TlsFailure::PlainHttp) => {
                refuse_plain_http(&mut io).await;
                return Err(TlsFailure::PlainHttp);
            }
            Err(error) => return Err(error),
        };
        let policy = self.reader.current().config.listener.tls;
        let session = match hello.into_connection(Arc::clone(self.configs.of(policy))) {
            Ok(session) => session,
            Err((error, alert)) => return Err(refuse(&mut io, error, alert).await),
        };
        let mut stream = Box::new(TlsStream::new(io, session));
        poll_fn(|cx| stream.poll_handshake(cx)).await?;
        Ok(Accepted::new(stream))
    }
}

/// A client whose handshake is complete.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) stream: Box<TlsStream>,
    pub(crate) alpn: Alpn,
    /// Whether an earlier session was resumed.
    pub(crate) resumed: bool,
}

impl Accepted {
    fn new(stream: Box<TlsStream>) -> Self {
        let session = stream.session();
        let alpn = if session.alpn_protocol() == Some(ALPN_HTTP2) { Alpn::H2 } else { Alpn::H1 };
        let resumed = session.handshake_kind() == Some(HandshakeKind::Resumed);
        Self { stream, alpn, resumed }
    }
}

/// The protocol agreed on (RFC 7301).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Alpn {
    /// `http/1.1`, or nothing agreed on.
    H1,
    H2,
}

/// Why a handshake came to nothing. All of these are the client's doing or the network's.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsFailure {
    #[error("the client did not complete the TLS handshake in time")]
    Timeout,
    #[error("the TLS handshake gave way to newer ones")]
    Displaced,
    /// Load balancers check ports this way, so it is not worth a line in a log.
    #[error("the client left before the TLS handshake was complete")]
    Closed,
    /// The client has been answered 400.
    #[error("the client sent a plain HTTP request to the HTTPS port")]
    PlainHttp,
    /// The client has been sent an alert, or sent one itself.
    #[error("the TLS handshake failed: {0}")]
    Refused(rustls::Error),
    #[error("the connection broke during the TLS handshake: {0}")]
    Io(io::Error),
}

impl From<Displaced> for TlsFailure {
    fn from(_: Displaced) -> Self {
        Self::Displaced
    }
}

impl From<io::Error> for TlsFailure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::UnexpectedEof
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe => Self::Closed,
            // What rustls says is inside of an error of I/O.
            _ => match error.downcast::<rustls::Error>() {
                Ok(error) => Self::Refused(error),
                Err(error) => Self::Io(error),
            },
        }
    }
}

/// Resolves certificates from the live state.
#[derive(Debug)]
struct LiveResolver {
    reader: live::Reader,
}

impl ResolvesServerCert for LiveResolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let state = self.reader.current();
        let certificate = state.certificates.resolve(hello.server_name())?;
        Some(Arc::clone(certificate.certified_key()))
    }
}

/// Reads up to the end of the ClientHello. One that cannot be understood is answered by an alert.
async fn read_hello(io: &mut TcpStream) -> Result<rustls::server::Accepted, TlsFailure> {
    let mut acceptor = Acceptor::default();
    let mut progress = Progress::Nothing;
    loop {
        poll_fn(|cx| {
            // rustls takes this much in one piece. On the stack of the poll, it is no part of the connection's task.
            let mut octets = [0; 4096];
            let read = ready!(wire::poll_receive(io, cx, &mut octets))?;
            Poll::Ready(feed(&mut acceptor, octets.get(..read).unwrap_or_default(), progress))
        })
        .await?;
        progress = Progress::Begun;
        match acceptor.accept() {
            Ok(Some(hello)) => return Ok(hello),
            Ok(None) => {}
            Err((error, alert)) => return Err(refuse(io, error, alert).await),
        }
    }
}

/// Tells a client what rustls has against its ClientHello.
async fn refuse(io: &mut TcpStream, error: rustls::Error, mut alert: AcceptedAlert) -> TlsFailure {
    let mut octets = Vec::new();
    let told = async {
        alert.write_all(&mut octets)?;
        io.write_all(&octets).await?;
        io.shutdown().await
    };
    match told.await {
        Ok(()) => TlsFailure::Refused(error),
        Err(broken) => broken.into(),
    }
}

/// Whether octets of the client have been seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    Nothing,
    Begun,
}

/// Gives the octets of one read to rustls, unless they show that no TLS follows.
fn feed(acceptor: &mut Acceptor, mut octets: &[u8], progress: Progress) -> Result<(), TlsFailure> {
    let first = octets.first().ok_or(TlsFailure::Closed)?;
    // A TLS record starts with 22 (RFC 8446 §5.1), a request with the letters of its method.
    if progress == Progress::Nothing && first.is_ascii_alphabetic() {
        return Err(TlsFailure::PlainHttp);
    }
    while !octets.is_empty() {
        acceptor.read_tls(&mut octets)?;
    }
    Ok(())
}

/// Answers a plain HTTP request as nginx does (its status 497), then waits a little for the client to read it. What goes
/// wrong on the way concerns nobody: the client gets no service here anyhow.
async fn refuse_plain_http(io: &mut TcpStream) {
    const BODY: &str = "The plain HTTP request was sent to HTTPS port\n";
    let response = format!(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{BODY}",
        BODY.len()
    );
    let farewell = async {
        io.write_all(response.as_bytes()).await?;
        io.shutdown().await?;
        tokio::io::copy(&mut io.take(FAREWELL_BYTES), &mut tokio::io::sink()).await
    };
    if let Ok(Err(error)) = timeout(FAREWELL_TIMEOUT, farewell).await {
        tracing::debug!(%error, "a client that sent plain HTTP to the HTTPS port did not wait for its answer");
    }
}

#[cfg(test)]
mod tests;
