//! One byte stream, plain or TLS, read and written by the same task through a shared reference.
//!
//! Both halves of an exchange live in one task, so a `RefCell` borrowed inside each poll is enough: no lock, no split
//! halves, and no borrow is held across an await.

mod plain;

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

pub(crate) use self::plain::Moved;

/// The transports a message can come over.
#[derive(Debug)]
pub(crate) enum Transport {
    Plain(TcpStream),
    TlsServer(Box<tokio_rustls::server::TlsStream<TcpStream>>),
    TlsClient(Box<tokio_rustls::client::TlsStream<TcpStream>>),
}

/// Delegates an I/O poll to the transport inside.
macro_rules! with_transport {
    ($transport:expr, $io:ident => $call:expr) => {
        match $transport {
            Transport::Plain(stream) => {
                let $io = Pin::new(stream);
                $call
            }
            Transport::TlsServer(stream) => {
                let $io = Pin::new(stream.as_mut());
                $call
            }
            Transport::TlsClient(stream) => {
                let $io = Pin::new(stream.as_mut());
                $call
            }
        }
    };
}

impl AsyncRead for Transport {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        with_transport!(self.get_mut(), io => io.poll_read(cx, buf))
    }
}

impl AsyncWrite for Transport {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        with_transport!(self.get_mut(), io => io.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        with_transport!(self.get_mut(), io => io.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        with_transport!(self.get_mut(), io => io.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        with_transport!(self.get_mut(), io => io.poll_shutdown(cx))
    }
}

impl Transport {
    fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::TlsServer(stream) => stream.get_ref().0,
            Self::TlsClient(stream) => stream.get_ref().0,
        }
    }
}

/// A transport shared by the two directions of one task.
#[derive(Debug)]
pub(crate) struct Wire {
    transport: RefCell<Transport>,
}

impl Wire {
    pub(crate) const fn new(transport: Transport) -> Self {
        Self { transport: RefCell::new(transport) }
    }

    /// Reads what is there into `into`; 0 is the end of the stream.
    pub(crate) fn poll_read(&self, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut transport = self.transport.borrow_mut();
        if let Transport::Plain(socket) = &*transport {
            return plain::poll_receive(socket, cx, into);
        }
        let mut buf = ReadBuf::new(into);
        match Pin::new(&mut *transport).poll_read(cx, &mut buf) {
            Poll::Ready(Ok(())) => Poll::Ready(Ok(buf.filled().len())),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Writes from both slices, as one message where the transport can.
    pub(crate) fn poll_write(&self, cx: &mut Context<'_>, first: &[u8], second: &[u8]) -> Poll<io::Result<usize>> {
        let mut transport = self.transport.borrow_mut();
        if let Transport::Plain(socket) = &*transport {
            return plain::poll_send(socket, cx, first, second);
        }
        let transport = Pin::new(&mut *transport);
        if second.is_empty() {
            transport.poll_write(cx, first)
        } else if first.is_empty() {
            transport.poll_write(cx, second)
        } else {
            transport.poll_write_vectored(cx, &[IoSlice::new(first), IoSlice::new(second)])
        }
    }

    /// Pushes out what TLS still holds. Costs nothing on a plain transport.
    pub(crate) fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.transport.borrow_mut()).poll_flush(cx)
    }

    /// Ends the writing direction (TLS: with `close_notify`).
    pub(crate) fn poll_shutdown(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.transport.borrow_mut()).poll_shutdown(cx)
    }

    /// Whether what is on the wire is what is read and written.
    pub(crate) fn is_plain(&self) -> bool {
        matches!(&*self.transport.borrow(), Transport::Plain(_))
    }

    /// Reads from or writes to the socket itself of a plain connection, when it is ready for that.
    pub(crate) fn poll_plain(
        &self,
        cx: &mut Context<'_>,
        interest: Interest,
        operate: impl FnMut(&TcpStream) -> io::Result<Moved>,
    ) -> Poll<io::Result<usize>> {
        plain::poll(self.transport.borrow().socket(), cx, interest, operate)
    }

    /// Whether an idle connection can still be used: nothing has arrived, neither octets nor an end. Asks the reactor
    /// first, so that an undisturbed connection costs no system call.
    pub(crate) fn is_quiet(&self, cx: &mut Context<'_>) -> bool {
        let transport = self.transport.borrow();
        let socket = transport.socket();
        match socket.poll_read_ready(cx) {
            Poll::Pending => true,
            Poll::Ready(Err(_)) => false,
            // Readiness can be left over from the last read; only a read tells.
            Poll::Ready(Ok(())) => {
                let mut probe = [0_u8; 1];
                matches!(socket.try_read(&mut probe), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
            }
        }
    }

    /// Gives the transport back, for protocols that bring their own I/O.
    pub(crate) fn into_transport(self) -> Transport {
        self.transport.into_inner()
    }
}
