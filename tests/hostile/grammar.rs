//! Random connections from the grammar of HTTP/1.1, with every known way of breaking it mixed in.

/// A source of numbers that a seed determines (xorshift64*).
#[derive(Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        // A state of zero would stay there.
        let mut dice = Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        dice.roll(2);
        dice
    }

    /// A number below `sides`.
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33).unwrap() % sides
    }

    /// True once in `times`.
    pub(crate) fn once_in(&mut self, times: usize) -> bool {
        self.roll(times) == 0
    }

    pub(crate) fn of<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.roll(choices.len())]
    }
}

/// The octets of a connection: some messages, perhaps with an octet changed or the end missing.
pub(crate) fn connection(dice: &mut Dice, host: &str, messages: usize) -> Vec<u8> {
    let mut octets = Vec::new();
    for _ in 0..messages {
        message(dice, host, &mut octets);
    }
    if dice.once_in(5) {
        mutate(dice, &mut octets);
    }
    if dice.once_in(12) {
        octets.truncate(dice.roll(octets.len()));
    }
    octets
}

fn mutate(dice: &mut Dice, octets: &mut Vec<u8>) {
    let octet = *dice.of(&[
        &b'\r', &b'\n', &0, &b'\t', &b' ', &b':', &b';', &b',', &b'=', &b'/', &b'\\', &b'"', &b'#', &b'%', &b'*',
        &b'+', &b'-', &b'_', &b'.', &b'0', &b'1', &b'5', &b'f', &b'G', &b'x', &0x0b, &0x7f, &0x80, &0xff,
    ]);
    let at = dice.roll(octets.len());
    match dice.roll(4) {
        0 => octets.insert(at, octet),
        1 => octets[at] = octet,
        2 => drop(octets.remove(at)),
        _ => {
            // A piece twice.
            let end = (at + 1 + dice.roll(30)).min(octets.len());
            let piece = octets[at..end].to_vec();
            octets.splice(at..at, piece);
        }
    }
}

fn message(dice: &mut Dice, host: &str, out: &mut Vec<u8>) {
    if dice.once_in(20) {
        out.extend_from_slice(b"\r\n");
    }
    let method = method(dice);
    let line = format!("{method} {} {}\r\n", target(dice, host), version(dice));
    out.extend_from_slice(line.as_bytes());
    out.extend_from_slice(host_fields(dice, host).as_bytes());
    for _ in 0..dice.roll(4) {
        out.extend_from_slice(field(dice).as_bytes());
    }
    let content = content(dice);
    out.extend_from_slice(content.0.as_bytes());
    if dice.once_in(6) {
        out.extend_from_slice(field(dice).as_bytes());
    }
    out.extend_from_slice(if dice.once_in(200) { b"\n" } else { b"\r\n" });
    out.extend_from_slice(&content.1);
}

fn method(dice: &mut Dice) -> &'static str {
    match dice.roll(40) {
        0 => dice.of(&["HEAD", "get", "G(T", "", "TRACE", "CONNECT", "M-SEARCH"]),
        1..=3 => dice.of(&["PUT", "DELETE", "OPTIONS", "PATCH", "QUERY"]),
        4..=18 => "POST",
        _ => "GET",
    }
}

fn version(dice: &mut Dice) -> &'static str {
    match dice.roll(60) {
        0 => dice.of(&["HTTP/1.2", "HTTP/2.0", "http/1.1", "HTTP/1.10", "HTTP/1", "", " HTTP/1.1", "HTTP/1.1 "]),
        1..=2 => "HTTP/1.0",
        _ => "HTTP/1.1",
    }
}

fn target(dice: &mut Dice, host: &str) -> String {
    match dice.roll(30) {
        0 => (*dice
            .of(&["*", "", "a", "/ b", "/#", "/\\", "/\u{e9}", "//", "/%", "/%2", "/%00", "/..", "/a/../..", "?x"]))
        .to_owned(),
        1 => format!("http://{host}/abs"),
        2 => format!(
            "{}{host}{}",
            dice.of(&["HTTP://", "https://", "ftp://", "http:/", "//"]),
            dice.of(&["", "?q", "/x/../y"])
        ),
        3 => format!("http://{}/", dice.of(&["other.test", "u@a.test", "", "[::1]", "a.test:99999", "A..b"])),
        4..=9 => {
            let mut path = String::new();
            for _ in 0..=dice.roll(5) {
                path.push('/');
                path.push_str(dice.of(&[
                    "a", "B", ".", "..", "%2e", "%2E%2e", "", "%2f", "%5c", ";x=1", "a%20b", "%c3%a9", "...", "..;",
                    "~", "%7e",
                ]));
            }
            if dice.once_in(3) {
                path.push_str(dice.of(&["?", "?a=b", "?/../", "?%zz", "?a?b"]));
            }
            path
        }
        _ => format!("/{}", dice.roll(10_000)),
    }
}

fn host_fields(dice: &mut Dice, host: &str) -> String {
    match dice.roll(40) {
        0 => String::new(),
        1 => format!("Host: {host}\r\nHost: {host}\r\n"),
        2 => format!(
            "Host: {}\r\n",
            dice.of(&["", "u@a", "a/b", "a,b", "a b", "[::1]", "a..b", "other.test", "a:", "a:+80"])
        ),
        3 => format!("hOsT:\t{host}:{} \r\n", dice.of(&["80", "0", "65535", "65536", "000080", "x"])),
        4 => format!("Host: {}\r\n", host.to_ascii_uppercase()),
        5 => format!("Host: {host}.\r\n"),
        6 => format!("Host : {host}\r\n"),
        _ => format!("Host: {host}\r\n"),
    }
}

