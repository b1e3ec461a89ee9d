//! Percent-encoding (RFC 3986 §2.1), by the place that the text is for.

/// Appends the octets of a decoded path: `pchar` and `/` stand for themselves (RFC 3986 §3.3).
pub(super) fn path(octets: &[u8], out: &mut Vec<u8>) {
    encode(octets, out, |octet| octet == b'/' || is_pchar(octet));
}

/// Appends decoded octets so that they cannot be taken for syntax anywhere in a URI: only unreserved ones stay.
pub(super) fn component(octets: &[u8], out: &mut Vec<u8>) {
    encode(octets, out, is_unreserved);
}

/// Appends text that is a piece of a URI already, without what a field value or a target may not hold.
pub(super) fn uri_text(text: &[u8], out: &mut Vec<u8>) {
    encode(text, out, |octet| octet.is_ascii_graphic());
}

/// As [`uri_text`], for a query that is sent as part of a target, where there is no fragment.
pub(super) fn query_text(text: &[u8], out: &mut Vec<u8>) {
    encode(text, out, |octet| octet.is_ascii_graphic() && octet != b'#');
}

/// Appends `text` with its percent-escapes decoded; a percent sign that begins none stands for itself.
pub(super) fn decode_lenient(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    loop {
        rest = match rest {
            [b'%', high, low, behind @ ..] if octet(*high, *low).is_some() => {
                out.extend(octet(*high, *low));
                behind
            }
            [first, behind @ ..] => {
                out.push(*first);
                behind
            }
            [] => return,
        };
    }
}

/// The octet that two hexadecimal digits stand for.
pub(super) fn octet(high: u8, low: u8) -> Option<u8> {
    Some(digit(high)? << 4 | digit(low)?)
}

const fn digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        b'A'..=b'F' => Some(character - b'A' + 10),
        _ => None,
    }
}

fn encode(octets: &[u8], out: &mut Vec<u8>, stands_for_itself: impl Fn(u8) -> bool) {
    for octet in octets {
        if stands_for_itself(*octet) {
            out.push(*octet);
        } else {
            out.extend([b'%', hexadecimal(octet >> 4), hexadecimal(octet & 0x0f)]);
        }
    }
}

/// The upper-case digit of a value below 16.
const fn hexadecimal(value: u8) -> u8 {
    if value < 10 { b'0' + value } else { b'A' + value - 10 }
}

const fn is_unreserved(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_' | b'~')
}

const fn is_pchar(octet: u8) -> bool {
    is_unreserved(octet)
        || matches!(octet, b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' | b':' | b'@')
}
