//! A bounded read buffer that is reused for every message of a connection.

use std::io;
use std::task::{Context, Poll};

use super::wire::Wire;

/// What a connection reads into first; grows up to the limit only for large heads.
const INITIAL: usize = 16 * 1024;

/// Octets read and not yet consumed, contiguous.
#[derive(Debug, Default)]
pub(crate) struct ReadBuffer {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl ReadBuffer {
    /// The unconsumed octets.
    pub(crate) fn filled(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Gives up the first `octets`.
    pub(crate) fn consume(&mut self, octets: usize) {
        self.start = self.start.saturating_add(octets).min(self.end);
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        }
    }

    /// Puts octets in front of everything read later.
    #[cfg(test)]
    pub(crate) fn preload(&mut self, octets: &[u8]) {
        self.reserve(octets.len());
        if let Some(spare) = self.bytes.get_mut(self.end..self.end + octets.len()) {
            spare.copy_from_slice(octets);
            self.end += octets.len();
        }
    }

    /// Reads more. The result is the number of new octets; 0 is the end of the stream.
    pub(crate) fn poll_fill(&mut self, cx: &mut Context<'_>, wire: &Wire) -> Poll<io::Result<usize>> {
        self.reserve(1);
        let spare = self.bytes.get_mut(self.end..).unwrap_or_default();
        match wire.poll_read(cx, spare) {
            Poll::Ready(Ok(octets)) => {
                self.end += octets;
                Poll::Ready(Ok(octets))
            }
            other => other,
        }
    }

    /// Makes room for at least `octets` more: by moving the rest to the front, else by growing.
    fn reserve(&mut self, octets: usize) {
        if self.bytes.is_empty() {
            self.bytes.resize(INITIAL.max(octets), 0);
        }
        if self.bytes.len() - self.end >= octets {
            return;
        }
        self.bytes.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.bytes.len() - self.end < octets {
            let grown = (self.bytes.len() * 2).max(self.end + octets);
            self.bytes.resize(grown, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consumed_room_is_used_again_before_the_buffer_grows() {
        let mut buffer = ReadBuffer::default();
        buffer.preload(&[1; INITIAL]);
        buffer.consume(INITIAL - 2);
        buffer.preload(&[2; 4]);
        assert_eq!(buffer.filled(), [1, 1, 2, 2, 2, 2]);
        assert_eq!(buffer.bytes.len(), INITIAL);
    }
}
