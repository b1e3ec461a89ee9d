//! What an HTTP/2 connection holds and takes, at the boundaries: windows, octets unsent, updates of windows.

use landfall::testing::frames::{
    ACK, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, PREFACE, RST_STREAM, SETTINGS, WINDOW_UPDATE, frame,
    section,
};
use landfall::testing::objects::settings;
use landfall::testing::{Ingress, Raw, RawOrigin, TestServer};

use crate::fixtures::{with_origin, with_raw_origin, with_raw_origin_and};
use crate::http2_hostile::{ENHANCE_YOUR_CALM, begin, goaway, next_frame};
use crate::limits::hits;
use crate::limits_http2::{POST, code, request, reset_of};

const FLOW_CONTROL_ERROR: u32 = 3;
const INTERNAL_ERROR: u32 = 2;
/// `:status: 200`, a field of the static table (RFC 7541, Appendix A).
const OK: &[u8] = &[0x88];
/// The setting of the window that streams begin with (RFC 9113 §6.5.2).
const INITIAL_WINDOW_SIZE: u8 = 4;
/// The largest window (RFC 9113 §6.9.1), and the one that connections begin with.
const LARGEST: u32 = 0x7fff_ffff;
const INITIAL: u32 = 65_535;
const FRAME: usize = 16 * 1024;

fn initial_window(octets: u32) -> Vec<u8> {
    frame(SETTINGS, 0, 0, &[&[0, INITIAL_WINDOW_SIZE][..], &octets.to_be_bytes()].concat())
}

fn update(stream: u32, octets: u32) -> Vec<u8> {
    frame(WINDOW_UPDATE, 0, stream, &octets.to_be_bytes())
}

/// So many octets of a body, in whole frames.
fn data(stream: u32, octets: usize) -> Vec<u8> {
    frame(DATA, 0, stream, &[b'x'; FRAME]).repeat(octets / FRAME)
}

/// Returns once the server has taken everything that was sent, and has said everything that it had to: it answers pings
/// in order, and the second after it has sent what came of frames before the first. Panics if it refuses anything.
/// How many octets were read.
async fn settled(client: &mut Raw) -> usize {
    let mut octets = 0;
    for round in 0..2_u8 {
        client.send(frame(PING, 0, 0, &[round; 8])).await;
        loop {
            let next = next_frame(client).await;
            octets += 9 + next.payload.len();
            match next.kind {
                PING => break,
                RST_STREAM | GOAWAY => panic!("refused with {} on {}", code(&next), next.stream),
                _ => {}
            }
        }
    }
    octets
}

/// An origin's connection that takes requests over HTTP/2 but none of their bodies, and a client's whose requests go over
/// it.
async fn with_closed_window(server: &TestServer, origin: &RawOrigin) -> (Raw, Raw) {
    let mut client = begin(server).await;
    // Until then streams have the window that holds without settings (RFC 9113 §6.9.2).
    client.send([frame(SETTINGS, ACK, 0, &[]), request(1, &[])].concat()).await;
    let mut upstream = origin.accept().await;
    assert_eq!(upstream.octets(PREFACE.len()).await, PREFACE);
    upstream.send(initial_window(0)).await;
    let (mut acknowledged, mut stream) = (false, 0);
    while !acknowledged || stream == 0 {
        let next = next_frame(&mut upstream).await;
        match next.kind {
            SETTINGS if next.payload.is_empty() => acknowledged = true,
            SETTINGS => upstream.send(frame(SETTINGS, ACK, 0, &[])).await,
            HEADERS => stream = next.stream,
            _ => {}
        }
    }
    upstream.send(frame(HEADERS, END_STREAM | END_HEADERS, stream, OK)).await;
    while next_frame(&mut client).await.kind != HEADERS {}
    (client, upstream)
}

