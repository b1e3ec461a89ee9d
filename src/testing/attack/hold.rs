//! Clients that hold on to what they have: bombs behind closed windows, and everything that is slow.

use super::{Attack, HOST, Manner, Port};
use crate::testing::frames::{END_HEADERS, END_STREAM, HEADERS, PREFACE, SETTINGS, WINDOW_UPDATE, frame, section};

/// Heads that come to much more than was sent, on a hundred streams with closed windows: within the limits on heads,
/// beyond that on octets, and beyond that on fields.
#[must_use]
pub fn swelling_heads() -> Vec<Attack> {
    vec![
        hold("heads-compressed", "compressed heads, closed window", Port::Http2, 40, bomb(3000, 8)),
        hold("heads-bomb", "HPACK bomb, closed window", Port::Http2, 40, bomb(3000, 2000)),
        hold("heads-fields", "fields without end, closed window", Port::Http2, 40, bomb(130, 8000)),
    ]
}

/// Answers of 20 MB that nobody reads.
#[must_use]
pub fn unread_answers() -> Vec<Attack> {
    let request = format!("GET /stream-20000000 HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    let wanted: Vec<u8> = (0..8).flat_map(|number| wanting(number * 2 + 1, "20000000")).collect();
    let closed = [begin(0), wanted.clone()].concat();
    let open = frame(WINDOW_UPDATE, 0, 0, &0x7fff_0000_u32.to_be_bytes());
    let open = [begin(0x7fff_ffff), open, wanted].concat();
    vec![
        hold("slow-read", "slow read", Port::Http1, 100, request.into()),
        hold("slow-read-closed", "slow read over HTTP/2, closed windows", Port::Http2, 40, closed),
        hold("slow-read-open", "slow read over HTTP/2, open windows", Port::Http2, 40, open),
    ]
}

#[must_use]
pub fn slow_heads() -> Vec<Attack> {
    let head = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nX: y");
    let manner = Manner::Trickle;
    vec![Attack { manner, ..hold("slowloris", "slowloris", Port::Http1, 500, head.into()) }]
}

#[must_use]
pub fn slow_bodies() -> Vec<Attack> {
    let begun = format!("POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 1000000\r\n\r\nx");
    vec![hold("slow-body", "slow body", Port::Http1, 200, begun.into())]
}

/// The beginning of a record of a handshake, and no more.
#[must_use]
pub fn idle_handshakes() -> Vec<Attack> {
    vec![hold("idle-handshakes", "idle handshakes", Port::Tls, 3000, b"\x16\x03\x01\x02\x00\x01".into())]
}

#[must_use]
pub fn idle_connections() -> Vec<Attack> {
    let manner = Manner::Idle;
    vec![
        Attack { manner, ..hold("idle-http1", "10,000 silent connections", Port::Http1, 10_000, Vec::new()) },
        Attack { manner, ..hold("idle-http2", "10,000 idle HTTP/2 connections", Port::Http2, 10_000, begin(65_535)) },
    ]
}

fn hold(name: &'static str, title: &'static str, port: Port, connections: usize, octets: Vec<u8>) -> Attack {
    Attack { name, title, port, connections, manner: Manner::Hold, octets }
}

/// A connection's beginning, with its streams' windows of this size.
fn begin(window: u32) -> Vec<u8> {
    let setting = [&[0, 4][..], &window.to_be_bytes()].concat();
    [PREFACE, &frame(SETTINGS, 0, 0, &setting)].concat()
}

/// A request for so many octets.
fn wanting(stream: u32, octets: &str) -> Vec<u8> {
    let path = format!("/stream-{octets}");
    let fields = [(":method", "GET"), (":scheme", "http"), (":path", &path), (":authority", HOST)];
    frame(HEADERS, END_HEADERS | END_STREAM, stream, &section(&fields))
}

/// Requests whose fields are put into the table by the first, and referred to by an octet each (RFC 7541 §6.1).
fn bomb(value: usize, references: usize) -> Vec<u8> {
    let mut octets = begin(0);
    for number in 0..100_u32 {
        // GET, http and `/` are in the static table.
        let mut block = b"\x82\x86\x84".to_vec();
        if number == 0 {
            block.push(0x41);
            append_text(HOST.as_bytes(), &mut block);
            block.extend_from_slice(b"\x40\x01a");
            append_text(&vec![b'x'; value], &mut block);
        } else {
            block.push(0xbf);
        }
        block.extend(std::iter::repeat_n(0xbe, references));
        octets.extend(frame(HEADERS, END_HEADERS | END_STREAM, number * 2 + 1, &block));
    }
    octets
}

/// A string literal without Huffman's code (RFC 7541 §5.1, §5.2).
fn append_text(text: &[u8], block: &mut Vec<u8>) {
    match text.len() {
        length @ 0..127 => block.push(u8::try_from(length).expect("it is under 127")),
        length => {
            let rest = u16::try_from(length - 127).expect("the text is short");
            let high = u8::try_from(rest >> 7).expect("the text is short");
            block.extend_from_slice(&[127, rest.to_le_bytes()[0] | 128, high]);
        }
    }
    block.extend_from_slice(text);
}
