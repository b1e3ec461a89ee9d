//! Bodies that pass from one plain connection to another within the kernel, through a pipe: never read, never copied
//! (splice(2)).
//!
//! A pipe is lent by the thread and holds as much as one move takes; between two moves it is empty, unless the one who
//! is to get the octets does not take them.

use std::cell::RefCell;
use std::io;
use std::os::fd::OwnedFd;
use std::task::{Context, Poll};

use rustix::pipe::{PipeFlags, SpliceFlags, pipe_with, splice};
use tokio::io::Interest;

use super::spare;
use super::wire::{Moved, Wire};

/// A body with less than this ahead is not worth two more system calls.
pub(crate) const LEAST: u64 = 32 * 1024;

/// What is moved at once at most: what a pipe holds where nobody has asked for more (pipe(7)).
const MOST: usize = 64 * 1024;

/// Neither side of the pipe is waited for. Connections are not waited for as they are: their sockets do not block.
const AT_ONCE: SpliceFlags = SpliceFlags::NONBLOCK.union(SpliceFlags::MOVE);

thread_local! {
    static PIPES: RefCell<Vec<Ends>> = const { RefCell::new(Vec::new()) };
}

#[derive(Debug)]
struct Ends {
    reading: OwnedFd,
    writing: OwnedFd,
}

impl Ends {
    fn new() -> io::Result<Self> {
        let (reading, writing) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        Ok(Self { reading, writing })
    }
}

/// A pipe, and how many octets are in it. Given up while there are some, they are lost.
#[derive(Debug)]
pub(crate) struct Pipe {
    ends: Option<Ends>,
    held: usize,
}

impl Pipe {
    /// The thread's, or a new one. Fails where there may be no more files.
    pub(crate) fn lent() -> io::Result<Self> {
        let ends = spare::take(&PIPES).map_or_else(Ends::new, Ok)?;
        Ok(Self { ends: Some(ends), held: 0 })
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.held == 0
    }

    /// Takes up to `octets` from a plain connection. The pipe must be empty: a full one would look like a connection
    /// without octets. 0 is the end of the stream.
    pub(crate) fn poll_fill(&mut self, cx: &mut Context<'_>, from: &Wire, octets: u64) -> Poll<io::Result<usize>> {
        let Some(ends) = &self.ends else { return Poll::Ready(Ok(0)) };
        let most = usize::try_from(octets).map_or(MOST, |octets| octets.min(MOST));
        let filled = from.poll_plain(cx, Interest::READABLE, |socket| {
            Ok(Moved::Some(splice(socket, None, &ends.writing, None, most, AT_ONCE)?))
        });
        if let Poll::Ready(Ok(octets)) = filled {
            self.held += octets;
        }
        filled
    }

    /// Gives what is held to a plain connection, or as much of it as that takes.
    pub(crate) fn poll_drain(&mut self, cx: &mut Context<'_>, to: &Wire) -> Poll<io::Result<usize>> {
        let Some(ends) = &self.ends else { return Poll::Ready(Ok(0)) };
        let held = self.held;
        let drained = to.poll_plain(cx, Interest::WRITABLE, |socket| {
            Ok(Moved::Some(splice(&ends.reading, None, socket, None, held, AT_ONCE)?))
        });
        if let Poll::Ready(Ok(octets)) = drained {
            self.held -= octets.min(held);
        }
        drained
    }
}

/// Whether an error of [`Pipe::poll_fill`] says that the kernel, or what stands before it, does not do this.
pub(crate) fn is_impossible(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidInput, PermissionDenied, Unsupported};
    matches!(error.kind(), InvalidInput | PermissionDenied | Unsupported)
}

impl Drop for Pipe {
    fn drop(&mut self) {
        if self.is_empty()
            && let Some(ends) = self.ends.take()
        {
            spare::keep(&PIPES, ends);
        }
    }
}
