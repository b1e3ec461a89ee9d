//! Random texts: what people write into annotations, hosts and paths, and what is made of that by those who mean harm.

use fastrand::Rng;

/// What a text is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Value,
    Host,
    Path,
}

const VALUES: &[&str] = &[
    "true",
    "false",
    "on",
    "off",
    "0",
    "1",
    "-1",
    "60",
    "8m",
    "10k",
    "1G",
    "30s",
    "99999999999999999999",
    "0x10",
    "1e9",
    "/",
    "/$1",
    "/$2?x=$1",
    "/new/path",
    "$scheme://$host/x",
    "https://www.shop.example/a?b#c",
    "http://[::1]:8080/",
    "10.0.0.0/8",
    "10.0.0.0/8, !192.168.0.0/16",
    "::/0",
    "192.0.2.1",
    "HTTPS",
    "GRPC",
    "FCGI",
    "AUTO_HTTP",
    "round_robin",
    "ewma",
    "ip_hash",
    "cookie",
    "persistent",
    "balanced",
    "$request_uri",
    "$remote_addr",
    "basic",
    "digest",
    "users",
    "one/users",
    "error timeout http_502",
    "non_idempotent",
    "404,503",
    "www.shop.example",
    "*.shop.example",
    "301",
    "308",
    "GET, POST",
    "X-A: b",
    "Strict",
    "Lax",
    "INGRESSCOOKIE",
    "TLSv1.2 TLSv1.3",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "",
];
const HOSTS: &[&str] = &[
    "one.test",
    "a.two.test",
    "*.two.test",
    "deep.three.test",
    "*.three.test",
    "*.test",
    "test",
    "",
    "*",
    "*.*.test",
    "x.example",
    "X.Example.",
    "a.b.c.d.example",
    "[::1]",
    "192.0.2.1",
    "xn--bcher-kva.example",
    "_srv.example",
];
const PATHS: &[&str] = &[
    "/",
    "",
    "/in",
    "/a",
    "/a/",
    "/a/b",
    "/.*",
    "/a(/|$)(.*)",
    "/(?i)x",
    "/[a-z]+",
    "/a{2,9}",
    "//",
    "/../",
    "/%2e",
    "/~",
    "/a;b",
    "/*",
    "/$",
    "/^",
    "/(?<n>x)",
    "/(?=x)",
];
/// Pieces that have broken out of configuration files, fields, paths and logs before.
const PIECES: &[&str] = &[
    ";",
    "{",
    "}",
    "\n",
    "\r\n",
    "\0",
    "\t",
    "\"",
    "'",
    "\\",
    "#",
    "$",
    "${",
    "}}",
    "{{",
    "*/",
    "--",
    "`id`",
    "$(id)",
    "../",
    "%0d%0a",
    "%00",
    "%2f",
    "%252e",
    "//",
    "\u{202e}",
    "é",
    "\u{feff}",
    "😀",
    "(",
    ")",
    "[",
    "]",
    "(.*)*",
    "{1000}",
    "proxy_pass http://127.0.0.1;",
    "} location / { return 200; }",
    "load_module /tmp/x.so;",
    "ssl_engine x;",
    "\r\nX-Injected: 1",
    "one/",
    "/var/run/secrets",
    "$1$2$3$9",
    "(?i)",
    "\\K",
    "|",
    ".",
    "*.",
    "@",
    ":",
    "0",
    "-",
];

/// A text, taken as it is or changed in a few places.
pub(crate) fn random(dice: &mut Rng, kind: Kind) -> String {
    let known = match kind {
        Kind::Value => VALUES,
        Kind::Host => HOSTS,
        Kind::Path => PATHS,
    };
    let mut text = pick(dice, known).to_owned();
    for _ in 0..dice.usize(..4) {
        change(dice, &mut text, known);
    }
    text
}

fn change(dice: &mut Rng, text: &mut String, known: &[&str]) {
    let places: Vec<_> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let at = places[dice.usize(..places.len())];
    match dice.u8(..8) {
        0 | 1 => text.insert_str(at, pick(dice, PIECES)),
        2 => text.insert(at, dice.char('\0'..='\u{7f}')),
        3 => text.insert(at, dice.char(..)),
        4 => text.truncate(at),
        5 => text.insert_str(at, pick(dice, known)),
        6 => *text = text.repeat(dice.usize(1..4)),
        _ => {
            let long = pick(dice, PIECES).repeat(dice.usize(1..200));
            text.insert_str(at, &long);
        }
    }
}

fn pick<'a>(dice: &mut Rng, from: &[&'a str]) -> &'a str {
    from[dice.usize(..from.len())]
}
