//! HTTP/2, through a running server and its limits: whatever frames a client sends, the server panics never, goes on
//! answering or ends the connection, and what reaches the backend is well-formed.
//!
//! The input is frames, written so that they stay frames when they are changed: an octet for the kind, one each for
//! flags, stream and length, then the payload. Two bits of the kind make much of little: one sends the payload 64 times
//! over, one sends the frame for 130 streams.

#![no_main]

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::LazyLock;
use std::thread;
use std::time::Duration;

use landfall::testing::objects::{service, settings};
use landfall::testing::{Ingress, TestServer};
use libfuzzer_sys::fuzz_target;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const PATIENCE: Duration = Duration::from_secs(20);
/// The last request of every connection: `HEAD / a.test` on the highest stream there is.
const MARKER: &[u8] = b"\x02\x04HEAD\x86\x84\x01\x06a.test";
const MARKER_STREAM: u32 = 0x7fff_ffff;
const MAX_OCTETS: usize = 256 * 1024;

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const LONG: u8 = 0x80;
const MANY: u8 = 0x40;
/// A kind that is no frame: the payload is sent as it is.
const RAW: u8 = 0x3f;

static SERVER: LazyLock<TestServer> = LazyLock::new(|| {
    survive_clients_that_are_gone();
    let mut objects = service("web", &[origin()]);
    objects.push(Ingress::named("web").route("a.test", "/", "web").route("b.test", "/", "none").build());
    objects.push(settings([("disable-access-log", "true")]));
    TestServer::start(1, objects)
});

/// Takes over SIGPIPE. A Rust program ignores it from its start on; this one starts in C, and would end at a write to a
/// client that is gone.
fn survive_clients_that_are_gone() {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime can be made");
    let _inside = runtime.enter();
    // What takes it over stays when this is dropped.
    let _taken = signal(SignalKind::pipe()).expect("a signal can be taken over");
}

fuzz_target!(|input: &[u8]| {
    let (octets, marked) = connection(input);
    let mut client = TcpStream::connect(SERVER.http()).expect("the server listens");
    client.set_nodelay(true).expect("an option of every socket");
    client.set_read_timeout(Some(PATIENCE)).expect("an option of every socket");
    client.set_write_timeout(Some(PATIENCE)).expect("an option of every socket");
    // A server that has had enough does not read on.
    let sent = client.write_all(&octets);
    if sent.is_err() || !marked {
        let _gone = client.shutdown(Shutdown::Write);
    }
    follow(&mut client);
});

/// The octets of a client, and whether its last request stands on its own behind them.
fn connection(mut input: &[u8]) -> (Vec<u8>, bool) {
    let mut octets = PREFACE.to_vec();
    frame(&mut octets, SETTINGS, 0, 0, &[]);
    let mut marked = true;
    while let Some(([kind, flags, stream, length], rest)) = input.split_first_chunk::<4>() {
        let (payload, rest) = rest.split_at(rest.len().min(usize::from(*length)));
        input = rest;
        if octets.len() > MAX_OCTETS {
            break;
        }
        if kind & RAW == RAW {
            octets.extend_from_slice(payload);
            marked = false;
            continue;
        }
        let payload = if kind & LONG == 0 { payload.to_vec() } else { payload.repeat(64) };
        let streams = if kind & MANY == 0 { 1 } else { 130 };
        for later in 0..streams {
            frame(&mut octets, kind & !(LONG | MANY), *flags, u32::from(*stream) + 2 * later, &payload);
        }
    }
    if marked {
        frame(&mut octets, HEADERS, 5, MARKER_STREAM, MARKER);
    }
    (octets, marked)
}

fn frame(octets: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    let length = u32::try_from(payload.len()).expect("a payload is short").to_be_bytes();
    octets.extend_from_slice(length.get(1..).unwrap_or_default());
    octets.extend_from_slice(&[kind, flags]);
    octets.extend_from_slice(&stream.to_be_bytes());
    octets.extend_from_slice(payload);
}

/// Reads until the connection ends, which is when the last request is answered at the latest.
fn follow(client: &mut TcpStream) {
    let mut octets = Vec::new();
    let mut first = true;
    let mut piece = [0; 16 * 1024];
    loop {
        while let Some((kind, stream)) = take(&mut octets) {
            assert!(!first || kind == SETTINGS, "a server's first frame is not SETTINGS");
            assert!(kind <= 9, "a frame of no kind");
            first = false;
            if stream == MARKER_STREAM && matches!(kind, HEADERS | RST_STREAM) {
                // Then the connection has to end, as its client ends it.
                let _gone = client.shutdown(Shutdown::Write);
            }
        }
        match client.read(&mut piece) {
            Ok(0) => return,
            Ok(length) => octets.extend_from_slice(&piece[..length]),
            Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
                panic!("the server neither answers nor ends the connection");
            }
            Err(_) => return,
        }
    }
}

