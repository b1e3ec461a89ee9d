//! Field lines (RFC 9112 §5): each is found, checked and handed over in one look at it.

use crate::proxy::h1::octets::{is_token_octet, trim};

/// One line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::proxy::h1) enum Line<'a> {
    Field {
        name: &'a [u8],
        value: &'a [u8],
    },
    /// More of the value before it (obs-fold, RFC 9112 §5.2).
    Fold(&'a [u8]),
}

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::proxy::h1) enum LineError {
    /// It ends otherwise than with CRLF.
    End,
    /// It begins with no name and colon.
    Name,
    Value,
    TooMany,
}

/// Whether the empty line at the end of a section is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::proxy::h1) enum Section {
    Whole,
    Open,
}

/// Takes the first line off, without its end. The text must hold a line feed.
pub(super) fn first(text: &[u8]) -> Result<(&[u8], &[u8]), LineError> {
    let feed = memchr::memchr(b'\n', text).ok_or(LineError::End)?;
    let (line, rest) = text.split_at(feed + 1);
    Ok((line.strip_suffix(b"\r\n").ok_or(LineError::End)?, rest))
}

/// Hands the lines of a section over, up to the empty one; of at most so many fields. An octet behind the last line feed is
/// not looked at.
pub(in crate::proxy::h1) fn read<'a>(
    section: &'a [u8],
    most: usize,
    mut each: impl FnMut(Line<'a>) -> Result<(), LineError>,
) -> Result<Section, LineError> {
    let is_clean = is_clean(section);
    let mut rest = section;
    let mut fields = 0;
    while !rest.is_empty() {
        let Some(feed) = memchr::memchr(b'\n', rest) else { break };
        let (line, after) = rest.split_at(feed + 1);
        let line = line.strip_suffix(b"\r\n").ok_or(LineError::End)?;
        if line.is_empty() {
            return Ok(Section::Whole);
        }
        let line = split(line)?;
        let (Line::Field { value, .. } | Line::Fold(value)) = line;
        if !is_clean && !value.iter().copied().all(is_value_octet) {
            return Err(LineError::Value);
        }
        fields += usize::from(matches!(line, Line::Field { .. }));
        if fields > most {
            return Err(LineError::TooMany);
        }
        each(line)?;
        rest = after;
    }
    Ok(Section::Open)
}

/// Takes a line apart: a name, at once a colon, and a value with optional white space around it.
fn split(line: &[u8]) -> Result<Line<'_>, LineError> {
    let name = line.iter().position(|octet| !is_token_octet(*octet)).ok_or(LineError::Name)?;
    match (line.get(..name), line.get(name..)) {
        (Some([_, ..]), Some([b':', value @ ..])) => {
            Ok(Line::Field { name: line.get(..name).unwrap_or_default(), value: trim(value) })
        }
        (Some([]), Some([b' ' | b'\t', more @ ..])) => Ok(Line::Fold(trim(more))),
        _ => Err(LineError::Name),
    }
}

/// RFC 9110 §5.5: what is visible, white space, and octets beyond ASCII.
const fn is_value_octet(octet: u8) -> bool {
    matches!(octet, b'\t' | b' '..=b'~' | 0x80..)
}

/// Whether nothing is there that no line may hold: what nearly every section is, seen in one pass that looks at many octets
/// at a time, without a branch for each. Of the first octet its line tells.
fn is_clean(section: &[u8]) -> bool {
    let wrong = |(before, octet): (&u8, &u8)| {
        let halved = (*before == b'\r') != (*octet == b'\n');
        let control = *octet < b' ' && *octet != b'\t' && *octet != b'\r' && *octet != b'\n';
        u8::from(halved) | u8::from(control) | u8::from(*octet == 0x7f)
    };
    section.iter().zip(section.iter().skip(1)).fold(0, |any, pair| any | wrong(pair)) == 0
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    const PIECES: &[&[u8]] = &[
        b"\r\n",
        b"\r\n",
        b"\r\n",
        b"a",
        b"Name",
        b":",
        b": ",
        b" ",
        b"\t",
        b"value",
        b"\xff",
        b"\n",
        b"\r",
        b"\0",
        b"\x7f",
        b"@",
        b"x: y\r\n",
        b"name: a value of more than sixteen octets\r\n",
    ];

    type Read = Vec<(Vec<u8>, Vec<u8>)>;

    /// Line by line and octet by octet.
    fn slowly(section: &[u8], most: usize) -> (Read, Result<Section, LineError>) {
        let mut fields = Read::new();
        let mut line = Vec::new();
        for octet in section {
            line.push(*octet);
            if *octet != b'\n' {
                continue;
            }
            if line.len() < 2 || line[line.len() - 2] != b'\r' {
                return (fields, Err(LineError::End));
            }
            line.truncate(line.len() - 2);
            if line.is_empty() {
                return (fields, Ok(Section::Whole));
            }
            let is_legal = |value: &[u8]| value.iter().all(|octet| *octet == 9 || (*octet >= 32 && *octet != 127));
            if line[0] == b' ' || line[0] == b'\t' {
                if !is_legal(&line) {
                    return (fields, Err(LineError::Value));
                }
                fields.push((Vec::new(), line.trim_ascii().to_vec()));
            } else {
                let colon = line.iter().position(|octet| *octet == b':').unwrap_or(line.len());
                let (name, value) = line.split_at(colon);
                if name.is_empty() || value.is_empty() || !name.iter().all(|octet| is_token_octet(*octet)) {
                    return (fields, Err(LineError::Name));
                }
                if !is_legal(&value[1..]) {
                    return (fields, Err(LineError::Value));
                }
                if fields.iter().filter(|(name, _)| !name.is_empty()).count() == most {
                    return (fields, Err(LineError::TooMany));
                }
                fields.push((name.to_vec(), value[1..].trim_ascii().to_vec()));
            }
            line.clear();
        }
        (fields, Ok(Section::Open))
    }

    proptest! {
        #[test]
        fn every_section_is_read_as_octet_by_octet(
            pieces in vec(
                select(PIECES),
                0..24,
            )
        ) {
            let section = pieces.concat();
            let mut fields = Vec::new();
            let result = read(&section, 4, |line| {
                fields.push(match line {
                    Line::Field { name, value } => (name.to_vec(), value.to_vec()),
                    Line::Fold(value) => (Vec::new(), value.to_vec()),
                });
                Ok(())
            });
            prop_assert_eq!((fields, result), slowly(&section, 4));
        }
    }
}
