//! A head on its way out, before it is compressed.
//!
//! What a compressed section says depends on the ones before it, so it is made when it is sent and not before: a head
//! that is drawn up and never sent leaves no trace.

use std::cell::RefCell;

use super::entry_size;
use crate::proxy::h1::trailers;
use crate::proxy::spare;
use crate::request::edit::{FieldSink, OwnName};
use crate::request::{Field, FieldName, Fields};

/// The largest draft whose memory is kept for the next.
const KEPT: usize = 16 * 1024;

thread_local! {
    static DRAFTS: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// Fields in order, one behind the other: the lengths of name and value, then both.
#[derive(Debug, Default)]
pub(in crate::proxy::h2) struct Draft {
    octets: Vec<u8>,
    size: u64,
}

impl Draft {
    pub(in crate::proxy::h2) fn new() -> Self {
        Self { octets: spare::take(&DRAFTS).unwrap_or_default(), size: 0 }
    }

    /// Adds a field. One whose name or value is longer than any head is left out.
    pub(in crate::proxy::h2) fn push(&mut self, name: &[u8], value: &[u8]) {
        let (Ok(name_octets), Ok(value_octets)) = (u32::try_from(name.len()), u32::try_from(value.len())) else {
            return;
        };
        self.size += entry_size(name, value);
        self.octets.reserve(8 + name.len() + value.len());
        self.octets.extend_from_slice(&name_octets.to_ne_bytes());
        self.octets.extend_from_slice(&value_octets.to_ne_bytes());
        self.octets.extend_from_slice(name);
        self.octets.extend_from_slice(value);
    }

    /// States a length.
    pub(in crate::proxy::h2) fn state_length(&mut self, octets: u64) {
        self.push(b"content-length", itoa::Buffer::new().format(octets).as_bytes());
    }

    /// What may be passed on of the trailers.
    pub(in crate::proxy::h2) fn of_trailers(fields: &Fields) -> Self {
        let mut draft = Self::new();
        for field in fields.iter().filter(|field| !trailers::is_forbidden(field.name)) {
            draft.push(field.name, field.value);
        }
        draft
    }

    pub(in crate::proxy::h2) fn is_empty(&self) -> bool {
        self.octets.is_empty()
    }

    /// The size of the list as HTTP/2 counts it, uncompressed (RFC 9113 §6.5.2).
    pub(in crate::proxy::h2) const fn size(&self) -> u64 {
        self.size
    }

    /// Names and values.
    pub(in crate::proxy::h2) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut rest = self.octets.as_slice();
        std::iter::from_fn(move || {
            let (name, behind) = rest.split_first_chunk()?;
            let (value, behind) = behind.split_first_chunk()?;
            let length = |octets: &[u8; 4]| u32::from_ne_bytes(*octets) as usize;
            let (name, behind) = behind.split_at_checked(length(name))?;
            let (value, behind) = behind.split_at_checked(length(value))?;
            rest = behind;
            Some((name, value))
        })
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        let mut octets = std::mem::take(&mut self.octets);
        if octets.capacity() > 0 && octets.capacity() <= KEPT {
            octets.clear();
            spare::keep(&DRAFTS, octets);
        }
    }
}

/// Draws up a head's fields: ours if their values are legal, and those of others that are not the engine's.
#[derive(Debug)]
pub(crate) struct SectionWriter<'a>(pub(in crate::proxy::h2) &'a mut Draft);

impl FieldSink for SectionWriter<'_> {
    fn own(&mut self, name: OwnName, value: &[u8]) {
        if super::message::is_value(value) {
            self.0.push(name.as_bytes(), value);
        }
    }

    fn relay(&mut self, field: &Field<'_>) {
        if !is_engines(field.known) {
            self.0.push(field.name, field.value);
        }
    }
}

/// Whether a field belongs to the connection or is written by the engine itself.
const fn is_engines(name: FieldName) -> bool {
    matches!(
        name,
        FieldName::Connection
            | FieldName::ContentLength
            | FieldName::Host
            | FieldName::Http2Settings
            | FieldName::KeepAlive
            | FieldName::ProxyConnection
            | FieldName::Te
            | FieldName::TransferEncoding
            | FieldName::Upgrade
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(draft: &Draft) -> Vec<(&str, &str)> {
        draft.iter().map(|(name, value)| (str::from_utf8(name).unwrap(), str::from_utf8(value).unwrap())).collect()
    }

    #[test]
    fn fields_of_the_connection_and_illegal_ones_are_not_written() {
        let mut draft = Draft::new();
        let mut writer = SectionWriter(&mut draft);
        let mut received = Fields::default();
        for (name, value) in [
            ("Connection", "close"),
            ("Transfer-Encoding", "chunked"),
            ("Content-Length", "3"),
            ("TE", "trailers"),
            ("Host", "h"),
            ("X-Good", "1"),
            ("x-good", ""),
        ] {
            received.push(name.as_bytes(), value.as_bytes());
        }
        received.iter().for_each(|field| writer.relay(&field));
        writer.own(OwnName::LOCATION, b"a\r\nb");
        writer.own(OwnName::DATE, b"now");
        assert_eq!(text(&draft), [("X-Good", "1"), ("x-good", ""), ("Date", "now")]);
        assert_eq!(draft.size(), 39 + 38 + 39);
    }

    #[test]
    fn trailers_that_would_change_the_message_are_not_written() {
        let mut fields = Fields::default();
        fields.push(b"Set-Cookie", b"a=b");
        assert!(Draft::of_trailers(&fields).is_empty());
        fields.push(b"Grpc-Status", b"0");
        assert_eq!(text(&Draft::of_trailers(&fields)), [("Grpc-Status", "0")]);
    }
}
