//! What HTTP/2 owes both its peers, frame by frame: windows, sections of any length, and partings.

use landfall::testing::frames::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, PREFACE, RST_STREAM, SETTINGS,
    WINDOW_UPDATE, frame,
};
use landfall::testing::{Ingress, Raw};

use crate::fixtures::{OK, with_origin, with_raw_origin, with_raw_origin_and};
use crate::http2_hostile::{Frame, NO_ERROR, begin, next_frame};
use crate::limits_http2::{POST, code, request};

/// `:status: 200`, a field of the static table (RFC 7541, Appendix A).
const STATUS_OK: &[u8] = &[0x88];
const HEADER_TABLE_SIZE: u8 = 1;
const INITIAL_WINDOW_SIZE: u8 = 4;
/// The window of a connection to begin with (RFC 9113 §6.9.2).
const INITIAL: usize = 65_535;
const LARGEST_FRAME: usize = 16 * 1024;

fn setting(which: u8, value: u32) -> Vec<u8> {
    frame(SETTINGS, 0, 0, &[&[0, which][..], &value.to_be_bytes()].concat())
}

fn update(stream: u32, octets: usize) -> Vec<u8> {
    frame(WINDOW_UPDATE, 0, stream, &u32::try_from(octets).unwrap().to_be_bytes())
}

/// Octets that tell where they belong.
fn content(octets: usize) -> Vec<u8> {
    (0..octets).map(|place| u8::try_from(place * 7 % 251).unwrap()).collect()
}

/// The next frame that is about a stream.
async fn next_of_stream(raw: &mut Raw) -> Frame {
    loop {
        let next = next_frame(raw).await;
        if next.stream != 0 {
            return next;
        }
    }
}

/// The next GOAWAY: its last stream and its error code.
async fn next_goaway(raw: &mut Raw) -> (u32, u32) {
    loop {
        let next = next_frame(raw).await;
        if next.kind == GOAWAY {
            return (u32::from_be_bytes(next.payload[..4].try_into().unwrap()), code(&next));
        }
    }
}

/// An upstream's end of a connection that has just begun.
async fn upstream_begins(mut upstream: Raw) -> Raw {
    assert_eq!(upstream.octets(PREFACE.len()).await, PREFACE);
    upstream.send(frame(SETTINGS, 0, 0, &[])).await;
    upstream
}

