//! Fields on their way between our ordered lists and the maps of the `h2` crate.
//!
//! What is read from a map is checked as far as the crate does not (RFC 9113 §8.2.1); what is written into one leaves
//! out everything that belongs to a connection (§8.2.2) or that the engine states itself. Order is kept between names,
//! and between the values of a name.

use std::borrow::Cow;

use http::header::{CONTENT_LENGTH, COOKIE, HeaderMap, HeaderName, HeaderValue};

use crate::proxy::h1::trailers;
use crate::request::edit::FieldSink;
use crate::request::{Field, FieldName, Fields};

/// The most fields of an answer, and of its trailers.
pub(super) const ANSWER_FIELDS: usize = 100;

/// What a field counts beside its octets in the size of a list (RFC 9113 §6.5.2).
const FIELD_OVERHEAD: u64 = 32;

/// Why fields cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FieldsError {
    Malformed(&'static str),
    /// Legal, but beyond a bound, and the status that says so.
    Refused {
        status: u16,
        code: &'static str,
    },
}

const TOO_MANY: FieldsError = FieldsError::Refused { status: 431, code: "too-many-fields" };

/// Writes a head's fields. Illegal ones are left out.
#[derive(Debug)]
pub(crate) struct MapWriter<'a> {
    map: &'a mut HeaderMap,
}

impl<'a> MapWriter<'a> {
    pub(super) const fn new(map: &'a mut HeaderMap) -> Self {
        Self { map }
    }
}

impl FieldSink for MapWriter<'_> {
    fn field(&mut self, name: &[u8], value: &[u8]) {
        if is_engines(FieldName::of(name)) {
            return;
        }
        append(self.map, name, value);
    }

    fn relay(&mut self, field: &Field<'_>) {
        if !is_engines(field.known) {
            append(self.map, field.name, field.value);
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

/// Names are folded to lower case here, as HTTP/2 demands.
fn append(map: &mut HeaderMap, name: &[u8], value: &[u8]) {
    if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
        // A map that is full holds far more than the other side accepts anyway.
        let _appended = map.try_append(name, value);
    }
}

/// States a length, whatever was stated before.
pub(super) fn state_length(map: &mut HeaderMap, octets: u64) {
    map.insert(CONTENT_LENGTH, HeaderValue::from(octets));
}

/// The stated length. One field of digits without leading zeros, or none: what others could read differently is
/// refused.
pub(super) fn content_length(map: &HeaderMap) -> Result<Option<u64>, FieldsError> {
    let mut values = map.get_all(CONTENT_LENGTH).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(_), Some(_)) => Err(FieldsError::Malformed("repeated-content-length")),
        (Some(value), None) => match decimal(value.as_bytes()) {
            Some(octets) => Ok(Some(octets)),
            None => Err(FieldsError::Malformed("invalid-content-length")),
        },
    }
}

fn decimal(digits: &[u8]) -> Option<u64> {
    if matches!(digits, [] | [b'0', _, ..]) || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Appends a head's fields, `most` of them at most, to a list. The crumbs of a cookie become one field again
/// (RFC 9113 §8.2.3); each counts, as each costs what a field does.
pub(super) fn read(map: &HeaderMap, most: usize, into: &mut Fields) -> Result<(), FieldsError> {
    if map.len() > most {
        return Err(TOO_MANY);
    }
    let mut cookie = Some(());
    for (name, value) in map {
        let value = if name == COOKIE {
            if cookie.take().is_none() {
                continue;
            }
            joined(map)?
        } else {
            Cow::Borrowed(checked(value)?)
        };
        into.push(name.as_str().as_bytes(), &value);
    }
    Ok(())
}

/// The cookie as one value.
fn joined(map: &HeaderMap) -> Result<Cow<'_, [u8]>, FieldsError> {
    let mut crumbs = map.get_all(COOKIE).iter();
    let Some(first) = crumbs.next() else { return Ok(Cow::Borrowed(&[])) };
    let mut whole = Cow::Borrowed(checked(first)?);
    for crumb in crumbs {
        let whole = whole.to_mut();
        whole.extend_from_slice(b"; ");
        whole.extend_from_slice(checked(crumb)?);
    }
    Ok(whole)
}

/// A value neither begins nor ends with white space (RFC 9113 §8.2.1). CR, LF, NUL and other controls are refused by
/// the crate.
fn checked(value: &HeaderValue) -> Result<&[u8], FieldsError> {
    match value.as_bytes() {
        [b' ' | b'\t', ..] | [.., b' ' | b'\t'] => Err(FieldsError::Malformed("whitespace-around-value")),
        value => Ok(value),
    }
}

/// Reads trailers; those that must not be passed on are left out (RFC 9110 §6.5.1).
pub(super) fn read_trailers(map: &HeaderMap, most: usize) -> Result<Option<Fields>, FieldsError> {
    if map.len() > most {
        return Err(TOO_MANY);
    }
    let mut fields = Fields::default();
    for (name, value) in map {
        let value = checked(value)?;
        if !trailers::is_forbidden(name.as_str().as_bytes()) {
            fields.push(name.as_str().as_bytes(), value);
        }
    }
    Ok((!fields.is_empty()).then_some(fields))
}

