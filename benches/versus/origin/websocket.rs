//! The origin as a WebSocket server (RFC 6455): every message is sent back.

use anyhow::Result;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::websocket::{self, Masking};
use crate::wire::Wire;

/// Accepts the upgrade, and echoes until the client ends.
pub(crate) async fn serve(mut wire: Wire<TcpStream>, key: &str) -> Result<()> {
    let accept = websocket::accept(key);
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    wire.stream.write_all(head.as_bytes()).await?;
    let mut message = Vec::new();
    let mut out = Vec::new();
    while websocket::read(&mut wire, &mut message).await? {
        out.clear();
        websocket::append(&message, Masking::None, &mut out);
        wire.stream.write_all(&out).await?;
    }
    Ok(())
}
