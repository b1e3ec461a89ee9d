//! Field sections, walked beside the crate's decoder for what it does not tell: what a `:path` held, and whether trailers
//! hold pseudo-fields.
//!
//! Nothing is kept of a section but the size and the kind of what goes into the dynamic table (RFC 7541 §2.3.2), so that
//! indices can be followed. A section that the crate refuses may be misread here: the connection ends with it.

use std::collections::VecDeque;

use super::huffman;

/// The size of the table that the peer may use (RFC 9113 §6.5.2, the default, which the crate leaves).
const TABLE: usize = 4096;
/// What an entry counts beside its octets (RFC 7541 §4.1).
const OVERHEAD: usize = 32;
/// The entries of the static table (RFC 7541, Appendix A): the first fourteen are pseudo-fields.
const STATIC: usize = 61;
const PATHS: std::ops::RangeInclusive<usize> = 4..=5;
const LAST_PSEUDO: usize = 14;

/// What a section held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Held {
    /// A pseudo-field.
    pub(super) pseudo: bool,
    /// A `:path` with a fragment, which `http::Uri` drops without a word.
    pub(super) fragment: bool,
}

/// What is remembered of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Regular,
    Pseudo,
    Path,
    PathWithFragment,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    size: usize,
    /// The octets of the name, for entries that take it from this one.
    name: usize,
    kind: Kind,
}

/// The dynamic table of a connection, as far as it matters.
#[derive(Debug)]
pub(super) struct Walker {
    entries: VecDeque<Entry>,
    size: usize,
    room: usize,
}

impl Default for Walker {
    fn default() -> Self {
        Self { entries: VecDeque::new(), size: 0, room: TABLE }
    }
}

/// A string as it stands in a section.
#[derive(Debug, Clone, Copy)]
struct Text<'a> {
    octets: &'a [u8],
    huffman: bool,
}

impl Walker {
    /// Walks a whole section. `None` if it cannot be read: the crate says so too, and ends the connection.
    pub(super) fn walk(&mut self, mut block: &[u8]) -> Option<Held> {
        let mut held = Held::default();
        while let Some(first) = block.first().copied() {
            let kind = if first & 0x80 != 0 {
                self.indexed(integer(&mut block, 7)?)?.kind
            } else if first & 0xe0 == 0x20 {
                self.resize(integer(&mut block, 5)?)?;
                continue;
            } else if first & 0x40 != 0 {
                let entry = self.literal(&mut block, 6, Wanted::Size)?;
                self.insert(entry);
                entry.kind
            } else {
                self.literal(&mut block, 4, Wanted::Kind)?.kind
            };
            held.pseudo |= kind != Kind::Regular;
            held.fragment |= kind == Kind::PathWithFragment;
        }
        Some(held)
    }

    /// An entry of either table. The names of the static one are only measured where they matter.
    fn indexed(&self, index: usize) -> Option<Entry> {
        match index {
            0 => None,
            1..=STATIC => {
                let kind = match index {
                    index if PATHS.contains(&index) => Kind::Path,
                    ..=LAST_PSEUDO => Kind::Pseudo,
                    _ => Kind::Regular,
                };
                Some(Entry { size: 0, name: static_name(index), kind })
            }
            _ => self.entries.get(index - STATIC - 1).copied(),
        }
    }

    fn literal(&self, block: &mut &[u8], prefix: u8, wanted: Wanted) -> Option<Entry> {
        let index = integer(block, prefix)?;
        let (name, kind) = if index == 0 {
            name_of(string(block)?)
        } else {
            let entry = self.indexed(index)?;
            let kind = if entry.kind == Kind::PathWithFragment { Kind::Path } else { entry.kind };
            (entry.name, kind)
        };
        let value = string(block)?;
        let kind = if kind == Kind::Path && has_fragment(value) { Kind::PathWithFragment } else { kind };
        let size = match wanted {
            Wanted::Kind => 0,
            Wanted::Size => name + length(value) + OVERHEAD,
        };
        Some(Entry { size, name, kind })
    }

    fn insert(&mut self, entry: Entry) {
        self.size += entry.size;
        self.entries.push_front(entry);
        self.evict();
    }

    fn resize(&mut self, room: usize) -> Option<()> {
        if room > TABLE {
            return None;
        }
        self.room = room;
        self.evict();
        Some(())
    }

    fn evict(&mut self) {
        while self.size > self.room {
            let Some(last) = self.entries.pop_back() else { return };
            self.size -= last.size;
        }
    }
}

/// What a literal is read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Kind,
    /// For the table, too.
    Size,
}

/// The length and the kind of a name that is written out.
fn name_of(name: Text<'_>) -> (usize, Kind) {
    let mut start = [0_u8; 6];
    let octets = octets(name);
    for (place, octet) in start.iter_mut().zip(octets) {
        *place = octet;
    }
    let kind = match start {
        [b':', b'p', b'a', b't', b'h', 0] => Kind::Path,
        [b':', ..] => Kind::Pseudo,
        _ => Kind::Regular,
    };
    (length(name), kind)
}

fn octets(text: Text<'_>) -> impl Iterator<Item = u8> {
    let (plain, coded) = if text.huffman { (&[][..], text.octets) } else { (text.octets, &[][..]) };
    plain.iter().copied().chain(huffman::decode(coded))
}

