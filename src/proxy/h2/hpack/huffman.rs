//! The Huffman code of field strings (RFC 7541 §5.2, Appendix B).
//!
//! The code is canonical: the lengths of its words are all there is to it. Decoding looks up a window of bits that holds
//! up to two octets; words longer than the window, which no common character has, are found by their length.

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
const LONGEST: u32 = 30;
/// Words of up to so many bits are looked up.
const WINDOW: u32 = 12;
/// The shortest word.
const SHORTEST: usize = 5;

/// The words of one length: the first of them, and where in [`CODE`]'s order their octets begin.
#[derive(Clone, Copy)]
struct Level {
    first: u32,
    count: u32,
    offset: u32,
}

/// What a window begins with: `count` octets, whose words have `bits` bits. None where the first word is longer.
#[derive(Clone, Copy)]
struct Pair {
    octets: [u8; 2],
    count: u8,
    bits: u8,
}

struct Code {
    levels: [Level; LONGEST as usize + 1],
    /// The octets in the order of their words.
    octets: [u8; 256],
    /// By octet, in the lowest bits.
    words: [u32; 256],
    /// By the next bits.
    pairs: [Pair; 1 << WINDOW],
}

static CODE: Code = build();

#[expect(clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "evaluated at build time")]
const fn build() -> Code {
    let mut code = Code {
        levels: [Level { first: 0, count: 0, offset: 0 }; LONGEST as usize + 1],
        octets: [0; 256],
        words: [0; 256],
        pairs: [Pair { octets: [0; 2], count: 0, bits: 0 }; 1 << WINDOW],
    };
    let (mut word, mut placed, mut length) = (0_u32, 0_u32, 1);
    while length <= LONGEST {
        word <<= 1;
        code.levels[length as usize] = Level { first: word, count: 0, offset: placed };
        let mut octet = 0;
        while octet < LENGTHS.len() {
            if LENGTHS[octet] as u32 == length {
                code.octets[placed as usize] = octet as u8;
                code.words[octet] = word;
                code.levels[length as usize].count += 1;
                word += 1;
                placed += 1;
            }
            octet += 1;
        }
        length += 1;
    }
    place_singles(&mut code);
    place_doubles(&mut code);
    code
}

/// Puts each word that the window has room for at every window that begins with it.
#[expect(clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "evaluated at build time")]
const fn place_singles(code: &mut Code) {
    let mut octet = 0;
    while octet < LENGTHS.len() {
        let bits = LENGTHS[octet];
        if bits as u32 <= WINDOW {
            let spare = WINDOW - bits as u32;
            let mut filler = 0;
            while filler < 1 << spare {
                let pair = Pair { octets: [octet as u8, 0], count: 1, bits };
                code.pairs[((code.words[octet] << spare) + filler) as usize] = pair;
                filler += 1;
            }
        }
        octet += 1;
    }
}

/// Adds a second word where the rest of the window holds one.
#[expect(clippy::indexing_slicing, reason = "evaluated at build time")]
const fn place_doubles(code: &mut Code) {
    let singles = code.pairs;
    let mut window = 0;
    while window < singles.len() {
        let first = singles[window];
        let second = singles[window << first.bits & (singles.len() - 1)];
        if first.count == 1 && second.count == 1 && (first.bits + second.bits) as u32 <= WINDOW {
            let octets = [first.octets[0], second.octets[0]];
            code.pairs[window] = Pair { octets, count: 2, bits: first.bits + second.bits };
        }
        window += 1;
    }
}

/// How many octets [`decode`] needs for a coded string of `length` octets: what it may decode to, and one to spare.
pub(super) const fn room(length: usize) -> usize {
    length * 8 / SHORTEST + 2
}

/// Decodes a string into the front of `into`, which has the [`room`] for it, and gives the length. `None` if it holds the
/// end-of-string word, or is not padded with the beginning of that to a whole octet (RFC 7541 §5.2).
pub(super) fn decode(coded: &[u8], into: &mut [u8]) -> Option<usize> {
    let mut bits = Bits { rest: coded, held: 0, count: 0 };
    let mut length = 0;
    while bits.hold(WINDOW) {
        let pair = bits.pair()?;
        if pair.count == 0 {
            if !bits.hold(LONGEST) {
                break;
            }
            let (octet, taken) = bits.long()?;
            *into.get_mut(length)? = octet;
            bits.take(taken);
            length += 1;
        } else {
            // The second octet, if there is none, is overwritten by the next.
            *into.get_mut(length..)?.first_chunk_mut()? = pair.octets;
            bits.take(u32::from(pair.bits));
            length += usize::from(pair.count);
        }
    }
    decode_last(bits, into, length)
}

