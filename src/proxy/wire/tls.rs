//! A connection over TLS: rustls says what its octets are, and this moves them.
//!
//! What a side still has to say when its handshake is complete goes out with what it says next, unless the peer waits for
//! it: a server's tickets beside its first answer, a client's Finished beside its first request. That is a write and a
//! segment less for every new connection.

use std::io::{self, IoSlice, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};
use rustls::{Connection, ProtocolVersion};
use tokio::io::AsyncWrite as _;
use tokio::net::TcpStream;

use super::plain;

/// One end of a TLS connection.
#[derive(Debug)]
pub(crate) struct TlsStream {
    socket: TcpStream,
    session: Connection,
    /// `close_notify` has been said.
    closing: bool,
    /// The peer's octets ended without that, or cannot be read.
    broken: bool,
}

impl TlsStream {
    /// A session that has not shaken hands.
    pub(crate) fn new(socket: TcpStream, session: impl Into<Connection>) -> Self {
        Self { socket, session: session.into(), closing: false, broken: false }
    }

    pub(crate) const fn socket(&self) -> &TcpStream {
        &self.socket
    }

    pub(crate) const fn session(&self) -> &Connection {
        &self.session
    }

    /// Ready when the handshake is complete. An error of rustls's is inside of one of I/O, and the peer has been told.
    pub(crate) fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.session.is_handshaking() {
            ready!(self.poll_flush(cx))?;
            if ready!(self.poll_fill(cx))? == 0 {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
        }
        // There, the last word is the server's, and its client waits for it (RFC 5246 §7.3).
        let is_awaited = self.session.protocol_version() == Some(ProtocolVersion::TLSv1_2);
        if is_awaited { self.poll_flush(cx) } else { Poll::Ready(Ok(())) }
    }

    /// Reads what has been decrypted, once there is some; 0 is the end that the peer has announced. Without announcement
    /// the end is an error: somebody may have cut the stream short.
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            match self.session.reader().read(into) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return Poll::Ready(read),
            }
            ready!(self.poll_fill(cx))?;
        }
    }

    /// Encrypts from both slices as much as there is room for, and writes that.
    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>, first: &[u8], second: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            // rustls allocates to take several slices.
            let taken = match (first, second) {
                (one, []) | ([], one) => self.session.writer().write(one)?,
                both => self.session.writer().write_vectored(&[IoSlice::new(both.0), IoSlice::new(both.1)])?,
            };
            let sent = self.poll_flush(cx)?;
            if taken > 0 || (first.is_empty() && second.is_empty()) {
                return Poll::Ready(Ok(taken));
            }
            ready!(sent);
        }
    }

    /// Writes what has been encrypted.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.session.wants_write() {
            let Self { socket, session, .. } = self;
            let written = session.write_tls(&mut Blocking { socket, cx });
            if ready!(unblocked(written))? == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Announces the end of what is sent (RFC 8446 §6.1), then ends the direction.
    pub(crate) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !std::mem::replace(&mut self.closing, true) {
            self.session.send_close_notify();
        }
        ready!(self.poll_flush(cx))?;
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }

    /// Ends the connection at once and in order: what is left to say and `close_notify` go with the segment that closing
    /// the socket makes. Nothing is waited for, and nobody is told who has left without a word.
    pub(crate) fn part(&mut self) {
        if self.broken || self.session.is_handshaking() || std::mem::replace(&mut self.closing, true) {
            return;
        }
        self.session.send_close_notify();
        while self.session.wants_write() {
            // What does not fit is for somebody who does not read.
            if !self.session.write_tls(&mut Parting(&self.socket)).is_ok_and(|octets| octets > 0) {
                return;
            }
        }
    }

    /// Reads once and has rustls look at it; 0 is the end of the octets.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let Self { socket, session, .. } = self;
        let read = ready!(unblocked(session.read_tls(&mut Blocking { socket, cx })));
        self.broken = !matches!(read, Ok(1..));
        let octets = read?;
        match self.session.process_new_packets() {
            Ok(_) => Poll::Ready(Ok(octets)),
            Err(error) => {
                self.broken = true;
                // The alert, if there is room for it.
                let _told = self.poll_flush(cx);
                Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, error)))
            }
        }
    }
}

/// A socket as rustls wants one: what is pending is an error.
struct Blocking<'a, 'c> {
    socket: &'a TcpStream,
    cx: &'a mut Context<'c>,
}

fn blocked<T>(poll: Poll<io::Result<T>>) -> io::Result<T> {
    match poll {
        Poll::Ready(result) => result,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}

fn unblocked<T>(result: io::Result<T>) -> Poll<io::Result<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
        result => Poll::Ready(result),
    }
}

impl Read for Blocking<'_, '_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        blocked(plain::poll_receive(self.socket, self.cx, into))
    }
}

impl Write for Blocking<'_, '_> {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        blocked(plain::poll_send(self.socket, self.cx, &[IoSlice::new(from)]))
    }

    fn write_vectored(&mut self, from: &[IoSlice<'_>]) -> io::Result<usize> {
        blocked(plain::poll_send(self.socket, self.cx, from))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A socket that is about to be closed: what is written waits for that.
struct Parting<'a>(&'a TcpStream);

impl Write for Parting<'_> {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(from)])
    }

    fn write_vectored(&mut self, from: &[IoSlice<'_>]) -> io::Result<usize> {
        let flags = SendFlags::MORE | SendFlags::NOSIGNAL;
        Ok(sendmsg(self.0, from, &mut SendAncillaryBuffer::default(), flags)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
