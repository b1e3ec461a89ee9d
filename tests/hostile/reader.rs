//! HTTP/1.1 requests read a second time, as plainly as RFC 9112 reads and as strictly as it allows: the oracle of what
//! reaches a backend, and the model of what may. It shares nothing with the codec under test.

use std::fmt;

/// The bounds that the proxy states.
const MAX_TRAILER_FIELDS: usize = 100;
const MAX_TARGET: usize = 16 * 1024;
const MAX_METHOD: usize = 64;
const MAX_EXTENSIONS: usize = 1024;
const MAX_TRAILERS: usize = 8 * 1024;

/// A field: its name as written, its value without white space around it.
pub(crate) type Field = (Vec<u8>, Vec<u8>);

/// How a request's content is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Framing {
    #[default]
    None,
    Length(u64),
    Chunked,
}

/// A request, from octets or from frames.
#[derive(Clone, PartialEq, Eq, Default)]
pub(crate) struct Request {
    pub(crate) method: Vec<u8>,
    pub(crate) target: Vec<u8>,
    /// The minor version of HTTP/1.
    pub(crate) minor: u8,
    pub(crate) fields: Vec<Field>,
    pub(crate) framing: Framing,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Vec<Field>,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = self.body.get(..40).unwrap_or(&self.body).escape_ascii();
        let (method, target) =
            (self.method.escape_ascii(), self.target.get(..80).unwrap_or(&self.target).escape_ascii());
        write!(f, "{method} {target} {:?} \"{body}\"", self.framing)?;
        for (name, value) in self.fields.iter().chain(&self.trailers).take(30) {
            write!(f, " {}: {};", name.escape_ascii(), value.get(..80).unwrap_or(value).escape_ascii())?;
        }
        Ok(())
    }
}

impl Request {
    /// All values of a field, whatever the case of its name.
    pub(crate) fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.fields.iter().filter(move |field| field.0.eq_ignore_ascii_case(name.as_bytes())).map(|field| &field.1[..])
    }

    /// The value of a field that stands once.
    pub(crate) fn one(&self, name: &str) -> Option<&[u8]> {
        let mut all = self.all(name);
        let first = all.next();
        if all.next().is_some() { None } else { first }
    }
}

/// What stands at the beginning of a stream of octets.
#[derive(Debug)]
pub(crate) enum Reading {
    /// A request and how many octets it took.
    Whole(Box<Request>, usize),
    /// A request that is not whole yet; with its head, if that is.
    Open(Option<Box<Request>>),
    /// No request: the head cannot be read.
    BadHead(#[expect(dead_code, reason = "shown where it is no request that a test expects")] &'static str),
    /// The head can be read, the content cannot.
    BadBody(Box<Request>, #[expect(dead_code, reason = "as above")] &'static str),
}

/// What a reader takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    head: usize,
    fields: usize,
}

/// Of what clients may send.
pub(crate) const OF_CLIENTS: Bounds = Bounds { head: 32 * 1024, fields: 100 };
/// Of what the proxy may send: that, and what it adds.
pub(crate) const OF_THE_PROXY: Bounds = Bounds { head: 34 * 1024, fields: 115 };

/// Reads one request.
pub(crate) fn read(octets: &[u8], bounds: Bounds) -> Reading {
    let mut at = 0;
    while octets[at..].starts_with(b"\r\n") {
        at += 2;
        if at > 8 {
            return Reading::BadHead("more than four empty lines");
        }
    }
    let (mut request, length) = match read_head(&octets[at..], bounds) {
        Ok(Some(head)) => head,
        Ok(None) => return Reading::Open(None),
        Err(why) => return Reading::BadHead(why),
    };
    let rest = &octets[at + length..];
    match read_body(rest, &mut request) {
        Ok(Some(body)) => Reading::Whole(Box::new(request), at + length + body),
        Ok(None) => Reading::Open(Some(Box::new(request))),
        Err(why) => Reading::BadBody(Box::new(request), why),
    }
}

/// The lines of a head, each without its CRLF, and how many octets they took with the empty line.
type Lines<'o> = (Vec<&'o [u8]>, usize);