/// Takes the first frame off, if it is whole.
fn take(octets: &mut Vec<u8>) -> Option<(u8, u32)> {
    let [high, middle, low, kind, _, stream @ ..] = *octets.first_chunk::<9>()?;
    let length = 9 + u32::from_be_bytes([0, high, middle, low]) as usize;
    if octets.len() < length {
        return None;
    }
    octets.drain(..length);
    Some((kind, u32::from_be_bytes(stream) & 0x7fff_ffff))
}

/// A backend that reads strictly: what it cannot read in one way ends the process.
fn origin() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there are free ports");
    let address = listener.local_addr().expect("a bound socket has an address");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || serve(stream));
        }
    });
    address
}

/// Serves a connection until it ends, in whatever place.
fn serve(mut stream: TcpStream) {
    let mut octets = Vec::new();
    loop {
        let Some(head) = read_until(&mut stream, &mut octets, b"\r\n\r\n") else { return };
        let method = head.split(' ').next().unwrap_or_default().to_owned();
        let body = check_head(&head);
        let whole = match body {
            Body::Octets(length) => read_exactly(&mut stream, &mut octets, length).is_some(),
            Body::Chunked => read_chunks(&mut stream, &mut octets).is_some(),
        };
        let content = if method == "HEAD" { "" } else { "ok" };
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{content}");
        if !whole || stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

enum Body {
    Octets(usize),
    Chunked,
}

/// One request line of three parts, fields of token and value, one Host, one length.
fn check_head(head: &str) -> Body {
    let mut lines = head.split("\r\n");
    let start = lines.next().unwrap_or_default();
    let parts: Vec<_> = start.split(' ').collect();
    assert!(
        matches!(*parts, [method, target, "HTTP/1.1"] if is_token(method) && target.starts_with(['/', '*'])),
        "{start:?}"
    );
    let mut fields = Vec::new();
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("no field: {line:?}"));
        assert!(is_token(name), "a name that is none: {name:?}");
        assert!(!value.contains(|c: char| c.is_ascii_control() && c != '\t'), "a control character: {value:?}");
        fields.push((name.to_ascii_lowercase(), value));
    }
    let all =
        |wanted: &str| fields.iter().filter(|(name, _)| name == wanted).map(|(_, value)| *value).collect::<Vec<_>>();
    assert_eq!(all("host").len(), 1, "{head:?}");
    match (&*all("content-length"), &*all("transfer-encoding")) {
        ([], []) => Body::Octets(0),
        ([length], []) => Body::Octets(length.parse().expect("a length is a number")),
        ([], ["chunked"]) => Body::Chunked,
        lengths => panic!("not one length: {lengths:?}"),
    }
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&octet))
}

fn read_chunks(stream: &mut TcpStream, octets: &mut Vec<u8>) -> Option<()> {
    loop {
        let line = read_until(stream, octets, b"\r\n")?;
        let size = usize::from_str_radix(&line, 16).unwrap_or_else(|_| panic!("no chunk size: {line:?}"));
        if size == 0 {
            while !read_until(stream, octets, b"\r\n")?.is_empty() {}
            return Some(());
        }
        read_exactly(stream, octets, size)?;
        assert_eq!(read_until(stream, octets, b"\r\n")?, "", "a chunk ends with CRLF");
    }
}

/// The text up to a delimiter, each octet a character: values may hold such beyond ASCII (RFC 9110 §5.5). `None` if the connection ends before.
fn read_until(stream: &mut TcpStream, octets: &mut Vec<u8>, delimiter: &[u8]) -> Option<String> {
    loop {
        if let Some(at) = octets.windows(delimiter.len()).position(|part| part == delimiter) {
            return Some(octets.drain(..at + delimiter.len()).take(at).map(char::from).collect());
        }
        fill(stream, octets)?;
    }
}

fn read_exactly(stream: &mut TcpStream, octets: &mut Vec<u8>, length: usize) -> Option<()> {
    while octets.len() < length {
        fill(stream, octets)?;
    }
    octets.drain(..length);
    Some(())
}

fn fill(stream: &mut TcpStream, octets: &mut Vec<u8>) -> Option<()> {
    let mut piece = [0; 16 * 1024];
    let length = stream.read(&mut piece).ok().filter(|length| *length > 0)?;
    octets.extend_from_slice(&piece[..length]);
    Some(())
}
