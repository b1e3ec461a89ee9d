//! An origin that records every octet that reaches it, reads it strictly, and answers as a test says.
//!
//! It speaks HTTP/1.1 or HTTP/2, without a library for either. A request that is not in canonical form is a fault, and
//! so is an octet that belongs to no request.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::frames::{
    self, ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, Frame, HEADERS, PING, PREFACE, RST_STREAM,
};
use crate::frames::{GOAWAY, SETTINGS, WINDOW_UPDATE, frame};
use crate::hpack::{self, Decoder, Strings};
use crate::reader::{self, Field, Framing, Reading, Request};

/// What an origin speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http1,
    Http2,
}

/// A request that arrived whole, and by which connection.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) connection: usize,
    pub(crate) request: Request,
}

/// What an origin has seen.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) seen: Vec<Seen>,
    /// How many requests began and were given up.
    pub(crate) broken: usize,
    /// The connections on which a request has begun and is not whole.
    pub(crate) under_way: BTreeSet<usize>,
    pub(crate) faults: Vec<String>,
    /// Whether each connection, in order of their coming, has ended.
    pub(crate) ended: Vec<bool>,
}

/// When a request is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// As soon as its head is read.
    Head,
    Whole,
}

/// What becomes of the connection behind an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    Stay,
    Close,
}

/// The answer to the next request that is neither a marker nor a probe.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    /// HTTP/1.1: octets. HTTP/2: frames, their stream filled in.
    pub(crate) answer: Vec<u8>,
    pub(crate) when: When,
    pub(crate) then: Then,
}

/// A running origin. Dropping it closes its connections.
#[derive(Debug)]
pub(crate) struct Recorder {
    address: SocketAddr,
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

#[derive(Debug, Default)]
struct Shared {
    log: Mutex<Log>,
    script: Mutex<Option<Script>>,
    changed: tokio::sync::Notify,
}

impl Shared {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, change: impl FnOnce(&mut Log)) {
        change(&mut self.log());
        self.changed.notify_waiters();
    }

    fn is_under_way(&self, connection: usize, open: bool) {
        self.note(|log| {
            if open {
                log.under_way.insert(connection);
            } else {
                log.under_way.remove(&connection);
            }
        });
    }

    fn record(&self, connection: usize, request: &Request, faults: Vec<String>) {
        self.note(|log| {
            log.faults.extend(faults.into_iter().map(|fault| format!("{} {fault}", request.target.escape_ascii())));
            log.seen.push(Seen { connection, request: request.clone() });
        });
    }

    /// The script, if it is for this request and this moment.
    fn script_for(&self, request: &Request, when: When) -> Option<Script> {
        let mut script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        let aside = request.target.starts_with(b"/marker") || request.target.starts_with(b"/probe");
        script.take_if(|script| !aside && (script.when == when || when == When::Whole))
    }
}

impl Recorder {
    pub(crate) async fn start(protocol: Protocol) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared::default());
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, protocol, Arc::clone(&shared)));
        Self { address, shared, _tasks: tasks }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn log(&self) -> MutexGuard<'_, Log> {
        self.shared.log()
    }

    pub(crate) fn answer_with(&self, script: Option<Script>) {
        *self.shared.script.lock().unwrap_or_else(PoisonError::into_inner) = script;
    }

    /// Waits until the log is as wanted; `false` if it does not become so.
    pub(crate) async fn until(&self, wanted: impl Fn(&Log) -> bool) -> bool {
        let waiting = async {
            loop {
                let changed = self.shared.changed.notified();
                if wanted(&self.log()) {
                    return;
                }
                changed.await;
            }
        };
        tokio::time::timeout(landfall::testing::raw::PATIENCE, waiting).await.is_ok()
    }
}

