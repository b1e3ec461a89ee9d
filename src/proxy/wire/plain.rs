//! The socket of a plain connection, read and written without what stands between it and the kernel.
//!
//! System calls are made directly: those of libc can be cancelled by other threads, which nobody does and which costs some
//! twentieth of the time that a small exchange takes in user mode.

use std::io::{self, IoSlice};
use std::task::{Context, Poll, ready};

use rustix::io::writev;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use tokio::io::Interest;
use tokio::net::TcpStream;

/// What an operation has moved.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Moved {
    /// So many octets; there may be more, or more room.
    Some(usize),
    /// So many octets, and there was no more, or no more room: what comes next has the reactor told.
    All(usize),
}

impl Moved {
    /// A stream gives and takes as much as it can: less than it was asked for is all. None at all is its end.
    const fn of(octets: usize, asked: usize) -> Self {
        if octets == 0 || octets == asked { Self::Some(octets) } else { Self::All(octets) }
    }
}

/// Operates on a socket when it is ready for that.
pub(super) fn poll(
    socket: &TcpStream,
    cx: &mut Context<'_>,
    interest: Interest,
    mut operate: impl FnMut(&TcpStream) -> io::Result<Moved>,
) -> Poll<io::Result<usize>> {
    loop {
        ready!(if interest.is_readable() { socket.poll_read_ready(cx) } else { socket.poll_write_ready(cx) })?;
        let mut all = None;
        let tried = socket.try_io(interest, || match operate(socket)? {
            Moved::Some(octets) => Ok(octets),
            Moved::All(octets) => {
                all = Some(octets);
                // Has the next wait ask the reactor, instead of the kernel in vain.
                Err(io::ErrorKind::WouldBlock.into())
            }
        });
        match (all, tried) {
            (Some(octets), _) => return Poll::Ready(Ok(octets)),
            (None, Err(error)) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            (None, tried) => return Poll::Ready(tried),
        }
    }
}

/// Reads what is there; 0 is the end of the stream.
pub(crate) fn poll_receive(socket: &TcpStream, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
    poll(socket, cx, Interest::READABLE, |socket| {
        let (octets, _) = recv(socket, &mut *into, RecvFlags::empty())?;
        Ok(Moved::of(octets, into.len()))
    })
}

/// Writes from the slices, in their order.
pub(super) fn poll_send(socket: &TcpStream, cx: &mut Context<'_>, from: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
    poll(socket, cx, Interest::WRITABLE, |socket| {
        let octets = match from {
            [one] => send(socket, one, SendFlags::NOSIGNAL)?,
            several => writev(socket, several)?,
        };
        Ok(Moved::of(octets, from.iter().map(|slice| slice.len()).sum()))
    })
}
