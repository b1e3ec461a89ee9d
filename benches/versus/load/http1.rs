//! Clients of HTTP/1.1.

use anyhow::{Context as _, Result, bail, ensure};
use memchr::memmem;
use tokio::io::AsyncWriteExt as _;

use super::stream::{self, Protocol, Stream};
use super::{Exchange, Hosts, Target};
use crate::body::{Body, Check};
use crate::order::{ANSWER, Action, Order, Scheme};
use crate::wire::{Framing, Wire};

const MAX_FIELDS: usize = 48;

/// Bodies up to this size go out in one write with their head.
const TOGETHER: usize = 64 * 1024;

/// Room for what is read at once of large bodies, so that the load's reading does not slow the proxy's writing.
const LARGE_ROOM: usize = 256 * 1024;

/// Exchanges over one connection until told to stop.
pub(crate) async fn keep_alive(target: &Target, scheme: Scheme, exchange: Exchange, hosts: Hosts) -> Result<()> {
    let mut client = Client::connect(target, scheme, target.aim(hosts).0, exchange).await?;
    let mut ready = false;
    while !target.meter.is_stopped() {
        let (host, place) = target.aim(hosts);
        client.exchange(&target.order(exchange, scheme, place), host).await?;
        target.meter.complete();
        if !ready {
            ready = true;
            target.meter.client_ready();
        }
        target.rest().await;
    }
    Ok(())
}

/// Exchanges over a connection each until told to stop.
pub(crate) async fn one_by_one(target: &Target, scheme: Scheme, exchange: Exchange, hosts: Hosts) -> Result<()> {
    let mut ready = false;
    while !target.meter.is_stopped() {
        let (host, place) = target.aim(hosts);
        let mut client = Client::connect(target, scheme, host, exchange).await?;
        client.exchange(&target.order(exchange, scheme, place), host).await?;
        target.meter.complete();
        if !ready {
            ready = true;
            target.meter.client_ready();
        }
    }
    Ok(())
}

/// One connection.
pub(crate) struct Client {
    wire: Wire<Stream>,
    out: Vec<u8>,
}

impl Client {
    pub(crate) async fn connect(target: &Target, scheme: Scheme, host: &str, exchange: Exchange) -> Result<Self> {
        let address = target.address(scheme);
        let stream = match scheme {
            Scheme::Http => Stream::Plain(stream::plain(address).await?),
            Scheme::Https => {
                let config = target.dialer.config(Protocol::Http1);
                Stream::Secure(Box::new(stream::secure(address, host, config).await?))
            }
        };
        let wire = match exchange.size {
            ..=TOGETHER => Wire::new(stream),
            _ => Wire::with_room(stream, LARGE_ROOM),
        };
        Ok(Self { wire, out: Vec::with_capacity(1024) })
    }

    /// Sends a request, and checks its answer.
    pub(crate) async fn exchange(&mut self, order: &Order, host: &str) -> Result<()> {
        self.send(order, host).await?;
        let framing = self.answer_head().await?;
        let size = match order.action {
            Action::Put | Action::Echo => ANSWER,
            Action::Get | Action::Chunked => order.size,
        };
        self.wire.body(framing, &mut Check::new(order.nonce, size)).await?;
        ensure!(self.wire.unread().is_empty(), "something follows the answer");
        Ok(())
    }

    async fn send(&mut self, order: &Order, host: &str) -> Result<()> {
        let Self { wire, out } = self;
        let body = Body::new(order.nonce, order.size);
        out.clear();
        append_head(order, host, out);
        let mut at = order.size;
        match order.action {
            Action::Get | Action::Echo => {}
            Action::Put => {
                at = order.size.min(TOGETHER);
                body.append(0, at, out);
            }
            Action::Chunked => crate::wire::append_chunks(&body, order.size, out),
        }
        wire.stream.write_all(out).await?;
        while at < order.size {
            let piece = body.piece(at);
            wire.stream.write_all(piece).await?;
            at += piece.len();
        }
        wire.stream.flush().await?;
        Ok(())
    }

    /// Waits for the head of the answer, consumes it, and gives the framing of its body.
    async fn answer_head(&mut self) -> Result<Framing> {
        loop {
            if let Some(end) = memmem::find(self.wire.unread(), b"\r\n\r\n") {
                let head = self.wire.unread().get(..end + 4).unwrap_or_default();
                let answer = read_head(head);
                match answer {
                    Ok(framing) => {
                        self.wire.consume(end + 4);
                        return Ok(framing);
                    }
                    Err(fault) => {
                        let body = String::from_utf8_lossy(self.wire.unread().get(end + 4..).unwrap_or_default());
                        return Err(fault.context(body.into_owned()));
                    }
                }
            }
            self.wire.fill_more().await.context("there is no answer")?;
        }
    }
}

fn append_head(order: &Order, host: &str, out: &mut Vec<u8>) {
    let method: &[u8] = match order.action {
        Action::Get | Action::Echo => b"GET ",
        Action::Put | Action::Chunked => b"POST ",
    };
    out.extend_from_slice(method);
    order.write(out);
    out.extend_from_slice(b" HTTP/1.1\r\nHost: ");
    out.extend_from_slice(host.as_bytes());
    out.extend_from_slice(b"\r\nUser-Agent: versus/1.0\r\nAccept: */*\r\n");
    match order.action {
        Action::Get | Action::Echo => {}
        Action::Put => {
            out.extend_from_slice(b"Content-Length: ");
            out.extend_from_slice(itoa::Buffer::new().format(order.size).as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        Action::Chunked => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
    }
    out.extend_from_slice(b"\r\n");
}

fn read_head(octets: &[u8]) -> Result<Framing> {
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut response = httparse::Response::new(&mut fields);
    response.parse(octets).context("the head of an answer is none")?;
    let status = response.code.unwrap_or_default();
    ensure!(status == 200, "the status of an answer is {status}");
    let mut framing = None;
    for field in response.headers.iter() {
        if field.name.eq_ignore_ascii_case("content-length") {
            framing = Some(Framing::Length(std::str::from_utf8(field.value)?.parse().context("a length is a number")?));
        } else if field.name.eq_ignore_ascii_case("transfer-encoding") {
            framing = Some(Framing::Chunked);
        } else if field.name.eq_ignore_ascii_case("connection") && field.value.eq_ignore_ascii_case(b"close") {
            bail!("the connection is closed, which no proxy was told to do");
        }
    }
    framing.context("an answer does not say where it ends")
}