fn lines(octets: &[u8], bound: usize) -> Result<Option<Lines<'_>>, &'static str> {
    let mut found = Vec::new();
    let mut start = 0;
    for at in 0..octets.len().min(bound) {
        match octets[at] {
            b'\n' if at == 0 || octets[at - 1] != b'\r' => return Err("a line feed without a carriage return"),
            b'\n' if at - 1 == start => return Ok(Some((found, at + 1))),
            b'\n' => {
                found.push(&octets[start..at - 1]);
                start = at + 1;
            }
            _ => {}
        }
    }
    if octets.len() >= bound { Err("a head that is too long") } else { Ok(None) }
}

fn read_head(octets: &[u8], bounds: Bounds) -> Result<Option<(Request, usize)>, &'static str> {
    let Some((lines, length)) = lines(octets, bounds.head)? else { return Ok(None) };
    let (start, fields) = lines.split_first().ok_or("no request line")?;
    let mut request = read_start(start)?;
    if fields.len() > bounds.fields {
        return Err("too many fields");
    }
    for line in fields {
        request.fields.push(read_field(line)?);
    }
    request.framing = read_framing(&request)?;
    Ok(Some((request, length)))
}

fn read_start(line: &[u8]) -> Result<Request, &'static str> {
    let words: Vec<_> = line.split(|octet| *octet == b' ').collect();
    let [method, target, version] = words[..] else { return Err("a request line that is not of three words") };
    if method.is_empty() || method.len() > MAX_METHOD || !method.iter().all(|octet| is_token(*octet)) {
        return Err("no method");
    }
    let visible = |octet: &u8| (0x21..=0x7e).contains(octet) && *octet != b'#';
    if target.is_empty() || target.len() > MAX_TARGET || !target.iter().all(visible) {
        return Err("no target");
    }
    let minor = match version {
        b"HTTP/1.0" => 0,
        b"HTTP/1.1" => 1,
        _ => return Err("no version of HTTP/1"),
    };
    Ok(Request { method: method.to_vec(), target: target.to_vec(), minor, ..Request::default() })
}

fn read_field(line: &[u8]) -> Result<Field, &'static str> {
    let colon = line.iter().position(|octet| *octet == b':').ok_or("a field without a colon")?;
    let (name, value) = (&line[..colon], trim(&line[colon + 1..]));
    if name.is_empty() || !name.iter().all(|octet| is_token(*octet)) {
        return Err("no field name");
    }
    if value.iter().any(|octet| matches!(octet, 0..=8 | 10..=31 | 127)) {
        return Err("a control character in a value");
    }
    Ok((name.to_vec(), value.to_vec()))
}

/// One length, or none, or `chunked`.
fn read_framing(request: &Request) -> Result<Framing, &'static str> {
    let lengths: Vec<_> = request.all("content-length").collect();
    let codings: Vec<_> = request.all("transfer-encoding").collect();
    match (&lengths[..], &codings[..]) {
        ([], []) => Ok(Framing::None),
        ([], [coding]) if coding.eq_ignore_ascii_case(b"chunked") && request.minor == 1 => Ok(Framing::Chunked),
        ([length], []) => {
            let text = std::str::from_utf8(length).map_err(|_| "no length")?;
            let digits = !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
            if !digits || (text.len() > 1 && text.starts_with('0')) {
                return Err("no length");
            }
            text.parse().map(Framing::Length).map_err(|_| "a length that is too large")
        }
        _ => Err("two lengths, or a coding that is not chunked"),
    }
}

fn read_body(octets: &[u8], request: &mut Request) -> Result<Option<usize>, &'static str> {
    match request.framing {
        Framing::None => Ok(Some(0)),
        Framing::Length(length) => {
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            let body = octets.get(..length);
            request.body = body.unwrap_or(octets).to_vec();
            Ok(body.map(<[u8]>::len))
        }
        Framing::Chunked => read_chunks(octets, request),
    }
}

/// One line that must end with CRLF, and where the next begins.
fn line_at(octets: &[u8], at: usize) -> Result<Option<(&[u8], usize)>, &'static str> {
    let Some(rest) = octets.get(at..) else { return Ok(None) };
    match rest.iter().position(|octet| *octet == b'\n') {
        Some(0) => Err("a line feed without a carriage return"),
        Some(feed) if rest[feed - 1] != b'\r' => Err("a line feed without a carriage return"),
        Some(feed) => Ok(Some((&rest[..feed - 1], at + feed + 1))),
        None => Ok(None),
    }
}

