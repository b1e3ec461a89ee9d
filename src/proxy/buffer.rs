//! What a connection has read and not yet used.
//!
//! Nearly always that is nothing: a connection reads, uses what it has read, and waits. So the room to read into is a
//! thread's, lent to a connection while octets are in it; a connection that waits holds just what it waits with, and an
//! idle one nothing. The room is large enough for bodies to be moved with few system calls.

use std::cell::RefCell;
use std::io;
use std::task::{Context, Poll};

use super::spare;
use super::wire::Wire;

/// What is read into.
const ROOM: usize = 64 * 1024;
/// How much is read at first: a head and a body of 16 KiB, or a frame of that. Twice as much is read after each time that
/// there was as much, up to the whole room: what nobody takes on is little, and what flows goes in large pieces.
const REACH: usize = 20 * 1024;
/// However little is of use at once, so much is read.
const LEAST: usize = 16 * 1024;
/// Up to this many octets are moved to a place of their own while something is waited for.
const KEPT: usize = REACH;
/// As many as lead from the first reach to the whole room.
const MOST_DOUBLINGS: u32 = ROOM.div_ceil(REACH).next_power_of_two().ilog2();

thread_local! {
    static ROOMS: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// Octets read and not yet consumed, contiguous.
#[derive(Debug)]
pub(crate) struct ReadBuffer {
    /// Room of the thread's, or the octets themselves and no more.
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    /// How often as much was read as was asked for, in a row.
    doublings: u32,
    /// More than this is not read at once.
    most: usize,
}

impl Default for ReadBuffer {
    fn default() -> Self {
        Self { bytes: Vec::new(), start: 0, end: 0, doublings: 0, most: ROOM }
    }
}

impl ReadBuffer {
    /// The unconsumed octets.
    pub(crate) fn filled(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Gives up the first `octets`, and with the last one the room.
    pub(crate) fn consume(&mut self, octets: usize) {
        self.start = self.start.saturating_add(octets).min(self.end);
        if self.is_empty() {
            *self = Self { bytes: Vec::new(), start: 0, end: 0, ..*self };
        }
    }

    /// Puts octets in front of everything read later.
    #[cfg(test)]
    pub(crate) fn preload(&mut self, octets: &[u8]) {
        self.make_room(octets.len());
        if let Some(room) = self.bytes.get_mut(self.end..self.end + octets.len()) {
            room.copy_from_slice(octets);
            self.end += octets.len();
        }
    }

    /// From now on reads at most so much at once, if that is more than the least.
    pub(crate) fn limit(&mut self, octets: usize) {
        self.most = octets.clamp(LEAST, ROOM);
    }

    /// Reads more. The result is the number of new octets; 0 is the end of the stream.
    pub(crate) fn poll_fill(&mut self, cx: &mut Context<'_>, wire: &Wire) -> Poll<io::Result<usize>> {
        self.make_room(1);
        let reach = (REACH << self.doublings).min(self.most).min(self.bytes.len() - self.end);
        let room = self.bytes.get_mut(self.end..self.end + reach).unwrap_or_default();
        let read = wire.poll_read(cx, room);
        match read {
            Poll::Ready(Ok(octets)) => {
                self.end += octets;
                let wider = (self.doublings + 1).min(MOST_DOUBLINGS);
                self.doublings = if octets == reach { wider } else { 0 };
            }
            Poll::Ready(Err(_)) | Poll::Pending => self.settle(),
        }
        read
    }

    /// Makes room for at least `octets` more: the thread's, else by moving the rest to the front, else by growing.
    fn make_room(&mut self, octets: usize) {
        if self.bytes.len() < ROOM {
            let mut room = spare::take(&ROOMS).unwrap_or_else(|| vec![0; ROOM]);
            let kept = self.filled();
            if let Some(front) = room.get_mut(..kept.len()) {
                front.copy_from_slice(kept);
            }
            *self = Self { start: 0, end: kept.len(), bytes: room, ..*self };
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

    /// Gives the room back, as there is nothing more to read now, or nobody who takes on what there is.
    pub(crate) fn settle(&mut self) {
        let kept = self.filled();
        if kept.len() > KEPT || self.bytes.len() < ROOM {
            return;
        }
        let (bytes, end) = (kept.to_vec(), kept.len());
        *self = Self { bytes, start: 0, end, doublings: 0, ..*self };
    }
}

impl Drop for ReadBuffer {
    fn drop(&mut self) {
        // Octets that were moved to a place of their own, or a room that had to grow, are no room for the next.
        if self.bytes.len() == ROOM {
            spare::keep(&ROOMS, std::mem::take(&mut self.bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consumed_room_is_used_again_before_the_buffer_grows() {
        let mut buffer = ReadBuffer::default();
        buffer.preload(&vec![1; ROOM]);
        buffer.consume(ROOM - 2);
        buffer.preload(&[2; 4]);
        assert_eq!(buffer.filled(), [1, 1, 2, 2, 2, 2]);
        assert_eq!(buffer.bytes.len(), ROOM);
        buffer.preload(&vec![3; ROOM]);
        assert_eq!(buffer.filled().len(), ROOM + 6);
    }

    #[test]
    fn who_waits_holds_what_it_waits_with_and_no_more() {
        let mut buffer = ReadBuffer::default();
        buffer.preload(b"GET / HT");
        buffer.consume(4);
        buffer.settle();
        assert_eq!((buffer.filled(), buffer.bytes.capacity()), (&b"/ HT"[..], 4));
        buffer.preload(b"TP/1.1");
        assert_eq!(buffer.filled(), b"/ HTTP/1.1");
        buffer.consume(10);
        assert_eq!(buffer.bytes.capacity(), 0);
    }

    #[test]
    fn what_is_too_much_to_be_moved_stays() {
        let mut buffer = ReadBuffer::default();
        buffer.preload(&vec![1; KEPT + 1]);
        buffer.settle();
        assert_eq!(buffer.bytes.len(), ROOM);
    }
}
