//! The character classes and lists of HTTP fields (RFC 9110 §5.6) that the codec checks.

/// Whether an octet may be part of a token (`tchar`, RFC 9110 §5.6.2).
#[expect(clippy::indexing_slicing, reason = "the table has a place for every octet")]
pub(super) const fn is_token_octet(octet: u8) -> bool {
    TOKEN[octet as usize]
}

/// [`is_token_octet`] of every octet: names are checked on their way in and out, with each message.
#[expect(clippy::indexing_slicing, reason = "evaluated at build time, where a wrong index is an error")]
const TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut octet = 0;
    while octet < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "below 256")]
        let character = octet as u8;
        table[octet] = matches!(
            character,
            b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
        ) || character.is_ascii_alphanumeric();
        octet += 1;
    }
    table
};

/// Whether the text is a token: not empty, and nothing but `tchar`.
pub(in crate::proxy) fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().copied().all(is_token_octet)
}

/// The members of a comma-separated list with optional white space around them trimmed (RFC 9110 §5.6.1). Empty
/// members are given too: some lists must not have any.
pub(super) fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|octet| *octet == b',').map(trim)
}

/// Without the spaces and tabs at both ends (OWS, RFC 9110 §5.6.3).
pub(super) fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = text {
        text = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_split_at_commas_and_trimmed() {
        let members: Vec<_> = list(b" a ,\tb,, c").collect();
        assert_eq!(members, [&b"a"[..], b"b", b"", b"c"]);
    }

    #[test]
    fn tokens_are_never_empty_and_hold_no_separators() {
        assert!(is_token(b"x-Y_1!#$%&'*+.^`|~"));
        for text in [&b""[..], b"a b", b"a,b", b"\"a\"", b"a;b", b"a\x00", b"\xe9"] {
            assert!(!is_token(text), "{text:?}");
        }
    }
}
