//! A connection that the test drives octet by octet, as a client or as an origin.
//!
//! Nothing is hidden: what is sent is what the test says, and what is read is what came. Every wait ends after
//! [`PATIENCE`] with a panic that shows what had come until then, so that no test hangs.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::message::{Message, Reading, read_message};

/// How long a test waits for what must come: longer than any machine needs, however much else it has to do.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What octets travel over.
#[derive(Debug)]
pub enum Transport {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// One end of a connection.
#[derive(Debug)]
pub struct Raw {
    transport: Transport,
    /// Read and not yet taken.
    buffer: Vec<u8>,
}

impl Raw {
    /// Connects as a client.
    pub async fn connect(address: SocketAddr) -> Self {
        Self::over(Transport::Plain(TcpStream::connect(address).await.expect("the server listens")))
    }

    /// Connects as a client over TLS; the error is that of the handshake.
    pub async fn connect_tls(
        address: SocketAddr,
        server_name: &str,
        config: rustls::ClientConfig,
    ) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address).await.expect("the server listens");
        let name = ServerName::try_from(server_name.to_owned()).expect("the name is a server name");
        let tls = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
        Ok(Self::over(Transport::Tls(Box::new(tls))))
    }

    /// A connection over what is already connected.
    #[must_use]
    pub fn over(transport: Transport) -> Self {
        Self { transport, buffer: Vec::new() }
    }

    /// The transport, for a protocol engine. Panics if octets were read that the engine would miss.
    #[must_use]
    pub fn into_transport(self) -> Transport {
        assert!(self.buffer.is_empty(), "octets were read already: {}", self.buffer.escape_ascii());
        self.transport
    }

    /// The transport, for writing past this type.
    pub fn transport_mut(&mut self) -> &mut Transport {
        &mut self.transport
    }

    /// Whether the TLS session goes on from an earlier one. Panics without TLS.
    #[must_use]
    pub fn is_resumed(&self) -> bool {
        let Transport::Tls(stream) = &self.transport else { panic!("there is no TLS") };
        stream.get_ref().1.handshake_kind() == Some(rustls::HandshakeKind::Resumed)
    }

    /// Sends all of `octets`.
    pub async fn send(&mut self, octets: impl AsRef<[u8]>) {
        self.try_send(octets).await.expect("the other end takes octets");
    }

    /// Sends, and gives the error if the other end is gone.
    pub async fn try_send(&mut self, octets: impl AsRef<[u8]>) -> std::io::Result<()> {
        let sending = async {
            self.transport.write_all(octets.as_ref()).await?;
            self.transport.flush().await
        };
        tokio::time::timeout(PATIENCE, sending).await.expect("the other end reads")
    }

    /// Reads one request, with its whole content.
    pub async fn request(&mut self) -> Message {
        self.message(Reading::Request).await
    }

    /// Reads one response to a request of any method but HEAD, with its whole content. Interim responses are read by
    /// this too, one at a time.
    pub async fn response(&mut self) -> Message {
        self.message(Reading::Response).await
    }

    /// Reads a response without content, whatever its fields say: the answer to HEAD.
    pub async fn response_to_head(&mut self) -> Message {
        self.message(Reading::HeadOnly).await
    }

    /// Reads a head alone, of a request or a response; the content is left to the test.
    pub async fn head(&mut self) -> Message {
        self.message(Reading::HeadOnly).await
    }

    async fn message(&mut self, reading: Reading) -> Message {
        loop {
            if let Some((message, length)) = read_message(&self.buffer, reading, Ended::No) {
                self.buffer.drain(..length);
                return message;
            }
            if self.fill().await == 0 {
                let ended = read_message(&self.buffer, reading, Ended::Yes);
                let Some((message, length)) = ended else { self.fail("the connection ended inside a message") };
                self.buffer.drain(..length);
                return message;
            }
        }
    }

    /// Exactly `count` octets.
    pub async fn octets(&mut self, count: usize) -> Vec<u8> {
        while self.buffer.len() < count {
            if self.fill().await == 0 {
                self.fail("the connection ended too soon");
            }
        }
        self.buffer.drain(..count).collect()
    }

    /// Everything up to the end of the stream. A reset counts as its end.
    pub async fn rest(&mut self) -> Vec<u8> {
        while self.fill().await > 0 {}
        std::mem::take(&mut self.buffer)
    }

    /// Everything up to the end of the stream, as text.
    pub async fn rest_as_text(&mut self) -> String {
        String::from_utf8_lossy(&self.rest().await).into_owned()
    }

    /// Waits for the other end to close, which must come without another octet.
    pub async fn closed(&mut self) {
        let rest = self.rest().await;
        assert!(rest.is_empty(), "octets came before the end: {}", rest.escape_ascii());
    }

    /// Waits for the other end to close as its protocol asks: over TLS with `close_notify`, never with a mere end of the
    /// stream or a reset.
    pub async fn closed_orderly(&mut self) {
        let read = tokio::time::timeout(PATIENCE, self.transport.read_buf(&mut self.buffer)).await;
        assert_eq!(read.expect("the other end closes").expect("the end is orderly"), 0);
    }

    /// The certificate that the server has shown. Panics without TLS.
    #[must_use]
    pub fn peer_certificate(&self) -> Vec<u8> {
        let certificates = match &self.transport {
            Transport::Plain(_) => None,
            Transport::Tls(stream) => stream.get_ref().1.peer_certificates(),
        };
        certificates.and_then(|chain| chain.first()).expect("the server has shown a certificate").to_vec()
    }

    /// Ends the writing direction and goes on reading.
    pub async fn finish_sending(&mut self) {
        self.transport.shutdown().await.expect("the connection is open");
    }

    /// Ends the connection with a reset instead of an orderly close.
    pub fn reset(self) {
        let stream = match &self.transport {
            Transport::Plain(stream) => stream,
            Transport::Tls(stream) => stream.get_ref().0,
        };
        let socket = socket2::SockRef::from(stream);
        socket.set_linger(Some(Duration::ZERO)).expect("the socket is open");
    }

    async fn fill(&mut self) -> usize {
        self.buffer.reserve(64 * 1024);
        match tokio::time::timeout(PATIENCE, self.transport.read_buf(&mut self.buffer)).await {
            Ok(read) => read.unwrap_or(0),
            Err(_) => self.fail("nothing came any more"),
        }
    }

    fn fail(&self, what: &str) -> ! {
        let shown = self.buffer.get(..2048).unwrap_or(&self.buffer);
        panic!("{what}; {} octets until then: {}", self.buffer.len(), shown.escape_ascii());
    }
}

