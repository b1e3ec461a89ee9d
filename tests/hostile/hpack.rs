//! Field compression (RFC 7541), written for tests: a decoder for what we are sent, and an encoder that writes every
//! representation when asked to.

use std::collections::{HashMap, VecDeque};
use std::sync::LazyLock;

use crate::reader::Field;

/// RFC 7541, Appendix A.
const STATIC: [(&str, &str); 61] = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];

/// The lengths of the codes of Appendix B, by octet. The code is canonical, so they are all there is to it; the end
/// of a string has the 30 bits that are left.
const LENGTHS: [u8; 256] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28,
    28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12,
    10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6,
    5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22,
    22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20,
    22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28,
    27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28,
    27, 27, 27, 27, 27, 26,
];

/// The code of every octet: its bits and their number.
static CODES: LazyLock<[(u32, u8); 256]> = LazyLock::new(codes);
/// The octet of every code.
static OCTETS: LazyLock<HashMap<(u32, u8), u8>> =
    LazyLock::new(|| (0..=255).map(|octet| (CODES[usize::from(octet)], octet)).collect());

fn codes() -> [(u32, u8); 256] {
    let mut codes = [(0, 0); 256];
    let mut next = 0_u32;
    for bits in 1..=30_u8 {
        next <<= 1;
        for (octet, length) in LENGTHS.iter().enumerate() {
            if *length == bits {
                codes[octet] = (next, bits);
                next += 1;
            }
        }
    }
    codes
}

pub(crate) fn huffman(text: &[u8]) -> Vec<u8> {
    let (mut out, mut held, mut bits) = (Vec::new(), 0_u64, 0_u32);
    for octet in text {
        let (code, length) = CODES[usize::from(*octet)];
        held = held << length | u64::from(code);
        bits += u32::from(length);
        while bits >= 8 {
            bits -= 8;
            out.push(u8::try_from(held >> bits & 0xff).unwrap());
        }
    }
    if bits > 0 {
        out.push(u8::try_from((held << (8 - bits) | (0xff >> bits)) & 0xff).unwrap());
    }
    out
}

fn unhuffman(octets: &[u8]) -> Result<Vec<u8>, String> {
    let (mut out, mut held, mut bits) = (Vec::new(), 0_u32, 0_u8);
    for bit in octets.iter().flat_map(|octet| (0..8).rev().map(move |place| octet >> place & 1)) {
        held = held << 1 | u32::from(bit);
        bits += 1;
        if let Some(octet) = OCTETS.get(&(held, bits)).filter(|_| bits >= 5) {
            out.push(*octet);
            (held, bits) = (0, 0);
        }
    }
    // What is left is the beginning of the code of the end: ones, and less than an octet of them.
    if bits < 8 && held == (1 << bits) - 1 { Ok(out) } else { Err("a string that ends within a character".to_owned()) }
}

/// How many fields the static table has.
pub(crate) const FIXED: usize = STATIC.len();

/// The decoder of one direction of a connection.
#[derive(Debug, Clone)]
pub(crate) struct Decoder {
    table: VecDeque<Field>,
    room: usize,
}

impl Default for Decoder {
    fn default() -> Self {
        Self { table: VecDeque::new(), room: 4096 }
    }
}

impl Decoder {
    pub(crate) fn decode(&mut self, block: &[u8]) -> Result<Vec<Field>, String> {
        let mut fields = Vec::new();
        let mut rest = block;
        while let Some(first) = rest.first().copied() {
            if first & 0x80 != 0 {
                let index = integer(&mut rest, 7)?;
                fields.push(self.at(index)?);
            } else if first & 0xe0 == 0x20 {
                self.room = integer(&mut rest, 5)?;
                self.shrink();
            } else {
                let indexing = first & 0x40 != 0;
                let index = integer(&mut rest, if indexing { 6 } else { 4 })?;
                let name = if index == 0 { string(&mut rest)? } else { self.at(index)?.0 };
                let field = (name, string(&mut rest)?);
                if indexing {
                    self.table.push_front(field.clone());
                    self.shrink();
                }
                fields.push(field);
            }
        }
        Ok(fields)
    }

    /// The field that an index stands for.
    pub(crate) fn at(&self, index: usize) -> Result<Field, String> {
        let fixed = index.checked_sub(1).and_then(|at| STATIC.get(at));
        if let Some((name, value)) = fixed {
            return Ok((name.as_bytes().to_vec(), value.as_bytes().to_vec()));
        }
        let found = index.checked_sub(STATIC.len() + 1).and_then(|at| self.table.get(at));
        found.cloned().ok_or_else(|| format!("there is no field {index}"))
    }

    fn shrink(&mut self) {
        while self.table.iter().map(|(name, value)| name.len() + value.len() + 32).sum::<usize>() > self.room {
            self.table.pop_back();
        }
    }
}

fn integer(rest: &mut &[u8], prefix: u8) -> Result<usize, String> {
    let take = |rest: &mut &[u8]| {
        let (first, behind) = rest.split_first().ok_or("an integer that ends too soon")?;
        *rest = behind;
        Ok::<_, String>(usize::from(*first))
    };
    let most = (1 << prefix) - 1;
    let mut value = take(rest)? & most;
    if value < most {
        return Ok(value);
    }
    for shift in (0..28).step_by(7) {
        let octet = take(rest)?;
        value += (octet & 0x7f) << shift;
        if octet & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err("an integer that is too large".to_owned())
}

fn string(rest: &mut &[u8]) -> Result<Vec<u8>, String> {
    let coded = rest.first().is_some_and(|first| first & 0x80 != 0);
    let length = integer(rest, 7)?;
    let (text, behind) = rest.split_at_checked(length).ok_or("a string that ends too soon")?;
    *rest = behind;
    if coded { unhuffman(text) } else { Ok(text.to_vec()) }
}

pub(crate) fn put_integer(out: &mut Vec<u8>, pattern: u8, prefix: u8, value: usize) {
    let most = (1_usize << prefix) - 1;
    if value < most {
        out.push(pattern | u8::try_from(value).unwrap());
        return;
    }
    out.push(pattern | u8::try_from(most).unwrap());
    let mut rest = value - most;
    while rest >= 128 {
        out.push(u8::try_from(rest & 0x7f | 0x80).unwrap());
        rest >>= 7;
    }
    out.push(u8::try_from(rest).unwrap());
}

/// How strings are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strings {
    Plain,
    Huffman,
}

pub(crate) fn put_string(out: &mut Vec<u8>, text: &[u8], strings: Strings) {
    match strings {
        Strings::Plain => {
            put_integer(out, 0, 7, text.len());
            out.extend_from_slice(text);
        }
        Strings::Huffman => {
            let coded = huffman(text);
            put_integer(out, 0x80, 7, coded.len());
            out.extend_from_slice(&coded);
        }
    }
}

#[test]
fn the_examples_of_the_rfc_are_read_and_written() {
    // RFC 7541, C.4.1.
    assert_eq!(huffman(b"www.example.com"), b"\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff");
    let every: Vec<u8> = (0..=255).collect();
    assert_eq!(unhuffman(&huffman(&every)).unwrap(), every);
    let block = b"\x82\x86\x84\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff";
    let fields = Decoder::default().decode(block).unwrap();
    assert_eq!(fields.last().unwrap(), &(b":authority".to_vec(), b"www.example.com".to_vec()));
}
