//! One certificate chain with its private key, and what a controller needs to know of it.
//!
//! A [`Certificate`] exists only with a key that belongs to its leaf. It says which hosts it covers and when it is
//! valid, but refuses nothing on that account: what to do with an expired or mismatching one is the compiler's choice.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use aws_lc_rs::digest;
use rustls::pki_types::CertificateDer;
use rustls::sign::CertifiedKey;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::oid_registry::{
    OID_KEY_TYPE_EC_PUBLIC_KEY, OID_PKCS1_RSAENCRYPTION, OID_SIG_ED25519, OID_X509_SERIALNUMBER,
};
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

use crate::ir::{HostName, HostPattern, ObjectRef, UnixTime};

use super::chain::ChainOrder;

/// How long before its end a certificate counts as about to expire: ingress-nginx warns from ten days on.
const SOON_SECS: i64 = 10 * 24 * 3600;

/// A certificate chain and its private key, ready to serve. Two are equal if their chains and Secrets are; the key
/// follows from the leaf. `Debug` prints names, end of validity and fingerprint.
#[derive(Clone)]
pub struct Certificate {
    certified: Arc<CertifiedKey>,
    names: Box<[SubjectName]>,
    common_name: Option<Box<str>>,
    issuer: Issuer,
    serial: Box<str>,
    key_algorithm: &'static str,
    secret: Option<ObjectRef>,
    not_before: UnixTime,
    not_after: UnixTime,
    fingerprint: Fingerprint,
    order: ChainOrder,
}

impl Certificate {
    /// Puts together what `pem` has checked: `leaf` is the parsed first certificate of `certified`.
    pub(super) fn new(certified: CertifiedKey, leaf: &X509Certificate<'_>, order: ChainOrder) -> Self {
        Self {
            names: subject_names(leaf),
            common_name: common_name(leaf.subject()),
            issuer: Issuer::of(leaf.issuer()),
            serial: leaf.tbs_certificate.serial.to_string().into(),
            key_algorithm: key_algorithm(leaf),
            secret: None,
            not_before: UnixTime(leaf.validity().not_before.timestamp()),
            not_after: UnixTime(leaf.validity().not_after.timestamp()),
            fingerprint: Fingerprint::of(&certified.cert),
            certified: Arc::new(certified),
            order,
        }
    }

    /// Says which Secret this is from.
    #[must_use]
    pub fn of_secret(self, secret: ObjectRef) -> Self {
        Self { secret: Some(secret), ..self }
    }

    /// The Secret that this is from; `None` for one that was made at start.
    #[must_use]
    pub fn secret(&self) -> Option<&ObjectRef> {
        self.secret.as_ref()
    }

    /// The chain and key as rustls serves them.
    #[must_use]
    pub fn certified_key(&self) -> &Arc<CertifiedKey> {
        &self.certified
    }

    /// The subject alternative names, in the certificate's order. Names of other kinds than DNS and IP are left out.
    #[must_use]
    pub fn names(&self) -> &[SubjectName] {
        &self.names
    }

    /// The subject's first common name. Clients have not looked at it for years; ingress-nginx still does.
    #[must_use]
    pub fn common_name(&self) -> Option<&str> {
        self.common_name.as_deref()
    }

    /// The issuer's first common name, empty if it has none.
    #[must_use]
    pub fn issuer_common_name(&self) -> &str {
        &self.issuer.common_name
    }

    /// The issuer's first organization, empty if it has none.
    #[must_use]
    pub fn issuer_organization(&self) -> &str {
        &self.issuer.organization
    }

    /// The serial number that the issuer's name holds (of a company, say), empty if it holds none.
    #[must_use]
    pub fn issuer_serial(&self) -> &str {
        &self.issuer.serial
    }

    /// The algorithm of the public key, as Go calls it; empty for one that it has no name for.
    #[must_use]
    pub fn key_algorithm(&self) -> &'static str {
        self.key_algorithm
    }

    /// The serial number, decimal.
    #[must_use]
    pub fn serial(&self) -> &str {
        &self.serial
    }

    #[must_use]
    pub fn not_before(&self) -> UnixTime {
        self.not_before
    }

    #[must_use]
    pub fn not_after(&self) -> UnixTime {
        self.not_after
    }

    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// In what order the chain was written, for a note to its owner.
    #[must_use]
    pub fn chain_order(&self) -> ChainOrder {
        self.order
    }

    /// The leaf's standing at `now`. Intermediates are not looked at.
    #[must_use]
    pub fn validity(&self, now: UnixTime) -> Validity {
        if now < self.not_before {
            Validity::NotYet
        } else if now > self.not_after {
            Validity::Expired
        } else if self.not_after.0 - now.0 < SOON_SECS {
            Validity::ExpiresSoon
        } else {
            Validity::Valid
        }
    }

    /// Until when the standing is what it is at `now`: the first moment at which it is another one.
    #[must_use]
    pub fn validity_until(&self, now: UnixTime) -> Option<UnixTime> {
        let soon = UnixTime(self.not_after.0.saturating_sub(SOON_SECS).saturating_add(1));
        let expired = UnixTime(self.not_after.0.saturating_add(1));
        [self.not_before, soon, expired].into_iter().filter(|moment| now < *moment).min()
    }

    /// Whether this certificate is for `pattern`'s hosts, as ingress-nginx decides before it serves one: by subject
    /// alternative names, or else by the common name. A `*` stands for the whole first label and nothing else; a
    /// wildcard host is covered by the same wildcard alone. [`HostPattern::Any`] is covered by none.
    #[must_use]
    pub fn covers(&self, pattern: &HostPattern) -> Coverage {
        let by_name = |name: &SubjectName| match name {
            SubjectName::Dns(name) => covers_pattern(name, pattern),
            SubjectName::Ip(address) => is_address(*address, pattern),
        };
        if self.names.iter().any(by_name) {
            Coverage::SubjectName
        } else if self.common_name().is_some_and(|name| covers_pattern(name, pattern)) {
            Coverage::CommonNameOnly
        } else {
            Coverage::None
        }
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint && self.secret == other.secret
    }
}

