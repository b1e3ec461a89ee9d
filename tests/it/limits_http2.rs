//! Limits on clients of HTTP/2 at their boundaries, frame by frame.

use landfall::testing::frames::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PADDED, PING, PRIORITY, RST_STREAM, SETTINGS,
    WINDOW_UPDATE, frame, section,
};
use landfall::testing::objects::settings;
use landfall::testing::{Raw, TestServer};

use crate::fixtures::{with_origin, with_raw_origin};
use crate::http2_hostile::{ENHANCE_YOUR_CALM, Frame, SOUND, begin, goaway, next_frame};
use crate::limits::hits;

const UNKNOWN: u8 = 0x20;
const PROTOCOL_ERROR: u32 = 1;
const REFUSED_STREAM: u32 = 7;
const CANCEL: u32 = 8;
pub(crate) const POST: &[(&str, &str)] =
    &[(":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "a.test")];

pub(crate) fn code(frame: &Frame) -> u32 {
    let at = if frame.kind == GOAWAY { 4 } else { 0 };
    u32::from_be_bytes(frame.payload[at..at + 4].try_into().unwrap())
}

/// A request of its own stream without a body.
pub(crate) fn request(stream: u32, fields: &[(&str, &str)]) -> Vec<u8> {
    frame(HEADERS, END_STREAM | END_HEADERS, stream, &section(&[SOUND, fields].concat()))
}

fn reset(stream: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes())
}

/// How the server takes frames: `None` if it goes on answering requests, else what its GOAWAY says.
async fn verdict(server: &TestServer, frames: &[u8]) -> Option<u32> {
    let mut client = begin(server).await;
    // What was sent together may be answered together, before the connection is ended.
    for (stream, before) in [(1001, frames), (1003, &[])] {
        // The other end may close before it has read everything.
        let _sent = client.try_send([before, &request(stream, &[])].concat()).await;
        loop {
            let frame = next_frame(&mut client).await;
            match frame.kind {
                HEADERS | RST_STREAM if frame.stream == stream => break,
                GOAWAY => return Some(code(&frame)),
                _ => {}
            }
        }
    }
    None
}

/// Sends frames within a limit, and one beyond it.
async fn at_the_boundary(workers: usize, (limit, value): (&'static str, &str), within: &[u8], beyond: &[u8]) {
    let (mut server, _origin) = with_origin(workers).await;
    server.apply([settings([(limit, value), ("http2-max-concurrent-streams", "1")])]);
    assert_eq!(verdict(&server, within).await, None, "{limit}");
    assert_eq!(verdict(&server, beyond).await, Some(ENHANCE_YOUR_CALM), "{limit}");
    server.counted(&hits(limit), 1).await;
}

/// Whether a request on stream 1 is answered with 200, which is a field of the static table (RFC 7541, Appendix A).
async fn is_served(server: &TestServer, request: &[u8]) -> bool {
    let mut client = begin(server).await;
    client.send(request).await;
    loop {
        let frame = next_frame(&mut client).await;
        if frame.kind == HEADERS {
            return frame.payload[0] == 0x88;
        }
    }
}

/// A request whose head counts so many octets: every field 32 beside its own, pseudo-fields too (RFC 9113 §6.5.2).
fn of_size(stream: u32, octets: usize) -> Vec<u8> {
    let pseudo: usize = SOUND.iter().map(|(name, value)| name.len() + value.len() + 32).sum();
    let (fields, rest) = ((octets - pseudo) / 150 - 1, (octets - pseudo) % 150 + 150);
    let values = [vec![150; fields], vec![rest / 2, rest - rest / 2]].concat();
    let values: Vec<_> = values.into_iter().map(|size| "x".repeat(size - "a".len() - 32)).collect();
    request(stream, &values.iter().map(|value| ("a", value.as_str())).collect::<Vec<_>>())
}

/// Opens a stream with a request, and waits for its reset.
pub(crate) async fn refused(client: &mut Raw, stream: u32, fields: &[(&str, &str)]) -> u32 {
    client.send(request(stream, fields)).await;
    reset_of(client, stream).await
}

/// What the reset says that a stream ends with.
pub(crate) async fn reset_of(client: &mut Raw, stream: u32) -> u32 {
    loop {
        let frame = next_frame(client).await;
        if frame.kind == RST_STREAM && frame.stream == stream {
            return code(&frame);
        }
    }
}

on_workers! {
    async fn what_costs_us_more_than_the_client_is_counted(workers) {
        let ping = frame(PING, 0, 0, &[0; 8]);
        at_the_boundary(workers, ("http2-max-pings", "2"), &ping.repeat(2), &ping.repeat(3)).await;
        // One was sent to begin with.
        let change = frame(SETTINGS, 0, 0, &[]);
        at_the_boundary(workers, ("http2-max-settings", "3"), &change.repeat(2), &change.repeat(3)).await;
        // Answers to PINGs that nobody sent are nothing to us, either.
        let answer = frame(PING, ACK, 0, &[0; 8]);
        for ignored in [frame(PRIORITY, 0, 1, &[0; 5]), frame(UNKNOWN, 0, 1, &[0; 5]), answer] {
            at_the_boundary(workers, ("http2-max-ignored-frames", "2"), &ignored.repeat(2), &ignored.repeat(3)).await;
        }
    }

    async fn sections_on_a_stream_that_was_reset_are_counted(workers) {
        let malformed = frame(HEADERS, END_HEADERS, 1, &section(&[POST, &[("Not-Lower", "1")]].concat()));
        let more = frame(HEADERS, END_HEADERS | END_STREAM, 1, &section(&[("a", "b")]));
        let (within, beyond) = ([&malformed[..], &more.repeat(2)].concat(), [&malformed[..], &more.repeat(3)].concat());
        at_the_boundary(workers, ("http2-max-ignored-frames", "2"), &within, &beyond).await;
    }

    async fn settings_are_acknowledged_once(workers) {
        let (server, _origin) = with_origin(workers).await;
        let acknowledged = frame(SETTINGS, ACK, 0, &[]);
        assert_eq!(verdict(&server, &acknowledged).await, None);
        assert_eq!(verdict(&server, &acknowledged.repeat(2)).await, Some(PROTOCOL_ERROR));
    }

    async fn empty_data_is_counted(workers) {
        let head = frame(HEADERS, END_HEADERS, 1, &section(POST));
        // Of two octets: the length of the padding, and that.
        for empty in [frame(DATA, 0, 1, &[]), frame(DATA, PADDED, 1, &[1, 0])] {
            let (within, beyond) = ([&head[..], &empty.repeat(2)].concat(), [&head[..], &empty.repeat(3)].concat());
            at_the_boundary(workers, ("http2-max-empty-data", "2"), &within, &beyond).await;
        }
    }

    async fn continuations_are_counted(workers) {
        let last = frame(CONTINUATION, END_HEADERS, 1, &section(&[("a", "b")]));
        let one = frame(CONTINUATION, 0, 1, &section(&[("a", "b")]));
        let head = frame(HEADERS, END_STREAM, 1, &section(SOUND));
        let (within, beyond) = ([&head[..], &last].concat(), [&head[..], &one, &last].concat());
        at_the_boundary(workers, ("http2-max-continuations", "1"), &within, &beyond).await;
    }

    async fn resets_are_counted_by_time_and_in_all(workers) {
        let given_up = |streams: u32| -> Vec<u8> {
            (0..streams).flat_map(|number| [request(number * 2 + 1, &[]), reset(number * 2 + 1)].concat()).collect()
        };
        // As many as there may be streams are tolerated beside it.
        at_the_boundary(workers, ("http2-max-resets", "1"), &given_up(2), &given_up(3)).await;
        at_the_boundary(workers, ("http2-max-resets-per-connection", "2"), &given_up(2), &given_up(3)).await;
    }

    async fn resets_that_we_are_made_to_send_are_counted(workers) {
        let malformed = |streams: u32| -> Vec<u8> {
            (0..streams).flat_map(|number| request(number * 2 + 1, &[("x", " space")])).collect()
        };
        let (mut server, origin) = with_origin(workers).await;
        server.apply([settings([("http2-max-provoked-resets", "2")])]);
        let mut client = begin(&server).await;
        client.send(malformed(2)).await;
        assert_eq!(refused(&mut client, 5, &[("x", " space")]).await, 1);
        assert_eq!(goaway(&mut client).await, ENHANCE_YOUR_CALM);
        assert_eq!(origin.served(), 0);
        server.counted(&hits("http2-max-provoked-resets"), 1).await;
    }

    async fn requests_given_up_on_their_way_are_counted(workers) {
        let (mut server, origin) = with_raw_origin(workers).await;
        server.apply([settings([("http2-max-wasted-streams", "1"), ("http2-max-concurrent-streams", "1")])]);
        let mut client = begin(&server).await;
        for number in 0..3 {
            client.send(request(number * 2 + 1, &[])).await;
            let mut upstream = origin.accept().await;
            upstream.request().await;
            client.send(reset(number * 2 + 1)).await;
            upstream.closed().await;
        }
        assert_eq!(goaway(&mut client).await, ENHANCE_YOUR_CALM);
        server.counted(&hits("http2-max-wasted-streams"), 1).await;
    }

    async fn heads_are_taken_up_to_their_limits(workers) {
        let (mut server, _origin) = with_origin(workers).await;
        server.apply([settings([("max-request-head-size", "1k")])]);
        assert!(is_served(&server, &of_size(1, 1024)).await);
        assert!(!is_served(&server, &of_size(1, 1025)).await);
        server.counted(&hits("max-request-head-size"), 1).await;
        let target = |octets: usize| {
            let path = format!("/{}", "x".repeat(octets - 1));
            let fields = [(":method", "GET"), (":scheme", "http"), (":path", &path), (":authority", "a.test")];
            frame(HEADERS, END_STREAM | END_HEADERS, 1, &section(&fields))
        };
        server.apply([settings([("max-request-target-size", "1024")])]);
        assert!(is_served(&server, &target(1024)).await);
        assert!(!is_served(&server, &target(1025)).await);
        server.counted(&hits("max-request-target-size"), 1).await;
        let many = |count: usize| request(1, &vec![("a", "b"); count]);
        let crumbs = |count: usize| request(1, &vec![("cookie", "b"); count]);
        server.apply([settings([("max-request-header-fields", "3")])]);
        for (within, beyond) in [(many(3), many(4)), (crumbs(3), crumbs(4))] {
            assert!(is_served(&server, &within).await);
            assert!(!is_served(&server, &beyond).await);
        }
        server.counted(&hits("max-request-header-fields"), 2).await;
    }

    async fn heads_that_are_far_too_large_end_the_connection(workers) {
        let (mut server, origin) = with_origin(workers).await;
        server.apply([settings([("max-request-head-size", "1k")])]);
        // Fields of two octets count seventeen times that: somewhat too large, and more than eight times it.
        let many = |count: usize| request(1, &vec![("a", "b"); count]);
        assert!(!is_served(&server, &many(200)).await);
        server.counted(&hits("max-request-head-size"), 1).await;
        assert_eq!(verdict(&server, &many(300)).await, Some(ENHANCE_YOUR_CALM));
        server.counted(&hits("max-request-head-size"), 2).await;
        // Twice the limit, compressed, is as much as is read; in one frame and in several.
        let long = section(&vec![("a", "b"); 600]);
        let (first, second) = long.split_at(long.len() / 2);
        let whole = frame(HEADERS, END_STREAM | END_HEADERS, 1, &long);
        let parts = [frame(HEADERS, END_STREAM, 1, first), frame(CONTINUATION, END_HEADERS, 1, second)].concat();
        for (beyond, count) in [(whole, 3), (parts, 4)] {
            assert_eq!(verdict(&server, &beyond).await, Some(ENHANCE_YOUR_CALM));
            server.counted(&hits("max-request-head-size"), count).await;
        }
        assert_eq!(origin.served(), 0);
    }

    async fn trailers_are_taken_up_to_their_number(workers) {
        let (mut server, _origin) = with_origin(workers).await;
        server.apply([settings([("max-request-header-fields", "3")])]);
        let with_trailers = |count: usize| {
            let trailers = section(&vec![("a", "b"); count]);
            let head = frame(HEADERS, END_HEADERS, 1, &section(POST));
            [head, frame(DATA, 0, 1, b"body"), frame(HEADERS, END_STREAM | END_HEADERS, 1, &trailers)].concat()
        };
        assert!(is_served(&server, &with_trailers(3)).await);
        assert!(!is_served(&server, &with_trailers(4)).await);
        server.counted(&hits("max-request-header-fields"), 1).await;
    }

    async fn streams_beyond_their_number_are_refused(workers) {
        let (mut server, origin) = with_raw_origin(workers).await;
        server.apply([settings([("http2-max-concurrent-streams", "2")])]);
        let mut client = begin(&server).await;
        client.send([request(1, &[]), request(3, &[])].concat()).await;
        assert_eq!(refused(&mut client, 5, &[]).await, REFUSED_STREAM);
        server.counted(&hits("http2-max-concurrent-streams"), 1).await;
        for _ in 0..2 {
            origin.accept().await.request().await;
        }
    }

    async fn heads_in_flight_are_bounded_together(workers) {
        let (mut server, origin) = with_raw_origin(workers).await;
        server.apply([settings([("http2-max-heads-size", "32k"), ("max-request-header-fields", "128")])]);
        let half = 16 * 1024;
        let mut beyond = begin(&server).await;
        beyond.send(of_size(1, half)).await;
        origin.accept().await.request().await;
        beyond.send(of_size(3, half + 1)).await;
        assert_eq!(reset_of(&mut beyond, 3).await, REFUSED_STREAM);
        server.counted(&hits("http2-max-heads-size"), 1).await;
        // The code is that of too many streams, too.
        assert!(!server.metrics().contains(&hits("http2-max-concurrent-streams")));
        beyond.send(of_size(5, half)).await;
        origin.accept().await.request().await;
    }

    async fn what_is_set_is_announced(workers) {
        let (mut server, _origin) = with_origin(workers).await;
        server.apply([settings([("http2-max-concurrent-streams", "7"), ("http2-stream-window", "20k")])]);
        let mut client = begin(&server).await;
        let announced = next_frame(&mut client).await;
        assert_eq!(announced.kind, SETTINGS);
        let values: Vec<_> = announced.payload.chunks(6).collect();
        assert!(values.contains(&&[0, 3, 0, 0, 0, 7][..]), "{values:?}");
        assert!(values.contains(&&[0, 4, 0, 0, 80, 0][..]), "{values:?}");
    }

    async fn a_stream_whose_window_stays_closed_is_given_up(workers) {
        let (mut server, _origin) = with_origin(workers).await;
        server.apply([settings([("client-send-timeout", "1")])]);
        let mut client = begin(&server).await;
        client.send(frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0])).await;
        assert_eq!(refused(&mut client, 1, &[]).await, 2);
        server.counted(&hits("client-send-timeout"), 1).await;
    }

    async fn a_window_that_is_opened_octet_by_octet_is_as_good_as_closed(workers) {
        let (mut server, origin) = with_raw_origin(workers).await;
        server.apply([settings([
            ("client-send-timeout", "1"),
            ("client-send-minimum", "1m"),
            ("http2-max-window-updates", "1000000"),
        ])]);
        let mut client = begin(&server).await;
        client.send([frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]), request(1, &[])].concat()).await;
        let mut upstream = origin.accept().await;
        upstream.request().await;
        let length = 256 * 1024;
        upstream.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{}", "x".repeat(length))).await;
        let mut octets = 0;
        loop {
            let next = next_frame(&mut client).await;
            match next.kind {
                HEADERS | DATA => {
                    octets += if next.kind == DATA { next.payload.len() } else { 0 };
                    client.send(frame(WINDOW_UPDATE, 0, 1, &1_u32.to_be_bytes())).await;
                }
                RST_STREAM => break,
                _ => {}
            }
        }
        assert!((1..length).contains(&octets), "{octets}");
        server.counted(&hits("client-send-timeout"), 1).await;
    }

    async fn an_idle_client_that_ignores_goaway_is_closed(workers) {
        let (mut server, _origin) = with_origin(workers).await;
        server.apply([settings([("keep-alive", "1")])]);
        let mut client = begin(&server).await;
        client.send(frame(SETTINGS, ACK, 0, &[])).await;
        // The PING behind the first GOAWAY is never answered.
        assert_eq!(goaway(&mut client).await, 0);
        server.counted(&hits("keep-alive"), 1).await;
    }
}
