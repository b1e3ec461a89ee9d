//! One byte stream, plain or TLS, read and written by the same task through a shared reference.
//!
//! Both halves of an exchange live in one task, so a `RefCell` borrowed inside each poll is enough: no lock, no split
//! halves, and no borrow is held across an await.

mod plain;
mod tls;

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncWrite, Interest};
use tokio::net::TcpStream;

pub(crate) use self::plain::{Moved, poll_receive};
pub(crate) use self::tls::TlsStream;

/// The transports a message can come over.
#[derive(Debug)]
pub(crate) enum Transport {
    Plain(TcpStream),
    /// Boxed: a session is large, and a plain connection would hold the room for one.
    Tls(Box<TlsStream>),
}

impl Transport {
    fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(stream) => stream.socket(),
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
        match &mut *self.transport.borrow_mut() {
            Transport::Plain(socket) => plain::poll_receive(socket, cx, into),
            Transport::Tls(stream) => stream.poll_read(cx, into),
        }
    }

    /// Writes from both slices, as one message where the transport can.
    pub(crate) fn poll_write(&self, cx: &mut Context<'_>, first: &[u8], second: &[u8]) -> Poll<io::Result<usize>> {
        match (&mut *self.transport.borrow_mut(), first, second) {
            (Transport::Plain(socket), one, []) | (Transport::Plain(socket), [], one) => {
                plain::poll_send(socket, cx, &[IoSlice::new(one)])
            }
            (Transport::Plain(socket), first, second) => {
                plain::poll_send(socket, cx, &[IoSlice::new(first), IoSlice::new(second)])
            }
            (Transport::Tls(stream), first, second) => stream.poll_write(cx, first, second),
        }
    }

    /// Pushes out what TLS still holds. Costs nothing on a plain transport.
    pub(crate) fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self.transport.borrow_mut() {
            Transport::Plain(_) => Poll::Ready(Ok(())),
            Transport::Tls(stream) => stream.poll_flush(cx),
        }
    }

    /// Ends the writing direction (TLS: with `close_notify`).
    pub(crate) fn poll_shutdown(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self.transport.borrow_mut() {
            Transport::Plain(socket) => Pin::new(socket).poll_shutdown(cx),
            Transport::Tls(stream) => stream.poll_shutdown(cx),
        }
    }

    /// Ends a connection at rest: over TLS, says so. Waits for nothing; to be followed by dropping it.
    pub(crate) fn part(&self) {
        match &mut *self.transport.borrow_mut() {
            Transport::Plain(_) => {}
            Transport::Tls(stream) => stream.part(),
        }
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
