//! A cheap hash for look-ups that compare the octets afterwards: collisions cost time and nothing else. The comparison of
//! names in any case is here, too.
//!
//! One multiplication per eight octets, as in FxHash. It is not seeded: what is looked up by it is scanned in a line or
//! fixed at build time, so that a peer who makes collisions gains nothing.

const FACTOR: u64 = 0xf135_7aea_2e62_a9c5;
/// The bit that tells the cases of a letter apart, in each octet of a word.
const CASE: u64 = 0x2020_2020_2020_2020;

/// The hash of a name, the same for every case.
#[inline]
pub(super) const fn name(octets: &[u8]) -> u32 {
    hash(0, octets, CASE)
}

/// The hash of a field, from that of its name.
#[inline]
pub(super) const fn field(name: u32, value: &[u8]) -> u32 {
    hash(name as u64, value, 0)
}

#[inline]
const fn hash(seed: u64, octets: &[u8], ignored: u64) -> u32 {
    let mut state = seed.wrapping_add(octets.len() as u64);
    let (mut words, rest) = octets.as_chunks::<8>();
    while let Some((word, behind)) = words.split_first() {
        state = mix(state, u64::from_le_bytes(*word) | ignored);
        words = behind;
    }
    if !rest.is_empty() {
        state = mix(state, last(octets) | ignored);
    }
    (state >> 32) as u32
}

#[inline]
const fn mix(state: u64, word: u64) -> u64 {
    (state.rotate_left(5) ^ word).wrapping_mul(FACTOR)
}

/// The last octets, up to eight.
#[inline]
const fn last(octets: &[u8]) -> u64 {
    if let Some(word) = octets.last_chunk::<8>() {
        return u64::from_le_bytes(*word);
    }
    if let (Some(first), Some(last)) = (octets.first_chunk::<4>(), octets.last_chunk::<4>()) {
        return u32::from_le_bytes(*first) as u64 | (u32::from_le_bytes(*last) as u64) << 32;
    }
    match *octets {
        [one] => one as u64,
        [one, two] => one as u64 | (two as u64) << 8,
        [one, two, three, ..] => one as u64 | (two as u64) << 8 | (three as u64) << 16,
        [] => 0,
    }
}

/// Whether a name is, in any case, this one in lower case.
#[inline]
pub(super) fn same(name: &[u8], lower: &[u8]) -> bool {
    // As most names are given.
    if name == lower {
        return true;
    }
    if name.len() != lower.len() {
        return false;
    }
    let (words, rest) = name.as_chunks::<8>();
    let (lower_words, _) = lower.as_chunks::<8>();
    let equal = |(word, held): (&[u8; 8], &[u8; 8])| lowered(u64::from_le_bytes(*word)) == u64::from_le_bytes(*held);
    words.iter().zip(lower_words).all(equal) && (rest.is_empty() || lowered(last(name)) == last(lower))
}

/// Eight octets with the capitals among them in lower case.
#[inline]
const fn lowered(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x80 * ONES;
    // The highest bit of each octet tells what it is at least; no octet carries into the next.
    let low = word & !HIGH;
    let from_a = low + (0x80 - b'A' as u64) * ONES;
    let behind_z = low + (0x80 - (b'Z' + 1) as u64) * ONES;
    let capitals = from_a & !behind_z & !word & HIGH;
    word | capitals >> 2
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_name_has_one_hash_in_every_case() {
        for (upper, lower) in [("ETag", "etag"), ("Content-Type", "content-type"), ("A", "a"), ("", "")] {
            assert_eq!(name(upper.as_bytes()), name(lower.as_bytes()));
        }
    }

    #[test]
    fn names_are_compared_as_ascii_is_lowered() {
        for octet in 0..=255_u8 {
            for length in 0..20 {
                for place in 0..length {
                    let mut name = vec![b'-'; length];
                    name[place] = octet;
                    assert!(same(&name, &name.to_ascii_lowercase()));
                    for other in [octet ^ 0x20, octet ^ 0x80, octet.wrapping_add(1)] {
                        let mut lower = name.to_ascii_lowercase();
                        lower[place] = other;
                        assert_eq!(same(&name, &lower), name.to_ascii_lowercase() == lower, "{octet}, {other}");
                    }
                }
            }
        }
        assert!(!same(b"ab", b"a") && !same(b"", b"a"));
    }

    #[test]
    fn every_octet_and_the_length_count() {
        let octets: Vec<u8> = (0..40).collect();
        let mut seen = HashSet::new();
        for length in 0..=octets.len() {
            assert!(seen.insert(field(0, &octets[..length])), "{length}");
            for changed in 0..length {
                let mut octets = octets[..length].to_vec();
                octets[changed] ^= 0x80;
                assert!(seen.insert(field(0, &octets)), "{length}, {changed}");
            }
        }
    }
}
