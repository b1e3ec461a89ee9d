//! Clients that hold on to what they have: bombs behind closed windows, and everything that is slow.
//!
//! Timeouts are shortened to seconds, so that an attack is over within some of them.

use std::time::Duration;

use landfall::testing::Raw;
use landfall::testing::frames::{END_HEADERS, END_STREAM, HEADERS, PREFACE, SETTINGS, WINDOW_UPDATE, frame, section};
use tokio::task::JoinSet;

use crate::GROWTH;
use crate::scene::{Attack, Scene, under_attack};

/// Timeouts in seconds for an attack that is to be over soon.
const SHORT: &[(&str, &str)] = &[
    ("client-header-timeout", "3"),
    ("client-body-timeout", "3"),
    ("client-send-timeout", "3"),
    ("tls-handshake-timeout", "3"),
    ("keep-alive", "3"),
];

/// When all of these have run out.
const BEYOND_SHORT: Duration = Duration::from_secs(4);

/// How much the server may grow for a connection whose every stream is a request that waits, in octets.
const STREAMS_GROWTH: u64 = 4 * 1024 * 1024;

/// How long a connection is waited for that must be closed by the server.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until the server has closed each of the connections.
async fn all_closed(clients: Vec<Raw>) {
    let mut waiting = JoinSet::new();
    for mut client in clients {
        waiting.spawn(async move { client.rest().await.len() });
    }
    tokio::time::timeout(PATIENCE, waiting.join_all()).await.expect("every connection is closed");
}

async fn connected(scene: &Scene, count: usize) -> Vec<Raw> {
    let mut clients = Vec::with_capacity(count);
    for _ in 0..count {
        clients.push(scene.connect().await);
    }
    clients
}

/// Sends the same over each of many connections, and waits until the server has had enough of each.
async fn held(name: &str, growth: u64, connections: usize, octets: Vec<u8>) {
    under_attack(name, SHORT, async |scene: &Scene| {
        let mut clients = connected(scene, connections).await;
        for client in &mut clients {
            let _sent = client.try_send(&octets).await;
        }
        // Nothing is read meanwhile: what comes back has nowhere to go.
        tokio::time::sleep(BEYOND_SHORT).await;
        all_closed(clients).await;
        Attack { connections: connections as u64, octets: (connections * octets.len()) as u64, growth }
    })
    .await;
}

/// A connection's beginning, with its streams' windows of this size.
fn begin(window: u32) -> Vec<u8> {
    let setting = [&[0, 4][..], &window.to_be_bytes()].concat();
    [PREFACE, &frame(SETTINGS, 0, 0, &setting)].concat()
}

/// A request for so many octets.
fn wanting(stream: u32, octets: &str) -> Vec<u8> {
    let path = format!("/stream-{octets}");
    let fields = [(":method", "GET"), (":scheme", "http"), (":path", &path), (":authority", "a.test")];
    frame(HEADERS, END_HEADERS | END_STREAM, stream, &section(&fields))
}

/// The fields of a request that can be referred to by an octet each: the static table and `a.test`, written out once.
const FIELDS: &[u8] = b"\x82\x86\x84\x41\x06a.test";

/// Fields that come to much more than was sent: one is put into the table, and referred to.
fn bomb(value: usize, references: usize) -> Vec<u8> {
    let mut streams = begin(0);
    for number in 0..100_u32 {
        let mut block = FIELDS.to_vec();
        if number == 0 {
            block.extend_from_slice(b"\x40\x01a");
            // The length of the value (RFC 7541 §5.1), which is more than seven bits hold.
            let rest = u16::try_from(value - 127).unwrap();
            block.extend_from_slice(&[127, u8::try_from(rest & 127).unwrap() | 128, u8::try_from(rest >> 7).unwrap()]);
            block.extend(std::iter::repeat_n(b'x', value));
        }
        // The newest entry of the table; on other streams, `:authority` has come before it.
        let index = if number == 0 { 0xbe } else { 0xbf };
        if number > 0 {
            block.truncate(3);
            block.extend_from_slice(&[0xbf]);
            block.extend(std::iter::repeat_n(0xbe, references));
        } else {
            block.extend(std::iter::repeat_n(index, references));
        }
        streams.extend(frame(HEADERS, END_HEADERS | END_STREAM, number * 2 + 1, &block));
    }
    streams
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_that_grow_behind_a_closed_window() {
    // Heads within their limit, as often as there may be streams: each is a request, which takes its own memory.
    held("compressed heads", STREAMS_GROWTH, 40, bomb(3000, 8)).await;
    held("compressed bombs", GROWTH, 40, bomb(3000, 2000)).await;
    held("fields without end", GROWTH, 40, bomb(130, 8000)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_nobody_reads() {
    let request = "GET /stream-20000000 HTTP/1.1\r\nHost: a.test\r\n\r\n";
    held("slow read", GROWTH, 100, request.into()).await;
    let wanted: Vec<u8> = (0..8).flat_map(|number| wanting(number * 2 + 1, "20000000")).collect();
    held("closed windows", GROWTH, 40, [begin(0), wanted.clone()].concat()).await;
    let open = frame(WINDOW_UPDATE, 0, 0, &0x7fff_0000_u32.to_be_bytes());
    held("open windows, nothing read", GROWTH, 40, [begin(0x7fff_ffff), open, wanted].concat()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slowloris() {
    under_attack("slowloris", SHORT, async |scene: &Scene| {
        let mut clients = connected(scene, 500).await;
        let head = b"GET / HTTP/1.1\r\nHost: a.test\r\nX: y";
        let mut octets = 0;
        for octet in head.chunks(1) {
            for client in &mut clients {
                octets += u64::from(client.try_send(octet).await.is_ok());
            }
        }
        all_closed(clients).await;
        Attack { connections: 500, octets, growth: GROWTH }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_do_not_come() {
    let begun = "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1000000\r\n\r\nx";
    held("slow body", GROWTH, 200, begun.into()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn handshakes_that_do_not_go_on() {
    under_attack("idle handshakes", SHORT, async |scene: &Scene| {
        let mut clients = Vec::new();
        for _ in 0..3000 {
            let mut client = Raw::connect(scene.process.https).await;
            let _sent = client.try_send(b"\x16\x03\x01\x02\x00\x01").await;
            clients.push(client);
        }
        all_closed(clients).await;
        Attack { connections: 3000, octets: 3000 * 6, growth: GROWTH }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_idle_connections() {
    let half = 5000;
    under_attack("idle connections", &[], async |scene: &Scene| {
        let mut clients = connected(scene, 2 * half).await;
        let begun = begin(65_535);
        for client in clients.iter_mut().take(half) {
            client.send(&begun).await;
        }
        // They are there all this time, beside honest clients.
        tokio::time::sleep(Duration::from_secs(3)).await;
        Attack { connections: 2 * half as u64, octets: (half * begun.len()) as u64, growth: GROWTH }
    })
    .await;
}
