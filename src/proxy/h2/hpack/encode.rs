//! Field sections encoded (RFC 7541 §3, §6).
//!
//! Little work first, few octets second. A field that either table holds is an index. Any other is inserted into the
//! dynamic table, unless its value rarely repeats, is sensitive or is long, or the table has no room for it: then it is a
//! literal.
//!
//! Strings are Huffman-coded, where that makes them shorter, when they are inserted: the price is paid once. Literals
//! that are not inserted come again and again, and are coded only if the value has at least 64 octets; their names never.

use super::{
    hash, huffman, integer, statics,
    table::{self, LIMIT, Table},
};

/// Values longer than this are not inserted.
const LONGEST_INSERTED: usize = 256;
/// Values shorter than this that are not inserted are not coded.
const SHORTEST_CODED: usize = 64;
/// Cookies shorter than this could be guessed one octet after another, if they were inserted (RFC 7541 §7.1.3).
const SHORT_COOKIE: usize = 20;
/// How many hashes are compared at once.
const LANES: usize = 8;

/// The encoder of one direction of a connection. Its table has up to 4096 octets, or fewer if the peer wants so.
#[derive(Debug, Default)]
pub(crate) struct Encoder {
    table: Table,
    /// The hashes of the table's fields, and of their names, the oldest first.
    fields: Vec<u32>,
    names: Vec<u32>,
    due: Option<Due>,
}

/// Limits of the table that the peer has to be told.
#[derive(Debug, Clone, Copy)]
struct Due {
    lowest: usize,
    last: usize,
}

/// A name to be encoded, in any case.
#[derive(Clone, Copy)]
struct Name<'a> {
    octets: &'a [u8],
    hash: u32,
    /// The first index that has it in the static table.
    known: Option<usize>,
}

/// What becomes of a field that the static table does not hold (RFC 7541 §6.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Habit {
    Inserted,
    NotInserted,
    /// Nor inserted by whoever passes it on.
    NeverInserted,
}

impl Encoder {
    #[cfg(test)]
    pub(super) const fn table(&self) -> &Table {
        &self.table
    }

    /// The peer's SETTINGS_HEADER_TABLE_SIZE. The table shrinks or grows to it, up to 4096 octets, and the peer is told at
    /// the start of the next section, as it is of the smallest size in between (RFC 7541 §4.2).
    pub(crate) fn resize(&mut self, octets: u32) {
        let last = usize::try_from(octets).unwrap_or(LIMIT).min(LIMIT);
        let lowest = self.due.map_or(last, |due| due.lowest.min(last));
        self.due = Some(Due { lowest, last });
    }

    /// Begins a section: writes the size updates that are due (RFC 7541 §6.3).
    #[inline]
    pub(crate) fn begin(&mut self, out: &mut Vec<u8>) {
        if let Some(due) = self.due.take() {
            self.update(due, out);
        }
    }

    fn update(&mut self, Due { lowest, last }: Due, out: &mut Vec<u8>) {
        for limit in [lowest.min(self.table.limit()).min(last), last] {
            if limit != self.table.limit() {
                self.table.resize(limit);
                self.forget_evicted();
                integer::encode(limit, 5, 0x20, out);
            }
        }
    }

    /// The `:status` of a response, of three digits.
    #[inline]
    pub(crate) fn status(&mut self, status: u16, out: &mut Vec<u8>) {
        let index = match status {
            200 => 8,
            204 => 9,
            206 => 10,
            304 => 11,
            400 => 12,
            404 => 13,
            500 => 14,
            _ => return self.field(b":status", &digits(status), out),
        };
        integer::encode(index, 7, 0x80, out);
    }

    /// One field, or pseudo-field. The name may have any case and is written in lower case.
    pub(crate) fn field(&mut self, name: &[u8], value: &[u8], out: &mut Vec<u8>) {
        let hash = hash::name(name);
        let name = Name { octets: name, hash, known: statics::find(name, hash) };
        if let Some(index) = name.known.and_then(|first| statics::exact(first, value)) {
            integer::encode(index, 7, 0x80, out);
            return;
        }
        match self.habit(name, value) {
            Habit::Inserted => self.indexed(name, value, out),
            Habit::NotInserted => self.literal(name, value, 0x00, out),
            Habit::NeverInserted => self.literal(name, value, 0x10, out),
        }
    }

