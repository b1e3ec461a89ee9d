//! Frames (RFC 9113 §4, §6): their heads read, and whole ones written.

use std::fmt;

/// The kinds of frames.
pub(super) mod kind {
    pub(crate) const DATA: u8 = 0;
    pub(crate) const HEADERS: u8 = 1;
    pub(crate) const PRIORITY: u8 = 2;
    pub(crate) const RST_STREAM: u8 = 3;
    pub(crate) const SETTINGS: u8 = 4;
    pub(crate) const PUSH_PROMISE: u8 = 5;
    pub(crate) const PING: u8 = 6;
    pub(crate) const GOAWAY: u8 = 7;
    pub(crate) const WINDOW_UPDATE: u8 = 8;
    pub(crate) const CONTINUATION: u8 = 9;
}

/// The flags of frames; what they mean depends on the kind.
pub(super) mod flag {
    pub(crate) const END_STREAM: u8 = 1;
    pub(crate) const ACK: u8 = 1;
    pub(crate) const END_HEADERS: u8 = 4;
    pub(crate) const PADDED: u8 = 8;
    pub(crate) const PRIORITY: u8 = 32;
}

/// The settings that are understood (§6.5.2).
pub(super) mod setting {
    pub(crate) const HEADER_TABLE_SIZE: u16 = 1;
    pub(crate) const ENABLE_PUSH: u16 = 2;
    pub(crate) const MAX_CONCURRENT_STREAMS: u16 = 3;
    pub(crate) const INITIAL_WINDOW_SIZE: u16 = 4;
    pub(crate) const MAX_FRAME_SIZE: u16 = 5;
    pub(crate) const MAX_HEADER_LIST_SIZE: u16 = 6;
}

/// What a client says first (§3.4).
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The octets of a frame's head.
pub(super) const HEAD: usize = 9;
/// The most octets behind a head that everybody takes (§4.2); we neither allow nor send more.
pub(super) const LARGEST: usize = 16 * 1024;
/// The largest window (§6.9.1), and the highest stream.
pub(super) const MOST: u32 = 0x7fff_ffff;

/// An error code (§7).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Reason(pub(super) u32);

impl Reason {
    pub(super) const NO_ERROR: Self = Self(0);
    pub(super) const PROTOCOL_ERROR: Self = Self(1);
    pub(super) const INTERNAL_ERROR: Self = Self(2);
    pub(super) const FLOW_CONTROL_ERROR: Self = Self(3);
    pub(super) const STREAM_CLOSED: Self = Self(5);
    pub(super) const FRAME_SIZE_ERROR: Self = Self(6);
    pub(super) const REFUSED_STREAM: Self = Self(7);
    pub(super) const CANCEL: Self = Self(8);
    pub(super) const COMPRESSION_ERROR: Self = Self(9);
    pub(super) const ENHANCE_YOUR_CALM: Self = Self(11);
}

impl fmt::Debug for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.0 {
            0 => "NO_ERROR",
            1 => "PROTOCOL_ERROR",
            2 => "INTERNAL_ERROR",
            3 => "FLOW_CONTROL_ERROR",
            4 => "SETTINGS_TIMEOUT",
            5 => "STREAM_CLOSED",
            6 => "FRAME_SIZE_ERROR",
            7 => "REFUSED_STREAM",
            8 => "CANCEL",
            9 => "COMPRESSION_ERROR",
            10 => "CONNECT_ERROR",
            11 => "ENHANCE_YOUR_CALM",
            12 => "INADEQUATE_SECURITY",
            13 => "HTTP_1_1_REQUIRED",
            other => return write!(f, "error {other}"),
        };
        f.write_str(name)
    }
}

/// The head of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) length: usize,
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
}

impl Head {
    pub(super) const fn read([a, b, c, kind, flags, stream @ ..]: [u8; HEAD]) -> Self {
        let stream = u32::from_be_bytes(stream) & MOST;
        Self { length: u32::from_be_bytes([0, a, b, c]) as usize, kind, flags, stream }
    }

    pub(super) const fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// A frame that is whole.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame<'a> {
    pub(super) head: Head,
    pub(super) payload: &'a [u8],
}

/// A frame with more octets than [`LARGEST`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLarge;

