//! Enough of WebSocket (RFC 6455) for binary messages of up to 64 KiB, from both ends.

use anyhow::{Result, bail, ensure};
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::AsyncRead;

use super::wire::Wire;

/// What a server answers to a key (§4.2.2).
pub(crate) fn accept(key: &str) -> String {
    let text = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes()))
}

/// Clients mask what they send, servers do not (§5.1).
#[derive(Debug, Clone, Copy)]
pub(crate) enum Masking {
    None,
    Key([u8; 4]),
}

/// Adds a message, in one frame, to `out`.
pub(crate) fn append(message: &[u8], masking: Masking, out: &mut Vec<u8>) {
    let length = u16::try_from(message.len()).expect("messages are short");
    let masked = match masking {
        Masking::None => 0,
        Masking::Key(_) => 0x80,
    };
    out.push(0x82);
    match u8::try_from(length) {
        Ok(short) if short < 126 => out.push(masked + short),
        _ => {
            out.push(masked + 126);
            out.extend_from_slice(&length.to_be_bytes());
        }
    }
    match masking {
        Masking::None => out.extend_from_slice(message),
        Masking::Key(key) => {
            out.extend_from_slice(&key);
            out.extend(message.iter().zip(key.iter().cycle()).map(|(octet, key)| octet ^ key));
        }
    }
}

/// Reads a message. False is the end of the connection between two of them.
pub(crate) async fn read<S: AsyncRead + Unpin>(wire: &mut Wire<S>, message: &mut Vec<u8>) -> Result<bool> {
    loop {
        if let Some(frame) = Frame::parse(wire.unread())? {
            frame.unmask(wire.unread(), message);
            wire.consume(frame.end);
            return Ok(true);
        }
        if wire.fill().await? == 0 {
            ensure!(wire.unread().is_empty(), "the connection ends within a frame");
            return Ok(false);
        }
    }
}

/// Where the parts of a frame stand.
struct Frame {
    key: Option<[u8; 4]>,
    start: usize,
    end: usize,
}

impl Frame {
    /// None is a frame of which not all is there.
    fn parse(octets: &[u8]) -> Result<Option<Self>> {
        let &[first, second, ref rest @ ..] = octets else { return Ok(None) };
        if first != 0x82 {
            bail!("a frame begins with {first:#x}, which is no whole binary message");
        }
        let (length, mut start) = match (second & 0x7f, rest) {
            (126, [high, low, ..]) => (usize::from(u16::from_be_bytes([*high, *low])), 4),
            (126, _) => return Ok(None),
            (127, _) => bail!("a frame is longer than any that is sent"),
            (short, _) => (usize::from(short), 2),
        };
        let mut key = None;
        if second & 0x80 != 0 {
            let Some(octets) = octets.get(start..start + 4) else { return Ok(None) };
            key = octets.try_into().ok();
            start += 4;
        }
        let end = start + length;
        Ok((octets.len() >= end).then_some(Self { key, start, end }))
    }

    fn unmask(&self, octets: &[u8], message: &mut Vec<u8>) {
        let octets = &octets[self.start..self.end];
        message.clear();
        match self.key {
            None => message.extend_from_slice(octets),
            Some(key) => message.extend(octets.iter().zip(key.iter().cycle()).map(|(octet, key)| octet ^ key)),
        }
    }
}
