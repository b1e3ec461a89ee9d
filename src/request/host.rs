//! The authority of a request, parsed strictly: what `Host`, `:authority` and an absolute target may hold.
//!
//! Routing and forwarding use one value, so nothing that two parsers could read differently passes: no userinfo, no
//! path, no list, no port but decimal digits up to 65535.

use super::head::{FieldName, RequestHead, Version};
use super::plan::Rejected;
use crate::table::CanonicalHost;

/// An authority, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    pub host: CanonicalHost,
    /// `None` where the text has no colon.
    pub port: Option<u16>,
}

/// Parses `host [ ":" port ]` (RFC 9110 §7.2). `None` for whatever is not exactly that, an empty port included.
#[must_use]
pub fn parse(text: &[u8]) -> Option<Authority> {
    let (host, port) = split_port(text)?;
    Some(Authority {
        host: CanonicalHost::parse(host)?,
        port: port.map_or(Some(None), |port| parse_port(port).map(Some))?,
    })
}

/// The host that a request is for. The target's authority goes before `Host` (RFC 9112 §3.2.2); a `Host` field beside
/// it must be valid all the same, and over HTTP/2 agree with it (RFC 9113 §8.3.1). [`CanonicalHost::absent`] for HTTP/1.0
/// without either.
///
/// # Errors
/// 400 when the authority is malformed, when there is more than one `Host`, also if identical, and when there is none
/// where the version asks for one (RFC 9112 §3.2).
pub fn of(head: &RequestHead) -> Result<CanonicalHost, Rejected> {
    let field = host_field(head)?;
    let target = head.authority.as_deref().map(|text| parse(text.as_bytes()).ok_or(INVALID)).transpose()?;
    match (head.version, target, field) {
        (Version::Http10, None, None) => Ok(CanonicalHost::absent()),
        (Version::Http11, _, None) | (Version::Http2, None, None) => Err(MISSING),
        (Version::Http10, Some(target), None) | (Version::Http10 | Version::Http11, Some(target), Some(_)) => {
            Ok(target.host)
        }
        (Version::Http2, Some(target), None) => Ok(target.host),
        (Version::Http2, Some(target), Some(field)) => agree(target, &field),
        (_, None, Some(field)) => Ok(field.host),
    }
}

const INVALID: Rejected = Rejected { status: 400, code: "host-invalid" };
const MISSING: Rejected = Rejected { status: 400, code: "host-missing" };
const REPEATED: Rejected = Rejected { status: 400, code: "host-repeated" };
const CONFLICTING: Rejected = Rejected { status: 400, code: "host-conflicting" };

fn host_field(head: &RequestHead) -> Result<Option<Authority>, Rejected> {
    let mut fields = head.fields.all(FieldName::Host);
    let Some(first) = fields.next() else { return Ok(None) };
    if fields.next().is_some() {
        return Err(REPEATED);
    }
    parse(first).map(Some).ok_or(INVALID)
}

/// The same host, and the same port where both name one.
fn agree(target: Authority, field: &Authority) -> Result<CanonicalHost, Rejected> {
    let ports_agree = target.port.is_none() || field.port.is_none() || target.port == field.port;
    if target.host == field.host && ports_agree { Ok(target.host) } else { Err(CONFLICTING) }
}

/// Splits `:port` off; the colons of an IPv6 address are behind its bracket.
fn split_port(text: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let address_end = if text.first() == Some(&b'[') { memchr::memchr(b']', text)? } else { 0 };
    match memchr::memchr(b':', text.get(address_end..)?) {
        Some(offset) => {
            let (host, port) = text.split_at_checked(address_end + offset)?;
            Some((host, port.strip_prefix(b":")))
        }
        None => Some((text, None)),
    }
}