impl Eq for Certificate {}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("names", &self.names)
            .field("not_after", &self.not_after)
            .field("fingerprint", &self.fingerprint)
            .finish_non_exhaustive()
    }
}

/// What a certificate says of who issued it.
#[derive(Debug, Clone, Default)]
struct Issuer {
    common_name: Box<str>,
    organization: Box<str>,
    serial: Box<str>,
}

impl Issuer {
    fn of(name: &X509Name<'_>) -> Self {
        let text = |attribute: Option<&AttributeTypeAndValue<'_>>| -> Box<str> {
            attribute.and_then(|attribute| attribute.as_str().ok()).unwrap_or_default().into()
        };
        Self {
            common_name: common_name(name).unwrap_or_default(),
            organization: text(name.iter_organization().next()),
            serial: text(name.iter_by_oid(&OID_X509_SERIALNUMBER).next()),
        }
    }
}

/// One subject alternative name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubjectName {
    /// A DNS name as the certificate writes it, which may start with `*.`.
    Dns(Box<str>),
    Ip(IpAddr),
}

impl fmt::Display for SubjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => f.write_str(name),
            Self::Ip(address) => address.fmt(f),
        }
    }
}

/// Whether a certificate is for a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coverage {
    /// A subject alternative name names the host: clients accept it.
    SubjectName,
    /// Only the common name does: ingress-nginx serves it, clients of today refuse it (RFC 9525 §2).
    CommonNameOnly,
    /// Nothing does: ingress-nginx serves its default certificate instead.
    None,
}

/// A certificate's standing at some moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    NotYet,
    Valid,
    /// Valid for less than ten days more.
    ExpiresSoon,
    Expired,
}

/// The SHA-256 of a whole chain in DER, each certificate preceded by its length. It holds nothing of the key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    fn of(chain: &[CertificateDer<'_>]) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        for certificate in chain {
            context.update(&certificate.len().to_be_bytes());
            context.update(certificate);
        }
        let digest = context.finish();
        Self(digest.as_ref().try_into().expect("SHA-256 gives 32 octets"))
    }
}

impl fmt::Display for Fingerprint {
    /// Lower-case hexadecimal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn key_algorithm(leaf: &X509Certificate<'_>) -> &'static str {
    let algorithm = &leaf.public_key().algorithm.algorithm;
    if *algorithm == OID_KEY_TYPE_EC_PUBLIC_KEY {
        "ECDSA"
    } else if *algorithm == OID_PKCS1_RSAENCRYPTION {
        "RSA"
    } else if *algorithm == OID_SIG_ED25519 {
        "Ed25519"
    } else {
        ""
    }
}

/// The DNS and IP names of the extension. A certificate whose extension cannot be read has none.
fn subject_names(leaf: &X509Certificate<'_>) -> Box<[SubjectName]> {
    let Ok(Some(extension)) = leaf.subject_alternative_name() else { return Box::default() };
    extension.value.general_names.iter().filter_map(subject_name).collect()
}

fn subject_name(name: &GeneralName<'_>) -> Option<SubjectName> {
    match name {
        GeneralName::DNSName(name) => Some(SubjectName::Dns((*name).into())),
        GeneralName::IPAddress(octets) => address(octets).map(SubjectName::Ip),
        GeneralName::OtherName(..)
        | GeneralName::RFC822Name(_)
        | GeneralName::X400Address(_)
        | GeneralName::DirectoryName(_)
        | GeneralName::EDIPartyName(_)
        | GeneralName::URI(_)
        | GeneralName::RegisteredID(_)
        | GeneralName::Invalid(..) => None,
    }
}

