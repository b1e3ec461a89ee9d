//! Floods over HTTP/2: each crosses a limit on counts, and is cut off.

use std::time::{Duration, Instant};

use landfall::testing::Raw;
use landfall::testing::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, PREFACE, PRIORITIZED, PRIORITY, RST_STREAM,
    SETTINGS, WINDOW_UPDATE, frame, section,
};

use crate::GROWTH;
use crate::scene::{Attack, Scene, under_attack};

/// How many connections flood, one after another: each is cut off long before the next. What is held of the server's growth
/// is so that attackers leave little behind; while one floods, it has all the requests that its streams allow.
const CONNECTIONS: u64 = 60;

/// Within what an attacker that has crossed a limit is disconnected.
const AT_ONCE: Duration = Duration::from_secs(1);

const GET: &[(&str, &str)] =
    &[(":method", "GET"), (":scheme", "http"), (":path", "/status-200"), (":authority", "a.test")];
const POST: &[(&str, &str)] =
    &[(":method", "POST"), (":scheme", "http"), (":path", "/status-200"), (":authority", "a.test")];

/// The client's stream of that number.
const fn stream(number: u32) -> u32 {
    number * 2 + 1
}

fn get(number: u32) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, stream(number), &section(GET))
}

fn post(number: u32) -> Vec<u8> {
    frame(HEADERS, END_HEADERS, stream(number), &section(POST))
}

/// Sends a flood over each of some connections, and holds that it is cut off.
async fn flood(name: &str, octets: Vec<u8>) {
    under_attack(name, &[], async |scene: &Scene| {
        for _ in 0..CONNECTIONS {
            let mut client = scene.connect().await;
            let began = [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat();
            client.send(began).await;
            // It may be cut off before it has said everything.
            let _sent = client.try_send(&octets).await;
            let crossed = Instant::now();
            assert!(ends_with_goaway(&mut client).await, "{name}: was not told why");
            assert!(crossed.elapsed() <= AT_ONCE, "{name}: disconnected after {:?}", crossed.elapsed());
        }
        Attack { connections: CONNECTIONS, octets: CONNECTIONS * octets.len() as u64, growth: GROWTH }
    })
    .await;
}

/// Reads to the end of the connection. A reset of the connection, which can overtake the frame, is an end as well.
async fn ends_with_goaway(client: &mut Raw) -> bool {
    let octets = client.rest().await;
    let mut rest = octets.as_slice();
    while let [a, b, c, kind, _, _, _, _, _, payload @ ..] = rest {
        if *kind == GOAWAY {
            return true;
        }
        rest = payload.get(u32::from_be_bytes([0, *a, *b, *c]) as usize..).unwrap_or_default();
    }
    octets.is_empty()
}

#[tokio::test(flavor = "multi_thread")]
async fn rapid_reset() {
    let given_up = |number| [get(number), frame(RST_STREAM, 0, stream(number), &8_u32.to_be_bytes())].concat();
    flood("rapid reset", (0..2000).flat_map(given_up).collect()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rapid_reset_of_requests_whose_bodies_are_on_their_way() {
    let given_up = |number| {
        let body = frame(DATA, 0, stream(number), b"x");
        [post(number), body, frame(RST_STREAM, 0, stream(number), &8_u32.to_be_bytes())].concat()
    };
    flood("rapid reset with bodies", (0..2000).flat_map(given_up).collect()).await;
}

/// Ways to make the server send the reset (CVE-2025-8671).
#[tokio::test(flavor = "multi_thread")]
async fn made_you_reset() {
    let zero = |number| [post(number), frame(WINDOW_UPDATE, 0, stream(number), &[0; 4])].concat();
    flood("made-you-reset by an empty window update", (0..1000).flat_map(zero).collect()).await;
    let overflow = |number| {
        let most = frame(WINDOW_UPDATE, 0, stream(number), &0x7fff_ffff_u32.to_be_bytes());
        [post(number), most.clone(), most].concat()
    };
    flood("made-you-reset by an overflow", (0..1000).flat_map(overflow).collect()).await;
    let longer = |number| {
        let fields = [GET, &[("content-length", "5")]].concat();
        frame(HEADERS, END_HEADERS | END_STREAM, stream(number), &section(&fields))
    };
    flood("made-you-reset by a length", (0..1000).flat_map(longer).collect()).await;
    let spaced = |number| {
        let fields = [GET, &[("x", " y")]].concat();
        frame(HEADERS, END_HEADERS | END_STREAM, stream(number), &section(&fields))
    };
    flood("made-you-reset by a value", (0..1000).flat_map(spaced).collect()).await;
    let itself = |number: u32| {
        let priority = [&stream(number).to_be_bytes()[..], &[1]].concat();
        frame(HEADERS, END_HEADERS | END_STREAM | PRIORITIZED, stream(number), &[priority, section(GET)].concat())
    };
    flood("made-you-reset by a dependency on itself", (0..1000).flat_map(itself).collect()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn continuation() {
    let begun = frame(HEADERS, END_STREAM, 1, &section(GET));
    let more = frame(CONTINUATION, 0, 1, &section(&[("x", "y")]));
    flood("continuation", [begun.clone(), more.repeat(5000)].concat()).await;
    flood("empty continuation", [begun, frame(CONTINUATION, 0, 1, &[]).repeat(5000)].concat()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn control_frames() {
    flood("settings", frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 255, 255]).repeat(5000)).await;
    flood("ping", frame(PING, 0, 0, &[0; 8]).repeat(5000)).await;
    flood("priority", frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 1]).repeat(5000)).await;
    flood("window updates", frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]).repeat(5000)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_frames() {
    flood("empty data", [post(0), frame(DATA, 0, 1, &[]).repeat(5000)].concat()).await;
    flood("unknown frames", frame(0x42, 0, 0, &[]).repeat(5000)).await;
}
