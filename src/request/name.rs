//! The names of fields that the proxy acts on, known by number.

/// Request fields and response fields that the proxy acts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FieldName {
    Accept,
    Authorization,
    Connection,
    ContentLength,
    ContentType,
    Cookie,
    Date,
    Expect,
    Forwarded,
    Host,
    Http2Settings,
    KeepAlive,
    Location,
    ProxyAuthenticate,
    ProxyAuthorization,
    ProxyConnection,
    /// `Proxy`, which CGI programs confuse with a setting (httpoxy).
    Proxy,
    Referer,
    Server,
    SetCookie,
    StrictTransportSecurity,
    Te,
    Trailer,
    TransferEncoding,
    Upgrade,
    UserAgent,
    Via,
    XForwardedFor,
    XForwardedHost,
    XForwardedPort,
    XForwardedPrefix,
    XForwardedProto,
    XForwardedScheme,
    XOriginalForwardedFor,
    XOriginalForwardedHost,
    XRealIp,
    XRequestId,
    XScheme,
    /// Any other name.
    Other,
}

/// Every known name, lower-case.
const KNOWN: &[(&str, FieldName)] = &[
    ("te", FieldName::Te),
    ("via", FieldName::Via),
    ("host", FieldName::Host),
    ("date", FieldName::Date),
    ("proxy", FieldName::Proxy),
    ("accept", FieldName::Accept),
    ("cookie", FieldName::Cookie),
    ("expect", FieldName::Expect),
    ("server", FieldName::Server),
    ("referer", FieldName::Referer),
    ("trailer", FieldName::Trailer),
    ("upgrade", FieldName::Upgrade),
    ("location", FieldName::Location),
    ("x-scheme", FieldName::XScheme),
    ("forwarded", FieldName::Forwarded),
    ("x-real-ip", FieldName::XRealIp),
    ("connection", FieldName::Connection),
    ("keep-alive", FieldName::KeepAlive),
    ("set-cookie", FieldName::SetCookie),
    ("user-agent", FieldName::UserAgent),
    ("content-type", FieldName::ContentType),
    ("x-request-id", FieldName::XRequestId),
    ("authorization", FieldName::Authorization),
    ("content-length", FieldName::ContentLength),
    ("http2-settings", FieldName::Http2Settings),
    ("x-forwarded-for", FieldName::XForwardedFor),
    ("x-forwarded-host", FieldName::XForwardedHost),
    ("x-forwarded-port", FieldName::XForwardedPort),
    ("proxy-connection", FieldName::ProxyConnection),
    ("x-forwarded-proto", FieldName::XForwardedProto),
    ("transfer-encoding", FieldName::TransferEncoding),
    ("x-forwarded-prefix", FieldName::XForwardedPrefix),
    ("x-forwarded-scheme", FieldName::XForwardedScheme),
    ("proxy-authenticate", FieldName::ProxyAuthenticate),
    ("proxy-authorization", FieldName::ProxyAuthorization),
    ("x-original-forwarded-for", FieldName::XOriginalForwardedFor),
    ("x-original-forwarded-host", FieldName::XOriginalForwardedHost),
    ("strict-transport-security", FieldName::StrictTransportSecurity),
];

/// A name to compare with: its beginning and its end, which overlap and together are all of it, and what makes letters of
/// the other case alike.
#[derive(Clone, Copy)]
struct Comparable {
    text: (u128, u128),
    /// The bit that tells the cases apart, where [`text`](Self::text) has a letter.
    cases: (u128, u128),
}

/// [`KNOWN`], to compare with.
const COMPARABLE: [Comparable; KNOWN.len()] = comparable();

/// Where in [`KNOWN`] the names of each length start and end; it is sorted by length, which the build checks.
const BY_LENGTH: [(usize, usize); LONGEST + 1] = index_by_length();

/// The length of the longest known name.
const LONGEST: usize = 25;

