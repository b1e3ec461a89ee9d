//! Small texts made for field values, without allocating.

use std::fmt::{self, Display, Write};
use std::net::IpAddr;

/// The longest text made here is `Strict-Transport-Security`'s, of 62 octets.
const CAPACITY: usize = 64;

/// A short text on the stack.
pub(super) struct ShortText {
    octets: [u8; CAPACITY],
    length: usize,
}

impl ShortText {
    /// What `value` displays as, cut off after 64 octets.
    pub(super) fn of(value: impl Display) -> Self {
        let mut text = Self { octets: [0; CAPACITY], length: 0 };
        let fits = write!(text, "{value}");
        debug_assert!(fits.is_ok(), "{value} is longer than {CAPACITY} octets");
        text
    }

    /// An address as it displays. Those of IPv4, one per request, are written without the machinery of formatting.
    pub(super) fn of_address(address: IpAddr) -> Self {
        let IpAddr::V4(address) = address else { return Self::of(address) };
        let mut text = Self { octets: [0; CAPACITY], length: 0 };
        let [first, rest @ ..] = address.octets();
        text.push(itoa::Buffer::new().format(first));
        for octet in rest {
            text.push(".");
            text.push(itoa::Buffer::new().format(octet));
        }
        text
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.octets.get(..self.length).unwrap_or_default()
    }
}

impl ShortText {
    /// Appends a text; nothing of it where it does not fit.
    fn push(&mut self, text: &str) -> Option<()> {
        let end = self.length + text.len();
        self.octets.get_mut(self.length..end)?.copy_from_slice(text.as_bytes());
        self.length = end;
        Some(())
    }
}

impl Write for ShortText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text).ok_or(fmt::Error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_they_display() {
        for text in ["0.0.0.0", "192.0.2.10", "255.255.255.255", "2001:db8::1", "::ffff:192.0.2.1"] {
            let address: IpAddr = text.parse().unwrap();
            assert_eq!(ShortText::of_address(address).as_bytes(), text.as_bytes());
        }
    }
}
