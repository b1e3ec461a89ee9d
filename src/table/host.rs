//! The host of a request in canonical form: what virtual hosts are found by.
//!
//! A [`CanonicalHost`] cannot hold anything but a validated, lower-case name without port, or nothing at all. It does
//! not parse `Host` fields: `request::host` takes authorities apart and hands the name over.

use std::fmt;
use std::net::Ipv6Addr;

use smallvec::SmallVec;

/// The longest DNS name in text form without its trailing dot (RFC 1035 §2.3.4).
const MAX_NAME: usize = 253;
/// The longest label (RFC 1035 §2.3.4).
const MAX_LABEL: usize = 63;

/// The host that a request names, for matching: lower-case, without port and trailing dot; a DNS name, an IPv4 address,
/// or an IPv6 address in brackets. Empty when the request names none (HTTP/1.0). Names of up to 64 octets are held
/// inline, longer ones take one allocation.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct CanonicalHost(SmallVec<[u8; 64]>);

impl CanonicalHost {
    /// The host of a request that names none; only [`HostPattern::Any`](crate::ir::HostPattern::Any) claims it.
    #[must_use]
    pub fn absent() -> Self {
        Self::default()
    }

    /// Reads a host without port: labels of ASCII letters, digits, `-` and `_`, at most 63 octets each and 253 in all,
    /// one trailing dot allowed; or an IPv6 address in brackets, without zone (RFC 3986 §3.2.2; percent-encoded names
    /// and IPvFuture are refused). `None` if it is anything else, or empty.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.first() == Some(&b'[') {
            return is_ipv6_literal(text).then(|| Self::lower_case(text));
        }
        let name = text.strip_suffix(b".").unwrap_or(text);
        is_name(name).then(|| Self::lower_case(name))
    }

    /// Empty for a request that names no host.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Empty for a request that names no host.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    #[must_use]
    pub fn is_absent(&self) -> bool {
        self.0.is_empty()
    }

    /// What is left behind the first label, if a wildcard may stand for that label. Labels of a canonical host are of
    /// `[a-z0-9_-]+`, as nginx has them in a wildcard's place; an IPv6 address has no labels.
    pub(super) fn parent(&self) -> Option<&[u8]> {
        if self.0.first() == Some(&b'[') {
            return None;
        }
        let dot = memchr::memchr(b'.', &self.0)?;
        self.0.get(dot + 1..)
    }

    fn lower_case(text: &[u8]) -> Self {
        let mut bytes = SmallVec::from_slice(text);
        bytes.make_ascii_lowercase();
        Self(bytes)
    }
}

impl fmt::Debug for CanonicalHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CanonicalHost({:?})", self.as_str())
    }
}

impl fmt::Display for CanonicalHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn is_name(name: &[u8]) -> bool {
    let mut label = 0;
    for octet in name {
        label = match octet {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' if label < MAX_LABEL => label + 1,
            b'.' if label > 0 => 0,
            _ => return false,
        };
    }
    label > 0 && name.len() <= MAX_NAME
}

fn is_ipv6_literal(text: &[u8]) -> bool {
    text.strip_prefix(b"[")
        .and_then(|rest| rest.strip_suffix(b"]"))
        .and_then(|inner| std::str::from_utf8(inner).ok())
        .is_some_and(|inner| inner.parse::<Ipv6Addr>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_folded_and_lose_one_trailing_dot() {
        assert_eq!(
            CanonicalHost::parse(b"Foo.EXAMPLE.com.").map(|h| h.to_string()).as_deref(),
            Some("foo.example.com")
        );
        assert_eq!(CanonicalHost::parse(b"foo.."), None);
        assert_eq!(CanonicalHost::parse(b"."), None);
    }

    #[test]
    fn addresses_are_hosts() {
        assert!(CanonicalHost::parse(b"127.0.0.1").is_some());
        assert_eq!(CanonicalHost::parse(b"[2001:DB8::1]").map(|h| h.to_string()).as_deref(), Some("[2001:db8::1]"));
        for wrong in [&b"[::1"[..], b"[]", b"[::1%eth0]", b"[v1.x]", b"::1", b"[::1]."] {
            assert_eq!(CanonicalHost::parse(wrong), None, "{}", wrong.escape_ascii());
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let long_label = [b'a'; 64];
        let long_name = [b"a.".as_slice(); 128].concat();
        let wrong: [&[u8]; 12] = [
            b"",
            b"a b",
            b"a,b",
            b"a/b",
            b"u@h",
            b"a..b",
            b".a",
            b"*.a",
            b"%61",
            "é".as_bytes(),
            &long_label,
            &long_name,
        ];
        for wrong in wrong {
            assert_eq!(CanonicalHost::parse(wrong), None, "{}", wrong.escape_ascii());
        }
    }

    #[test]
    fn the_parent_is_what_follows_the_first_label() {
        let parent = |text: &[u8]| CanonicalHost::parse(text).and_then(|h| h.parent().map(<[u8]>::to_vec));
        assert_eq!(parent(b"a.b.c"), Some(b"b.c".to_vec()));
        assert_eq!(parent(b"a"), None);
        assert_eq!(parent(b"[::127.0.0.1]"), None);
    }
}