impl FieldName {
    /// Looks a name up, whatever its case: at most the known names of the same length are compared.
    #[must_use]
    pub fn of(name: &[u8]) -> Self {
        let Some((start, end)) = BY_LENGTH.get(name.len()).copied() else { return Self::Other };
        let (first, last) = ends(name);
        let candidates = COMPARABLE.get(start..end).unwrap_or_default();
        let found = candidates.iter().position(|Comparable { text, cases }| (first | cases.0, last | cases.1) == *text);
        found.and_then(|place| KNOWN.get(start + place)).map_or(Self::Other, |(_, field)| *field)
    }
}

/// The beginning and the end of a name of 2 to 32 octets, as numbers. Names of one length are the same if these are. Loaded
/// as they stand: what is first copied to be compared is waited for.
const fn ends(name: &[u8]) -> (u128, u128) {
    if let (Some(first), Some(last)) = (name.first_chunk::<16>(), name.last_chunk::<16>()) {
        return (u128::from_le_bytes(*first), u128::from_le_bytes(*last));
    }
    if let (Some(first), Some(last)) = (name.first_chunk::<8>(), name.last_chunk::<8>()) {
        return (u64::from_le_bytes(*first) as u128, u64::from_le_bytes(*last) as u128);
    }
    if let (Some(first), Some(last)) = (name.first_chunk::<4>(), name.last_chunk::<4>()) {
        return (u32::from_le_bytes(*first) as u128, u32::from_le_bytes(*last) as u128);
    }
    match (name.first_chunk::<2>(), name.last_chunk::<2>()) {
        (Some(first), Some(last)) => (u16::from_le_bytes(*first) as u128, u16::from_le_bytes(*last) as u128),
        _ => (0, 0),
    }
}

#[expect(clippy::indexing_slicing, reason = "evaluated at build time, where a wrong index is an error")]
const fn comparable() -> [Comparable; KNOWN.len()] {
    let mut table = [Comparable { text: (0, 0), cases: (0, 0) }; KNOWN.len()];
    let mut position = 0;
    while position < KNOWN.len() {
        let name = KNOWN[position].0.as_bytes();
        let mut cases = [0; LONGEST];
        let mut octet = 0;
        while octet < name.len() {
            if name[octet].is_ascii_lowercase() {
                cases[octet] = b'a' ^ b'A';
            }
            octet += 1;
        }
        table[position] = Comparable { text: ends(name), cases: ends(cases.split_at(name.len()).0) };
        position += 1;
    }
    table
}

#[expect(clippy::indexing_slicing, reason = "evaluated at build time, where a wrong index is an error")]
const fn index_by_length() -> [(usize, usize); LONGEST + 1] {
    let mut ranges = [(0, 0); LONGEST + 1];
    let mut position = 0;
    let mut previous = 0;
    while position < KNOWN.len() {
        let length = KNOWN[position].0.len();
        assert!(length >= previous, "known names are sorted by length");
        if length > previous {
            ranges[length].0 = position;
        }
        ranges[length].1 = position + 1;
        previous = length;
        position += 1;
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_names_are_found_whatever_their_case() {
        for (name, known) in KNOWN {
            assert_eq!(FieldName::of(name.to_ascii_uppercase().as_bytes()), *known);
        }
    }

    #[test]
    fn any_other_name_is_another() {
        for name in [&b""[..], b"t", b"x-unknown", b"hos", b"hosts", b"a-name-that-is-longer-than-all-others"] {
            assert_eq!(FieldName::of(name), FieldName::Other, "{}", name.escape_ascii());
        }
    }

    #[test]
    fn a_name_with_another_octet_anywhere_is_another() {
        for (name, known) in KNOWN {
            for place in 0..name.len() {
                for octet in 0..=u8::MAX {
                    let mut other = name.as_bytes().to_vec();
                    other[place] = octet;
                    let same = other.eq_ignore_ascii_case(name.as_bytes());
                    assert_eq!(FieldName::of(&other) == *known, same, "{}", other.escape_ascii());
                }
            }
        }
    }
}