impl<'a> Frame<'a> {
    /// The frame at the start of what was read, if it is whole.
    pub(super) fn first(octets: &'a [u8]) -> Result<Option<Self>, TooLarge> {
        let Some((head, rest)) = octets.split_first_chunk() else { return Ok(None) };
        let head = Head::read(*head);
        if head.length > LARGEST {
            return Err(TooLarge);
        }
        Ok(rest.get(..head.length).map(|payload| Self { head, payload }))
    }

    /// The octets that it took.
    pub(super) const fn octets(&self) -> usize {
        HEAD + self.head.length
    }

    /// What DATA or HEADERS hold without their padding. `None` if the padding is longer than the frame (§6.1).
    pub(super) fn unpadded(&self) -> Option<&'a [u8]> {
        if !self.head.has(flag::PADDED) {
            return Some(self.payload);
        }
        let (padding, rest) = self.payload.split_first()?;
        rest.get(..rest.len().checked_sub(usize::from(*padding))?)
    }

    /// What a frame of four octets says.
    pub(super) fn number(&self) -> Option<u32> {
        self.payload.try_into().ok().map(u32::from_be_bytes)
    }
}

/// Writes a frame's head.
pub(super) fn head(out: &mut Vec<u8>, length: usize, kind: u8, flags: u8, stream: u32) {
    out.extend_from_slice(&head_of(length, kind, flags, stream));
}

/// A frame's head as octets. `length` is at most [`LARGEST`].
pub(super) fn head_of(length: usize, kind: u8, flags: u8, stream: u32) -> [u8; HEAD] {
    let mut octets = [0; HEAD];
    let (before, behind) = octets.split_at_mut(3);
    let [_, length @ ..] = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    before.copy_from_slice(&length);
    let [first, second, third, fourth] = stream.to_be_bytes();
    behind.copy_from_slice(&[kind, flags, first, second, third, fourth]);
    octets
}

/// Writes a frame of four octets: RST_STREAM or WINDOW_UPDATE.
pub(super) fn number(out: &mut Vec<u8>, kind: u8, stream: u32, number: u32) {
    head(out, 4, kind, 0, stream);
    out.extend_from_slice(&number.to_be_bytes());
}

pub(super) fn settings(out: &mut Vec<u8>, values: &[(u16, u32)]) {
    head(out, 6 * values.len(), kind::SETTINGS, 0, 0);
    for (setting, value) in values {
        out.extend_from_slice(&setting.to_be_bytes());
        out.extend_from_slice(&value.to_be_bytes());
    }
}

/// Writes GOAWAY with words for whoever looks into it.
pub(super) fn go_away(out: &mut Vec<u8>, last: u32, reason: Reason, words: &str) {
    head(out, 8 + words.len(), kind::GOAWAY, 0, 0);
    out.extend_from_slice(&last.to_be_bytes());
    out.extend_from_slice(&reason.0.to_be_bytes());
    out.extend_from_slice(words.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_taken_when_it_is_whole_and_not_before() {
        let mut octets = Vec::new();
        number(&mut octets, kind::WINDOW_UPDATE, 5, 77);
        for end in 0..octets.len() {
            assert!(Frame::first(&octets[..end]).unwrap().is_none(), "{end}");
        }
        octets.push(0);
        let frame = Frame::first(&octets).unwrap().unwrap();
        assert_eq!(frame.head, Head { length: 4, kind: kind::WINDOW_UPDATE, flags: 0, stream: 5 });
        assert_eq!((frame.number(), frame.octets()), (Some(77), 13));
    }

    #[test]
    fn a_frame_of_the_largest_size_is_the_largest() {
        assert!(Frame::first(&head_of(LARGEST, 0, 0, 1)).unwrap().is_none());
        assert_eq!(Frame::first(&head_of(LARGEST + 1, 0, 0, 1)).unwrap_err(), TooLarge);
    }

    #[test]
    fn padding_is_taken_off_and_never_longer_than_the_frame() {
        let unpadded = |payload: &'static [u8]| {
            Frame { head: Head { length: payload.len(), kind: kind::DATA, flags: flag::PADDED, stream: 1 }, payload }
                .unpadded()
        };
        assert_eq!(unpadded(b"\x02ab\0\0"), Some(&b"ab"[..]));
        assert_eq!(unpadded(b"\x02\0\0"), Some(&b""[..]));
        assert_eq!(unpadded(b"\x03\0\0"), None);
        assert_eq!(unpadded(b""), None);
    }
}