fn read_chunks(octets: &[u8], request: &mut Request) -> Result<Option<usize>, &'static str> {
    let (mut at, mut extensions) = (0, 0);
    loop {
        let next = line_at(octets, at)?;
        // What is wrong already needs no end of its line.
        let Some((line, _)) = next else { return check_open_size(&octets[at..]).map(|()| None) };
        let digits = line.iter().position(|octet| *octet == b';').unwrap_or(line.len());
        let size = read_size(&line[..digits])?;
        extensions += line.len() - digits;
        if extensions > MAX_EXTENSIONS {
            return Err("chunk extensions that are too long");
        }
        check_extensions(&line[digits..])?;
        at = next.map_or(at, |(_, next)| next);
        if size == 0 {
            return read_trailers(octets, at, request);
        }
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let end = at.saturating_add(size);
        let Some(data) = octets.get(at..end) else {
            request.body.extend_from_slice(&octets[at..]);
            return Ok(None);
        };
        request.body.extend_from_slice(data);
        match octets.get(end..) {
            Some([b'\r', b'\n', ..]) => at = end + 2,
            Some([] | [b'\r']) | None => return Ok(None),
            Some(_) => return Err("a chunk that does not end where it says"),
        }
    }
}

fn check_open_size(octets: &[u8]) -> Result<(), &'static str> {
    let digits = octets.iter().take_while(|octet| octet.is_ascii_hexdigit()).count();
    match octets.get(digits..) {
        Some([] | [b'\r']) | None if digits <= 16 => Ok(()),
        Some([b';', ..]) if digits > 0 && octets.len() - digits <= MAX_EXTENSIONS => Ok(()),
        _ => Err("no chunk size"),
    }
}

fn read_size(digits: &[u8]) -> Result<u64, &'static str> {
    let text = std::str::from_utf8(digits).map_err(|_| "no chunk size")?;
    if text.is_empty() || text.len() > 16 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err("no chunk size");
    }
    u64::from_str_radix(text, 16).map_err(|_| "no chunk size")
}

/// RFC 9112 §7.1.1 without the white space that senders must not generate.
fn check_extensions(text: &[u8]) -> Result<(), &'static str> {
    const WRONG: &str = "no chunk extension";
    let mut rest = text;
    while let [b';', after @ ..] = rest {
        let name = after.iter().take_while(|octet| is_token(**octet)).count();
        if name == 0 {
            return Err(WRONG);
        }
        rest = &after[name..];
        let [b'=', after @ ..] = rest else { continue };
        rest = match after {
            [b'"', quoted @ ..] => end_of_quoted(quoted).ok_or(WRONG)?,
            plain => {
                let value = plain.iter().take_while(|octet| is_token(**octet)).count();
                if value == 0 {
                    return Err(WRONG);
                }
                &plain[value..]
            }
        };
    }
    if rest.is_empty() { Ok(()) } else { Err(WRONG) }
}

fn end_of_quoted(mut text: &[u8]) -> Option<&[u8]> {
    let legal = |octet: u8| octet == b'\t' || (octet >= b' ' && octet != 0x7f);
    loop {
        text = match text {
            [b'"', rest @ ..] => return Some(rest),
            [b'\\', octet, rest @ ..] if legal(*octet) => rest,
            [b'\\', ..] => return None,
            [octet, rest @ ..] if legal(*octet) => rest,
            _ => return None,
        };
    }
}

fn read_trailers(octets: &[u8], start: usize, request: &mut Request) -> Result<Option<usize>, &'static str> {
    let mut at = start;
    loop {
        let next = line_at(octets, at)?;
        if next.map_or(octets.len(), |(_, next)| next) - start > MAX_TRAILERS {
            return Err("trailers that are too long");
        }
        let Some((line, next)) = next else { return Ok(None) };
        at = next;
        if line.is_empty() {
            return Ok(Some(at));
        }
        request.trailers.push(read_field(line)?);
        if request.trailers.len() > MAX_TRAILER_FIELDS {
            return Err("too many trailers");
        }
    }
}

pub(crate) fn is_token(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&octet)
}

fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

