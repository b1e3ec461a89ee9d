//! The head of a request (RFC 9113 §8.3.1).

use super::entry_size;
use super::message::{FieldsError, Regular};
use crate::proxy::h1::parse::Limits;
use crate::proxy::sides::{Demand, InterimResponses, TrailersWanted};
use crate::request::{FieldName, RequestHead, Version};

/// A longer method is none that anything implements, as over HTTP/1.1.
const MAX_METHOD_OCTETS: usize = 64;
/// The longest scheme that is worth reading.
const MAX_SCHEME_OCTETS: usize = 64;

/// The pseudo-fields that were there, a bit for each.
mod seen {
    pub(super) const METHOD: u8 = 1;
    pub(super) const SCHEME: u8 = 2;
    pub(super) const PATH: u8 = 4;
    pub(super) const AUTHORITY: u8 = 8;
}

/// A head being read.
#[derive(Debug)]
pub(in crate::proxy::h2) struct RequestReader<'a> {
    method: &'a mut String,
    target: &'a mut Vec<u8>,
    authority: &'a mut Option<String>,
    octets: &'a mut u64,
    regular: Regular<'a>,
    limits: Limits,
    seen: u8,
    /// A regular field was there: pseudo-fields come no more.
    begun: bool,
    error: Option<FieldsError>,
}

impl<'a> RequestReader<'a> {
    /// Reads into `head`, which is cleared first.
    pub(in crate::proxy::h2) fn new(head: &'a mut RequestHead, limits: Limits) -> Self {
        head.clear();
        head.version = Version::Http2;
        let RequestHead { method, target, authority, fields, wire_octets, .. } = head;
        Self {
            method,
            target,
            authority,
            octets: wire_octets,
            regular: Regular::new(fields, limits.fields),
            limits,
            seen: 0,
            begun: false,
            error: None,
        }
    }

    /// Takes the next field. What is beyond the bounds is only counted.
    pub(in crate::proxy::h2) fn field(&mut self, name: &[u8], value: &[u8]) {
        *self.octets += entry_size(name, value);
        if let Err(error) = self.take(name, value) {
            self.fail(error);
        }
    }

    /// What is malformed is so whatever else is too large.
    fn fail(&mut self, error: FieldsError) {
        if !matches!(self.error, Some(FieldsError::Malformed(_)))
            && (self.error.is_none() || matches!(error, FieldsError::Malformed(_)))
        {
            self.error = Some(error);
        }
    }

    fn take(&mut self, name: &[u8], value: &[u8]) -> Result<(), FieldsError> {
        if name.first() == Some(&b':') {
            return self.take_pseudo(name, value);
        }
        self.begun = true;
        if *self.octets > self.limits.head_octets as u64 {
            return Err(FieldsError::Refused { status: 431, code: "head-too-large" });
        }
        self.regular.take(name, value)
    }

    fn take_pseudo(&mut self, name: &[u8], value: &[u8]) -> Result<(), FieldsError> {
        if self.begun {
            return Err(FieldsError::Malformed("pseudo-field-behind-others"));
        }
        let which = match name {
            b":method" => seen::METHOD,
            b":scheme" => seen::SCHEME,
            b":path" => seen::PATH,
            b":authority" => seen::AUTHORITY,
            _ => return Err(FieldsError::Malformed("unknown-pseudo-field")),
        };
        if self.seen & which != 0 {
            return Err(FieldsError::Malformed("repeated-pseudo-field"));
        }
        self.seen |= which;
        match which {
            seen::METHOD => self.take_method(value),
            seen::SCHEME if is_scheme(value) => Ok(()),
            seen::SCHEME => Err(FieldsError::Malformed("invalid-scheme")),
            seen::PATH => self.take_path(value),
            _ => self.take_authority(value),
        }
    }

    fn take_method(&mut self, method: &[u8]) -> Result<(), FieldsError> {
        match std::str::from_utf8(method) {
            Ok(method) if is_token(method.as_bytes()) => {
                if method.len() > MAX_METHOD_OCTETS {
                    return Err(FieldsError::Refused { status: 501, code: "method-too-long" });
                }
                self.method.push_str(method);
                Ok(())
            }
            _ => Err(FieldsError::Malformed("invalid-method")),
        }
    }

    /// What a target may hold beside what none does, the planner says.
    fn take_path(&mut self, path: &[u8]) -> Result<(), FieldsError> {
        let is_legal = |octet: &u8| !matches!(octet, 0..=b' ' | b'#' | 0x7f);
        if !matches!(path, [b'/', ..] | b"*") || !path.iter().all(is_legal) {
            return Err(FieldsError::Malformed("invalid-path"));
        }
        if path.len() > self.limits.target_octets {
            return Err(FieldsError::Refused { status: 414, code: "target-too-long" });
        }
        self.target.extend_from_slice(path);
        Ok(())
    }

    /// Whether it names a host, the planner says.
    fn take_authority(&mut self, authority: &[u8]) -> Result<(), FieldsError> {
        match std::str::from_utf8(authority) {
            Ok(text) if authority.iter().all(u8::is_ascii_graphic) => {
                *self.authority = Some(text.to_owned());
                Ok(())
            }
            _ => Err(FieldsError::Malformed("invalid-authority")),
        }
    }

