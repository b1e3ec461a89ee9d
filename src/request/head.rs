//! A message head of ours: request or response, from HTTP/1.1 or HTTP/2, over one buffer.
//!
//! Fields keep their order and the case of their names; the names that the proxy acts on are known by number. A head
//! is cleared and filled again for the next message, so a connection's heads allocate only while they grow.

use std::ops::Range;

pub use super::name::FieldName;

/// The version a message was received in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Version {
    Http10,
    #[default]
    Http11,
    Http2,
}

impl Version {
    /// As access logs write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
            Self::Http2 => "HTTP/2.0",
        }
    }
}

/// One field of [`Fields`], as positions in its buffer.
#[derive(Debug, Clone)]
struct Entry {
    known: FieldName,
    name: Range<u32>,
    value: Range<u32>,
}

/// One field, borrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    pub known: FieldName,
    pub name: &'a [u8],
    pub value: &'a [u8],
}

/// An ordered list of fields over one buffer; also what trailers are.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

impl Fields {
    /// Empties the list and keeps its memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
    }

    /// Gives memory up beyond that of a list of so many octets.
    pub fn shrink_to(&mut self, octets: usize) {
        self.bytes.shrink_to(octets);
        self.entries.shrink_to(octets / size_of::<Entry>());
    }

    /// Appends a field. The caller has checked that name and value are legal (RFC 9110 §5.1, §5.5).
    pub fn push(&mut self, name: &[u8], value: &[u8]) {
        self.push_known(FieldName::of(name), name, value);
    }

    /// The same for whoever has looked the name up.
    pub(crate) fn push_known(&mut self, known: FieldName, name: &[u8], value: &[u8]) {
        self.bytes.reserve(name.len() + value.len());
        let name = self.store(name);
        let value = self.store(value);
        self.entries.push(Entry { known, name, value });
    }

    /// Adds to the last value, behind one space unless either is empty. `false` if there is none yet.
    pub fn continue_last(&mut self, more: &[u8]) -> bool {
        let Some(last) = self.entries.last_mut() else { return false };
        if !more.is_empty() {
            // The last value lies at the end.
            if !last.value.is_empty() {
                self.bytes.push(b' ');
            }
            self.bytes.extend_from_slice(more);
            last.value.end = position(self.bytes.len());
        }
        true
    }

    /// Puts another value in the place of a field's.
    pub(crate) fn set_value(&mut self, place: usize, value: &[u8]) {
        let value = self.store(value);
        if let Some(entry) = self.entries.get_mut(place) {
            entry.value = value;
        }
    }

    fn store(&mut self, bytes: &[u8]) -> Range<u32> {
        let start = position(self.bytes.len());
        self.bytes.extend_from_slice(bytes);
        start..position(self.bytes.len())
    }

    fn slice(&self, range: &Range<u32>) -> &[u8] {
        self.bytes.get(range.start as usize..range.end as usize).unwrap_or_default()
    }

    #[must_use]
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Field<'_>> + Clone {
        self.entries.iter().map(|entry| Field {
            known: entry.known,
            name: self.slice(&entry.name),
            value: self.slice(&entry.value),
        })
    }

    /// The first value of a known field.
    #[must_use]
    pub fn first(&self, known: FieldName) -> Option<&[u8]> {
        self.entries.iter().find(|entry| entry.known == known).map(|entry| self.slice(&entry.value))
    }

    /// All values of a known field, in order.
    pub fn all(&self, known: FieldName) -> impl Iterator<Item = &[u8]> {
        self.entries.iter().filter(move |entry| entry.known == known).map(|entry| self.slice(&entry.value))
    }

    /// The first value of a field by name, whatever its case.
    #[must_use]
    pub fn first_named(&self, name: &[u8]) -> Option<&[u8]> {
        self.iter().find(|field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value)
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Octets of names and values together.
    #[must_use]
    pub fn octets(&self) -> usize {
        self.bytes.len()
    }
}

/// Positions fit 32 bits because heads are limited to far less (see the header limits).
fn position(length: usize) -> u32 {
    u32::try_from(length).expect("heads are limited to kilobytes")
}

/// A request head. `method` and `target` are as received: for HTTP/2, `target` is `:path` and `authority` is
/// `:authority`; for HTTP/1.1, `authority` is that of an absolute-form target.
#[derive(Debug, Clone, Default)]
pub struct RequestHead {
    pub method: String,
    /// Origin form (`/path?query`), or `*`.
    pub target: Vec<u8>,
    /// Takes precedence over `Host` (RFC 9112 §3.2.2, RFC 9113 §8.3.1).
    pub authority: Option<String>,
    pub version: Version,
    pub fields: Fields,
    /// Octets the head took on the wire (HTTP/2: the list size before compression), for `$request_length`.
    pub wire_octets: u64,
}

impl RequestHead {
    /// Empties the head and keeps its memory.
    pub fn clear(&mut self) {
        self.method.clear();
        self.target.clear();
        self.authority = None;
        self.version = Version::Http11;
        self.fields.clear();
        self.wire_octets = 0;
    }

    /// The authority that routes and is forwarded: the target's, else the one `Host` field's. Not yet validated.
    #[must_use]
    pub fn effective_authority(&self) -> Option<&[u8]> {
        match &self.authority {
            Some(authority) => Some(authority.as_bytes()),
            None => self.fields.first(FieldName::Host),
        }
    }
}

/// A response head.
#[derive(Debug, Clone, Default)]
pub struct ResponseHead {
    pub status: u16,
    pub version: Version,
    pub fields: Fields,
}

impl ResponseHead {
    /// Empties the head and keeps its memory.
    pub fn clear(&mut self) {
        self.status = 0;
        self.version = Version::Http11;
        self.fields.clear();
    }

    /// Whether this is an interim response (1xx).
    #[must_use]
    pub const fn is_informational(&self) -> bool {
        self.status >= 100 && self.status < 200
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_keep_order_and_case() {
        let mut fields = Fields::default();
        fields.push(b"B", b"1");
        fields.push(b"hOsT", b"a");
        fields.push(b"b", b"2");
        let list: Vec<_> = fields.iter().map(|f| (f.name, f.value)).collect();
        assert_eq!(list, [(&b"B"[..], &b"1"[..]), (b"hOsT", b"a"), (b"b", b"2")]);
        assert_eq!(fields.first(FieldName::Host), Some(&b"a"[..]));
    }
}