/// The request as its one canonical writing: what the octets that reach a backend must equal. The sizes of chunks are
/// the sender's choice and given.
pub(crate) fn write(request: &Request, chunks: &[usize]) -> Vec<u8> {
    let mut octets = [&request.method[..], b" ", &request.target, b" HTTP/1.1\r\n"].concat();
    for (name, value) in &request.fields {
        octets.extend_from_slice(&[name, &b": "[..], value, b"\r\n"].concat());
    }
    octets.extend_from_slice(b"\r\n");
    if request.framing != Framing::Chunked {
        octets.extend_from_slice(&request.body);
        return octets;
    }
    let mut rest = &request.body[..];
    for size in chunks {
        let (data, behind) = rest.split_at(*size);
        octets.extend_from_slice(format!("{size:x}\r\n").as_bytes());
        octets.extend_from_slice(data);
        octets.extend_from_slice(b"\r\n");
        rest = behind;
    }
    octets.extend_from_slice(b"0\r\n");
    for (name, value) in &request.trailers {
        octets.extend_from_slice(&[name, &b": "[..], value, b"\r\n"].concat());
    }
    octets.extend_from_slice(b"\r\n");
    octets
}

/// The sizes of the chunks of a message that can be read.
fn chunk_sizes(octets: &[u8]) -> Vec<usize> {
    let mut sizes = Vec::new();
    let mut at = 0;
    while let Ok(Some((line, next))) = line_at(octets, at) {
        let digits: Vec<u8> = line.iter().copied().take_while(u8::is_ascii_hexdigit).collect();
        match read_size(&digits) {
            Ok(size) if size > 0 => {
                let size = usize::try_from(size).unwrap_or(usize::MAX);
                sizes.push(size);
                at = next.saturating_add(size).saturating_add(2);
            }
            _ => break,
        }
    }
    sizes
}

/// Why a request that reached a backend over HTTP/1.1 is not the canonical one; `octets` are those that it took.
pub(crate) fn faults(request: &Request, octets: &[u8]) -> Vec<String> {
    let mut faults = Vec::new();
    let head = octets.windows(4).position(|four| four == b"\r\n\r\n").map_or(octets.len(), |at| at + 4);
    if write(request, &chunk_sizes(&octets[head..])) != octets {
        faults.push(format!("is not in canonical form: {}", octets.escape_ascii()));
    }
    if request.one("host").is_none() || request.fields.first().is_none_or(|(name, _)| name != b"Host") {
        faults.push("does not begin with its one Host".to_owned());
    }
    faults.extend(common_faults(request));
    for name in ["connection", "upgrade", "te"] {
        if request.all(name).count() > 1 {
            faults.push(format!("has more than one {name}"));
        }
    }
    match request.one("connection") {
        None | Some(b"upgrade" | b"TE") => {}
        Some(other) => faults.push(format!("nominates {}", other.escape_ascii())),
    }
    faults
}

/// What no request may carry, whatever the version.
pub(crate) fn common_faults(request: &Request) -> Vec<String> {
    let mut faults = Vec::new();
    for name in
        ["keep-alive", "proxy-connection", "proxy-authorization", "expect", "http2-settings", "trailer", "proxy"]
    {
        if request.all(name).next().is_some() {
            faults.push(format!("carries {name}"));
        }
    }
    for (name, _) in &request.fields {
        if name.contains(&b'_') {
            faults.push(format!("carries the underscored {}", name.escape_ascii()));
        }
    }
    for name in ["content-length", "x-forwarded-for", "x-real-ip", "x-request-id", "x-forwarded-proto", "x-scheme"] {
        if request.all(name).count() > 1 {
            faults.push(format!("has more than one {name}"));
        }
    }
    if request.target.starts_with(b"/") && has_dot_segment(&request.target) {
        faults.push(format!("has dot segments: {}", request.target.escape_ascii()));
    }
    if request.trailers.iter().any(|(name, _)| is_forbidden_trailer(name)) {
        faults.push(format!("has trailers that change it: {:?}", request.trailers));
    }
    faults
}

/// A dot segment of the path, literal or encoded.
fn has_dot_segment(target: &[u8]) -> bool {
    let path = target.split(|octet| *octet == b'?').next().unwrap_or_default();
    let text = String::from_utf8_lossy(path).to_ascii_lowercase().replace("%2e", ".").replace("%2f", "/");
    text.split('/').any(|segment| segment == "." || segment == "..")
}

fn is_forbidden_trailer(name: &[u8]) -> bool {
    let name = String::from_utf8_lossy(name).to_ascii_lowercase().replace('_', "-");
    let forbidden = ["content-length", "transfer-encoding", "host", "authorization", "cookie", "content-type", "te"];
    forbidden.contains(&name.as_str()) || name.starts_with("x-forwarded-") || name.starts_with("ssl-client-")
}