/// Decodes what is left when it is shorter than what is looked up.
fn decode_last(mut bits: Bits<'_>, into: &mut [u8], mut length: usize) -> Option<usize> {
    bits.held |= u64::MAX >> bits.count;
    while bits.count >= 8 || bits.held != u64::MAX {
        let (octet, taken) = bits.single()?;
        *into.get_mut(length)? = octet;
        bits.count = bits.count.checked_sub(taken)?;
        bits.held = bits.held << taken | ((1 << taken) - 1);
        length += 1;
    }
    Some(length)
}

/// Bits being decoded.
struct Bits<'a> {
    /// Octets not yet counted among those held.
    rest: &'a [u8],
    /// The next bits, from the highest on. Those behind `count`, if not zeros, are the first of `rest`.
    held: u64,
    count: u32,
}

impl Bits<'_> {
    /// Sees to it that so many bits are held, up to 56. False if fewer are left; they are all held then.
    #[inline]
    fn hold(&mut self, wanted: u32) -> bool {
        if self.count < wanted {
            self.refill();
        }
        self.count >= wanted
    }

    #[inline]
    fn refill(&mut self) {
        if let Some((word, _)) = self.rest.split_first_chunk::<8>() {
            self.held |= u64::from_be_bytes(*word) >> self.count;
            let octets = (63 - self.count) / 8;
            self.rest = self.rest.get(octets as usize..).unwrap_or_default();
            self.count += octets * 8;
            return;
        }
        while self.count < 56
            && let Some((octet, rest)) = self.rest.split_first()
        {
            self.held |= u64::from(*octet) << (56 - self.count);
            self.rest = rest;
            self.count += 8;
        }
    }

    #[inline]
    const fn take(&mut self, count: u32) {
        self.held <<= count;
        self.count -= count;
    }

    #[inline]
    fn pair(&self) -> Option<Pair> {
        CODE.pairs.get((self.held >> (u64::BITS - WINDOW)) as usize).copied()
    }

    /// The next octet and the length of its word.
    fn single(&self) -> Option<(u8, u32)> {
        let Pair { octets: [octet, _], count, .. } = self.pair()?;
        if count == 0 { self.long() } else { LENGTHS.get(usize::from(octet)).map(|bits| (octet, u32::from(*bits))) }
    }

    /// The next octet, if its word is longer than the window, and the length of that.
    #[cold]
    fn long(&self) -> Option<(u8, u32)> {
        (WINDOW + 1..).zip(CODE.levels.iter().skip(WINDOW as usize + 1)).find_map(|(length, level)| {
            let word = u32::try_from(self.held >> (u64::BITS - length)).ok()?;
            let place = word.checked_sub(level.first).filter(|place| *place < level.count)?;
            let octet = CODE.octets.get((level.offset + place) as usize)?;
            Some((*octet, length))
        })
    }
}

/// How many octets a string has when it is coded.
pub(super) fn length(octets: &[u8]) -> usize {
    octets.iter().map(|octet| usize::from(word(*octet).1)).sum::<usize>().div_ceil(8)
}

/// Appends a string, coded.
pub(super) fn encode(octets: &[u8], out: &mut Vec<u8>) {
    // The next bits, from the highest on: fewer than 32 between two octets.
    let (mut held, mut count) = (0_u64, 0);
    for octet in octets {
        let (word, bits) = word(*octet);
        count += u32::from(bits);
        held |= u64::from(word) << (u64::BITS - count);
        if count >= 32 {
            let [first, second, third, fourth, ..] = held.to_be_bytes();
            out.extend_from_slice(&[first, second, third, fourth]);
            held <<= 32;
            count -= 32;
        }
    }
    held |= u64::MAX >> count;
    out.extend(held.to_be_bytes().iter().take(count.div_ceil(8) as usize));
}