/// The trailers to send; `None` if there are none that may be passed on.
pub(super) fn trailers_to_send(fields: &Fields) -> Option<HeaderMap> {
    let mut map = HeaderMap::with_capacity(fields.len());
    for field in fields.iter().filter(|field| !trailers::is_forbidden(field.name)) {
        append(&mut map, field.name, field.value);
    }
    (!map.is_empty()).then_some(map)
}

/// The size of a list as HTTP/2 counts it, uncompressed (RFC 9113 §6.5.2); pseudo-fields apart.
pub(super) fn list_size(map: &HeaderMap) -> u64 {
    map.iter().map(|(name, value)| entry_size(name.as_str().len(), value.len())).sum()
}

/// The size of one field in a list.
pub(super) const fn entry_size(name: usize, value: usize) -> u64 {
    name as u64 + value as u64 + FIELD_OVERHEAD
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in fields {
            map.append(*name, HeaderValue::from_static(value));
        }
        map
    }

    fn list(fields: &Fields) -> Vec<(String, String)> {
        let text = |octets: &[u8]| String::from_utf8(octets.to_vec()).unwrap();
        fields.iter().map(|field| (text(field.name), text(field.value))).collect()
    }

    fn read_list(fields: &[(&'static str, &'static str)]) -> Result<Vec<(String, String)>, FieldsError> {
        let mut into = Fields::default();
        read(&map(fields), ANSWER_FIELDS, &mut into).map(|()| list(&into))
    }

    fn owned(fields: &[(&str, &str)]) -> Vec<(String, String)> {
        fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_crumbs_of_a_cookie_become_one_field_where_the_first_was() {
        let read = read_list(&[("a", "1"), ("cookie", "x=1"), ("b", "2"), ("cookie", "y=2"), ("cookie", "z=3")]);
        assert_eq!(read, Ok(owned(&[("a", "1"), ("cookie", "x=1; y=2; z=3"), ("b", "2")])));
    }

    #[test]
    fn values_with_white_space_around_them_are_malformed() {
        for value in [" a", "a ", "\ta", "a\t", " "] {
            let malformed = Err(FieldsError::Malformed("whitespace-around-value"));
            assert_eq!(read_list(&[("a", value)]), malformed, "{value:?}");
            assert_eq!(read_list(&[("cookie", "x=1"), ("cookie", value)]), malformed, "{value:?}");
        }
        assert!(read_list(&[("a", "")]).is_ok());
    }

    #[test]
    fn a_hundred_fields_are_read_and_one_more_is_refused() {
        let mut map = HeaderMap::new();
        for _ in 0..100 {
            map.append("a", HeaderValue::from_static("1"));
        }
        assert_eq!(read(&map, 100, &mut Fields::default()), Ok(()));
        map.append("a", HeaderValue::from_static("1"));
        assert_eq!(read(&map, 100, &mut Fields::default()), Err(TOO_MANY));
    }

    #[test]
    fn the_crumbs_of_a_cookie_count_one_by_one() {
        let mut map = HeaderMap::new();
        for _ in 0..=100 {
            map.append(COOKIE, HeaderValue::from_static("a"));
        }
        assert_eq!(read(&map, 100, &mut Fields::default()), Err(TOO_MANY));
    }

    #[test]
    fn a_length_is_one_field_of_digits() {
        assert_eq!(content_length(&map(&[])), Ok(None));
        assert_eq!(content_length(&map(&[("content-length", "17")])), Ok(Some(17)));
        for value in ["", "+1", "-1", "01", "1 ", "0x1", "1,1", "18446744073709551616"] {
            assert!(content_length(&map(&[("content-length", value)])).is_err(), "{value:?}");
        }
        assert!(content_length(&map(&[("content-length", "1"), ("content-length", "1")])).is_err());
    }

    #[test]
    fn fields_of_the_connection_and_illegal_ones_are_not_written() {
        let mut map = HeaderMap::new();
        let mut writer = MapWriter::new(&mut map);
        for (name, value) in [
            ("Connection", "close"),
            ("Transfer-Encoding", "chunked"),
            ("Content-Length", "3"),
            ("TE", "trailers"),
            ("Host", "h"),
            ("bad name", "1"),
            ("X-Bad", "a\r\nb"),
            ("X-Good", "1"),
            ("x-good", "2"),
        ] {
            writer.field(name.as_bytes(), value.as_bytes());
        }
        let written: Vec<_> = map.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        assert_eq!(written, [("x-good", "1"), ("x-good", "2")]);
    }

    #[test]
    fn trailers_that_would_change_the_message_are_dropped_in_both_directions() {
        let received = map(&[("grpc-status", "0"), ("content-length", "5"), ("authorization", "x")]);
        let fields = read_trailers(&received, ANSWER_FIELDS).unwrap().unwrap();
        assert_eq!(list(&fields), owned(&[("grpc-status", "0")]));
        assert!(read_trailers(&map(&[("host", "h")]), ANSWER_FIELDS).unwrap().is_none());

        let mut fields = Fields::default();
        fields.push(b"Set-Cookie", b"a=b");
        assert!(trailers_to_send(&fields).is_none());
        fields.push(b"Grpc-Status", b"0");
        let sent = trailers_to_send(&fields).unwrap();
        assert_eq!(sent, map(&[("grpc-status", "0")]));
    }
}