    fn habit(&self, name: Name<'_>, value: &[u8]) -> Habit {
        match name.habit(value) {
            Habit::Inserted if value.len() > LONGEST_INSERTED => Habit::NotInserted,
            Habit::Inserted if table::size(name.octets, value) > self.table.limit() => Habit::NotInserted,
            habit => habit,
        }
    }

    /// Writes the index of a field in the dynamic table, or inserts it if it is not there.
    fn indexed(&mut self, name: Name<'_>, value: &[u8], out: &mut Vec<u8>) {
        match self.place_of(name, value) {
            Some(place) => integer::encode(place + statics::COUNT + 1, 7, 0x80, out),
            None => self.inserted(name, value, out),
        }
    }

    /// Where the dynamic table holds a field. Mostly the name comes with the same value again, which is compared without
    /// being hashed.
    fn place_of(&self, name: Name<'_>, value: &[u8]) -> Option<usize> {
        let latest = self.latest(name)?;
        let holds = |place| self.table.get(place).is_some_and(|(_, held)| held == value);
        if holds(latest) {
            return Some(latest);
        }
        let hash = hash::field(name.hash, value);
        newest(&self.fields, hash, |place| holds(place) && self.is_named(place, name))
    }

    /// The place of the newest entry of a name.
    fn latest(&self, name: Name<'_>) -> Option<usize> {
        newest(&self.names, name.hash, |place| self.is_named(place, name))
    }

    fn is_named(&self, place: usize, name: Name<'_>) -> bool {
        self.table.get(place).is_some_and(|(known, _)| hash::same(name.octets, known))
    }

    /// Writes a field that is inserted (RFC 7541 §6.2.1).
    #[cold]
    fn inserted(&mut self, name: Name<'_>, value: &[u8], out: &mut Vec<u8>) {
        let index = self.index_of(name);
        integer::encode(index, 6, 0x40, out);
        self.table.insert_lowered(name.octets, value);
        self.fields.push(hash::field(name.hash, value));
        self.names.push(name.hash);
        self.forget_evicted();
        if index == 0 {
            coded(self.table.get(0).map_or(&[][..], |(name, _)| name), out);
        }
        coded(value, out);
    }

    /// Writes a field that is not inserted (RFC 7541 §6.2.2, §6.2.3).
    fn literal(&self, name: Name<'_>, value: &[u8], flags: u8, out: &mut Vec<u8>) {
        let index = self.index_of(name);
        integer::encode(index, 4, flags, out);
        if index == 0 {
            integer::encode(name.octets.len(), 7, 0, out);
            out.extend(name.octets.iter().map(u8::to_ascii_lowercase));
        }
        if value.len() < SHORTEST_CODED {
            plain(value, out);
        } else {
            coded(value, out);
        }
    }

    /// The index of a name in either table, 0 if it is in none.
    fn index_of(&self, name: Name<'_>) -> usize {
        name.known.or_else(|| Some(self.latest(name)? + statics::COUNT + 1)).unwrap_or_default()
    }

    /// Drops the hashes of entries that the table no longer has.
    fn forget_evicted(&mut self) {
        for hashes in [&mut self.fields, &mut self.names] {
            hashes.drain(..hashes.len().saturating_sub(self.table.len()));
        }
    }
}

impl Name<'_> {
    fn habit(self, value: &[u8]) -> Habit {
        match self.known {
            // authorization, proxy-authorization, set-cookie
            Some(23 | 49 | 55) => Habit::NeverInserted,
            // cookie
            Some(32) if value.len() < SHORT_COOKIE => Habit::NeverInserted,
            // :path, age, content-length, content-range, cookie, etag, if-modified-since, if-none-match, last-modified,
            // location
            Some(4 | 21 | 28 | 30 | 32 | 34 | 40 | 41 | 44 | 46) => Habit::NotInserted,
            None if self.is_request_id() => Habit::NotInserted,
            _ => Habit::Inserted,
        }
    }

    fn is_request_id(self) -> bool {
        const NAME: &[u8] = b"x-request-id";
        const HASH: u32 = hash::name(NAME);
        self.hash == HASH && hash::same(self.octets, NAME)
    }
}

