//! The origin over HTTP/1.1.

use anyhow::{Context as _, Result, ensure};
use memchr::memmem;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::demand::{Forwarded, LastId};
use super::{Demand, websocket};
use crate::body::{Body, Check};
use crate::order::{ANSWER, Action, Order};
use crate::wire::{Framing, Wire, append_chunks};

const MAX_FIELDS: usize = 48;

/// Bodies up to this size go out in one write with their head.
const TOGETHER: usize = 64 * 1024;

/// What is left to know of a request whose head was consumed.
struct Head {
    order: Order,
    framing: Option<Framing>,
    websocket_key: Option<String>,
    /// What is wrong with the request, if something is.
    fault: Option<String>,
}

/// Serves one connection to its end.
pub(crate) async fn serve(stream: TcpStream, demand: Demand) -> Result<()> {
    let mut wire = Wire::new(stream);
    let mut out = Vec::with_capacity(1024);
    let mut last = LastId::new();
    loop {
        let Some(end) = head_end(&mut wire).await? else { return Ok(()) };
        let head = read_head(&wire.unread()[..end], demand, &mut last)?;
        wire.consume(end);
        out.clear();
        if let Some(fault) = head.fault {
            return refuse(&mut wire.stream, &fault).await;
        }
        if let Some(key) = head.websocket_key {
            return websocket::serve(wire, &key).await;
        }
        if let Err(fault) = receive(&mut wire, &head).await {
            return refuse(&mut wire.stream, &format!("{fault:#}")).await;
        }
        answer(&mut wire.stream, &head.order, &mut out).await?;
    }
}

/// Waits for a head, and gives its length. None is the end of the connection between two messages.
async fn head_end(wire: &mut Wire<TcpStream>) -> Result<Option<usize>> {
    loop {
        if let Some(end) = memmem::find(wire.unread(), b"\r\n\r\n") {
            return Ok(Some(end + 4));
        }
        if wire.fill().await? == 0 {
            ensure!(wire.unread().is_empty(), "the connection ends within a head");
            return Ok(None);
        }
    }
}

fn read_head(octets: &[u8], demand: Demand, last: &mut LastId) -> Result<Head> {
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    request.parse(octets).context("a head that is none")?;
    let order = Order::parse(request.path.unwrap_or_default())?;
    let mut head = Head { order, framing: None, websocket_key: None, fault: None };
    let mut forwarded = Forwarded::default();
    let mut verified = Ok(());
    for field in request.headers.iter() {
        let name = field.name;
        if name.eq_ignore_ascii_case("content-length") {
            let length = std::str::from_utf8(field.value)?.parse().context("Content-Length is a number")?;
            head.framing = Some(Framing::Length(length));
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            head.framing = Some(Framing::Chunked);
        } else if name.eq_ignore_ascii_case("sec-websocket-key") {
            head.websocket_key = Some(String::from_utf8_lossy(field.value).into_owned());
        }
        verified = verified.and_then(|()| forwarded.field(name, field.value));
    }
    verified = verified.and_then(|()| forwarded.verify(demand, &order, last));
    head.fault = verified.err().map(|fault| format!("{fault:#}"));
    Ok(head)
}

/// Reads the body that the request is to have.
async fn receive(wire: &mut Wire<TcpStream>, head: &Head) -> Result<()> {
    let Head { order, framing, .. } = head;
    match (order.action, framing) {
        (Action::Put | Action::Chunked, Some(framing)) => {
            let mut check = Check::new(order.nonce, order.size);
            wire.body(*framing, &mut check).await
        }
        (Action::Get, None | Some(Framing::Length(0))) => Ok(()),
        (action, framing) => anyhow::bail!("{action:?} with a body {framing:?}"),
    }
}

async fn answer(stream: &mut TcpStream, order: &Order, out: &mut Vec<u8>) -> Result<()> {
    match order.action {
        Action::Get => sized(stream, &Body::new(order.nonce, order.size), order.size, out).await,
        Action::Put | Action::Echo => sized(stream, &Body::new(order.nonce, ANSWER), ANSWER, out).await,
        Action::Chunked => chunked(stream, &Body::new(order.nonce, order.size), order.size, out).await,
    }
}

/// The field lines that every answer has.
const FIELDS: &[u8] = b"HTTP/1.1 200 OK\r\nServer: origin\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
Content-Type: application/octet-stream\r\nCache-Control: no-store\r\n";

async fn sized(stream: &mut TcpStream, body: &Body, size: usize, out: &mut Vec<u8>) -> Result<()> {
    out.extend_from_slice(FIELDS);
    out.extend_from_slice(b"Content-Length: ");
    out.extend_from_slice(itoa::Buffer::new().format(size).as_bytes());
    out.extend_from_slice(b"\r\n\r\n");
    let mut at = size.min(TOGETHER);
    body.append(0, at, out);
    stream.write_all(out).await?;
    while at < size {
        let piece = body.piece(at);
        stream.write_all(piece).await?;
        at += piece.len();
    }
    Ok(())
}

async fn chunked(stream: &mut TcpStream, body: &Body, size: usize, out: &mut Vec<u8>) -> Result<()> {
    out.extend_from_slice(FIELDS);
    out.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
    append_chunks(body, size, out);
    stream.write_all(out).await?;
    Ok(())
}

/// Says what is wrong, where the client reads it, and ends.
async fn refuse(stream: &mut TcpStream, fault: &str) -> Result<()> {
    let length = fault.len();
    let text = format!("HTTP/1.1 599 Refused\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{fault}");
    stream.write_all(text.as_bytes()).await?;
    Ok(())
}