fn length(text: Text<'_>) -> usize {
    if text.huffman { huffman::decode(text.octets).count() } else { text.octets.len() }
}

fn has_fragment(value: Text<'_>) -> bool {
    if value.huffman { huffman::decode(value.octets).any(|octet| octet == b'#') } else { value.octets.contains(&b'#') }
}

fn string<'a>(block: &mut &'a [u8]) -> Option<Text<'a>> {
    let huffman = block.first()? & 0x80 != 0;
    let length = integer(block, 7)?;
    let (octets, rest) = block.split_at_checked(length)?;
    *block = rest;
    Some(Text { octets, huffman })
}

/// An integer (RFC 7541 §5.1) of up to 28 bits beyond its prefix, as the crate has it.
fn integer(block: &mut &[u8], prefix: u8) -> Option<usize> {
    let most = (1_usize << prefix) - 1;
    let (first, mut rest) = block.split_first()?;
    let mut value = usize::from(*first) & most;
    if value == most {
        let mut shift = 0;
        loop {
            let (octet, behind) = rest.split_first()?;
            rest = behind;
            value += (usize::from(*octet) & 0x7f) << shift;
            shift += 7;
            if octet & 0x80 == 0 {
                break;
            }
            if shift > 21 {
                return None;
            }
        }
    }
    *block = rest;
    Some(value)
}

/// The length of a name of the static table.
fn static_name(index: usize) -> usize {
    const LENGTHS: [u8; STATIC] = [
        10, 7, 7, 5, 5, 7, 7, 7, 7, 7, 7, 7, 7, 7, 14, 15, 15, 13, 6, 27, 3, 5, 13, 13, 19, 16, 16, 14, 16, 13, 12, 6,
        4, 4, 6, 7, 4, 4, 8, 17, 13, 8, 19, 13, 4, 8, 12, 18, 19, 5, 7, 7, 11, 6, 10, 25, 17, 10, 4, 3, 16,
    ];
    index.checked_sub(1).and_then(|at| LENGTHS.get(at)).map_or(0, |length| usize::from(*length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(first: u8, name: &str, value: &str) -> Vec<u8> {
        let mut out = vec![first];
        for text in [name, value] {
            out.push(u8::try_from(text.len()).unwrap());
            out.extend_from_slice(text.as_bytes());
        }
        out
    }

    const HELD: fn(bool, bool) -> Option<Held> = |pseudo, fragment| Some(Held { pseudo, fragment });

    #[test]
    fn a_fragment_is_found_however_the_path_is_written() {
        for block in [
            literal(0, ":path", "/a#b"),
            literal(0x10, ":path", "/a#b"),
            literal(0x40, ":path", "/a#b"),
            b"\x04\x04/a#b".to_vec(),
            b"\x05\x04/a#b".to_vec(),
            b"\x44\x04/a#b".to_vec(),
            // `/a#b` in Huffman's code: 011000 00011 111111111010 100011, and ones.
            b"\x04\x84\x60\x7f\xf5\x1f".to_vec(),
        ] {
            assert_eq!(Walker::default().walk(&block), HELD(true, true), "{}", block.escape_ascii());
        }
    }

    #[test]
    fn other_fields_and_paths_hold_none() {
        for (block, pseudo) in [
            (literal(0, "x", "#"), false),
            (literal(0, ":paths", "#"), true),
            (literal(0, ":path", "/"), true),
            (b"\x82\x84\x86".to_vec(), true),
            (b"\xbf".to_vec(), false),
            (Vec::new(), false),
        ] {
            let expected = if block == b"\xbf" { None } else { HELD(pseudo, false) };
            assert_eq!(Walker::default().walk(&block), expected, "{}", block.escape_ascii());
        }
    }

    #[test]
    fn indices_are_followed_into_the_table() {
        let mut walker = Walker::default();
        walker.walk(&literal(0x40, ":path", "/a#b"));
        walker.walk(&literal(0x40, "x", "y"));
        assert_eq!(walker.walk(b"\xbf"), HELD(true, true));
        assert_eq!(walker.walk(b"\xbe"), HELD(false, false));
        // A new value for the name of the entry.
        assert_eq!(walker.walk(b"\x0f\x30\x01/"), HELD(true, false));
    }

    #[test]
    fn entries_leave_the_table_as_they_do_in_the_crate() {
        let mut walker = Walker::default();
        walker.walk(&literal(0x40, ":path", "/a#b"));
        for _ in 0..3 {
            walker.walk(&[&literal(0x40, "x", "")[..2], b"x\x7f\xd1\x07", &[b'v'; 1104]].concat());
        }
        assert_eq!(walker.walk(b"\xc1"), HELD(true, true), "three entries of 1137 leave room for one of 41");
        walker.walk(&[&literal(0x40, "x", "")[..2], b"x\x7f\xd1\x07", &[b'v'; 1104]].concat());
        assert_eq!(walker.walk(b"\xc2"), None);
        assert_eq!(walker.walk(b"\x20"), HELD(false, false));
        assert_eq!(walker.walk(b"\xbe"), None, "a table of no size holds nothing");
    }
}