/// Whether the stream has ended behind the octets at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    No,
    Yes,
}

/// An origin whose every connection the test accepts and answers by hand.
#[derive(Debug)]
pub struct RawOrigin {
    listener: TcpListener,
    address: SocketAddr,
    /// Accepted by looking whether somebody has called.
    called: Mutex<VecDeque<TcpStream>>,
}

impl RawOrigin {
    /// Listens on a free port of the loopback address.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        Self { listener, address, called: Mutex::default() }
    }

    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next connection.
    pub async fn accept(&self) -> Raw {
        let waiting = self.called().pop_front();
        if let Some(stream) = waiting {
            return Raw::over(Transport::Plain(stream));
        }
        let accepted = tokio::time::timeout(PATIENCE, self.listener.accept()).await.expect("somebody connects");
        Raw::over(Transport::Plain(accepted.expect("the listener is open").0))
    }

    /// Whether a connection is waiting to be accepted. Only meaningful after an answer that shows that whoever could
    /// have connected is done.
    pub async fn is_called(&self) -> bool {
        std::future::poll_fn(|cx| {
            while let Poll::Ready(accepted) = self.listener.poll_accept(cx) {
                self.called().push_back(accepted.expect("the listener is open").0);
            }
            Poll::Ready(!self.called().is_empty())
        })
        .await
    }

    fn called(&self) -> MutexGuard<'_, VecDeque<TcpStream>> {
        self.called.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An address on which connections are refused, for as long as this is kept: nobody else can come to listen there.
#[derive(Debug)]
pub struct Refusing {
    _socket: socket2::Socket,
    address: SocketAddr,
}

impl Refusing {
    /// Takes a free port of the loopback address.
    #[must_use]
    pub fn start() -> Self {
        let socket =
            socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("there are sockets");
        socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("there is a free port");
        let address = socket.local_addr().ok().and_then(|address| address.as_socket());
        Self { _socket: socket, address: address.expect("a bound socket has an address") }
    }

    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl AsyncRead for Transport {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Transport {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<std::io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
        }
    }
}