async fn accept(listener: TcpListener, protocol: Protocol, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        let number = shared.log().ended.len();
        shared.log().ended.push(false);
        connections.spawn(async move {
            let _best_effort = stream.set_nodelay(true);
            match protocol {
                Protocol::Http1 => http1(stream, number, &shared).await,
                Protocol::Http2 => Http2::new(stream, number, &shared).run().await,
            }
            shared.note(|log| {
                log.ended[number] = true;
                log.under_way.remove(&number);
            });
        });
    }
}

/// How a body is answered for.
const PLAIN: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\nok";

async fn http1(mut stream: TcpStream, number: usize, shared: &Shared) {
    let mut octets = Vec::new();
    let mut answered = false;
    loop {
        let (request, length) = match reader::read(&octets, reader::OF_THE_PROXY) {
            Reading::Whole(request, length) if !octets.starts_with(b"\r\n") => (request, length),
            Reading::Open(head) => {
                let early = head.as_ref().filter(|_| !answered).and_then(|head| shared.script_for(head, When::Head));
                if let Some(script) = early {
                    answered = true;
                    if !say(&mut stream, &script).await {
                        shared.note(|log| log.broken += 1);
                        return;
                    }
                }
                shared.is_under_way(number, !octets.is_empty());
                if !matches!(stream.read_buf(&mut octets).await, Ok(read) if read > 0) {
                    if !octets.is_empty() {
                        shared.note(|log| log.broken += 1);
                    }
                    return;
                }
                continue;
            }
            wrong => {
                let shown = octets.get(..2048).unwrap_or(&octets).escape_ascii().to_string();
                shared.note(|log| log.faults.push(format!("{wrong:?}: {shown}")));
                return;
            }
        };
        let faults = reader::faults(&request, &octets[..length]);
        octets.drain(..length);
        let script = shared.script_for(&request, When::Whole);
        shared.record(number, &request, faults);
        if std::mem::take(&mut answered) {
            continue;
        }
        let script = script.unwrap_or_else(|| {
            let answer = if request.method == b"HEAD" { &PLAIN[..PLAIN.len() - 2] } else { PLAIN };
            Script { answer: answer.to_vec(), when: When::Whole, then: Then::Stay }
        });
        if !say(&mut stream, &script).await {
            return;
        }
    }
}

/// `false` if the connection is over.
async fn say(stream: &mut TcpStream, script: &Script) -> bool {
    let said = stream.write_all(&script.answer).await.is_ok();
    if script.then == Then::Close {
        let _best_effort = stream.shutdown().await;
        let mut rest = Vec::new();
        while matches!(stream.read_buf(&mut rest).await, Ok(read) if read > 0) {}
    }
    said && script.then == Then::Stay
}

/// A connection over HTTP/2.
struct Http2<'a> {
    stream: TcpStream,
    number: usize,
    shared: &'a Shared,
    octets: Vec<u8>,
    decoder: Decoder,
    /// Requests that are not whole yet, and whether their head is.
    open: BTreeMap<u32, Request>,
    /// The field section that is coming, its stream, and whether it ends the stream.
    section: Option<(u32, Vec<u8>, bool)>,
    answered: Vec<u32>,
}

impl<'a> Http2<'a> {
    fn new(stream: TcpStream, number: usize, shared: &'a Shared) -> Self {
        let (octets, decoder) = (Vec::new(), Decoder::default());
        let (open, answered) = (BTreeMap::new(), Vec::new());
        Self { stream, number, shared, octets, decoder, open, section: None, answered }
    }

    async fn run(mut self) {
        while self.octets.len() < PREFACE.len() {
            if !self.fill().await {
                return;
            }
        }
        if !self.octets.starts_with(PREFACE) {
            let shown = self.octets.escape_ascii().to_string();
            return self.shared.note(|log| log.faults.push(format!("no preface: {shown}")));
        }
        self.octets.drain(..PREFACE.len());
        self.send(frame(SETTINGS, 0, 0, &[])).await;
        loop {
            while let Some(frame) = frames::take(&mut self.octets) {
                match self.take(&frame).await {
                    Ok(true) => {}
                    Ok(false) => return,
                    Err(fault) => return self.shared.note(|log| log.faults.push(fault)),
                }
            }
            self.shared.is_under_way(self.number, !self.open.is_empty());
            if !self.fill().await {
                let broken = self.open.len();
                return self.shared.note(|log| log.broken += broken);
            }
        }
    }

