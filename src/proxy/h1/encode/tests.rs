//! What is written can be read back, and nothing else comes out.

use super::*;

fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn a_request_head_is_written_with_host_first() {
    let text = written(|out| {
        request_line(out, "POST", b"/a?b", b"example.com");
        field(out, b"X-One", b"1");
        content_length(out, 5);
        connection_upgrade(out, b"websocket");
        end_of_head(out);
    });
    let expected = "POST /a?b HTTP/1.1\r\nHost: example.com\r\nX-One: 1\r\nContent-Length: 5\r\n\
        Connection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    assert_eq!(text, expected);
}

#[test]
fn a_response_head_is_written_with_its_phrase() {
    for (status, line) in [
        (200, "HTTP/1.1 200 OK\r\n"),
        (404, "HTTP/1.1 404 Not Found\r\n"),
        (504, "HTTP/1.1 504 Gateway Timeout\r\n"),
        (299, "HTTP/1.1 299 \r\n"),
        (499, "HTTP/1.1 499 \r\n"),
        (999, "HTTP/1.1 999 \r\n"),
    ] {
        assert_eq!(written(|out| status_line(out, status)), line);
    }
}

#[test]
fn a_field_is_one_line_or_nothing() {
    for (name, value) in [
        (&b"X"[..], &b"a\r\nY: b"[..]),
        (b"X", b"a\nb"),
        (b"X", b"a\r"),
        (b"X", b"a\0"),
        (b"X: y\r\nZ", b"a"),
        (b"X ", b"a"),
        (b"", b"a"),
    ] {
        assert_eq!(written(|out| field(out, name, value)), "", "{} {}", name.escape_ascii(), value.escape_ascii());
    }
}

#[test]
fn chunk_sizes_are_the_shortest_hexadecimal() {
    for (length, text) in
        [(1, "1\r\n"), (15, "f\r\n"), (16, "10\r\n"), (255, "ff\r\n"), (0x1_0000, "10000\r\n"), (0, "")]
    {
        assert_eq!(written(|out| chunk_start(out, length)), text);
    }
    assert_eq!(written(|out| chunk_start(out, usize::MAX)), format!("{:x}\r\n", usize::MAX));
}

#[test]
fn the_last_chunk_carries_the_trailers_that_may_pass() {
    let mut trailers = Fields::default();
    assert_eq!(written(|out| last_chunk(out, &trailers)).as_bytes(), LAST_CHUNK);
    trailers.push(b"grpc-status", b"0");
    trailers.push(b"content-length", b"5");
    assert_eq!(written(|out| last_chunk(out, &trailers)), "0\r\ngrpc-status: 0\r\n\r\n");
}
