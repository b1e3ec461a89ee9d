//! HTTP/2 frame by frame: malformed requests reach no backend, floods end their connection and nothing else.

use landfall::testing::frames::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, PREFACE, RST_STREAM, SETTINGS,
    WINDOW_UPDATE, frame, section,
};
use landfall::testing::{Origin, Raw, TestServer};

use crate::fixtures::{asked, get, with_origin};

pub(crate) const SOUND: &[(&str, &str)] =
    &[(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a.test")];

/// A connection on which both ends have said their settings.
pub(crate) async fn begin(server: &TestServer) -> Raw {
    let mut client = Raw::connect(server.http()).await;
    client.send(PREFACE).await;
    client.send(frame(SETTINGS, 0, 0, &[])).await;
    client
}

/// A frame as it was read.
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

pub(crate) async fn next_frame(client: &mut Raw) -> Frame {
    let head = client.octets(9).await;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    let payload = client.octets(length as usize).await;
    Frame { kind: head[3], flags: head[4], stream: u32::from_be_bytes([head[5], head[6], head[7], head[8]]), payload }
}

/// Reads until the server ends the connection; the error code of its GOAWAY.
pub(crate) async fn goaway(client: &mut Raw) -> u32 {
    let octets = client.rest().await;
    let mut rest = &octets[..];
    let mut code = None;
    while rest.len() >= 9 {
        let end = 9 + u32::from_be_bytes([0, rest[0], rest[1], rest[2]]) as usize;
        if rest[3] == GOAWAY {
            code = Some(u32::from_be_bytes(rest[13..17].try_into().unwrap()));
        }
        rest = rest.get(end..).unwrap_or_default();
    }
    code.expect("the connection ends with GOAWAY")
}

pub(crate) const NO_ERROR: u32 = 0;
pub(crate) const ENHANCE_YOUR_CALM: u32 = 11;

/// Sends pieces until the other end stops taking them.
async fn flood(client: &mut Raw, pieces: impl Iterator<Item = Vec<u8>>) {
    for piece in pieces {
        if client.try_send(piece).await.is_err() {
            return;
        }
    }
}

async fn still_served(server: &TestServer, origin: &Origin) {
    let before = origin.served();
    assert_eq!(asked(server, get("a.test", "/after")).await.target, "/after");
    assert_eq!(origin.served(), before + 1);
}

on_workers! {
    async fn malformed_requests_are_refused_and_reach_no_backend(workers) {
        let (server, origin) = with_origin(workers).await;
        let with = |extra: &[(&'static str, &'static str)]| [SOUND, extra].concat();
        let cases = [
            with(&[("Upper", "x")]),
            with(&[("connection", "close")]),
            with(&[("transfer-encoding", "chunked")]),
            with(&[("keep-alive", "1")]),
            with(&[("upgrade", "h2c")]),
            with(&[("te", "gzip")]),
            with(&[("x", "a\r\nb: c")]),
            with(&[("x", "a\nb")]),
            with(&[("x", "a\0b")]),
            with(&[("a b", "x")]),
            with(&[("a:b", "x")]),
            with(&[("", "x")]),
            with(&[(":path", "/twice")]),
            with(&[(":unknown", "x")]),
            with(&[("host", "b.test")]),
            with(&[("content-length", "5")]),
            with(&[("content-length", "+0")]),
            vec![("x", "y"), (":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a.test")],
            vec![(":method", "GET"), (":scheme", "http"), (":authority", "a.test")],
            vec![(":method", "GET"), (":path", "/"), (":authority", "a.test")],
            vec![(":scheme", "http"), (":path", "/"), (":authority", "a.test")],
            vec![(":method", "GET"), (":scheme", "http"), (":path", ""), (":authority", "a.test")],
            vec![(":method", "GET"), (":scheme", "http"), (":path", "x"), (":authority", "a.test")],
            vec![(":method", "GET"), (":scheme", "http"), (":path", "/a b"), (":authority", "a.test")],
            vec![(":method", "G T"), (":scheme", "http"), (":path", "/"), (":authority", "a.test")],
            vec![(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "u@a.test")],
            vec![(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a.test/x")],
            vec![(":method", "CONNECT"), (":authority", "a.test:80")],
        ];
        for case in cases {
            let mut client = begin(&server).await;
            client.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, &section(&case))).await;
            let refused = loop {
                let frame = next_frame(&mut client).await;
                match frame.kind {
                    RST_STREAM | HEADERS if frame.stream == 1 => break true,
                    GOAWAY => break true,
                    _ => {}
                }
            };
            assert!(refused && origin.served() == 0, "{case:?}");
        }
        still_served(&server, &origin).await;
    }

    async fn a_request_that_is_sound_is_served(workers) {
        // The control of the test above: the same frames, nothing wrong with them.
        let (server, origin) = with_origin(workers).await;
        let mut client = begin(&server).await;
        client.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, &section(SOUND))).await;
        while next_frame(&mut client).await.kind != DATA {}
        assert_eq!(origin.served(), 1);
    }

    async fn rapid_resets_end_the_connection(workers) {
        let (server, origin) = with_origin(workers).await;
        let mut client = begin(&server).await;
        let block = section(SOUND);
        let requests = (0..5000_u32).map(|number| {
            let stream = number * 2 + 1;
            let request = frame(HEADERS, END_STREAM | END_HEADERS, stream, &block);
            [request, frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes())].concat()
        });
        flood(&mut client, requests).await;
        assert_eq!(goaway(&mut client).await, ENHANCE_YOUR_CALM);
        assert!(origin.served() < 1000, "{} requests reached the backend", origin.served());
        still_served(&server, &origin).await;
    }

    async fn resets_that_we_are_made_to_send_end_the_connection(workers) {
        // MadeYouReset: each stream is broken by a window update that overflows.
        let (server, origin) = with_origin(workers).await;
        let mut client = begin(&server).await;
        let block = section(SOUND);
        let requests = (0..5000_u32).map(|number| {
            let stream = number * 2 + 1;
            let request = frame(HEADERS, END_HEADERS, stream, &block);
            [request, frame(WINDOW_UPDATE, 0, stream, &0_u32.to_be_bytes())].concat()
        });
        flood(&mut client, requests).await;
        assert_ne!(goaway(&mut client).await, NO_ERROR);
        still_served(&server, &origin).await;
    }

    async fn a_flood_of_continuations_ends_the_connection(workers) {
        let (server, origin) = with_origin(workers).await;
        let mut client = begin(&server).await;
        client.send(frame(HEADERS, 0, 1, &section(SOUND))).await;
        let piece = section(&[("x", "y")]);
        flood(&mut client, (0..100_000).map(|_| frame(CONTINUATION, 0, 1, &piece))).await;
        assert_ne!(goaway(&mut client).await, NO_ERROR);
        assert_eq!(origin.served(), 0);
        still_served(&server, &origin).await;
    }

    async fn floods_of_control_frames_hold_up_nobody_else(workers) {
        let (server, origin) = with_origin(workers).await;
        for piece in [frame(PING, 0, 0, &[0; 8]), frame(SETTINGS, 0, 0, &[])] {
            // Nothing that comes back is read, so that the answers have nowhere to go.
            let mut client = begin(&server).await;
            flood(&mut client, std::iter::repeat_n(piece, 5_000)).await;
            still_served(&server, &origin).await;
        }
    }

    async fn pseudo_fields_in_late_trailers_are_refused(workers) {
        let (server, origin) = with_origin(workers).await;
        let mut client = begin(&server).await;
        let post = [(":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "a.test")];
        client.send(frame(HEADERS, END_HEADERS, 1, &section(&post))).await;
        // When this is answered, the request is under way.
        client.send(frame(PING, 0, 0, &[0; 8])).await;
        while next_frame(&mut client).await.kind != PING {}
        client.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, &section(&[(":path", "/other")]))).await;
        let answer = loop {
            let frame = next_frame(&mut client).await;
            if frame.stream == 1 && matches!(frame.kind, DATA | RST_STREAM) {
                break frame;
            }
        };
        let text = String::from_utf8_lossy(&answer.payload);
        assert!(answer.kind == RST_STREAM || text.contains("400 Bad Request"), "{text}");
        still_served(&server, &origin).await;
    }

    async fn too_many_fields_are_refused(workers) {
        let (server, origin) = with_origin(workers).await;
        let mut client = begin(&server).await;
        let mut block = section(SOUND);
        block.extend_from_slice(&section(&[("a", "b")]).repeat(2000));
        client.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, &block)).await;
        let refused = loop {
            let frame = next_frame(&mut client).await;
            match frame.kind {
                HEADERS | RST_STREAM | GOAWAY => break frame,
                _ => {}
            }
        };
        assert!(refused.stream == 1 || refused.kind == GOAWAY, "{:?}", refused.payload);
        assert_eq!(origin.served(), 0);
        still_served(&server, &origin).await;
    }

    async fn pings_are_answered(workers) {
        let (server, _origin) = with_origin(workers).await;
        let mut client = begin(&server).await;
        client.send(frame(PING, 0, 0, b"12345678")).await;
        let answer = loop {
            let frame = next_frame(&mut client).await;
            if frame.kind == PING {
                break frame;
            }
        };
        assert_eq!(answer.payload, b"12345678");
        client.send(frame(SETTINGS, ACK, 0, &[])).await;
    }
}
