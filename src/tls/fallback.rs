//! The certificate of last resort, signed by itself.

use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use time::{Duration, OffsetDateTime};

use crate::ir::UnixTime;

use super::certificate::Certificate;
use super::pem::parse_key_pair;

/// Makes the certificate that is served where no other is, until `--default-ssl-certificate` names one. Subject and
/// names are those of ingress-nginx's, so that a look at it tells the same story; the key is ECDSA on P-256 rather than
/// RSA. Valid for a year from `now`. Every call makes another key, from the random numbers of the system.
#[must_use]
pub fn self_signed_default(now: UnixTime) -> Certificate {
    let (certificate, key) = generate(now).expect("a certificate made from constants is sound");
    parse_key_pair(certificate.as_bytes(), key.as_bytes()).expect("what rcgen writes can be read")
}

/// Chain and key in PEM.
fn generate(now: UnixTime) -> Result<(String, String), rcgen::Error> {
    // A moment that the calendar does not have is a broken clock; the epoch serves as well.
    let not_before = OffsetDateTime::from_unix_timestamp(now.0).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let mut subject = DistinguishedName::new();
    subject.push(DnType::OrganizationName, "Acme Co");
    subject.push(DnType::CommonName, "Kubernetes Ingress Controller Fake Certificate");
    let mut params = CertificateParams::new(vec!["ingress.local".to_owned()])?;
    params.distinguished_name = subject;
    params.not_before = not_before;
    params.not_after = not_before.checked_add(Duration::days(365)).unwrap_or(not_before);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate()?;
    Ok((params.self_signed(&key)?.pem(), key.serialize_pem()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::{SubjectName, Validity};

    #[test]
    fn the_default_certificate_is_named_as_that_of_ingress_nginx() {
        let certificate = self_signed_default(UnixTime(1_700_000_000));
        assert_eq!(certificate.common_name(), Some("Kubernetes Ingress Controller Fake Certificate"));
        assert_eq!(certificate.names(), [SubjectName::Dns("ingress.local".into())]);
        assert_eq!(certificate.issuer_common_name(), "Kubernetes Ingress Controller Fake Certificate");
    }

    #[test]
    fn the_default_certificate_is_valid_for_a_year() {
        let certificate = self_signed_default(UnixTime(1_700_000_000));
        assert_eq!(certificate.validity(UnixTime(1_700_000_000)), Validity::Valid);
        assert_eq!(certificate.not_after(), UnixTime(1_700_000_000 + 365 * 24 * 3600));
    }

    #[test]
    fn every_default_certificate_has_a_key_of_its_own() {
        assert_ne!(self_signed_default(UnixTime(0)), self_signed_default(UnixTime(0)));
    }

    #[test]
    fn a_clock_beyond_the_calendar_still_gives_a_certificate() {
        assert_eq!(self_signed_default(UnixTime(i64::MAX)).not_before(), UnixTime(0));
    }
}