/// The place of the newest entry with this hash that is the one meant. The oldest hash comes first; the newest place is 0.
#[inline]
fn newest(hashes: &[u32], hash: u32, meant: impl Fn(usize) -> bool) -> Option<usize> {
    let (oldest, lanes) = hashes.as_rchunks::<LANES>();
    for (newer, lane) in lanes.iter().rev().enumerate() {
        // Without a branch for each, so that it becomes a comparison of vectors.
        if lane.iter().fold(0, |any, held| any | u32::from(*held == hash)) != 0
            && let Some(place) = newest_of(lane, newer * LANES, hash, &meant)
        {
            return Some(place);
        }
    }
    newest_of(oldest, lanes.len() * LANES, hash, &meant)
}

/// The same among some hashes, behind so many newer ones.
#[inline]
fn newest_of(hashes: &[u32], newer: usize, hash: u32, meant: &impl Fn(usize) -> bool) -> Option<usize> {
    let equal = hashes.iter().rev().enumerate().filter(|(_, held)| **held == hash);
    equal.map(|(place, _)| place + newer).find(|place| meant(*place))
}

fn digits(status: u16) -> [u8; 3] {
    [status / 100, status / 10, status].map(|number| b'0' + u8::try_from(number % 10).unwrap_or_default())
}

/// Writes a string as it is (RFC 7541 §5.2).
fn plain(octets: &[u8], out: &mut Vec<u8>) {
    integer::encode(octets.len(), 7, 0, out);
    out.extend_from_slice(octets);
}