on_workers! {
    async fn a_body_is_taken_up_to_the_window_of_its_stream(workers) {
        let (mut server, origin) = with_raw_origin_and(workers, Ingress::named("web").with("backend-protocol", "GRPC")).await;
        server.apply([settings([("http2-stream-window", "32k")])]);
        let (mut client, _upstream) = with_closed_window(&server, &origin).await;
        client.send([frame(HEADERS, END_HEADERS, 3, &section(POST)), data(3, 32 * 1024)].concat()).await;
        settled(&mut client).await;
        client.send(frame(DATA, 0, 3, b"x")).await;
        assert_eq!(reset_of(&mut client, 3).await, FLOW_CONTROL_ERROR);
        server.counted(&hits("http2-stream-window"), 1).await;
        settled(&mut client).await;
    }

    async fn bodies_are_taken_up_to_the_window_of_the_connection(workers) {
        let (mut server, origin) = with_raw_origin_and(workers, Ingress::named("web").with("backend-protocol", "GRPC")).await;
        server.apply([settings([("http2-stream-window", "64k"), ("http2-connection-window", "96k")])]);
        let (mut client, _upstream) = with_closed_window(&server, &origin).await;
        for stream in [3, 5] {
            client.send([frame(HEADERS, END_HEADERS, stream, &section(POST)), data(stream, 48 * 1024)].concat()).await;
        }
        settled(&mut client).await;
        client.send(frame(DATA, 0, 5, b"x")).await;
        assert_eq!(goaway(&mut client).await, FLOW_CONTROL_ERROR);
        server.counted(&hits("http2-connection-window"), 1).await;
    }

    async fn responses_are_held_up_to_a_bound_while_the_client_takes_none(workers) {
        let (mut server, origin) = with_raw_origin(workers).await;
        server.apply([settings([("http2-max-unsent-size", "64k")])]);
        let mut client = begin(&server).await;
        client.send([initial_window(LARGEST), update(0, LARGEST - INITIAL), request(1, &[])].concat()).await;
        let mut upstream = origin.accept().await;
        upstream.request().await;
        let length = 64 * 1024;
        upstream.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{}", "x".repeat(length))).await;
        let mut octets = 0;
        while octets < length {
            let next = next_frame(&mut client).await;
            octets += if next.kind == DATA { next.payload.len() } else { 0 };
        }
        assert!(!server.metrics().contains(&hits("http2-max-unsent-size")), "so many may be held");
        client.send(request(3, &[])).await;
        upstream.request().await;
        upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n").await;
        let (hit, piece) = (hits("http2-max-unsent-size"), vec![0; FRAME]);
        // Whatever the system takes between both ends is followed by what is held.
        tokio::select! {
            () = server.counted(&hit, 1) => {}
            () = async { while upstream.try_send(&piece).await.is_ok() {} } => panic!("the response was broken off"),
        }
    }

    async fn window_updates_are_taken_up_to_their_number(workers) {
        let (mut server, _origin) = with_origin(workers).await;
        server.apply([settings([("http2-max-window-updates", "2")])]);
        for (more, ended) in [(0, false), (1, true)] {
            let mut client = begin(&server).await;
            // Beside one for each ten octets that the server has sent.
            let tolerated = 2 + settled(&mut client).await / 10;
            client.send(update(0, 1).repeat(tolerated + more)).await;
            if ended {
                assert_eq!(goaway(&mut client).await, ENHANCE_YOUR_CALM);
            } else {
                settled(&mut client).await;
            }
        }
        server.counted(&hits("http2-max-window-updates"), 1).await;
    }

    async fn a_client_that_takes_just_enough_in_time_is_waited_for(workers) {
        let (mut server, origin) = with_raw_origin(workers).await;
        server.apply([settings([
            ("client-send-timeout", "2"),
            ("client-send-minimum", "1000"),
            ("client-header-timeout", "1"),
        ])]);
        let mut client = begin(&server).await;
        client.send(initial_window(0)).await;
        for stream in [1, 3] {
            client.send(request(stream, &[])).await;
            let mut upstream = origin.accept().await;
            upstream.request().await;
            upstream.send(format!("HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{}", "x".repeat(5000))).await;
            while next_frame(&mut client).await.kind != HEADERS {}
        }
        // Half of the time passes.
        Raw::connect(server.http()).await.closed().await;
        client.send([update(1, 1000), update(3, 999)].concat()).await;
        assert_eq!(reset_of(&mut client, 3).await, INTERNAL_ERROR);
        client.send(update(1, 4000)).await;
        loop {
            let next = next_frame(&mut client).await;
            assert_ne!((next.kind, next.stream), (RST_STREAM, 1));
            if (next.kind, next.stream, next.flags & END_STREAM) == (DATA, 1, END_STREAM) {
                break;
            }
        }
        server.counted(&hits("client-send-timeout"), 1).await;
    }

    async fn requests_of_a_connection_are_counted(workers) {
        let (mut server, _origin) = with_origin(workers).await;
        server.apply([settings([("keep-alive-requests", "2")])]);
        let mut client = begin(&server).await;
        client.send(request(1, &[])).await;
        settled(&mut client).await;
        client.send(request(3, &[])).await;
        while next_frame(&mut client).await.kind != GOAWAY {}
        server.counted(&hits("keep-alive-requests"), 1).await;
    }
}
