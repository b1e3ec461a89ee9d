//! What must become of a connection's octets, by a model that shares nothing with the proxy: which requests reach the
//! backend, which are answered otherwise, and where the reading ends.

use crate::reader::{self, Framing, OF_CLIENTS, Reading, Request};

/// The default of `proxy-body-size`.
const MAX_BODY: u64 = 1 << 20;

/// What becomes of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fate {
    Forwarded(Forwarded),
    /// Nobody serves its host. With its method.
    NotFound(Vec<u8>),
}

/// A request as the backend must see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Forwarded {
    pub(crate) method: Vec<u8>,
    pub(crate) target: Vec<u8>,
    pub(crate) host: Vec<u8>,
    pub(crate) body: Vec<u8>,
}

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// With the last whole request, or within content that is not whole.
    Quiet,
    /// Within a head or a chunk, which may be refused for what is there of it.
    Unfinished,
    /// What follows is refused with an answer, or (another protocol's) without.
    Refused,
    /// Content that cannot be read; a refusal may be said or not.
    Broken,
}

/// What must become of all octets of a connection.
#[derive(Debug)]
pub(crate) struct Expected {
    pub(crate) fates: Vec<Fate>,
    pub(crate) end: End,
}

/// Reads a connection whose client closes behind the octets; `served` is the host that is served.
pub(crate) fn expect(octets: &[u8], served: &str) -> Expected {
    let mut fates = Vec::new();
    let mut rest = octets;
    loop {
        let (request, length) = match reader::read(rest, OF_CLIENTS) {
            Reading::Whole(request, length) => (request, length),
            Reading::BadHead(_) => return Expected { fates, end: End::Refused },
            Reading::Open(None) => {
                let end = if rest.is_empty() { End::Quiet } else { End::Unfinished };
                return Expected { fates, end };
            }
            Reading::Open(Some(request)) => {
                // A chunk may be refused for the beginning of its size line.
                let end = if request.framing == Framing::Chunked { End::Unfinished } else { End::Quiet };
                return within(&request, served, fates, end);
            }
            Reading::BadBody(request, _) => return within(&request, served, fates, End::Broken),
        };
        let Some(fate) = fate(&request, served) else { return Expected { fates, end: End::Refused } };
        let unread = matches!(fate, Fate::NotFound(_)) && expects_continue(&request) && !request.body.is_empty();
        fates.push(fate);
        if unread || closes(&request) {
            return Expected { fates, end: End::Quiet };
        }
        rest = &rest[length..];
    }
}

/// The end within a request whose content is not there, or cannot be read.
fn within(request: &Request, served: &str, mut fates: Vec<Fate>, end: End) -> Expected {
    match fate(request, served) {
        None => Expected { fates, end: End::Refused },
        Some(fate @ Fate::NotFound(_)) => {
            fates.push(fate);
            Expected { fates, end: End::Quiet }
        }
        Some(Fate::Forwarded(_)) => Expected { fates, end },
    }
}

fn closes(request: &Request) -> bool {
    let options = || request.all("connection").flat_map(|value| value.split(|octet| *octet == b','));
    let says = |word: &[u8]| options().any(|option| option.trim_ascii().eq_ignore_ascii_case(word));
    says(b"close") || (request.minor == 0 && !says(b"keep-alive"))
}

fn expects_continue(request: &Request) -> bool {
    request.minor == 1 && request.all("expect").next().is_some()
}

/// `None` for a request that is refused.
fn fate(request: &Request, served: &str) -> Option<Fate> {
    if matches!(&request.method[..], b"CONNECT" | b"TRACE") || request.all("host").count() > 1 {
        return None;
    }
    let expectations: Vec<_> = request.all("expect").collect();
    match expectations[..] {
        [] => {}
        [one] if request.minor == 0 || one.eq_ignore_ascii_case(b"100-continue") => {}
        _ => return None,
    }
    if request.all("connection").flat_map(|value| value.split(|octet| *octet == b',')).count() > 64 {
        return None;
    }
    if request.all("upgrade").count() > 1 || upgrades_with_content(request) {
        return None;
    }
    let (authority, target) = take_target(request)?;
    let field = request.one("host");
    if field.is_some_and(|host| host_of(host).is_none()) {
        return None;
    }
    let authority = match (authority, field) {
        (_, None) if request.minor == 1 => return None,
        (Some(authority), _) => Some(authority),
        (None, field) => field.map(<[u8]>::to_vec),
    };
    let target = canonical(&target)?;
    let Some(authority) = authority else { return Some(Fate::NotFound(request.method.clone())) };
    if host_of(&authority)? != served.as_bytes() {
        return Some(Fate::NotFound(request.method.clone()));
    }
    if matches!(request.framing, Framing::Length(length) if length > MAX_BODY) {
        return None;
    }
    let (method, body) = (request.method.clone(), request.body.clone());
    Some(Fate::Forwarded(Forwarded { method, target, host: authority, body }))
}