    async fn fill(&mut self) -> bool {
        matches!(self.stream.read_buf(&mut self.octets).await, Ok(read) if read > 0)
    }

    async fn send(&mut self, octets: Vec<u8>) {
        // A connection that is gone shows when it is read.
        let _best_effort = self.stream.write_all(&octets).await;
    }

    /// `false` when the connection is over.
    async fn take(&mut self, taken: &Frame) -> Result<bool, String> {
        if self.section.is_some() && taken.kind != CONTINUATION {
            return Err("a frame within a field section".to_owned());
        }
        match taken.kind {
            HEADERS => self.section = Some((taken.stream, taken.content().to_vec(), taken.has(END_STREAM))),
            CONTINUATION => {
                let Some((_, section, _)) = &mut self.section else { return Err("a stray CONTINUATION".to_owned()) };
                section.extend_from_slice(&taken.payload);
            }
            DATA => return self.take_data(taken).await,
            RST_STREAM if self.open.remove(&taken.stream).is_some() && !self.answered.contains(&taken.stream) => {
                self.shared.note(|log| log.broken += 1);
            }
            SETTINGS if !taken.has(ACK) => self.send(frame(SETTINGS, ACK, 0, &[])).await,
            PING if !taken.has(ACK) => self.send(frame(PING, ACK, 0, &taken.payload)).await,
            GOAWAY => return Ok(false),
            _ => {}
        }
        if matches!(taken.kind, HEADERS | CONTINUATION)
            && taken.has(END_HEADERS)
            && let Some((stream, section, last)) = self.section.take()
        {
            return self.take_section(stream, &section, last).await;
        }
        Ok(true)
    }

    async fn take_section(&mut self, stream: u32, section: &[u8], last: bool) -> Result<bool, String> {
        let fields = self.decoder.decode(section)?;
        if let Some(request) = self.open.get_mut(&stream) {
            request.trailers = fields;
        } else {
            let request = request_of(fields, last)?;
            if let Some(script) = self.shared.script_for(&request, When::Head) {
                self.answered.push(stream);
                self.open.insert(stream, request);
                return Ok(self.say(stream, &script).await);
            }
            self.open.insert(stream, request);
        }
        if last { self.finish(stream).await } else { Ok(true) }
    }

    async fn take_data(&mut self, taken: &Frame) -> Result<bool, String> {
        if !taken.payload.is_empty() {
            let room = u32::try_from(taken.payload.len()).unwrap().to_be_bytes();
            self.send([frame(WINDOW_UPDATE, 0, 0, &room), frame(WINDOW_UPDATE, 0, taken.stream, &room)].concat()).await;
        }
        match self.open.get_mut(&taken.stream) {
            Some(request) => request.body.extend_from_slice(taken.content()),
            None if self.answered.contains(&taken.stream) => {}
            None => return Err("DATA for no request".to_owned()),
        }
        if taken.has(END_STREAM) { self.finish(taken.stream).await } else { Ok(true) }
    }

    async fn finish(&mut self, stream: u32) -> Result<bool, String> {
        let Some(request) = self.open.remove(&stream) else { return Ok(true) };
        let script = self.shared.script_for(&request, When::Whole);
        self.shared.record(self.number, &request, faults(&request));
        if self.answered.contains(&stream) {
            return Ok(true);
        }
        let script = script.unwrap_or_else(|| {
            let head = request.method == b"HEAD";
            let mut answer =
                head_frame(&[(":status", "200"), ("content-length", "2")], if head { END_STREAM } else { 0 });
            if !head {
                answer.extend_from_slice(&frame(DATA, END_STREAM, 1, b"ok"));
            }
            Script { answer, when: When::Whole, then: Then::Stay }
        });
        Ok(self.say(stream, &script).await)
    }

