//! What requests, answers and trailers have in common: regular fields, their number, and the length that they state.

use super::entry_size;
use crate::proxy::h1::trailers;
use crate::request::{FieldName, Fields};

/// Why fields cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::proxy::h2) enum FieldsError {
    /// To be answered by a reset (RFC 9113 §8.1.1).
    Malformed(&'static str),
    /// Legal, but beyond a bound, and the status that says so.
    Refused { status: u16, code: &'static str },
}

pub(super) const TOO_MANY: FieldsError = FieldsError::Refused { status: 431, code: "too-many-fields" };

/// Whether an octet may stand in the name of a field: a token without capitals (§8.2).
#[expect(clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "evaluated at build time")]
static NAME: [bool; 256] = {
    let mut table = [false; 256];
    let mut octet = 0;
    while octet < 256 {
        table[octet] = matches!(
            octet as u8,
            b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
            | b'0'..=b'9' | b'a'..=b'z'
        );
        octet += 1;
    }
    table
};

fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|octet| NAME.get(usize::from(*octet)).copied().unwrap_or(false))
}

/// Whether an octet is a control that no value holds (RFC 9110 §5.5).
const fn is_control(octet: u8) -> bool {
    (octet < b' ' && octet != b'\t') || octet == 0x7f
}

/// Whether a value holds no control, and neither begins nor ends with white space (§8.2.1).
pub(super) fn is_value(value: &[u8]) -> bool {
    !matches!(value, [b' ' | b'\t', ..] | [.., b' ' | b'\t'])
        // Without an early end, so that many octets are looked at at once.
        && !value.iter().fold(false, |found, octet| found | is_control(*octet))
}

/// The regular fields of a message on their way into a list.
#[derive(Debug)]
pub(super) struct Regular<'a> {
    into: &'a mut Fields,
    /// The most fields.
    most: usize,
    count: usize,
    pub(super) content_length: Option<u64>,
    /// The crumbs of a cookie: where the first one stands, and all of them as one value if there are more.
    cookie: Option<usize>,
    crumbs: Vec<u8>,
}

impl<'a> Regular<'a> {
    pub(super) const fn new(into: &'a mut Fields, most: usize) -> Self {
        Self { into, most, count: 0, content_length: None, cookie: None, crumbs: Vec::new() }
    }

    /// Takes a field that is no pseudo-field.
    pub(super) fn take(&mut self, name: &[u8], value: &[u8]) -> Result<(), FieldsError> {
        if !is_name(name) {
            return Err(FieldsError::Malformed("invalid-field-name"));
        }
        if !is_value(value) {
            return Err(FieldsError::Malformed("invalid-field-value"));
        }
        self.count += 1;
        let known = FieldName::of(name);
        match known {
            FieldName::Connection
            | FieldName::KeepAlive
            | FieldName::ProxyConnection
            | FieldName::TransferEncoding
            | FieldName::Upgrade => return Err(FieldsError::Malformed("field-of-the-connection")),
            FieldName::Te if !value.eq_ignore_ascii_case(b"trailers") => {
                return Err(FieldsError::Malformed("te-other-than-trailers"));
            }
            FieldName::ContentLength => self.state_length(value)?,
            FieldName::Cookie if self.count <= self.most => {
                if let Some(place) = self.cookie {
                    self.add_crumb(place, value);
                    return Ok(());
                }
                self.cookie = Some(self.into.len());
            }
            _ => {}
        }
        if self.count > self.most {
            return Err(TOO_MANY);
        }
        self.into.push_known(known, name, value);
        Ok(())
    }

    /// One field of digits without leading zeros, or none: what others could read differently is refused.
    fn state_length(&mut self, digits: &[u8]) -> Result<(), FieldsError> {
        if self.content_length.is_some() {
            return Err(FieldsError::Malformed("repeated-content-length"));
        }
        self.content_length = decimal(digits);
        if self.content_length.is_none() {
            return Err(FieldsError::Malformed("invalid-content-length"));
        }
        Ok(())
    }

    /// The crumbs of a cookie become one field again, where the first was (§8.2.3); each counts, as each costs what a
    /// field does.
    fn add_crumb(&mut self, place: usize, crumb: &[u8]) {
        if self.crumbs.is_empty()
            && let Some(first) = self.into.iter().nth(place)
        {
            self.crumbs.extend_from_slice(first.value);
        }
        self.crumbs.extend_from_slice(b"; ");
        self.crumbs.extend_from_slice(crumb);
    }

    /// All fields were taken.
    pub(super) fn finish(self) {
        if let Some(place) = self.cookie.filter(|_| !self.crumbs.is_empty()) {
            self.into.set_value(place, &self.crumbs);
        }
    }
}

