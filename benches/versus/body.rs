//! The bodies that travel: different for each exchange, and known to both ends in every octet.
//!
//! A body begins with the exchange's nonce, in 16 hexadecimal digits, and goes on with a pattern whose period is a
//! prime, so that a piece that is missing, doubled or out of order never goes unseen.

use std::fmt;
use std::sync::LazyLock;

use anyhow::{Context as _, Result, bail};

/// Length of the pattern before it repeats.
const PERIOD: usize = 65_521;

/// The longest piece that is handed out at once.
const WINDOW: usize = 256 * 1024;

/// The pattern, long enough that a window from any place within a period is in one piece.
static PATTERN: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut state = 0x9e37_79b9_u32;
    let period: Vec<u8> = (0..PERIOD)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state.to_le_bytes()[0]
        })
        .collect();
    period.iter().copied().cycle().take(PERIOD + WINDOW).collect()
});

/// What makes an exchange different from all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Nonce([u8; Nonce::LENGTH]);

impl Nonce {
    pub(crate) const LENGTH: usize = 16;

    pub(crate) fn new(number: u64) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; Self::LENGTH];
        for (at, digit) in text.iter_mut().enumerate() {
            *digit = DIGITS[usize::try_from((number >> (60 - 4 * at)) & 15).unwrap_or_default()];
        }
        Self(text)
    }

    pub(crate) fn from_text(text: &[u8]) -> Result<Self> {
        Ok(Self(text.try_into().context("a nonce has 16 digits")?))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

/// One body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Body {
    nonce: Nonce,
    size: usize,
}

impl Body {
    pub(crate) fn new(nonce: Nonce, size: usize) -> Self {
        Self { nonce, size }
    }

    /// What stands at an offset: at least an octet if the body goes on there, and as many as there are in one piece.
    pub(crate) fn piece(&self, at: usize) -> &[u8] {
        if let Some(rest) = self.nonce.as_bytes().get(at..).filter(|rest| !rest.is_empty()) {
            return &rest[..rest.len().min(self.size - at)];
        }
        let start = at % PERIOD;
        &PATTERN[start..start + WINDOW.min(self.size - at)]
    }

    /// Adds a part of the body to `out`.
    pub(crate) fn append(&self, mut at: usize, length: usize, out: &mut Vec<u8>) {
        let end = at + length;
        while at < end {
            let piece = self.piece(at);
            let piece = &piece[..piece.len().min(end - at)];
            out.extend_from_slice(piece);
            at += piece.len();
        }
    }
}

/// Compares what arrives with what was to arrive.
#[derive(Debug)]
pub(crate) struct Check {
    body: Body,
    at: usize,
}

impl Check {
    pub(crate) fn new(nonce: Nonce, size: usize) -> Self {
        Self { body: Body::new(nonce, size), at: 0 }
    }

    pub(crate) fn size(&self) -> usize {
        self.body.size
    }

    /// Takes the next octets of the body.
    pub(crate) fn take(&mut self, mut octets: &[u8]) -> Result<()> {
        if octets.len() > self.body.size - self.at {
            bail!("a body of {} octets goes on after its end", self.body.size);
        }
        while !octets.is_empty() {
            let wanted = self.body.piece(self.at);
            let wanted = &wanted[..wanted.len().min(octets.len())];
            let (piece, rest) = octets.split_at(wanted.len());
            if piece != wanted {
                bail!("a body of {} octets differs within {} octets from {}", self.body.size, piece.len(), self.at);
            }
            self.at += piece.len();
            octets = rest;
        }
        Ok(())
    }

    /// The body is said to be whole.
    pub(crate) fn finish(&self) -> Result<()> {
        if self.at != self.body.size {
            bail!("a body of {} octets ends after {}", self.body.size, self.at);
        }
        Ok(())
    }
}