on_workers! {
    async fn nothing_is_sent_beyond_the_windows_and_everything_within_them(workers) {
        let (server, origin) = with_raw_origin(workers).await;
        let mut client = begin(&server).await;
        let step = 10_007_usize;
        client.send([setting(INITIAL_WINDOW_SIZE, u32::try_from(step).unwrap()), request(1, &[])].concat()).await;
        let mut upstream = origin.accept().await;
        upstream.request().await;
        let sent = content(300_000);
        upstream.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", sent.len())).await;
        upstream.send(&sent).await;
        let (mut received, mut stream_window, mut window) = (Vec::new(), step, INITIAL);
        loop {
            let next = next_of_stream(&mut client).await;
            if next.kind != DATA {
                assert_eq!(next.kind, HEADERS);
                continue;
            }
            received.extend_from_slice(&next.payload);
            stream_window = stream_window.checked_sub(next.payload.len()).expect("within the stream's window");
            window = window.checked_sub(next.payload.len()).expect("within the connection's window");
            if next.flags & END_STREAM != 0 {
                break;
            }
            if window == 0 {
                window = 2 * step;
                client.send(update(0, window)).await;
            }
            if stream_window == 0 {
                stream_window = step;
                client.send(update(1, step)).await;
            }
        }
        assert_eq!(received, sent);
    }

    async fn a_window_that_settings_make_smaller_is_filled_up_first(workers) {
        let (server, origin) = with_raw_origin(workers).await;
        let mut client = begin(&server).await;
        client.send([setting(INITIAL_WINDOW_SIZE, 1000), request(1, &[])].concat()).await;
        let mut upstream = origin.accept().await;
        upstream.request().await;
        upstream.send(format!("HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n{}", "x".repeat(3000))).await;
        while next_of_stream(&mut client).await.kind != DATA {}
        // Now at -500: of 600 more, 100 are there.
        client.send([setting(INITIAL_WINDOW_SIZE, 500), update(1, 600)].concat()).await;
        assert_eq!(next_of_stream(&mut client).await.payload.len(), 100);
        client.send(update(1, 5000)).await;
        let last = next_of_stream(&mut client).await;
        assert_eq!((last.payload.len(), last.flags), (1900, END_STREAM));
    }

    async fn streams_that_share_a_window_all_come_to_their_end(workers) {
        let (server, _origin) = with_origin(workers).await;
        let mut client = begin(&server).await;
        let streams: Vec<u32> = (0..20).map(|number| number * 2 + 1).collect();
        client.send(setting(INITIAL_WINDOW_SIZE, 1 << 20)).await;
        // The origin tells what it was asked, in an answer as long as the request.
        let filler = "f".repeat(4000);
        let fields = [("x-a", filler.as_str()), ("x-b", filler.as_str())];
        client.send(streams.iter().flat_map(|stream| request(*stream, &fields)).collect::<Vec<_>>()).await;
        let (mut open, mut window) = (streams.len(), INITIAL);
        while open > 0 {
            let next = next_of_stream(&mut client).await;
            assert_ne!(next.kind, RST_STREAM);
            if next.kind == DATA {
                window -= next.payload.len();
                open -= usize::from(next.flags & END_STREAM != 0);
            }
            if window == 0 {
                window = 1500;
                client.send(update(0, window)).await;
            }
        }
    }

    async fn an_upload_is_let_go_on_as_it_is_passed_on(workers) {
        let (server, origin) = with_raw_origin(workers).await;
        let mut client = begin(&server).await;
        let sent = content(500_000);
        let head = frame(HEADERS, END_HEADERS, 1, &landfall::testing::frames::section(POST));
        client.send([head, frame(SETTINGS, ACK, 0, &[])].concat()).await;
        let (mut stream_window, mut window, mut rest) = (65_536_usize, 1_048_576_usize, &sent[..]);
        let sending = async {
            while !rest.is_empty() {
                let octets = rest.len().min(LARGEST_FRAME).min(stream_window).min(window);
                if octets == 0 {
                    let next = next_frame(&mut client).await;
                    if next.kind == WINDOW_UPDATE {
                        let more = u32::from_be_bytes(next.payload[..].try_into().unwrap()) as usize;
                        *(if next.stream == 0 { &mut window } else { &mut stream_window }) += more;
                    }
                    continue;
                }
                let (piece, behind) = rest.split_at(octets);
                rest = behind;
                let flags = if rest.is_empty() { END_STREAM } else { 0 };
                client.send(frame(DATA, flags, 1, piece)).await;
                (stream_window, window) = (stream_window - octets, window - octets);
            }
        };
        let receiving = async {
            let mut upstream = origin.accept().await;
            let request = upstream.request().await;
            upstream.send(OK).await;
            request.body
        };
        let ((), received) = tokio::join!(sending, receiving);
        assert_eq!(received, sent);
    }

    async fn a_head_that_needs_several_frames_is_sent_in_several(workers) {
        let (server, origin) = with_raw_origin(workers).await;
        let mut client = begin(&server).await;
        client.send(request(1, &[])).await;
        let mut upstream = origin.accept().await;
        upstream.request().await;
        // Octets that Huffman's code makes longer.
        let value = "|".repeat(9000);
        upstream.send(format!("HTTP/1.1 200 OK\r\nA: {value}\r\nB: {value}\r\nContent-Length: 0\r\n\r\n")).await;
        let first = next_of_stream(&mut client).await;
        assert_eq!((first.kind, first.flags, first.payload.len()), (HEADERS, END_STREAM, LARGEST_FRAME));
        let second = next_of_stream(&mut client).await;
        assert_eq!((second.kind, second.flags, second.stream), (CONTINUATION, END_HEADERS, 1));
        client.send(request(3, &[])).await;
        upstream.request().await;
        upstream.send(OK).await;
        assert_eq!(next_of_stream(&mut client).await.kind, HEADERS);
    }

    async fn a_client_without_a_table_is_told_nothing_by_index(workers) {
        let (server, _origin) = with_origin(workers).await;
        let mut client = begin(&server).await;
        client.send(setting(HEADER_TABLE_SIZE, 0)).await;
        for stream in [1, 3] {
            client.send(request(stream, &[])).await;
            let head = next_of_stream(&mut client).await;
            // The change is told once (RFC 7541 §6.3), then the status.
            let start: &[u8] = if stream == 1 { &[0x20, 0x88] } else { STATUS_OK };
            assert!(head.payload.starts_with(start), "{:?}", head.payload);
            while next_of_stream(&mut client).await.flags & END_STREAM == 0 {}
        }
    }

    async fn an_answer_that_comes_before_the_request_has_ended_declines_the_rest(workers) {
        let (server, origin) = with_raw_origin(workers).await;
        let mut client = begin(&server).await;
        client.send(frame(HEADERS, END_HEADERS, 1, &landfall::testing::frames::section(POST))).await;
        let mut upstream = origin.accept().await;
        upstream.head().await;
        upstream.send(OK).await;
        while next_of_stream(&mut client).await.flags & END_STREAM == 0 {}
        let reset = next_of_stream(&mut client).await;
        assert_eq!((reset.kind, code(&reset)), (RST_STREAM, NO_ERROR));
    }

    async fn a_client_that_goes_away_gets_its_answers(workers) {
        let (server, origin) = with_raw_origin(workers).await;
        let mut client = begin(&server).await;
        // It can still open streams; those that we opened are what it would not take.
        client.send([request(1, &[]), frame(GOAWAY, 0, 0, &[0; 8]), request(3, &[])].concat()).await;
        for _ in 0..2 {
            let mut upstream = origin.accept().await;
            upstream.request().await;
            upstream.send(OK).await;
        }
        for _ in 0..2 {
            while next_of_stream(&mut client).await.flags & END_STREAM == 0 {}
        }
        assert_eq!(next_goaway(&mut client).await, (3, NO_ERROR));
        client.closed().await;
    }

    async fn what_a_client_sends_until_it_has_read_goaway_is_served(workers) {
        let (mut server, origin) = with_raw_origin(workers).await;
        server.apply([landfall::testing::objects::settings([("keep-alive-requests", "1")])]);
        let mut client = begin(&server).await;
        client.send(request(1, &[])).await;
        let mut upstream = origin.accept().await;
        assert_eq!(next_goaway(&mut client).await, (0x7fff_ffff, NO_ERROR));
        let ping = loop {
            let next = next_frame(&mut client).await;
            if next.kind == PING {
                break next;
            }
        };
        upstream.request().await;
        client.send([request(3, &[]), frame(PING, ACK, 0, &ping.payload)].concat()).await;
        assert_eq!(next_goaway(&mut client).await, (3, NO_ERROR));
        client.send(request(5, &[])).await;
        upstream.send(OK).await;
        let mut other = origin.accept().await;
        other.request().await;
        other.send(OK).await;
        let mut ended = Vec::new();
        while ended.len() < 2 {
            let next = next_of_stream(&mut client).await;
            if next.flags & END_STREAM != 0 {
                ended.push(next.stream);
            }
        }
        ended.sort_unstable();
        assert_eq!(ended, [1, 3]);
        client.closed().await;
    }

    async fn streams_that_an_upstream_has_not_looked_at_are_asked_for_again(workers) {
        let grpc = Ingress::named("web").with("backend-protocol", "GRPC");
        let (server, origin) = with_raw_origin_and(workers, grpc).await;
        let mut client = begin(&server).await;
        client.send(request(1, &[])).await;
        let mut upstream = upstream_begins(origin.accept().await).await;
        assert_eq!(next_of_stream(&mut upstream).await.stream, 1);
        client.send(request(3, &[])).await;
        assert_eq!(next_of_stream(&mut upstream).await.stream, 3);
        // The last stream that it looks at is the first.
        upstream.send(frame(GOAWAY, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 0])).await;
        let mut other = upstream_begins(origin.accept().await).await;
        assert_eq!(next_of_stream(&mut other).await.stream, 1);
        for upstream in [&mut upstream, &mut other] {
            upstream.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, STATUS_OK)).await;
        }
        let mut answered = [next_of_stream(&mut client).await, next_of_stream(&mut client).await];
        answered.sort_by_key(|head| head.stream);
        assert_eq!(answered.map(|head| (head.stream, head.payload[0])), [(1, 0x88), (3, 0x88)]);
        // Its last answer given, the one that went away is let go.
        assert_eq!(next_goaway(&mut upstream).await.1, NO_ERROR);
        upstream.closed().await;
    }

    async fn as_many_streams_are_opened_as_an_upstream_takes(workers) {
        let grpc = Ingress::named("web").with("backend-protocol", "GRPC");
        let (server, origin) = with_raw_origin_and(workers, grpc).await;
        let mut client = begin(&server).await;
        client.send(request(1, &[])).await;
        let mut upstream = upstream_begins(origin.accept().await).await;
        upstream.send([setting(3, 1), frame(PING, 0, 0, &[0; 8])].concat()).await;
        while next_frame(&mut upstream).await.kind != PING {}
        // What does not fit goes over another connection.
        client.send(request(3, &[])).await;
        let mut other = upstream_begins(origin.accept().await).await;
        assert_eq!(next_of_stream(&mut other).await.stream, 1);
    }

    async fn an_upstream_that_breaks_the_protocol_is_told_and_its_requests_fail(workers) {
        let grpc = Ingress::named("web").with("backend-protocol", "GRPC");
        let (server, origin) = with_raw_origin_and(workers, grpc).await;
        let mut client = begin(&server).await;
        client.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, &landfall::testing::frames::section(POST))).await;
        let mut upstream = upstream_begins(origin.accept().await).await;
        next_of_stream(&mut upstream).await;
        // A stream that nobody has opened.
        upstream.send(frame(HEADERS, END_STREAM | END_HEADERS, 7, STATUS_OK)).await;
        assert_eq!(next_goaway(&mut upstream).await.1, 1);
        let answer = next_of_stream(&mut client).await;
        assert_eq!((answer.kind, answer.payload[0]), (HEADERS, 0x48), "a status that is not in the static table");
    }
}
