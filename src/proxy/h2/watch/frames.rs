//! Octets to frames (RFC 9113 §4.1), as far as they have to be counted and their field sections walked.
//!
//! The octets come in pieces of any size and go on to the crate untouched. A frame costs its head; only field sections
//! are looked into, where they stand if they came in one piece, else in a buffer that is kept no longer than they.

use std::ops::{ControlFlow, Range};

/// The kinds of frames (RFC 9113 §6).
pub(super) mod kind {
    pub(crate) const DATA: u8 = 0;
    pub(crate) const HEADERS: u8 = 1;
    pub(crate) const RST_STREAM: u8 = 3;
    pub(crate) const SETTINGS: u8 = 4;
    pub(crate) const PING: u8 = 6;
    pub(crate) const GOAWAY: u8 = 7;
    pub(crate) const WINDOW_UPDATE: u8 = 8;
    pub(crate) const CONTINUATION: u8 = 9;
}

const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const HAS_PRIORITY: u8 = 32;

const PREFACE: usize = 24;
/// The octets of a frame's head.
pub(super) const HEAD: usize = 9;

/// The head of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) length: usize,
    pub(super) kind: u8,
    flags: u8,
    pub(super) stream: u32,
}

impl Head {
    pub(super) const fn read([a, b, c, kind, flags, stream @ ..]: [u8; HEAD]) -> Self {
        let stream = u32::from_be_bytes(stream) & 0x7fff_ffff;
        Self { length: u32::from_be_bytes([0, a, b, c]) as usize, kind, flags, stream }
    }

    pub(super) const fn ends_stream(self) -> bool {
        self.flags & END_STREAM != 0
    }

    pub(super) const fn acknowledges(self) -> bool {
        self.flags & ACK != 0
    }

    const fn holds_fields(self) -> bool {
        matches!(self.kind, kind::HEADERS | kind::CONTINUATION)
    }
}

/// What is told of a connection's frames. Breaking off ends the watch.
pub(super) trait Observer {
    /// A frame begins.
    fn frame(&mut self, head: Head) -> ControlFlow<()>;

    /// A field section is whole.
    fn section(&mut self, stream: u32, block: &[u8]) -> ControlFlow<()>;
}

/// Where in the stream of octets the next one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// So many octets of the preface are still to come.
    Preface(usize),
    /// Among the octets of a head, of which so many are there.
    Head(usize),
    /// So many octets of a payload are to be passed over.
    Skip(usize),
    /// So many octets of a piece of a field section are to come.
    Fields(Head, usize),
}

/// The splitter of one connection.
#[derive(Debug)]
pub(super) struct Splitter {
    place: Place,
    head: [u8; HEAD],
    /// The payloads of the section that is coming, as far as they are here, without padding and priority.
    section: Vec<u8>,
    /// Where in `section` the payload of the current frame begins.
    began: usize,
    /// The stream of that section.
    stream: u32,
}

impl Default for Splitter {
    fn default() -> Self {
        Self { place: Place::Preface(PREFACE), head: [0; HEAD], section: Vec::new(), began: 0, stream: 0 }
    }
}

impl Splitter {
    /// Takes the next octets.
    pub(super) fn take(&mut self, mut octets: &[u8], observer: &mut impl Observer) -> ControlFlow<()> {
        while !octets.is_empty() {
            octets = match self.place {
                Place::Preface(missing) => {
                    let (taken, rest) = split(octets, missing);
                    let missing = missing - taken.len();
                    self.place = if missing == 0 { Place::Head(0) } else { Place::Preface(missing) };
                    rest
                }
                Place::Head(there) => self.take_head(octets, there, observer)?,
                Place::Skip(missing) => {
                    let (taken, rest) = split(octets, missing);
                    self.skip(missing - taken.len());
                    rest
                }
                Place::Fields(head, missing) => self.take_fields(octets, head, missing, observer)?,
            };
        }
        ControlFlow::Continue(())
    }

    fn skip(&mut self, missing: usize) {
        self.place = if missing == 0 { Place::Head(0) } else { Place::Skip(missing) };
    }

