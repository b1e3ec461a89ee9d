//! HTTP/2 frames written octet by octet (RFC 9113 §4, §6), legal or not.

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const PRIORITY: u8 = 2;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

pub const END_STREAM: u8 = 1;
pub const ACK: u8 = 1;
pub const END_HEADERS: u8 = 4;
pub const PADDED: u8 = 8;
/// HEADERS begin with a priority.
pub const PRIORITIZED: u8 = 32;

/// What a client says first.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A frame.
#[must_use]
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, length @ ..] = u32::try_from(payload.len()).expect("a payload is short").to_be_bytes();
    let mut octets = length.to_vec();
    octets.extend_from_slice(&[kind, flags]);
    octets.extend_from_slice(&stream.to_be_bytes());
    octets.extend_from_slice(payload);
    octets
}

/// A field section of literals without indexing (RFC 7541 §6.2.2).
#[must_use]
pub fn section(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            put_length(&mut block, text.len());
            block.extend_from_slice(text.as_bytes());
        }
    }
    block
}

/// An integer with a prefix of seven bits (RFC 7541 §5.1).
fn put_length(block: &mut Vec<u8>, length: usize) {
    let octet = |value: usize| u8::try_from(value).expect("it was made small");
    if length < 127 {
        return block.push(octet(length));
    }
    block.push(127);
    let mut rest = length - 127;
    while rest >= 128 {
        block.push(octet(rest % 128 + 128));
        rest /= 128;
    }
    block.push(octet(rest));
}