fn decimal(digits: &[u8]) -> Option<u64> {
    if matches!(digits, [] | [b'0', _, ..]) || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Trailers being read.
#[derive(Debug)]
pub(in crate::proxy::h2) struct Trailers {
    fields: Fields,
    most: usize,
    room: u64,
    count: usize,
    error: Option<FieldsError>,
}

impl Trailers {
    /// At most so many fields, and so many octets in all.
    pub(in crate::proxy::h2) fn new(most: usize, room: u64) -> Self {
        Self { fields: Fields::default(), most, room, count: 0, error: None }
    }

    pub(in crate::proxy::h2) fn field(&mut self, name: &[u8], value: &[u8]) {
        if self.error.is_none()
            && let Err(error) = self.take(name, value)
        {
            self.error = Some(error);
        }
    }

    /// Those that must not be passed on are left out (RFC 9110 §6.5.1).
    fn take(&mut self, name: &[u8], value: &[u8]) -> Result<(), FieldsError> {
        if name.starts_with(b":") {
            return Err(FieldsError::Malformed("pseudo-field-in-trailers"));
        }
        if !is_name(name) || !is_value(value) {
            return Err(FieldsError::Malformed("malformed-trailers"));
        }
        self.count += 1;
        let room = self.room.checked_sub(entry_size(name, value)).filter(|_| self.count <= self.most);
        self.room = room.ok_or(FieldsError::Refused { status: 431, code: "too-many-trailers" })?;
        if !trailers::is_forbidden(name) {
            self.fields.push(name, value);
        }
        Ok(())
    }

    /// The trailers; `None` if there are none that may be passed on.
    pub(in crate::proxy::h2) fn finish(self) -> Result<Option<Fields>, FieldsError> {
        match self.error {
            Some(error) => Err(error),
            None => Ok((!self.fields.is_empty()).then_some(self.fields)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type List = Vec<(String, String)>;

    fn list(fields: &Fields) -> List {
        let text = |octets: &[u8]| String::from_utf8(octets.to_vec()).unwrap();
        fields.iter().map(|field| (text(field.name), text(field.value))).collect()
    }

    fn read(fields: &[(&str, &str)], most: usize) -> Result<(List, Option<u64>), FieldsError> {
        let mut into = Fields::default();
        let mut regular = Regular::new(&mut into, most);
        for (name, value) in fields {
            regular.take(name.as_bytes(), value.as_bytes())?;
        }
        let length = regular.content_length;
        regular.finish();
        Ok((list(&into), length))
    }

    fn owned(fields: &[(&str, &str)]) -> List {
        fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_crumbs_of_a_cookie_become_one_field_where_the_first_was() {
        let crumbs = [("a", "1"), ("cookie", "x=1"), ("b", "2"), ("cookie", "y=2"), ("c", "3"), ("cookie", "z=3")];
        let whole = owned(&[("a", "1"), ("cookie", "x=1; y=2; z=3"), ("b", "2"), ("c", "3")]);
        assert_eq!(read(&crumbs, 100).unwrap().0, whole);
        assert_eq!(read(&[("cookie", "x=1")], 100).unwrap().0, owned(&[("cookie", "x=1")]));
    }

    #[test]
    fn as_many_fields_as_allowed_are_read_and_one_more_is_refused() {
        for name in ["a", "cookie"] {
            assert!(read(&[(name, "1"); 3], 3).is_ok());
            assert_eq!(read(&[(name, "1"); 4], 3), Err(TOO_MANY));
        }
    }

    #[test]
    fn names_and_values_that_could_be_read_otherwise_are_malformed() {
        for name in ["", "A", "a b", "a:b", "a\0", "caf\u{e9}", "a\n"] {
            assert!(matches!(read(&[(name, "1")], 9), Err(FieldsError::Malformed(_))), "{name:?}");
        }
        for value in [" a", "a ", "\ta", "a\t", " ", "a\nb", "a\rb", "\0", "\x7f", "\x1f"] {
            for name in ["a", "cookie"] {
                assert!(matches!(read(&[(name, value)], 9), Err(FieldsError::Malformed(_))), "{name} {value:?}");
            }
        }
        assert!(read(&[("a", ""), ("b", "a\tb \u{e9}")], 9).is_ok());
    }

    #[test]
    fn a_length_is_one_field_of_digits() {
        assert_eq!(read(&[], 9).unwrap().1, None);
        assert_eq!(read(&[("content-length", "17")], 9).unwrap().1, Some(17));
        for value in ["", "+1", "-1", "01", "1,1", "0x1", "18446744073709551616"] {
            assert!(read(&[("content-length", value)], 9).is_err(), "{value:?}");
        }
        assert!(read(&[("content-length", "1"), ("content-length", "1")], 9).is_err());
    }

    #[test]
    fn fields_of_a_connection_are_malformed() {
        for name in ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"] {
            assert!(read(&[(name, "x")], 9).is_err(), "{name}");
        }
        assert!(read(&[("te", "gzip")], 9).is_err());
        assert!(read(&[("te", "trailers")], 9).is_ok());
    }

    fn trailers(fields: &[(&str, &str)], most: usize) -> Result<Option<List>, FieldsError> {
        let mut trailers = Trailers::new(most, 1000);
        for (name, value) in fields {
            trailers.field(name.as_bytes(), value.as_bytes());
        }
        trailers.finish().map(|fields| fields.as_ref().map(list))
    }

    #[test]
    fn trailers_that_would_change_the_message_are_left_out() {
        let received = [("grpc-status", "0"), ("content-length", "5"), ("authorization", "x")];
        assert_eq!(trailers(&received, 9), Ok(Some(owned(&[("grpc-status", "0")]))));
        assert_eq!(trailers(&[("host", "h")], 9), Ok(None));
        assert_eq!(trailers(&[(":path", "/")], 9), Err(FieldsError::Malformed("pseudo-field-in-trailers")));
        assert!(matches!(trailers(&[("a", "1"), ("b", "2")], 1), Err(FieldsError::Refused { .. })));
        let value = |octets: usize| "x".repeat(octets - "a".len() - 32);
        assert!(trailers(&[("a", &value(1000))], 9).is_ok());
        assert!(matches!(trailers(&[("a", &value(1001))], 9), Err(FieldsError::Refused { .. })));
    }
}
