//! A connection with a buffer for what was read, and bodies of HTTP/1.1 read through it.
//!
//! Written for the measurement alone: nothing of the proxy that is measured takes part in checking it.

use std::io;

use anyhow::{Context as _, Result, bail, ensure};
use memchr::memmem;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::body::{Body, Check};

/// Room for a small message, and for what is read of a large one at once.
const ROOM: usize = 16 * 1024;

/// Length of the chunks that both ends send.
const CHUNK: usize = 1024;

pub(crate) struct Wire<S> {
    pub stream: S,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
}

/// How the end of a body is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    Length(usize),
    Chunked,
}

impl<S> Wire<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self::with_room(stream, ROOM)
    }

    pub(crate) fn with_room(stream: S, room: usize) -> Self {
        Self { stream, buffer: vec![0; room].into(), start: 0, end: 0 }
    }

    /// What was read and not yet consumed.
    pub(crate) fn unread(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    pub(crate) fn consume(&mut self, octets: usize) {
        self.start += octets;
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }
}

impl<S: AsyncRead + Unpin> Wire<S> {
    /// Reads more. Zero is the end of the stream.
    pub(crate) async fn fill(&mut self) -> io::Result<usize> {
        if self.end == self.buffer.len() {
            if self.start == 0 {
                return Err(io::Error::other("a message head does not fit the buffer"));
            }
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        let read = self.stream.read(&mut self.buffer[self.end..]).await?;
        self.end += read;
        Ok(read)
    }

    /// Reads more of a message, whose sender must not end here.
    pub(crate) async fn fill_more(&mut self) -> Result<()> {
        ensure!(self.fill().await? > 0, "the connection ends within a message");
        Ok(())
    }

    /// Reads a body to its end.
    pub(crate) async fn body(&mut self, framing: Framing, check: &mut Check) -> Result<()> {
        match framing {
            Framing::Length(length) => {
                ensure!(length == check.size(), "a body of {} octets is said to have {length}", check.size());
                self.exactly(length, check).await?;
            }
            Framing::Chunked => self.chunks(check).await?,
        }
        check.finish()
    }

    async fn exactly(&mut self, mut left: usize, check: &mut Check) -> Result<()> {
        while left > 0 {
            if self.unread().is_empty() {
                self.fill_more().await?;
            }
            let octets = self.unread().len().min(left);
            check.take(&self.unread()[..octets])?;
            self.consume(octets);
            left -= octets;
        }
        Ok(())
    }

    async fn chunks(&mut self, check: &mut Check) -> Result<()> {
        loop {
            let end = self.line().await?;
            let line = std::str::from_utf8(&self.unread()[..end]).context("a chunk size is text")?;
            let digits = line.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(digits, 16).with_context(|| format!("{line:?} is no chunk size"))?;
            self.consume(end + 2);
            if size == 0 {
                break;
            }
            self.exactly(size, check).await?;
            if self.line().await? != 0 {
                bail!("a chunk does not end with its data");
            }
            self.consume(2);
        }
        // Trailers, which nobody sends here, would stand before the empty line.
        while self.line().await? != 0 {
            let end = self.line().await?;
            self.consume(end + 2);
        }
        self.consume(2);
        Ok(())
    }

    /// Waits for a line, and gives its length without its end.
    async fn line(&mut self) -> Result<usize> {
        loop {
            if let Some(end) = memmem::find(self.unread(), b"\r\n") {
                return Ok(end);
            }
            self.fill_more().await?;
        }
    }
}

/// Adds a body in chunks, and its end, to `out`.
pub(crate) fn append_chunks(body: &Body, size: usize, out: &mut Vec<u8>) {
    for at in (0..size).step_by(CHUNK) {
        let length = CHUNK.min(size - at);
        out.extend_from_slice(format!("{length:x}\r\n").as_bytes());
        body.append(at, length, out);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"0\r\n\r\n");
}
