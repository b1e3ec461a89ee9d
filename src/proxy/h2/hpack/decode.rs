//! Field sections decoded (RFC 7541 §3, §6).
//!
//! What is malformed here is malformed for the connection: the table is out of step from there on, and the decoder must
//! not be used again. An indexed field costs a look-up; a literal is borrowed from the section, or from a scratch buffer
//! if it is Huffman-coded.

use super::{
    huffman, integer, statics,
    table::{LIMIT, Table},
};

/// So many octets of each scratch buffer are kept between sections.
const KEPT: usize = 2048;
/// How often the size of the table may change at the start of a section: down and up again (RFC 7541 §4.2).
const UPDATES: usize = 2;

/// The section cannot be decoded: COMPRESSION_ERROR, and the connection has to end (RFC 9113 §4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// The decoder of one direction of a connection. Its table has up to 4096 octets, the default of
/// SETTINGS_HEADER_TABLE_SIZE, and the peer may make it smaller.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    table: Table,
    scratch: Scratch,
}

/// Where Huffman-coded strings are decoded to. The buffers grow by what a section needs, and their length is what they
/// have grown to, so that they are not filled with zeros each time.
#[derive(Debug, Default)]
struct Scratch {
    name: Vec<u8>,
    value: Vec<u8>,
}

impl Decoder {
    /// A decoder whose peer knows of a smaller table.
    #[cfg(test)]
    pub(super) fn limited(octets: usize) -> Self {
        Self { table: Table::new(octets), scratch: Scratch::default() }
    }

    #[cfg(test)]
    pub(super) const fn table(&self) -> &Table {
        &self.table
    }

    /// Decodes a whole field section and gives each field, in order: its name and its value, borrowed for the call. The
    /// fields before the one that is malformed are given too. The dynamic table is kept in step whatever `each` makes of
    /// a field.
    pub(crate) fn decode(&mut self, section: &[u8], each: impl FnMut(&[u8], &[u8])) -> Result<(), Malformed> {
        let decoded = self.fields(section, each);
        self.scratch.trim();
        decoded.ok_or(Malformed)
    }

    fn fields(&mut self, section: &[u8], mut each: impl FnMut(&[u8], &[u8])) -> Option<()> {
        let mut rest = self.updates(section)?;
        while let Some(first) = rest.first().copied() {
            // RFC 7541 §6: an index, a literal to insert, a size update, a literal without or never indexed.
            match first {
                0x80.. => {
                    let (name, value) = entry(&self.table, integer::decode(&mut rest, 7)?)?;
                    each(name, value);
                }
                0x40.. => {
                    let literal = Literal::read(&mut rest, 6, &mut self.scratch)?;
                    each(literal.name(&self.table)?, literal.value);
                    literal.insert(&mut self.table)?;
                }
                0x20.. => return None,
                _ => {
                    let literal = Literal::read(&mut rest, 4, &mut self.scratch)?;
                    each(literal.name(&self.table)?, literal.value);
                }
            }
        }
        Some(())
    }

    /// Applies the size updates that a section begins with (RFC 7541 §6.3), and gives what is behind them.
    fn updates<'a>(&mut self, mut rest: &'a [u8]) -> Option<&'a [u8]> {
        for _ in 0..UPDATES {
            if !matches!(rest.first(), Some(0x20..0x40)) {
                break;
            }
            let limit = integer::decode(&mut rest, 5).filter(|limit| *limit <= LIMIT)?;
            self.table.resize(limit);
        }
        Some(rest)
    }
}

/// The field at an index (RFC 7541 §2.3.3).
#[inline]
fn entry(table: &Table, index: usize) -> Option<(&[u8], &[u8])> {
    match index.checked_sub(statics::COUNT + 1) {
        Some(place) => table.get(place),
        None => statics::get(index),
    }
}

/// A literal field (RFC 7541 §6.2).
struct Literal<'a> {
    name: Name<'a>,
    value: &'a [u8],
}

enum Name<'a> {
    Known(&'a [u8]),
    /// That of an entry of the dynamic table.
    Of(usize),
}