/// An address of 4 or 16 octets, as RFC 5280 §4.2.1.6 writes it.
fn address(octets: &[u8]) -> Option<IpAddr> {
    let four = <[u8; 4]>::try_from(octets).map(IpAddr::from);
    four.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from)).ok()
}

fn common_name(name: &X509Name<'_>) -> Option<Box<str>> {
    name.iter_common_name().next().and_then(|attribute| attribute.as_str().ok()).map(Into::into)
}

/// Whether a name of a certificate covers the hosts of a pattern.
fn covers_pattern(name: &str, pattern: &HostPattern) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    match (pattern, name.strip_prefix("*.")) {
        (HostPattern::Exact(host), None) => name.eq_ignore_ascii_case(host.as_str()),
        (HostPattern::Exact(host), Some(parent)) => is_child(host, parent),
        (HostPattern::Wildcard(wanted), Some(parent)) => parent.eq_ignore_ascii_case(wanted.as_str()),
        (HostPattern::Wildcard(_), None) | (HostPattern::Any, _) => false,
    }
}

/// Whether `host` is one label below `parent`.
fn is_child(host: &HostName, parent: &str) -> bool {
    host.as_str().split_once('.').is_some_and(|(_, above)| above.eq_ignore_ascii_case(parent))
}

/// Whether a pattern is exactly this address; IPv6 addresses are written in brackets.
fn is_address(address: IpAddr, pattern: &HostPattern) -> bool {
    match pattern {
        HostPattern::Exact(host) => {
            host.as_str().trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|host| host == address)
        }
        HostPattern::Wildcard(_) | HostPattern::Any => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::ir::ObjectKind;
    use crate::testing::certificates::{TestCa, Wanted};

    use super::*;

    fn issue(wanted: &Wanted) -> Certificate {
        let pair = TestCa::new().issue(wanted);
        super::super::parse_key_pair(pair.certificate_pem.as_bytes(), pair.key_pem.as_bytes()).unwrap()
    }

    fn pattern(text: &str) -> HostPattern {
        HostPattern::parse(text).unwrap()
    }

    #[test]
    fn names_cover_hosts_without_regard_to_case_and_wildcards_cover_one_label() {
        let certificate = issue(&Wanted::for_names(["Shop.Example.com", "*.pods.example"]));
        for (host, wanted) in [
            ("shop.example.com", Coverage::SubjectName),
            ("a.shop.example.com", Coverage::None),
            ("example.com", Coverage::None),
            ("a.pods.example", Coverage::SubjectName),
            ("a.b.pods.example", Coverage::None),
            ("pods.example", Coverage::None),
            ("*.pods.example", Coverage::SubjectName),
            ("*.example.com", Coverage::None),
            ("", Coverage::None),
        ] {
            assert_eq!(certificate.covers(&pattern(host)), wanted, "{host}");
        }
    }

    #[test]
    fn addresses_are_covered_by_address_names_alone() {
        let certificate = issue(&Wanted::for_names(["192.0.2.7"]));
        assert_eq!(certificate.covers(&pattern("192.0.2.7")), Coverage::SubjectName);
        assert_eq!(certificate.covers(&pattern("192.0.2.8")), Coverage::None);
    }

    #[test]
    fn a_common_name_alone_is_told_apart() {
        let certificate = issue(&Wanted::for_names(["other.example"]).with_common_name("old.example"));
        assert_eq!(certificate.covers(&pattern("old.example")), Coverage::CommonNameOnly);
        assert_eq!(certificate.common_name(), Some("old.example"));
    }

    #[test]
    fn validity_follows_the_moment_asked_for() {
        let day = 24 * 3600;
        let certificate = issue(&Wanted::for_names(["a.example"]).valid(UnixTime(10 * day), UnixTime(100 * day)));
        for (at, wanted) in [
            (9, Validity::NotYet),
            (10, Validity::Valid),
            (89, Validity::Valid),
            (91, Validity::ExpiresSoon),
            (100, Validity::ExpiresSoon),
            (101, Validity::Expired),
        ] {
            assert_eq!(certificate.validity(UnixTime(at * day)), wanted, "day {at}");
        }
    }

    #[test]
    fn issuer_and_serial_are_known_for_metrics() {
        let certificate = issue(&Wanted::for_names(["a.example"]));
        assert_eq!((certificate.issuer_common_name(), certificate.issuer_organization()), ("Landfall test CA", ""));
        assert!(certificate.serial().bytes().all(|octet| octet.is_ascii_digit()), "{}", certificate.serial());
        assert_eq!((certificate.key_algorithm(), certificate.issuer_serial()), ("ECDSA", ""));
    }

    #[test]
    fn equality_is_that_of_chains_and_secrets() {
        let (one, other) = (issue(&Wanted::for_names(["a.example"])), issue(&Wanted::for_names(["a.example"])));
        assert_eq!(one, one.clone());
        assert_ne!(one, one.clone().of_secret(ObjectRef::new(ObjectKind::Secret, "shop", "cert")));
        assert_ne!(one, other);
    }
}
