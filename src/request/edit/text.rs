//! Small texts made for field values, without allocating.

use std::fmt::{self, Display, Write};

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

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.octets.get(..self.length).unwrap_or_default()
    }
}

impl Write for ShortText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length + text.len();
        let room = self.octets.get_mut(self.length..end).ok_or(fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}