impl<'a> Literal<'a> {
    /// Takes a literal off the front of `rest`; the index of its name has `prefix` bits.
    fn read<'b: 'a>(rest: &mut &'b [u8], prefix: u32, scratch: &'a mut Scratch) -> Option<Self> {
        let index = integer::decode(rest, prefix)?;
        let name = match index.checked_sub(statics::COUNT + 1) {
            Some(place) => Name::Of(place),
            None if index == 0 => Name::Known(string(rest, &mut scratch.name)?),
            None => Name::Known(statics::get(index)?.0),
        };
        Some(Self { name, value: string(rest, &mut scratch.value)? })
    }

    fn name<'b>(&'b self, table: &'b Table) -> Option<&'b [u8]> {
        match self.name {
            Name::Known(name) => Some(name),
            Name::Of(place) => table.get(place).map(|(name, _)| name),
        }
    }

    fn insert(&self, table: &mut Table) -> Option<()> {
        match self.name {
            Name::Known(name) => table.insert(name, self.value),
            Name::Of(place) => table.insert_named(place, self.value)?,
        }
        Some(())
    }
}

/// Takes a string off the front of `rest` (RFC 7541 §5.2).
#[inline]
fn string<'a, 'b: 'a>(rest: &mut &'b [u8], scratch: &'a mut Vec<u8>) -> Option<&'a [u8]> {
    let coded = rest.first()? & 0x80 != 0;
    let length = integer::decode(rest, 7)?;
    let (octets, behind) = rest.split_at_checked(length)?;
    *rest = behind;
    if !coded {
        return Some(octets);
    }
    let room = huffman::room(length);
    if scratch.len() < room {
        scratch.resize(room, 0);
    }
    let length = huffman::decode(octets, scratch)?;
    scratch.get(..length)
}