/// Writes a string Huffman-coded, if it is shorter so.
fn coded(octets: &[u8], out: &mut Vec<u8>) {
    let length = huffman::length(octets);
    if length < octets.len() {
        integer::encode(length, 7, 0x80, out);
        huffman::encode(octets, out);
    } else {
        plain(octets, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(encoder: &mut Encoder, fields: &[(&str, &str)]) -> Vec<u8> {
        let mut out = Vec::new();
        encoder.begin(&mut out);
        for (name, value) in fields {
            encoder.field(name.as_bytes(), value.as_bytes(), &mut out);
        }
        out
    }

    fn status(encoder: &mut Encoder, status: u16) -> Vec<u8> {
        let mut out = Vec::new();
        encoder.status(status, &mut out);
        out
    }

    fn fresh(name: &str, value: &str) -> Vec<u8> {
        encoded(&mut Encoder::default(), &[(name, value)])
    }

    #[test]
    fn fields_of_the_static_table_are_one_octet() {
        assert_eq!(fresh(":method", "GET"), [0x82]);
        assert_eq!(fresh(":path", "/index.html"), [0x85]);
        assert_eq!(fresh(":Status", "404"), [0x8d]);
        assert_eq!(fresh("Accept-Encoding", "gzip, deflate"), [0x90]);
        assert_eq!(fresh("via", ""), [0xbc]);
    }

    #[test]
    fn a_status_is_one_octet_where_the_table_has_it() {
        let mut encoder = Encoder::default();
        for (index, code) in (0x88..).zip([200, 204, 206, 304, 400, 404, 500]) {
            assert_eq!(status(&mut encoder, code), [index]);
        }
        assert_eq!(status(&mut encoder, 503), *b"\x48\x03503");
        assert_eq!(status(&mut encoder, 503), [0xbe]);
    }

    #[test]
    fn fields_that_repeat_are_inserted_and_then_one_octet() {
        let mut encoder = Encoder::default();
        let fields = [("Server", "nginx"), ("x-frame-options", "DENY")];
        let first = encoded(&mut encoder, &fields);
        assert_eq!(first[..2], [0x76, 0x84]);
        assert_eq!(first[6..8], [0x40, 0x8b]);
        assert_eq!(encoded(&mut encoder, &fields), [0xbf, 0xbe]);
        assert_eq!(encoded(&mut encoder, &[("SERVER", "nginx"), ("X-Frame-Options", "DENY")]), [0xbf, 0xbe]);
        // A new value of a name that only the dynamic table has.
        assert_eq!(encoded(&mut encoder, &[("X-Frame-Options", "-")])[..], [0x7e, 0x01, b'-']);
    }

    #[test]
    fn fields_that_do_not_repeat_are_not_inserted() {
        let mut encoder = Encoder::default();
        for (name, octets) in [
            (":path", &b"\x04\x017"[..]),
            ("age", b"\x0f\x06\x017"),
            ("content-length", b"\x0f\x0d\x017"),
            ("content-range", b"\x0f\x0f\x017"),
            ("etag", b"\x0f\x13\x017"),
            ("if-modified-since", b"\x0f\x19\x017"),
            ("if-none-match", b"\x0f\x1a\x017"),
            ("last-modified", b"\x0f\x1d\x017"),
            ("location", b"\x0f\x1f\x017"),
            ("X-Request-ID", b"\x00\x0cx-request-id\x017"),
            ("authorization", b"\x1f\x08\x017"),
            ("proxy-authorization", b"\x1f\x22\x017"),
            ("set-cookie", b"\x1f\x28\x017"),
            ("cookie", b"\x1f\x11\x017"),
        ] {
            assert_eq!(encoded(&mut encoder, &[(name, "7")]), octets, "{name}");
        }
        assert_eq!(encoded(&mut encoder, &[("cookie", &"7".repeat(20))])[..3], *b"\x0f\x11\x14");
        assert_eq!(encoded(&mut encoder, &[("cookie", &"7".repeat(19))])[..3], *b"\x1f\x11\x13");
        assert_eq!(encoder.table.len(), 0);
    }

    #[test]
    fn long_values_are_not_inserted() {
        let mut encoder = Encoder::default();
        assert_eq!(encoded(&mut encoder, &[("x", &"a".repeat(257))])[..3], *b"\x00\x01x");
        assert_eq!(encoder.table.len(), 0);
        assert_eq!(encoded(&mut encoder, &[("x", &"a".repeat(256))])[..3], *b"\x40\x01x");
        assert_eq!(encoder.table.len(), 1);
    }

    #[test]
    fn values_that_are_not_inserted_are_coded_from_64_octets_on() {
        assert_eq!(fresh(":path", &"a".repeat(63))[..2], [0x04, 63]);
        assert_eq!(fresh(":path", &"a".repeat(64))[..2], [0x04, 0xa8]);
        assert_eq!(fresh(":path", &"{".repeat(64))[..2], [0x04, 64], "longer if coded");
    }

    #[test]
    fn a_table_of_no_size_has_no_entries() {
        let mut encoder = Encoder::default();
        encoded(&mut encoder, &[("x", "1")]);
        encoder.resize(0);
        for _ in 0..2 {
            let section = encoded(&mut encoder, &[("x", "1"), ("Server", "n")]);
            assert_eq!(section.strip_prefix(b"\x20").unwrap_or(&section), b"\x00\x01x\x011\x0f\x27\x01n");
        }
        assert_eq!((encoder.table.len(), encoder.fields.len(), encoder.names.len()), (0, 0, 0));
    }

    #[test]
    fn the_peer_is_told_the_sizes_that_matter() {
        for (sizes, told) in [
            (&[][..], &[][..]),
            (&[4096], &[]),
            (&[65536, 8192], &[]),
            (&[0], &[0]),
            (&[100], &[100]),
            (&[100, 65536], &[100, 4096]),
            (&[300, 100, 200], &[100, 200]),
            (&[300, 200, 100], &[100]),
        ] {
            let mut encoder = Encoder::default();
            for size in sizes {
                encoder.resize(*size);
            }
            let mut expected = Vec::new();
            for size in told {
                integer::encode(*size, 5, 0x20, &mut expected);
            }
            assert_eq!(encoded(&mut encoder, &[]), expected, "{sizes:?}");
            assert_eq!(encoded(&mut encoder, &[]), [0_u8; 0], "{sizes:?}: once");
        }
    }

    #[test]
    fn a_table_that_grows_again_is_not_told_of_sizes_above_the_last() {
        let mut encoder = Encoder::default();
        encoder.resize(100);
        encoded(&mut encoder, &[]);
        encoder.resize(4096);
        encoder.resize(200);
        assert_eq!(encoded(&mut encoder, &[]), [0x3f, 0xa9, 0x01]);
        encoder.resize(150);
        encoder.resize(200);
        assert_eq!(encoded(&mut encoder, &[]), [0x3f, 0x77, 0x3f, 0xa9, 0x01]);
    }

    #[test]
    fn the_newest_is_found_wherever_it_is() {
        for count in 0..40_u32 {
            let hashes: Vec<u32> = (0..count).collect();
            for hash in 0..count {
                let place = (count - 1 - hash) as usize;
                assert_eq!(newest(&hashes, hash, |found| found == place), Some(place));
                assert_eq!(newest(&hashes, hash, |_| false), None);
            }
            assert_eq!(newest(&hashes, count, |_| true), None);
        }
        assert_eq!(newest(&[7; 20], 7, |_| true), Some(0));
        assert_eq!(newest(&[7; 20], 7, |place| place > 10), Some(11));
    }
}
