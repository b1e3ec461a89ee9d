//! The head of an answer (RFC 9113 §8.3.2).

use super::message::{FieldsError, Regular};
use super::{ANSWER_FIELDS, ANSWER_OCTETS, entry_size};
use crate::request::{ResponseHead, Version};

/// A head being read.
#[derive(Debug)]
pub(in crate::proxy::h2) struct ResponseReader<'a> {
    status: &'a mut u16,
    regular: Regular<'a>,
    octets: u64,
    begun: bool,
    error: Option<&'static str>,
}

impl<'a> ResponseReader<'a> {
    /// Reads into `head`, which is cleared first.
    pub(in crate::proxy::h2) fn new(head: &'a mut ResponseHead) -> Self {
        head.clear();
        head.version = Version::Http2;
        let ResponseHead { status, fields, .. } = head;
        Self { status, regular: Regular::new(fields, ANSWER_FIELDS), octets: 0, begun: false, error: None }
    }

    pub(in crate::proxy::h2) fn field(&mut self, name: &[u8], value: &[u8]) {
        self.octets += entry_size(name, value);
        if self.error.is_none()
            && let Err(what) = self.take(name, value)
        {
            self.error = Some(what);
        }
    }

    fn take(&mut self, name: &[u8], value: &[u8]) -> Result<(), &'static str> {
        if self.octets > u64::from(ANSWER_OCTETS) {
            return Err("head-too-large");
        }
        if name.first() == Some(&b':') {
            if name != b":status" || self.begun || *self.status != 0 {
                return Err("unexpected-pseudo-field");
            }
            *self.status = status(value).ok_or("invalid-status")?;
            return Ok(());
        }
        self.begun = true;
        self.regular.take(name, value).map_err(|error| match error {
            FieldsError::Malformed(what) | FieldsError::Refused { code: what, .. } => what,
        })
    }

    /// The stated length, once all fields were taken.
    pub(in crate::proxy::h2) fn finish(self) -> Result<Option<u64>, &'static str> {
        if let Some(what) = self.error {
            return Err(what);
        }
        if *self.status == 0 {
            return Err("no-status");
        }
        let length = self.regular.content_length;
        self.regular.finish();
        Ok(length)
    }
}

/// Three digits, the first of them no zero. 101 does not exist in HTTP/2 (§8.6).
fn status(text: &[u8]) -> Option<u16> {
    match text {
        [b'1'..=b'9', b'0'..=b'9', b'0'..=b'9'] if text != b"101" => std::str::from_utf8(text).ok()?.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(fields: &[(&str, &str)]) -> (Result<Option<u64>, &'static str>, ResponseHead) {
        let mut head = ResponseHead::default();
        let mut reader = ResponseReader::new(&mut head);
        for (name, value) in fields {
            reader.field(name.as_bytes(), value.as_bytes());
        }
        (reader.finish(), head)
    }

    #[test]
    fn a_head_is_read_whole() {
        let (read, head) = read(&[(":status", "204"), ("content-length", "3"), ("x", "y")]);
        assert_eq!((read, head.status, head.fields.len()), (Ok(Some(3)), 204, 2));
    }

    #[test]
    fn heads_that_could_be_read_otherwise_are_malformed() {
        let long = "x".repeat(40_000);
        for fields in [
            vec![],
            vec![("x", "y")],
            vec![("x", "y"), (":status", "200")],
            vec![(":status", "200"), (":status", "200")],
            vec![(":status", "200"), (":path", "/")],
            vec![(":status", "099")],
            vec![(":status", "2000")],
            vec![(":status", "101")],
            vec![(":status", "200"), ("connection", "close")],
            vec![(":status", "200"), ("x", long.as_str())],
        ] {
            assert!(read(&fields).0.is_err(), "{fields:?}");
        }
    }
}