/// Parses a port: one to five decimal digits, at most 65535.
#[must_use]
pub fn parse_port(digits: &[u8]) -> Option<u16> {
    if digits.is_empty() || digits.len() > 5 {
        return None;
    }
    let value = digits
        .iter()
        .try_fold(0_u32, |value, digit| digit.is_ascii_digit().then(|| value * 10 + u32::from(digit - b'0')))?;
    u16::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn authority(text: &str) -> Option<(String, Option<u16>)> {
        parse(text.as_bytes()).map(|authority| (authority.host.to_string(), authority.port))
    }

    #[test]
    fn an_authority_is_a_host_and_maybe_a_port() {
        for (text, host, port) in [
            ("Shop.Example", "shop.example", None),
            ("shop.example.:8080", "shop.example", Some(8080)),
            ("a_b:0", "a_b", Some(0)),
            ("10.0.0.1:65535", "10.0.0.1", Some(65535)),
            ("[::1]", "[::1]", None),
            ("[FE80::1]:443", "[fe80::1]", Some(443)),
        ] {
            assert_eq!(authority(text), Some((host.to_owned(), port)), "{text}");
        }
    }

    #[test]
    fn what_two_parsers_could_read_differently_is_refused() {
        for text in [
            "", ":80", "a:", "a:65536", "a:000080", "a:+80", "a:-1", "a:0x50", "a: 80", "a:8 0", " a", "a ", "a\t",
            "u@a", "u:p@a", "a/", "a/b", "a?b", "a#b", "a\\b", "a,b", "a:80:90", "a:80,b", "::1", "[::1", "[::1]80",
            "[::1]:", "[a]:80", "a%2eb", "*.a", "a..b", "..", ".",
        ] {
            assert_eq!(authority(text), None, "{text:?}");
        }
    }

    fn head(version: Version, authority: Option<&str>, hosts: &[&str]) -> RequestHead {
        let mut head = RequestHead { version, authority: authority.map(str::to_owned), ..RequestHead::default() };
        for host in hosts {
            head.fields.push(b"Host", host.as_bytes());
        }
        head
    }

    fn host_of(version: Version, authority: Option<&str>, hosts: &[&str]) -> Result<String, &'static str> {
        of(&head(version, authority, hosts)).map(|host| host.to_string()).map_err(|rejected| rejected.code)
    }

    #[test]
    fn http_1_1_needs_one_valid_host() {
        assert_eq!(host_of(Version::Http11, None, &["A.example:80"]).as_deref(), Ok("a.example"));
        assert_eq!(host_of(Version::Http11, None, &[]), Err("host-missing"));
        assert_eq!(host_of(Version::Http11, None, &[""]), Err("host-invalid"));
        assert_eq!(host_of(Version::Http11, None, &["a", "b"]), Err("host-repeated"));
        assert_eq!(host_of(Version::Http11, None, &["a", "a"]), Err("host-repeated"));
    }

    #[test]
    fn the_target_goes_before_the_field_which_is_needed_all_the_same() {
        assert_eq!(host_of(Version::Http11, Some("t"), &["f"]).as_deref(), Ok("t"));
        assert_eq!(host_of(Version::Http11, Some("t"), &[]), Err("host-missing"));
        assert_eq!(host_of(Version::Http11, Some("t"), &["f/"]), Err("host-invalid"));
        assert_eq!(host_of(Version::Http11, Some("u@t"), &["t"]), Err("host-invalid"));
    }

    #[test]
    fn http_1_0_may_name_no_host() {
        assert_eq!(host_of(Version::Http10, None, &[]).as_deref(), Ok(""));
        assert_eq!(host_of(Version::Http10, None, &["a"]).as_deref(), Ok("a"));
        assert_eq!(host_of(Version::Http10, Some("t"), &[]).as_deref(), Ok("t"));
        assert_eq!(host_of(Version::Http10, None, &["a", "a"]), Err("host-repeated"));
        assert_eq!(host_of(Version::Http10, None, &[""]), Err("host-invalid"));
    }

    #[test]
    fn authority_and_host_agree_over_http_2() {
        assert_eq!(host_of(Version::Http2, Some("A.b"), &[]).as_deref(), Ok("a.b"));
        assert_eq!(host_of(Version::Http2, None, &["a.b"]).as_deref(), Ok("a.b"));
        assert_eq!(host_of(Version::Http2, Some("a.b:443"), &["A.B"]).as_deref(), Ok("a.b"));
        assert_eq!(host_of(Version::Http2, Some("a"), &["b"]), Err("host-conflicting"));
        assert_eq!(host_of(Version::Http2, Some("a:1"), &["a:2"]), Err("host-conflicting"));
        assert_eq!(host_of(Version::Http2, None, &[]), Err("host-missing"));
    }

    proptest! {
        #[test]
        fn a_canonical_host_is_its_own_authority(text in "[a-zA-Z0-9_.-]{1,20}(:[0-9]{1,5})?") {
            if let Some(authority) = parse(text.as_bytes()) {
                let again = parse(authority.host.as_bytes());
                prop_assert_eq!(again, Some(Authority { host: authority.host, port: None }));
            }
        }

        #[test]
        fn any_octets_are_read_or_refused(text in prop::collection::vec(any::<u8>(), 0..32)) {
            if let Some(authority) = parse(&text) {
                prop_assert!(!authority.host.is_absent());
                prop_assert!(text.is_ascii());
            }
        }
    }
}
