//! The Huffman code of field strings (RFC 7541 §5.2, Appendix B), decoded one octet after another without keeping them.
//!
//! The code is canonical: the lengths of its words are all there is to it. Words of up to ten bits, which all common
//! characters have, are looked up at once.

/// The lengths of the words, by octet.
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

/// The longest word.
const LONGEST: usize = 30;
/// Words of up to so many bits are looked up.
const LOOKED_UP: u32 = 10;

/// The words of one length: the first of them, and where in [`CODE`]'s order their octets begin.
#[derive(Clone, Copy)]
struct Level {
    first: u32,
    count: u32,
    offset: u32,
}

struct Code {
    levels: [Level; LONGEST + 1],
    /// The octets in the order of their words.
    octets: [u8; 256],
    /// By the next ten bits: the octet and the length of its word, 0 where the word is longer.
    short: [(u8, u8); 1 << LOOKED_UP],
}

static CODE: Code = build();

#[expect(clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "evaluated at build time")]
const fn build() -> Code {
    let mut code = Code {
        levels: [Level { first: 0, count: 0, offset: 0 }; LONGEST + 1],
        octets: [0; 256],
        short: [(0, 0); 1 << LOOKED_UP],
    };
    let (mut word, mut placed, mut length) = (0_u32, 0_u32, 1);
    while length <= LONGEST {
        word <<= 1;
        code.levels[length] = Level { first: word, count: 0, offset: placed };
        let mut octet = 0;
        while octet < LENGTHS.len() {
            if LENGTHS[octet] as usize == length {
                code.octets[placed as usize] = octet as u8;
                code.levels[length].count += 1;
                if length as u32 <= LOOKED_UP {
                    let spare = LOOKED_UP - length as u32;
                    let mut filler = 0;
                    while filler < 1 << spare {
                        code.short[((word << spare) + filler) as usize] = (octet as u8, length as u8);
                        filler += 1;
                    }
                }
                word += 1;
                placed += 1;
            }
            octet += 1;
        }
        length += 1;
    }
    code
}

/// The octets of a string. What ends it, padding or nonsense, is passed over: whoever reads the string for its meaning
/// judges that.
pub(super) fn decode(coded: &[u8]) -> Decode<'_> {
    Decode { rest: coded, held: 0, bits: 0 }
}

/// Octets being decoded.
pub(super) struct Decode<'a> {
    rest: &'a [u8],
    /// Bits not yet decoded, the next ones highest among the lowest `bits`.
    held: u64,
    bits: u32,
}

impl Decode<'_> {
    fn fill(&mut self) {
        while self.bits <= 48
            && let Some((octet, rest)) = self.rest.split_first()
        {
            self.held = self.held << 8 | u64::from(*octet);
            self.bits += 8;
            self.rest = rest;
        }
    }

    /// The next `count` bits, ones behind the end.
    fn peek(&self, count: u32) -> u32 {
        let held = self.held & ((1 << self.bits) - 1);
        let bits = if self.bits >= count {
            held >> (self.bits - count)
        } else {
            let missing = count - self.bits;
            held << missing | ((1 << missing) - 1)
        };
        u32::try_from(bits).unwrap_or(u32::MAX)
    }
}

impl Iterator for Decode<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        self.fill();
        let looked_up = CODE.short.get(self.peek(LOOKED_UP) as usize).filter(|(_, length)| *length > 0);
        let (octet, length) = looked_up.copied().or_else(|| {
            (LOOKED_UP + 1..).zip(CODE.levels.iter().skip(LOOKED_UP as usize + 1)).find_map(|(length, level)| {
                let place = self.peek(length).checked_sub(level.first).filter(|place| *place < level.count)?;
                let octet = CODE.octets.get((level.offset + place) as usize)?;
                Some((*octet, u8::try_from(length).ok()?))
            })
        })?;
        self.bits = self.bits.checked_sub(u32::from(length))?;
        Some(octet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_rfc_are_decoded() {
        // RFC 7541, C.4 and C.6.
        for (coded, text) in [
            (&b"\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff"[..], "www.example.com"),
            (b"\xa8\xeb\x10\x64\x9c\xbf", "no-cache"),
            (b"\x25\xa8\x49\xe9\x5b\xa9\x7d\x7f", "custom-key"),
            (
                b"\xd0\x7a\xbe\x94\x10\x54\xd4\x44\xa8\x20\x05\x95\x04\x0b\x81\x66\xe0\x82\xa6\x2d\x1b\xff",
                "Mon, 21 Oct 2013 20:13:21 GMT",
            ),
            (b"", ""),
        ] {
            assert_eq!(decode(coded).collect::<Vec<_>>(), text.as_bytes(), "{text}");
        }
    }

    #[test]
    fn every_octet_has_its_word() {
        for octet in 0..=255_u8 {
            let length = u32::from(LENGTHS[usize::from(octet)]);
            let level = CODE.levels[length as usize];
            let place = CODE.octets[level.offset as usize..][..level.count as usize].iter().position(|o| *o == octet);
            let word = level.first + u32::try_from(place.unwrap()).unwrap();
            let coded = (u64::from(word) << (40 - length) | ((1 << (40 - length)) - 1)).to_be_bytes();
            assert_eq!(decode(&coded[3..]).next(), Some(octet));
        }
    }

    #[test]
    fn nonsense_ends() {
        for coded in [&[0xff; 40][..], &[0x00; 40], &[0xfe; 40]] {
            assert!(decode(coded).count() <= 64);
        }
    }
}
