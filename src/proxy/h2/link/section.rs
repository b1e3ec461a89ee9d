//! Field sections on their way out.

use super::{LARGEST, flag, frame, kind};
use crate::proxy::h2::hpack::Encoder;

/// Divides what was written from `start` on, room for a head and a section, into HEADERS and as many CONTINUATIONs as it
/// takes (RFC 9113 §4.3).
pub(super) fn divide(out: &mut Vec<u8>, start: usize, id: u32, end: bool) {
    let end_stream = if end { flag::END_STREAM } else { 0 };
    let section = start + frame::HEAD;
    let length = out.len() - section;
    let first = length.min(LARGEST);
    let rest = if length > LARGEST { out.split_off(section + LARGEST) } else { Vec::new() };
    let end_headers = |is_last: bool| if is_last { flag::END_HEADERS } else { 0 };
    let head = frame::head_of(first, kind::HEADERS, end_stream | end_headers(rest.is_empty()), id);
    if let Some(place) = out.get_mut(start..section) {
        place.copy_from_slice(&head);
    }
    let mut pieces = rest.chunks(LARGEST).peekable();
    while let Some(piece) = pieces.next() {
        frame::head(out, piece.len(), kind::CONTINUATION, end_headers(pieces.peek().is_none()), id);
        out.extend_from_slice(piece);
    }
}

/// The pseudo-fields of a section.
#[derive(Debug, Clone, Copy)]
pub(in crate::proxy::h2) enum Pseudo<'a> {
    Request {
        method: &'a [u8],
        scheme: &'a [u8],
        path: &'a [u8],
        authority: &'a [u8],
    },
    Status(u16),
    /// Trailers have none.
    None,
}

impl Pseudo<'_> {
    pub(super) fn write(&self, encoder: &mut Encoder, out: &mut Vec<u8>) {
        match *self {
            Self::Request { method, scheme, path, authority } => {
                encoder.field(b":method", method, out);
                encoder.field(b":scheme", scheme, out);
                encoder.field(b":path", path, out);
                encoder.field(b":authority", authority, out);
            }
            Self::Status(status) => encoder.status(status, out),
            Self::None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::h2::frame::Frame;

    #[test]
    fn a_section_goes_into_as_many_frames_as_it_takes() {
        for (length, expected) in [
            (0, vec![(kind::HEADERS, 5, 0)]),
            (LARGEST, vec![(kind::HEADERS, 5, LARGEST)]),
            (LARGEST + 1, vec![(kind::HEADERS, 1, LARGEST), (kind::CONTINUATION, 4, 1)]),
            (
                2 * LARGEST + 7,
                vec![(kind::HEADERS, 1, LARGEST), (kind::CONTINUATION, 0, LARGEST), (kind::CONTINUATION, 4, 7)],
            ),
        ] {
            let section: Vec<u8> = (0..length).map(|place| u8::try_from(place % 251).unwrap()).collect();
            let mut out = [&b"before"[..], &[0; frame::HEAD], &section].concat();
            divide(&mut out, b"before".len(), 9, true);
            let (mut rest, mut frames, mut whole) = (&out[6..], Vec::new(), Vec::new());
            while let Some(frame) = Frame::first(rest).unwrap() {
                assert_eq!(frame.head.stream, 9);
                frames.push((frame.head.kind, frame.head.flags, frame.head.length));
                whole.extend_from_slice(frame.payload);
                rest = &rest[frame.octets()..];
            }
            assert_eq!((frames, whole, rest.len()), (expected, section, 0));
        }
    }
}
