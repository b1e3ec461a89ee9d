//! Integers with a prefix (RFC 7541 §5.1).

/// The last shift of a continuation: integers have up to 28 bits beyond their prefix.
const LAST_SHIFT: u32 = 21;

/// Takes an integer off the front of `rest`, whose first octet holds it in its lowest `prefix` bits. `None` if it is cut
/// short or has more than four octets behind the prefix.
#[inline]
pub(super) fn decode(rest: &mut &[u8], prefix: u32) -> Option<usize> {
    let (first, behind) = rest.split_first()?;
    let most = (1_u8 << prefix) - 1;
    *rest = behind;
    match first & most {
        value if value < most => Some(usize::from(value)),
        value => continued(rest, usize::from(value)),
    }
}

fn continued(rest: &mut &[u8], mut value: usize) -> Option<usize> {
    let mut shift = 0;
    while shift <= LAST_SHIFT {
        let (octet, behind) = rest.split_first()?;
        *rest = behind;
        value += usize::from(octet & 0x7f) << shift;
        if octet & 0x80 == 0 {
            return Some(value);
        }
        shift += 7;
    }
    None
}

/// Appends an integer with its prefix in the lowest `prefix` bits of an octet, under the bits of `flags`.
#[inline]
pub(super) fn encode(value: usize, prefix: u32, flags: u8, out: &mut Vec<u8>) {
    let most = (1_u8 << prefix) - 1;
    match u8::try_from(value) {
        Ok(value) if value < most => out.push(flags | value),
        _ => {
            out.push(flags | most);
            continue_with(value - usize::from(most), out);
        }
    }
}

fn continue_with(mut rest: usize, out: &mut Vec<u8>) {
    while rest >= 0x80 {
        let [low, ..] = rest.to_le_bytes();
        out.push(low | 0x80);
        rest >>= 7;
    }
    out.extend(u8::try_from(rest));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(mut octets: &[u8], prefix: u32) -> Option<(usize, usize)> {
        decode(&mut octets, prefix).map(|value| (value, octets.len()))
    }

    fn encoded(value: usize, prefix: u32, flags: u8) -> Vec<u8> {
        let mut out = Vec::new();
        encode(value, prefix, flags, &mut out);
        out
    }

    #[test]
    fn the_examples_of_the_rfc_hold_both_ways() {
        // RFC 7541, C.1.
        for (value, prefix, octets) in [(10, 5, &[0x0a][..]), (1337, 5, &[0x1f, 0x9a, 0x0a]), (42, 8 - 1, &[0x2a])] {
            assert_eq!(decoded(octets, prefix), Some((value, 0)));
            assert_eq!(encoded(value, prefix, 0), octets);
        }
    }

    #[test]
    fn every_integer_near_a_boundary_comes_back() {
        for prefix in 4..=7 {
            let most = (1 << prefix) - 1;
            for bits in 0..=28_u32 {
                let edge = most + (1_usize << bits);
                for value in [most - 1, most, edge - 1, edge] {
                    let expected = (value - most.min(value) < 1 << 28).then_some((value, 0));
                    assert_eq!(decoded(&encoded(value, prefix, 0x80), prefix), expected, "{value}, {prefix}");
                }
            }
        }
    }

    #[test]
    fn the_flags_are_left_alone() {
        assert_eq!(encoded(62, 7, 0x80), [0xbe]);
        assert_eq!(decoded(&[0xbe], 7), Some((62, 0)));
        assert_eq!(encoded(15, 4, 0x10), [0x1f, 0]);
    }

    #[test]
    fn integers_cut_short_or_too_long_are_none() {
        for octets in
            [&[][..], &[0x7f], &[0x7f, 0x80], &[0x7f, 0xff, 0xff, 0xff, 0xff, 0], &[0x7f, 0x80, 0x80, 0x80, 0x80, 0]]
        {
            assert_eq!(decoded(octets, 7), None, "{octets:x?}");
        }
    }

    #[test]
    fn zeros_may_pad_an_integer() {
        assert_eq!(decoded(&[0x7f, 0x80, 0x80, 0x80, 0x00, 9], 7), Some((127, 1)));
    }
}
