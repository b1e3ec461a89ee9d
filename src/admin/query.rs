//! The query of an admin request: `application/x-www-form-urlencoded` pairs.

/// The pairs of a query in order, decoded. Broken escapes stand for themselves.
pub(super) fn pairs(query: &str) -> Vec<(String, String)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        })
        .collect()
}

fn decode(text: &str) -> String {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match (first, after) {
            (b'+', _) => decoded.push(b' '),
            (b'%', [high, low, beyond @ ..]) => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => {
                    decoded.push(high << 4 | low);
                    rest = beyond;
                }
                (None, _) | (_, None) => decoded.push(b'%'),
            },
            (octet, _) => decoded.push(*octet),
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

fn digit(octet: u8) -> Option<u8> {
    char::from(octet).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_decoded_and_broken_escapes_stand_for_themselves() {
        let expected = [("url", "http://a/b c?d=e"), ("header", "X: 1"), ("header", "Y: %zz%"), ("flag", "")];
        let pairs = pairs("url=http://a/b%20c%3Fd=e&header=X:+1&&header=Y:+%zz%&flag");
        assert_eq!(pairs, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
}
