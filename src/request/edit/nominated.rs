//! Fields that a `Connection` field nominates as hop-by-hop (RFC 9110 §7.6.1).

use smallvec::SmallVec;

use crate::request::head::{FieldName, Fields};

/// How many nominations count. A sender has use for two or three; a bound keeps what one head can cost linear.
const MAX_NOMINATIONS: usize = 64;

/// The names that a head's `Connection` fields nominate.
pub(super) struct Nominated<'h> {
    names: SmallVec<[&'h [u8]; 4]>,
}

impl<'h> Nominated<'h> {
    pub(super) fn of(fields: &'h Fields) -> Self {
        let tokens = fields.all(FieldName::Connection).flat_map(|value| value.split(|octet| *octet == b','));
        let names = tokens.map(<[u8]>::trim_ascii).filter(|token| !token.is_empty() && !is_option(token));
        Self { names: names.take(MAX_NOMINATIONS).collect() }
    }

    pub(super) fn contains(&self, name: &[u8]) -> bool {
        self.names.iter().any(|nominated| nominated.eq_ignore_ascii_case(name))
    }
}

/// The options that nominate no field of their own, or one that is not passed on anyway.
fn is_option(token: &[u8]) -> bool {
    [&b"close"[..], b"keep-alive", b"upgrade"].iter().any(|option| token.eq_ignore_ascii_case(option))
}