    /// The stated length, once all fields were taken.
    pub(in crate::proxy::h2) fn finish(mut self) -> Result<Option<u64>, FieldsError> {
        let whole = match self.method.as_str() {
            // RFC 9113 §8.5.
            "CONNECT" => self.seen == seen::METHOD | seen::AUTHORITY,
            _ => self.seen & !seen::AUTHORITY == seen::METHOD | seen::SCHEME | seen::PATH,
        };
        if !whole {
            self.fail(FieldsError::Malformed("incomplete-pseudo-fields"));
        }
        if *self.octets > self.limits.head_octets as u64 {
            self.fail(FieldsError::Refused { status: 431, code: "head-too-large" });
        }
        let length = self.regular.content_length;
        self.regular.finish();
        self.error.map_or(Ok(length), Err)
    }
}

fn is_token(text: &[u8]) -> bool {
    crate::proxy::h1::octets::is_token(text)
}

/// RFC 3986 §3.1.
fn is_scheme(scheme: &[u8]) -> bool {
    let follows = |octet: &u8| octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'-' | b'.');
    scheme.len() <= MAX_SCHEME_OCTETS
        && scheme.split_first().is_some_and(|(first, rest)| first.is_ascii_alphabetic() && rest.iter().all(follows))
}

/// What the request asks of the pipeline. HTTP/2 has no upgrades (RFC 9113 §8.6).
pub(in crate::proxy::h2) fn demand(head: &RequestHead) -> Demand<'static> {
    let trailers = head.fields.first(FieldName::Te).is_some();
    Demand {
        upgrade: None,
        trailers: if trailers { TrailersWanted::Stated } else { TrailersWanted::Unstated },
        interim: InterimResponses::Understood,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GET: &[(&str, &str)] = &[(":method", "GET"), (":scheme", "https"), (":path", "/a?b"), (":authority", "h:1")];

    fn read(fields: &[(&str, &str)]) -> (Result<Option<u64>, FieldsError>, RequestHead) {
        let mut head = RequestHead::default();
        let limits = Limits { head_octets: 1000, fields: 3, target_octets: 20 };
        let mut reader = RequestReader::new(&mut head, limits);
        for (name, value) in fields {
            reader.field(name.as_bytes(), value.as_bytes());
        }
        (reader.finish(), head)
    }

    fn with(pseudo: &str, value: &'static str) -> Vec<(&'static str, &'static str)> {
        GET.iter().map(|(name, before)| (*name, if *name == pseudo { value } else { *before })).collect()
    }

    #[test]
    fn a_head_is_read_whole() {
        let (read, head) = read(&[GET, &[("x", "y"), ("content-length", "3")]].concat());
        assert_eq!(read, Ok(Some(3)));
        assert_eq!((head.method.as_str(), &head.target[..]), ("GET", &b"/a?b"[..]));
        assert_eq!(head.authority.as_deref(), Some("h:1"));
        assert_eq!(head.fields.len(), 2);
        assert_eq!(head.wire_octets, 42 + 44 + 41 + 45 + 34 + 47);
    }

    #[test]
    fn what_is_malformed_is_so_even_where_it_is_too_large() {
        let long = "x".repeat(1000);
        for fields in [
            vec![],
            GET[1..].to_vec(),
            [&GET[..1], &GET[2..]].concat(),
            [&GET[..2], &GET[3..]].concat(),
            [GET, &[(":path", "/")]].concat(),
            [GET, &[("a", "b"), (":path", "/")]].concat(),
            [GET, &[(":status", "200")]].concat(),
            [GET, &[(":protocol", "websocket")]].concat(),
            [GET, &[("B", "c"), ("a", long.as_str())]].concat(),
            with(":method", ""),
            with(":method", "G T"),
            with(":scheme", ""),
            with(":scheme", "1a"),
            with(":path", ""),
            with(":path", "a"),
            with(":path", "/#"),
            with(":path", "/a b"),
            with(":path", "/\x7f"),
            with(":authority", "a b"),
            with(":authority", "\u{e9}"),
            vec![(":method", "CONNECT"), (":scheme", "http"), (":path", "/"), (":authority", "h:1")],
            vec![(":method", "CONNECT")],
        ] {
            assert!(matches!(read(&fields).0, Err(FieldsError::Malformed(_))), "{fields:?}");
        }
        assert!(read(&[(":method", "CONNECT"), (":authority", "h:1")]).0.is_ok());
        assert!(read(&[(":method", "OPTIONS"), (":scheme", "http"), (":path", "*")]).0.is_ok());
    }

    #[test]
    fn what_is_beyond_a_bound_is_refused_with_its_status() {
        let status = |fields: &[(&str, &str)]| match read(fields).0 {
            Err(FieldsError::Refused { status, .. }) => Some(status),
            _ => None,
        };
        let long = "x".repeat(1000);
        assert_eq!(status(&[GET, &[("a", &long)]].concat()), Some(431));
        assert_eq!(status(&[GET, &[("a", "b"); 4]].concat()), Some(431));
        assert_eq!(status(&[GET, &[("a", "b"); 3]].concat()), None);
        assert_eq!(status(&with(":path", "/xxxxxxxxxxxxxxxxxxx")), None);
        assert_eq!(status(&with(":path", "/xxxxxxxxxxxxxxxxxxxx")), Some(414));
    }
}