    async fn say(&mut self, stream: u32, script: &Script) -> bool {
        let mut rest = script.answer.clone();
        let mut said = Vec::new();
        while let Some(Frame { kind, flags, stream: own, payload }) = frames::take(&mut rest) {
            said.extend_from_slice(&frame(kind, flags, if own == 0 { 0 } else { stream }, &payload));
        }
        self.send(said).await;
        script.then == Then::Stay
    }
}

/// A HEADERS frame of stream 1.
pub(crate) fn head_frame(fields: &[(&str, &str)], flags: u8) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        hpack::put_string(&mut block, name.as_bytes(), Strings::Plain);
        hpack::put_string(&mut block, value.as_bytes(), Strings::Plain);
    }
    frame(HEADERS, END_HEADERS | flags, 1, &block)
}

/// A request from its field section. RFC 9113 §8.3: the pseudo-fields first, each once.
fn request_of(fields: Vec<Field>, last: bool) -> Result<Request, String> {
    let mut request = Request { minor: 1, ..Request::default() };
    let mut scheme = None;
    for (name, value) in fields {
        let place = match &name[..] {
            b":method" => &mut request.method,
            b":path" => &mut request.target,
            b":scheme" => scheme.insert(Vec::new()),
            b":authority" => {
                request.fields.push((b"host".to_vec(), value));
                continue;
            }
            _ if name.starts_with(b":") => return Err(format!("an unknown {}", name.escape_ascii())),
            _ => {
                request.fields.push((name, value));
                continue;
            }
        };
        if !place.is_empty() || request.fields.iter().any(|(name, _)| name != b"host") {
            return Err(format!("{} twice or late", name.escape_ascii()));
        }
        *place = value;
    }
    if request.method.is_empty() || request.target.is_empty() || scheme.is_none_or(|scheme| scheme != b"http") {
        return Err(format!("a pseudo-field is missing: {request:?}"));
    }
    request.framing = match request.one("content-length") {
        Some(length) => {
            let length = std::str::from_utf8(length).ok().and_then(|text| text.parse().ok());
            Framing::Length(length.ok_or("no length")?)
        }
        None if last => Framing::None,
        None => Framing::Chunked,
    };
    Ok(request)
}

/// Why a request that reached a backend over HTTP/2 is not the canonical one.
fn faults(request: &Request) -> Vec<String> {
    let mut faults = reader::common_faults(request);
    for (name, value) in request.fields.iter().chain(&request.trailers) {
        let legal = |octet: &u8| reader::is_token(*octet) && !octet.is_ascii_uppercase();
        if name.is_empty() || !name.iter().all(legal) {
            faults.push(format!("has the field name {:?}", name.escape_ascii().to_string()));
        }
        let blank = |octet: Option<&u8>| matches!(octet, Some(b' ' | b'\t'));
        let control = value.iter().any(|octet| matches!(octet, 0..=8 | 10..=31 | 127));
        if control || blank(value.first()) || blank(value.last()) {
            faults.push(format!("has the value {:?}", value.escape_ascii().to_string()));
        }
    }
    for name in ["connection", "transfer-encoding", "upgrade", "keep-alive", "proxy-connection"] {
        if request.all(name).next().is_some() {
            faults.push(format!("carries {name}"));
        }
    }
    if request.one("te").is_some_and(|te| te != b"trailers") || request.all("te").count() > 1 {
        faults.push("has a te that is not trailers".to_owned());
    }
    if request.one("host").is_none() {
        faults.push("has not one authority".to_owned());
    }
    if let Framing::Length(length) = request.framing
        && length != request.body.len() as u64
    {
        faults.push(format!("states {length} octets and has {}", request.body.len()));
    }
    faults
}