fn field(dice: &mut Dice) -> String {
    match dice.roll(24) {
        0 => (*dice.of(&[
            "X : y\r\n",
            "X\r\n",
            ": y\r\n",
            " X: y\r\n",
            "X: y\r\n z\r\n",
            "X: a\0b\r\n",
            "X: y\n",
            "X: a\rb\r\n",
            "X Y: z\r\n",
            "(X): y\r\n",
            "X:\u{7f}\r\n",
            "\r\n",
        ]))
        .to_owned(),
        1 => format!(
            "Connection: {}\r\n",
            dice.of(&["close", "keep-alive", "x, close", "upgrade", "X-A", "te, x-b", ""])
        ),
        2 => format!("Expect: {}\r\n", dice.of(&["100-continue", "100-Continue", "x", "100-continue, x"])),
        3 => format!("Upgrade: {}\r\n", dice.of(&["h2c", "websocket", "TLS/1.0", "x/1, h2c", "", "a b"])),
        4 => format!("Transfer-Encoding: {}\r\n", coding(dice)),
        5 => format!("Content-Length: {}\r\n", length(dice)),
        6 => {
            format!("{}: chunked\r\n", dice.of(&["Transfer_Encoding", "Transfer-Encoding\t", "Transfer-Encodin", "TE"]))
        }
        7 => format!("{}: 1.2.3.4\r\n", dice.of(&["X-Forwarded-For", "x_forwarded_for", "X-Real-Ip", "Forwarded"])),
        _ => format!(
            "X-{}: {}\r\n",
            dice.of(&["A", "B", "C-d"]),
            dice.of(&["", "y", "a b", "caf\u{e9}", "a,b", "\"q\""])
        ),
    }
}

fn coding(dice: &mut Dice) -> &'static str {
    dice.of(&[
        "chunked",
        "Chunked",
        " chunked\t",
        "gzip, chunked",
        "chunked, gzip",
        "chunked, chunked",
        "identity",
        "",
        ",chunked",
        "chunked;x",
        "\u{b}chunked",
        "xchunked",
    ])
}

fn length(dice: &mut Dice) -> &'static str {
    dice.of(&["5", "0", "05", "+5", "-1", "5,5", "5 5", "", "0x5", "18446744073709551616", "5.", "1_0"])
}

/// The fields that delimit, and the content.
fn content(dice: &mut Dice) -> (String, Vec<u8>) {
    let text = &b"hello GET /smuggled HTTP/1.1\r\nHost: g\r\n\r\n0\r\n\r\n"[..];
    match dice.roll(10) {
        0..=4 => (String::new(), Vec::new()),
        5..=6 => {
            let length = dice.roll(text.len());
            let stated = if dice.once_in(15) { length + dice.roll(3) } else { length };
            (format!("Content-Length: {stated}\r\n"), text[..length].to_vec())
        }
        _ => ("Transfer-Encoding: chunked\r\n".to_owned(), chunks(dice, text)),
    }
}

fn chunks(dice: &mut Dice, text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for _ in 0..dice.roll(4) {
        let length = 1 + dice.roll(text.len() - 1);
        out.extend_from_slice(size(dice, length).as_bytes());
        out.extend_from_slice(&text[..length]);
        out.extend_from_slice(match dice.roll(100) {
            0 => dice.of(&[&b"\n"[..], b"\r", b"", b"\n\r", b"x\r\n"]),
            _ => b"\r\n",
        });
    }
    out.extend_from_slice(size(dice, 0).as_bytes());
    if dice.once_in(6) {
        out.extend_from_slice(
            dice.of(&[
                "X-Sum: 1\r\n",
                "Content-Length: 3\r\n",
                "Host: evil\r\n",
                "X : y\r\n",
                "x_forwarded_for: 1\r\n",
                " X: y\r\n",
                "X: y\n",
            ])
            .as_bytes(),
        );
    }
    out.extend_from_slice(if dice.once_in(100) { b"\n" } else { b"\r\n" });
    out
}

fn size(dice: &mut Dice, length: usize) -> String {
    let digits = match dice.roll(60) {
        0 => format!("{}{length:x}", dice.of(&["+", "-", "0x", " ", "0000000000000000", "\t", "_"])),
        1 => format!("{length:X}{}", dice.of(&[" ", "\t", "h", ",", "\0", "\r"])),
        2..=8 => format!("{length:X}"),
        9..=12 => format!("00{length:x}"),
        _ => format!("{length:x}"),
    };
    let extension = match dice.roll(20) {
        0 => dice.of(&[";", ";=", ";a=", "; a", ";a b", ";a=\"", ";a=\"\n\"", ";[", " ;a"]),
        1 => dice.of(&[";a", ";a=b", ";a=\"b;c\"", ";a;b=c", ";a=\"\\\"\""]),
        _ => "",
    };
    let end = if dice.once_in(150) { dice.of(&["\n", "\r", "\r\r\n"]) } else { "\r\n" };
    format!("{digits}{extension}{end}")
}
