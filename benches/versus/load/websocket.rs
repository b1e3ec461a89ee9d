//! Clients of WebSocket: each sends a message and waits for its echo.

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use memchr::memmem;
use tokio::io::AsyncWriteExt as _;

use super::{Exchange, Target, stream};
use crate::body::{Body, Check};
use crate::order::{Action, Place, Scheme};
use crate::site;
use crate::websocket::{self, Masking};
use crate::wire::Wire;

/// Echoes over one connection until told to stop.
pub(crate) async fn echo(target: &Target, size: usize) -> Result<()> {
    let mut wire = Wire::new(stream::plain(target.http).await?);
    upgrade(target, size, &mut wire).await?;
    target.meter.client_ready();
    let mut message = Vec::with_capacity(size);
    let mut out = Vec::with_capacity(size + 16);
    while !target.meter.is_stopped() {
        let nonce = target.meter.nonce();
        message.clear();
        Body::new(nonce, size).append(0, size, &mut message);
        out.clear();
        websocket::append(&message, Masking::Key(fastrand::u32(..).to_ne_bytes()), &mut out);
        wire.stream.write_all(&out).await?;
        ensure!(websocket::read(&mut wire, &mut message).await?, "the connection ends");
        let mut check = Check::new(nonce, size);
        check.take(&message)?;
        check.finish()?;
        target.meter.complete();
    }
    Ok(())
}

async fn upgrade(target: &Target, size: usize, wire: &mut Wire<tokio::net::TcpStream>) -> Result<()> {
    let order = target.order(Exchange { action: Action::Echo, size }, Scheme::Http, Place::A);
    let key = STANDARD.encode(order.nonce.as_bytes());
    let mut out = b"GET ".to_vec();
    order.write(&mut out);
    let fields = format!(
        " HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: {key}\r\n\r\n",
        site::MAIN
    );
    out.extend_from_slice(fields.as_bytes());
    wire.stream.write_all(&out).await?;
    let end = loop {
        if let Some(end) = memmem::find(wire.unread(), b"\r\n\r\n") {
            break end + 4;
        }
        wire.fill_more().await.context("there is no answer")?;
    };
    let head = String::from_utf8_lossy(wire.unread().get(..end).unwrap_or_default()).into_owned();
    ensure!(head.starts_with("HTTP/1.1 101 "), "the upgrade is answered {head:?}");
    ensure!(head.contains(&websocket::accept(&key)), "the answer to the upgrade is for another key");
    wire.consume(end);
    Ok(())
}