/// The word of an octet and its length.
#[inline]
fn word(octet: u8) -> (u32, u8) {
    let at = usize::from(octet);
    // Both tables have all octets.
    (CODE.words.get(at).copied().unwrap_or_default(), LENGTHS.get(at).copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decoded(coded: &[u8]) -> Option<Vec<u8>> {
        let mut into = vec![0; room(coded.len())];
        let length = decode(coded, &mut into)?;
        into.truncate(length);
        Some(into)
    }

    fn encoded(octets: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        encode(octets, &mut out);
        assert_eq!(out.len(), length(octets));
        out
    }

    /// Words as ones and zeros, padded with ones.
    fn bits(words: &str) -> Vec<u8> {
        let bits: Vec<u8> = words.bytes().filter(|digit| *digit != b' ').map(|digit| digit - b'0').collect();
        bits.chunks(8).map(|octet| (0..8).fold(0, |sum, at| sum << 1 | octet.get(at).unwrap_or(&1))).collect()
    }

    #[test]
    fn the_examples_of_the_rfc_hold_both_ways() {
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
            assert_eq!(decoded(coded).as_deref(), Some(text.as_bytes()), "{text}");
            assert_eq!(encoded(text.as_bytes()), coded, "{text}");
        }
    }

    #[test]
    fn words_of_the_appendix_are_as_it_has_them() {
        for (octet, word, length) in [
            (b'0', 0x0, 5),
            (b'%', 0x15, 6),
            (b':', 0x5c, 7),
            (b'Z', 0xfd, 8),
            (b'!', 0x3f8, 10),
            (b'|', 0x7fc, 11),
            (b'#', 0xffa, 12),
            (0, 0x1ff8, 13),
            (b'^', 0x3ffc, 14),
            (b'<', 0x7ffc, 15),
            (b'\\', 0x7fff0, 19),
            (128, 0xf_ffe6, 20),
            (1, 0x7f_ffd8, 23),
            (9, 0xff_ffea, 24),
            (199, 0x1ff_ffec, 25),
            (192, 0x3ff_ffe0, 26),
            (255, 0x3ff_ffee, 26),
            (203, 0x7ff_ffde, 27),
            (254, 0x7ff_fff0, 27),
            (10, 0x3fff_fffc, 30),
            (22, 0x3fff_fffe, 30),
        ] {
            assert_eq!(super::word(octet), (word, length), "{octet}");
        }
    }

    #[test]
    fn every_octet_comes_back_alone_and_at_every_place() {
        for octet in 0..=255 {
            for before in 0..12 {
                for behind in 0..12 {
                    let text = [&vec![b'a'; before][..], &[octet], &vec![b'X'; behind]].concat();
                    assert_eq!(decoded(&encoded(&text)).as_ref(), Some(&text));
                }
            }
        }
    }

    #[test]
    fn the_end_of_string_word_is_refused() {
        let eos = "1".repeat(30);
        for words in
            [eos.clone(), format!("00011 {eos}"), format!("{eos} 00011"), format!("{eos} {}", "00011".repeat(20))]
        {
            assert_eq!(decoded(&bits(&words)), None, "{words}");
        }
        assert_eq!(decoded(&[0xff; 40]), None);
    }

    #[test]
    fn padding_is_at_most_seven_ones() {
        // `a` has five bits, `X` eight.
        assert_eq!(decoded(&bits("00011")).as_deref(), Some(&b"a"[..]));
        assert_eq!(decoded(&bits("00011 110")), None, "a zero");
        assert_eq!(decoded(&bits("00011 011")), None, "a zero");
        assert_eq!(decoded(&bits("11111100")).as_deref(), Some(&b"X"[..]));
        assert_eq!(decoded(&bits("11111100 11111111")), None, "eight ones");
        assert_eq!(decoded(&bits("00011 111 11111111")), None, "eleven ones");
        assert_eq!(decoded(&bits("00011 00011 1111111 1111111")), None, "fourteen ones");
        assert_eq!(decoded(&bits("11111100 1111111")), None, "eight ones, as padded here");
        assert_eq!(decoded(&bits("00011 101")), None, "a word cut short");
        for ones in 1..=8 {
            // Seven bits of padding: 5 × 5 bits and 8 × ones.
            let text = [&b"aaaaa"[..], &vec![b'X'; ones]].concat();
            let mut coded = encoded(&text);
            assert_eq!(coded.last().map(|last| last & 0x7f), Some(0x7f));
            assert_eq!(decoded(&coded), Some(text));
            *coded.last_mut().unwrap() &= 0xfe;
            assert_eq!(decoded(&coded), None);
            coded.pop();
            coded.extend([0xff; 2]);
            assert_eq!(decoded(&coded), None);
        }
    }

    proptest! {
        #[test]
        fn what_is_coded_is_decoded(octets in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(decoded(&encoded(&octets)), Some(octets));
        }

        #[test]
        fn text_that_is_coded_is_decoded(text in "[ -~]{0,200}") {
            prop_assert_eq!(decoded(&encoded(text.as_bytes())), Some(text.into_bytes()));
        }

        #[test]
        fn what_is_decoded_has_one_code(coded in prop::collection::vec(any::<u8>(), 0..12)) {
            if let Some(octets) = decoded(&coded) {
                prop_assert_eq!(encoded(&octets), coded);
            }
        }
    }
}