impl Scratch {
    /// Gives back what an unusual section needed.
    fn trim(&mut self) {
        for buffer in [&mut self.name, &mut self.value] {
            if buffer.capacity() > KEPT {
                *buffer = Vec::new();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Fields = Vec<(String, String)>;

    fn text(octets: &[u8]) -> String {
        octets.escape_ascii().to_string()
    }

    fn decoded(decoder: &mut Decoder, section: &[u8]) -> Result<Fields, Malformed> {
        let mut fields = Vec::new();
        decoder.decode(section, |name, value| fields.push((text(name), text(value)))).map(|()| fields)
    }

    fn fresh(section: &[u8]) -> Result<Fields, Malformed> {
        decoded(&mut Decoder::default(), section)
    }

    fn fields(fields: &[(&str, &str)]) -> Fields {
        fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_section_may_be_empty() {
        assert_eq!(fresh(b""), Ok(fields(&[])));
    }

    #[test]
    fn indices_beyond_the_tables_are_malformed() {
        let mut decoder = Decoder::default();
        assert_eq!(decoded(&mut decoder, b"\x40\x01a\x011\xbe\xbd"), {
            Ok(fields(&[("a", "1"), ("a", "1"), ("www-authenticate", "")]))
        });
        for section in [&b"\x80"[..], b"\xbf", b"\xff\x00\x01", b"\x7f\x00\x011", b"\x0f\x30\x011", b"\x1f\x30\x011"] {
            let mut decoder = Decoder::default();
            decoded(&mut decoder, b"\x40\x01a\x011").unwrap();
            assert_eq!(decoded(&mut decoder, section), Err(Malformed), "{section:x?}");
        }
    }

    #[test]
    fn whatever_is_cut_short_is_malformed() {
        let section = b"\x40\x83\x1c\x64\x3f\x84\x1c\x64\x1c\x7f\x10\x04name\x05value\x0f\x11\x01x";
        let whole = fresh(section).unwrap();
        assert_eq!(whole.len(), 3);
        for length in 1..section.len() {
            let cut = fresh(&section[..length]);
            assert_eq!(cut.is_ok(), [10, 22].contains(&length), "{length}");
        }
    }

    #[test]
    fn integers_have_up_to_28_bits_beyond_their_prefix() {
        assert_eq!(fresh(b"\xff\x80\x80\x80\x80\x00"), Err(Malformed));
        assert_eq!(fresh(b"\x00\x7f\x82\x80\x80\x00"), Err(Malformed), "cut short");
        let mut section = b"\x00\x7f\x82\x80\x80\x00".to_vec();
        section.extend([b'n'; 129]);
        section.extend(b"\x01v");
        assert_eq!(fresh(&section), Ok(fields(&[(&"n".repeat(129), "v")])));
    }

    #[test]
    fn size_updates_stand_at_the_start_and_are_at_most_two() {
        assert_eq!(fresh(b"\x20\x3f\xe1\x1f\x82"), Ok(fields(&[(":method", "GET")])), "0 and 4096");
        assert_eq!(fresh(b"\x3f\xe2\x1f\x82"), Err(Malformed), "4097");
        assert_eq!(fresh(b"\x20\x20\x20\x82"), Err(Malformed), "three");
        assert_eq!(fresh(b"\x82\x20"), Err(Malformed), "behind a field");
        assert_eq!(fresh(b"\x20\x82\x20"), Err(Malformed), "behind a field");
        assert_eq!(fresh(b"\x3f"), Err(Malformed), "cut short");
    }

    #[test]
    fn size_updates_evict() {
        let mut decoder = Decoder::default();
        decoded(&mut decoder, b"\x40\x01a\x011\x40\x01b\x012").unwrap();
        assert_eq!(decoded(&mut decoder, b"\x3f\x03\xbe"), Ok(fields(&[("b", "2")])), "34 hold one");
        assert_eq!(decoded(&mut decoder, b"\xbf"), Err(Malformed));
        assert_eq!(decoded(&mut decoder, b"\x20\x3f\xe1\x1f\xbe"), Err(Malformed));
    }

    #[test]
    fn an_entry_may_evict_the_one_that_has_its_name() {
        let mut decoder = Decoder::limited(40);
        assert_eq!(decoded(&mut decoder, b"\x40\x04name\x041111\x7e\x042222\xbe"), {
            Ok(fields(&[("name", "1111"), ("name", "2222"), ("name", "2222")]))
        });
        // One too large is given and empties the table.
        assert_eq!(decoded(&mut decoder, b"\x7e\x0533333"), Ok(fields(&[("name", "33333")])));
        assert_eq!(decoded(&mut decoder, b"\xbe"), Err(Malformed));
    }

    #[test]
    fn literals_that_are_not_inserted_leave_the_table_alone() {
        let mut decoder = Decoder::default();
        assert_eq!(decoded(&mut decoder, b"\x00\x01a\x011\x10\x01b\x012\x04\x01/\x14\x01*"), {
            Ok(fields(&[("a", "1"), ("b", "2"), (":path", "/"), (":path", "*")]))
        });
        assert_eq!(decoder.table().len(), 0);
    }

    #[test]
    fn malformed_huffman_strings_are_malformed_in_either_place() {
        for string in
            [&b"\x84\xff\xff\xff\xff"[..], b"\x82\x1f\xff", b"\x81\x18", b"\x81\xff", b"\x85\xff\xff\xff\xfc\x1f"]
        {
            assert_eq!(fresh(&[b"\x00", string, b"\x01v"].concat()), Err(Malformed), "{string:x?}");
            assert_eq!(fresh(&[b"\x00\x01n", string].concat()), Err(Malformed), "{string:x?}");
        }
        assert_eq!(fresh(b"\x00\x81\x1f\x80"), Ok(fields(&[("a", "")])));
    }

    #[test]
    fn large_scratch_buffers_are_given_back() {
        let mut decoder = Decoder::default();
        let mut section = b"\x00\x81\x1f".to_vec();
        integer::encode(5000, 7, 0x80, &mut section);
        section.extend([0; 5000]);
        assert_eq!(decoded(&mut decoder, &section), Ok(fields(&[("a", &"0".repeat(8000))])));
        let Scratch { name, value } = &decoder.scratch;
        assert!(name.capacity() > 0 && name.capacity() + value.capacity() <= 4096);
    }

    proptest! {
        #[test]
        fn nothing_panics(sections in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..64), 1..8)) {
            let mut decoder = Decoder::default();
            for section in sections {
                let _ = decoder.decode(&section, |_, _| {});
            }
        }

        #[test]
        fn nothing_panics_on_likely_octets(
            section in prop::collection::vec(prop::sample::select(&b"\x00\x01\x02\x0f\x20\x3f\x40\x7e\x7f\x80\x82\xbe\xbf\xc0\xff"[..]), 0..64),
        ) {
            let _ = Decoder::default().decode(&section, |_, _| {});
        }
    }
}
