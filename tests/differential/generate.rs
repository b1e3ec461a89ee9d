//! Random connections: requests from the grammar, with every known way of breaking it mixed in.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// Up to three requests one after another, sometimes with an octet changed.
pub(crate) fn connection() -> impl Strategy<Value = Vec<u8>> {
    (vec(request(), 1..4), prop::option::weighted(0.3, mutation()))
        .prop_map(|(requests, mutation)| mutate(requests.concat(), mutation))
}

/// Where (as a share of the length), and what stands there instead or before.
#[derive(Debug, Clone)]
struct Mutation {
    place: prop::sample::Index,
    octet: u8,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Insert,
    Replace,
    Delete,
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let octets = b"\r\n\0\t :;,=/\\\"#%*+-_.015fFgGxX\x0b\x7f\x80\xff".to_vec();
    let kinds = prop_oneof![Just(Kind::Insert), Just(Kind::Replace), Just(Kind::Delete)];
    (any::<prop::sample::Index>(), select(octets), kinds).prop_map(|(place, octet, kind)| Mutation {
        place,
        octet,
        kind,
    })
}

fn mutate(mut input: Vec<u8>, mutation: Option<Mutation>) -> Vec<u8> {
    let Some(Mutation { place, octet, kind }) = mutation else { return input };
    let at = place.index(input.len());
    match kind {
        Kind::Insert => input.insert(at, octet),
        Kind::Replace => input[at] = octet,
        Kind::Delete => drop(input.remove(at)),
    }
    input
}

fn request() -> impl Strategy<Value = Vec<u8>> {
    (leading(), request_line(), vec(field(), 0..4), content()).prop_map(
        |(leading, line, fields, (framing, content))| {
            let mut text = format!("{leading}{line}\r\nHost: a\r\n").into_bytes();
            text.extend_from_slice(fields.concat().as_bytes());
            text.extend_from_slice(framing.as_bytes());
            text.extend_from_slice(b"\r\n");
            text.extend_from_slice(&content);
            text
        },
    )
}

fn leading() -> impl Strategy<Value = &'static str> {
    prop_oneof![30 => Just(""), 2 => Just("\r\n"), 1 => Just("\n"), 1 => Just(" "), 1 => Just("\r\n\r\n\r\n\r\n\r\n")]
}

fn request_line() -> impl Strategy<Value = String> {
    let methods = prop_oneof![20 => select(vec!["GET", "POST", "PUT", "HEAD", "OPTIONS"]),
        2 => select(vec!["get", "M-SEARCH", "CONNECT", "G@T", "", "A\tB"])];
    let targets = prop_oneof![20 => select(vec!["/", "/a/b?c=d", "/%2e%2e/x", "//", "/a;b=c"]),
        6 => select(vec!["http://b/x?y", "https://b", "*", "h:80", "/a#b", "/a b", "", "/\\", "/é", "http://", "ftp://a/",
            "http://b?q", "/|^`{}\"", "/<>", "http://u:p@b/", "http://a,b/"])];
    let versions = prop_oneof![20 => Just("HTTP/1.1"), 4 => Just("HTTP/1.0"),
        2 => select(vec!["HTTP/1.2", "HTTP/2.0", "http/1.1", "HTTP/1", "HTTP/1.1 ", ""])];
    let gaps = prop_oneof![40 => Just(" "), 1 => Just("  "), 1 => Just("\t")];
    (methods, gaps, targets, versions)
        .prop_map(|(method, gap, target, version)| format!("{method}{gap}{target} {version}"))
}

/// A field line that says nothing about the message's length.
fn field() -> impl Strategy<Value = String> {
    let sound = vec![
        "X: y\r\n",
        "x-empty:\r\n",
        "Connection: keep-alive\r\n",
        "Connection: close\r\n",
        "Connection: x, y\r\n",
        "Expect: 100-continue\r\n",
        "TE: trailers\r\n",
        "Cookie: a=b; c=d\r\n",
        "X:\t tab and space \t\r\n",
        "Connection: upgrade\r\nUpgrade: websocket\r\n",
        "Upgrade: h2c\r\n",
        "Transfer_Encoding: chunked\r\n",
    ];
    let broken = vec![
        "X : y\r\n",
        " X: y\r\n",
        "X: y\r\n z\r\n",
        "X\r\n",
        ": y\r\n",
        "X: y\n",
        "X: y\rz\r\n",
        "X: a\0b\r\n",
        "Expect: a-pony\r\n",
        "Upgrade: a\r\nUpgrade: b\r\n",
        "X[]: y\r\n",
        "Connection: keep-alive, close\r\n",
    ];
    prop_oneof![12 => select(sound), 1 => select(broken)].prop_map(str::to_owned)
}

/// The fields that delimit the content, and the content.
fn content() -> impl Strategy<Value = (String, Vec<u8>)> {
    prop_oneof![
        4 => Just((String::new(), Vec::new())),
        4 => sized(),
        4 => vec(chunk(), 0..3).prop_flat_map(|chunks| chunked(chunks.concat())),
        2 => contradictory(),
    ]
}

fn sized() -> impl Strategy<Value = (String, Vec<u8>)> {
    let values =
        prop_oneof![12 => Just("3"), 1 => select(vec!["03", "+3", "3, 3", "0x3", "3 ", "", "-3", "3;", "4", "2"])];
    values.prop_map(|value| (format!("Content-Length: {value}\r\n"), b"abc".to_vec()))
}

fn chunk() -> impl Strategy<Value = Vec<u8>> {
    let sizes = prop_oneof![16 => select(vec!["3", "003", "3;a", "3;a=b", "3;a=\"b;\\\" c\""]),
        1 => select(vec!["3 ", " 3", "+3", "0x3", "3;", "3; a", "3;a=", "3;a b", "4", "2", "3;\"", "fffffffffffffffff"])];
    let ends = prop_oneof![30 => Just("\r\n"), 1 => Just("\n"), 1 => Just("")];
    (sizes, ends.clone(), ends).prop_map(|(size, first, second)| format!("{size}{first}abc{second}").into_bytes())
}

fn chunked(chunks: Vec<u8>) -> impl Strategy<Value = (String, Vec<u8>)> {
    let codings = prop_oneof![16 => select(vec!["chunked", "Chunked", " chunked\t"]),
        1 => select(vec!["gzip, chunked", "chunked, chunked", "xchunked", ",chunked", "chunked;q=1", "identity", ""])];
    let tails = prop_oneof![16 => select(vec!["0\r\n\r\n", "00\r\nT: u\r\n\r\n", "0;a\r\n\r\n", "0\r\nHost: b\r\n\r\n"]),
        1 => select(vec!["0\r\n", "0\n\n", "0\r\nT : u\r\n\r\n", "0\r\nT: u\n\r\n", ""])];
    (codings, tails).prop_map(move |(coding, tail)| {
        let mut content = chunks.clone();
        content.extend_from_slice(tail.as_bytes());
        (format!("Transfer-Encoding: {coding}\r\n"), content)
    })
}

fn contradictory() -> impl Strategy<Value = (String, Vec<u8>)> {
    select(vec![
        ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", "0\r\n\r\n"),
        ("Content-Length: 3\r\nContent-Length: 3\r\n", "abc"),
        ("Content-Length: 3\r\nContent-Length: 4\r\n", "abcd"),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        ("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
    ])
    .prop_map(|(fields, content)| (fields.to_owned(), content.as_bytes().to_vec()))
}