/// An upgrade that would be passed on, on a request with content.
fn upgrades_with_content(request: &Request) -> bool {
    let content = !matches!(request.framing, Framing::None | Framing::Length(0));
    let options = || request.all("connection").flat_map(|value| value.split(|octet| *octet == b','));
    let asked = options().any(|option| option.trim_ascii().eq_ignore_ascii_case(b"upgrade"));
    let offered = request.one("upgrade").is_some_and(|value| {
        value.split(|octet| *octet == b',').map(<[u8]>::trim_ascii).any(|protocol| {
            let mut parts = protocol.splitn(2, |octet| *octet == b'/');
            let token = |text: &[u8]| !text.is_empty() && text.iter().all(|octet| reader::is_token(*octet));
            let name = parts.next().unwrap_or_default();
            let stripped = [&b"http"[..], b"h2c", b"tls"].iter().any(|known| name.eq_ignore_ascii_case(known));
            let misplaced = name.eq_ignore_ascii_case(b"websocket") && request.method != b"GET";
            token(name) && parts.next().is_none_or(token) && !stripped && !misplaced
        })
    });
    content && asked && offered && request.minor == 1
}

/// The authority of an absolute form, and the target in origin form or `*`.
fn take_target(request: &Request) -> Option<(Option<Vec<u8>>, Vec<u8>)> {
    let text = &request.target[..];
    if text.first() == Some(&b'/') || (text == b"*" && request.method == b"OPTIONS") {
        return Some((None, text.to_vec()));
    }
    let colon = text.windows(3).position(|three| three == b"://")?;
    if !text[..colon].eq_ignore_ascii_case(b"http") && !text[..colon].eq_ignore_ascii_case(b"https") {
        return None;
    }
    let rest = &text[colon + 3..];
    let end = rest.iter().position(|octet| matches!(octet, b'/' | b'?')).unwrap_or(rest.len());
    let (authority, target) = rest.split_at(end);
    host_of(authority)?;
    let target = match target {
        [] if request.method == b"OPTIONS" => b"*".to_vec(),
        [b'/', ..] => target.to_vec(),
        _ => [b"/", target].concat(),
    };
    Some((Some(authority.to_vec()), target))
}

/// The host of an authority, in lower case and without a trailing dot.
fn host_of(authority: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(authority).ok()?.to_ascii_lowercase();
    let bracket = text.find(']').map_or(0, |at| at + 1);
    let (host, port) = match text[bracket..].find(':') {
        Some(at) => (&text[..bracket + at], Some(&text[bracket + at + 1..])),
        None => (&text[..], None),
    };
    let legal = |port: &str| {
        (1..=5).contains(&port.len()) && port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok()
    };
    if !port.is_none_or(legal) {
        return None;
    }
    if let Some(inner) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return inner.parse::<std::net::Ipv6Addr>().ok().map(|_| host.as_bytes().to_vec());
    }
    let name = host.strip_suffix('.').unwrap_or(host);
    let label = |label: &str| {
        (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    (name.len() <= 253 && name.split('.').all(label)).then(|| name.as_bytes().to_vec())
}

/// The target that is sent: as it came, but the canonical path if it holds dot segments.
fn canonical(target: &[u8]) -> Option<Vec<u8>> {
    if target == b"*" {
        return Some(target.to_vec());
    }
    let (path, query) = match target.iter().position(|octet| *octet == b'?') {
        Some(mark) => (&target[..mark], &target[mark..]),
        None => (target, &[][..]),
    };
    let resolved = resolve(&decode(path)?)?;
    if !resolved.dots {
        return Some(target.to_vec());
    }
    let mut sent = Vec::new();
    encode(&resolved.path, &mut sent);
    Some([&sent[..], query].concat())
}

/// The canonical path of a target in origin form.
pub(crate) fn canonical_path(target: &[u8]) -> Option<Vec<u8>> {
    let path = target.split(|octet| *octet == b'?').next().unwrap_or_default();
    Some(resolve(&decode(path)?)?.path)
}

/// A path without dot segments and empty ones.
struct Resolved {
    path: Vec<u8>,
    /// Whether there were dot segments.
    dots: bool,
}

fn resolve(decoded: &[u8]) -> Option<Resolved> {
    let mut segments: Vec<&[u8]> = Vec::new();
    let (mut dots, mut open) = (false, false);
    for segment in decoded.split(|octet| *octet == b'/').filter(|segment| !segment.is_empty()) {
        open = matches!(segment, b"." | b"..");
        dots |= open;
        match segment {
            b"." => {}
            b".." => drop(segments.pop()?),
            other => segments.push(other),
        }
    }
    let mut path: Vec<u8> = segments.iter().flat_map(|segment| [b"/", *segment].concat()).collect();
    if segments.is_empty() || open || decoded.ends_with(b"/") {
        path.push(b'/');
    }
    Some(Resolved { path, dots })
}

fn decode(path: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::new();
    let mut rest = path;
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        decoded.push(match first {
            b'%' => {
                let digits = rest.get(..2).filter(|two| two.iter().all(u8::is_ascii_hexdigit))?;
                rest = &rest[2..];
                u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok().filter(|octet| *octet != 0)?
            }
            b'\\' => return None,
            other => *other,
        });
    }
    Some(decoded)
}

fn encode(path: &[u8], out: &mut Vec<u8>) {
    for octet in path {
        if octet.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@".contains(octet) {
            out.push(*octet);
        } else {
            out.extend_from_slice(format!("%{octet:02X}").as_bytes());
        }
    }
}