    fn take_head<'o>(
        &mut self,
        octets: &'o [u8],
        there: usize,
        observer: &mut impl Observer,
    ) -> ControlFlow<(), &'o [u8]> {
        let (taken, rest) = split(octets, HEAD - there);
        if let Some(room) = self.head.get_mut(there..there + taken.len()) {
            room.copy_from_slice(taken);
        }
        let there = there + taken.len();
        if there < HEAD {
            self.place = Place::Head(there);
            return ControlFlow::Continue(rest);
        }
        let head = Head::read(self.head);
        observer.frame(head)?;
        if head.holds_fields() {
            self.began = self.section.len();
            if head.kind == kind::HEADERS {
                self.stream = head.stream;
            }
            return self.take_fields(rest, head, head.length, observer);
        }
        self.skip(head.length);
        ControlFlow::Continue(rest)
    }

    fn take_fields<'o>(
        &mut self,
        octets: &'o [u8],
        head: Head,
        missing: usize,
        observer: &mut impl Observer,
    ) -> ControlFlow<(), &'o [u8]> {
        let (taken, rest) = split(octets, missing);
        let missing = missing - taken.len();
        let whole = missing == 0 && head.flags & END_HEADERS != 0;
        if whole && self.section.is_empty() {
            observer.section(self.stream, taken.get(fragment(head, taken)).unwrap_or_default())?;
        } else {
            self.section.extend_from_slice(taken);
            if missing == 0 {
                let Range { start, end } = fragment(head, self.section.get(self.began..).unwrap_or_default());
                self.section.truncate(self.began + end);
                self.section.drain(self.began..self.began + start);
            }
            if whole {
                let section = std::mem::take(&mut self.section);
                observer.section(self.stream, &section)?;
            }
        }
        self.place = if missing == 0 { Place::Head(0) } else { Place::Fields(head, missing) };
        ControlFlow::Continue(rest)
    }
}

fn split(octets: &[u8], at: usize) -> (&[u8], &[u8]) {
    octets.split_at_checked(at).unwrap_or((octets, &[]))
}

/// Where the fragment stands in the payload of HEADERS or CONTINUATION (RFC 9113 §6.2). Nowhere in one that is malformed,
/// as one is whose padding is longer than what it stands in.
fn fragment(head: Head, payload: &[u8]) -> Range<usize> {
    if head.kind == kind::CONTINUATION {
        return 0..payload.len();
    }
    let padding = payload.first().filter(|_| head.flags & PADDED != 0).map_or(0, |padding| usize::from(*padding));
    let start = usize::from(head.flags & PADDED != 0) + if head.flags & HAS_PRIORITY != 0 { 5 } else { 0 };
    let end = payload.len().saturating_sub(padding);
    if start <= end { start..end } else { 0..0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, PartialEq, Eq)]
    struct Log(Vec<(u8, usize)>, Vec<(u32, Vec<u8>)>);

    impl Observer for Log {
        fn frame(&mut self, head: Head) -> ControlFlow<()> {
            self.0.push((head.kind, head.length));
            ControlFlow::Continue(())
        }

        fn section(&mut self, stream: u32, block: &[u8]) -> ControlFlow<()> {
            self.1.push((stream, block.to_vec()));
            ControlFlow::Continue(())
        }
    }

    fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
        [&[0, 0, u8::try_from(payload.len()).unwrap(), kind, flags, 0, 0, 0, stream][..], payload].concat()
    }

    #[test]
    fn frames_and_sections_are_found_however_the_octets_come() {
        let octets = [
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
            frame(4, 0, 0, &[]),
            frame(1, 4, 1, b"one"),
            frame(0, 1, 1, b"body"),
            frame(1, 0, 3, b"two"),
            frame(9, 0, 3, b" and"),
            frame(9, 4, 3, b" three"),
            frame(1, 4 | 8 | 32, 5, b"\x02prio\x10four\0\0"),
            frame(1, 8, 7, b"\x03five\0\0\0"),
            frame(9, 4, 7, b""),
            frame(6, 0, 0, &[0; 8]),
        ]
        .concat();
        let kinds = vec![(4, 0), (1, 3), (0, 4), (1, 3), (9, 4), (9, 6), (1, 12), (1, 8), (9, 0), (6, 8)];
        let sections = [(1, "one"), (3, "two and three"), (5, "four"), (7, "five")];
        let expected = Log(kinds, sections.iter().map(|(id, text)| (*id, text.as_bytes().to_vec())).collect());
        for size in 1..=octets.len() {
            let (mut splitter, mut log) = (Splitter::default(), Log::default());
            for piece in octets.chunks(size) {
                assert!(splitter.take(piece, &mut log).is_continue());
            }
            assert_eq!(log, expected, "in pieces of {size}");
        }
    }

    #[test]
    fn padding_beyond_the_payload_leaves_nothing() {
        let octets = [vec![0; PREFACE], frame(1, 4 | 8, 1, b"\x09abc")].concat();
        let mut log = Log::default();
        assert!(Splitter::default().take(&octets, &mut log).is_continue());
        assert_eq!(log.1, [(1, Vec::new())]);
    }

    #[test]
    fn padding_beyond_the_payload_of_a_first_part_leaves_the_others() {
        for (flags, payload) in [(8, &b"\x09abc"[..]), (8, b"\x04abc"), (8 | 32, b"\x00prio"), (32, b"pri"), (8, b"")] {
            let octets = [vec![0; PREFACE], frame(1, flags, 1, payload), frame(9, 4, 1, b"rest")].concat();
            let mut log = Log::default();
            assert!(Splitter::default().take(&octets, &mut log).is_continue());
            assert_eq!(log.1, [(1, b"rest".to_vec())], "{flags} {payload:?}");
        }
    }
}
