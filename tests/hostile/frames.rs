//! HTTP/2 frames (RFC 9113 §4, §6), written and read octet by octet.

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const ACK: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;
pub(crate) const PADDED: u8 = 8;
pub(crate) const PRIORITY: u8 = 32;

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    pub(crate) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// The payload of HEADERS or DATA without padding and priority.
    pub(crate) fn content(&self) -> &[u8] {
        let mut content = &self.payload[..];
        if self.has(PADDED) {
            let padding = usize::from(content[0]);
            content = &content[1..content.len() - padding];
        }
        if self.kind == HEADERS && self.has(PRIORITY) { &content[5..] } else { content }
    }

    /// The last four octets of what RST_STREAM and GOAWAY begin with.
    pub(crate) fn code(&self) -> u32 {
        let at = if self.kind == GOAWAY { 4 } else { 0 };
        u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap())
    }
}

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut octets = vec![length[1], length[2], length[3], kind, flags];
    octets.extend_from_slice(&stream.to_be_bytes());
    octets.extend_from_slice(payload);
    octets
}

/// Takes the first frame off `octets`, if it is whole.
pub(crate) fn take(octets: &mut Vec<u8>) -> Option<Frame> {
    let head = octets.get(..9)?;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
    let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]) & 0x7fff_ffff;
    let (kind, flags) = (head[3], head[4]);
    let payload = octets.get(9..9 + length)?.to_vec();
    octets.drain(..9 + length);
    Some(Frame { kind, flags, stream, payload })
}
