//! Reads a key pair from PEM: a certificate chain and its private key, checked against each other.
//!
//! Takes ECDSA (P-256, P-384, P-521), RSA (2048 to 8192 bits) and Ed25519 keys in PKCS#8, PKCS#1 and SEC1. Sizes are
//! bounded. Errors name what is wrong with which part, and never carry octets of the input.

use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::certificate::Certificate;
use super::chain;

/// The most octets of PEM for either half. A Secret holds at most 1 MiB in all.
const MAX_PEM_BYTES: usize = 512 * 1024;

/// The most certificates in a chain. Real chains have two to four; clients refuse messages far below this.
const MAX_CHAIN: usize = 32;

/// Why a key pair cannot be served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    #[error("the {half} has {bytes} octets of PEM, more than the {limit} allowed")]
    TooLarge { half: &'static str, bytes: usize, limit: usize },
    #[error("the chain has {count} certificates, more than the {limit} allowed")]
    ChainTooLong { count: usize, limit: usize },
    #[error("there is no PEM section CERTIFICATE in the certificate")]
    NoCertificate,
    #[error("the PEM of the certificate is damaged: a section has no end, or is not base64")]
    BrokenCertificatePem,
    #[error("certificate {position} of the chain is not an X.509 certificate")]
    BrokenCertificate {
        /// Counted from 1.
        position: usize,
    },
    #[error("there is no PEM section PRIVATE KEY, RSA PRIVATE KEY or EC PRIVATE KEY in the key")]
    NoKey,
    #[error("the private key is encrypted; it can be served only without a passphrase")]
    EncryptedKey,
    #[error("the PEM of the private key is damaged: a section has no end, or is not base64")]
    BrokenKeyPem,
    #[error(
        "the private key is damaged or of a kind that is not served: ECDSA on P-256, P-384 or P-521, RSA of 2048 to 8192 bits, and Ed25519 are"
    )]
    UnusableKey,
    #[error("the private key belongs to none of the certificates")]
    KeyMismatch,
}

/// Reads a chain and its private key. The chain is put in order, leaf first, as
/// [`Certificate::chain_order`] then tells. Sections of other kinds and text between sections are passed over, as
/// OpenSSL and Go do. Costs some 50 microseconds, with an RSA key 200, most of it for checking the key.
pub fn parse_key_pair(certificate_pem: &[u8], key_pem: &[u8]) -> Result<Certificate, CertificateError> {
    bounded("certificate", certificate_pem)?;
    bounded("private key", key_pem)?;
    let certificates = certificates(certificate_pem)?;
    let key = any_supported_type(&private_key(key_pem)?).map_err(|_| CertificateError::UnusableKey)?;
    let public_key = key.public_key().ok_or(CertificateError::UnusableKey)?;
    let (chain, order) = chain::order(certificates, public_key.as_ref())?;
    let certified = CertifiedKey::new(chain, key);
    let leaf = certified.cert.first().ok_or(CertificateError::NoCertificate)?.clone();
    let (_, leaf) =
        X509Certificate::from_der(&leaf).map_err(|_| CertificateError::BrokenCertificate { position: 1 })?;
    Ok(Certificate::new(certified, &leaf, order))
}

fn bounded(half: &'static str, pem: &[u8]) -> Result<(), CertificateError> {
    if pem.len() > MAX_PEM_BYTES {
        return Err(CertificateError::TooLarge { half, bytes: pem.len(), limit: MAX_PEM_BYTES });
    }
    Ok(())
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|_| CertificateError::BrokenCertificatePem)?;
    match certificates.len() {
        0 => Err(CertificateError::NoCertificate),
        1..=MAX_CHAIN => Ok(certificates),
        count => Err(CertificateError::ChainTooLong { count, limit: MAX_CHAIN }),
    }
}

/// The first private key. Parameters of the curve may stand before it, as OpenSSL writes them.
fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, CertificateError> {
    if is_encrypted(pem) {
        return Err(CertificateError::EncryptedKey);
    }
    let first = PrivateKeyDer::pem_slice_iter(pem).next().ok_or(CertificateError::NoKey)?;
    first.map_err(|_| CertificateError::BrokenKeyPem)
}

/// Whether PEM says that it is encrypted: PKCS#8 by its section's name, the old form by a header line (RFC 1421 §4.6.1.1).
fn is_encrypted(pem: &[u8]) -> bool {
    [&b"-----BEGIN ENCRYPTED PRIVATE KEY-----"[..], b"Proc-Type: 4,ENCRYPTED"]
        .iter()
        .any(|mark| memchr::memmem::find(pem, mark).is_some())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::certificates::{Encoding, Key, KeyPairPem, TestCa, Wanted};
    use crate::tls::ChainOrder;

    fn pair() -> KeyPairPem {
        TestCa::new().issue_for(["a.example"])
    }

    fn parse(certificate: &str, key: &str) -> Result<Certificate, CertificateError> {
        parse_key_pair(certificate.as_bytes(), key.as_bytes())
    }

    #[test]
    fn every_kind_of_key_is_read_in_every_encoding_it_has() {
        let ca = TestCa::new();
        for (key, encoding, label) in [
            (Key::EcdsaP256, Encoding::Pkcs8, "PRIVATE KEY"),
            (Key::EcdsaP256, Encoding::Sec1, "EC PRIVATE KEY"),
            (Key::EcdsaP384, Encoding::Pkcs8, "PRIVATE KEY"),
            (Key::EcdsaP384, Encoding::Sec1, "EC PRIVATE KEY"),
            (Key::Ed25519, Encoding::Pkcs8, "PRIVATE KEY"),
            (Key::Rsa, Encoding::Pkcs8, "PRIVATE KEY"),
            (Key::Rsa, Encoding::Pkcs1, "RSA PRIVATE KEY"),
        ] {
            let pair = ca.issue(&Wanted::for_names(["a.example"]).with_key(key, encoding));
            assert!(pair.key_pem.starts_with(&format!("-----BEGIN {label}-----")), "{key:?} in {encoding:?}");
            assert!(parse(&pair.certificate_pem, &pair.key_pem).is_ok(), "{key:?} in {encoding:?}");
        }
    }

    #[test]
    fn text_and_other_sections_are_passed_over() {
        let KeyPairPem { certificate_pem, key_pem } = pair();
        let parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
        let key = format!("{parameters}{key_pem}");
        let certificate = format!("subject=CN = a.example\r\n{}", certificate_pem.replace('\n', "\r\n"));
        assert_eq!(parse(&certificate, &key).map(|read| read.chain_order()), Ok(ChainOrder::AsWritten));
    }

    #[test]
    fn what_is_missing_or_damaged_is_named() {
        let KeyPairPem { certificate_pem, key_pem } = pair();
        let body = "bm90IGEga2V5\n";
        let damaged = |pem: &str| pem.replacen('\n', "\n*\n", 1);
        let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n".to_owned();
        let old = key_pem.replacen("KEY-----\n", "KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n", 1);
        let nonsense_key = format!("-----BEGIN PRIVATE KEY-----\n{body}-----END PRIVATE KEY-----\n");
        let nonsense = format!("{certificate_pem}-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n");
        for (certificate, key, wanted) in [
            ("", key_pem.as_str(), CertificateError::NoCertificate),
            (&key_pem, &key_pem, CertificateError::NoCertificate),
            (&damaged(&certificate_pem), &key_pem, CertificateError::BrokenCertificatePem),
            (certificate_pem.trim_end_matches("-\n"), &key_pem, CertificateError::BrokenCertificatePem),
            (&nonsense, &key_pem, CertificateError::BrokenCertificate { position: 2 }),
            (&certificate_pem, "", CertificateError::NoKey),
            (&certificate_pem, &certificate_pem, CertificateError::NoKey),
            (&certificate_pem, &damaged(&key_pem), CertificateError::BrokenKeyPem),
            (&certificate_pem, &encrypted, CertificateError::EncryptedKey),
            (&certificate_pem, &old, CertificateError::EncryptedKey),
            (&certificate_pem, &nonsense_key, CertificateError::UnusableKey),
            (&certificate_pem, &pair().key_pem, CertificateError::KeyMismatch),
        ] {
            assert_eq!(parse(certificate, key), Err(wanted));
        }
    }

    #[test]
    fn sizes_are_bounded() {
        let KeyPairPem { certificate_pem, key_pem } = pair();
        let padded = "x".repeat(MAX_PEM_BYTES) + &certificate_pem;
        assert!(matches!(parse(&padded, &key_pem), Err(CertificateError::TooLarge { half: "certificate", .. })));
        let padded = "x".repeat(MAX_PEM_BYTES) + &key_pem;
        assert!(matches!(
            parse(&certificate_pem, &padded),
            Err(CertificateError::TooLarge { half: "private key", .. })
        ));
        let long = certificate_pem.repeat(MAX_CHAIN + 1);
        assert_eq!(parse(&long, &key_pem), Err(CertificateError::ChainTooLong { count: 33, limit: 32 }));
    }

    #[test]
    fn neither_a_certificate_nor_an_error_shows_the_key() {
        let KeyPairPem { certificate_pem, key_pem } = pair();
        let secret = key_pem.lines().nth(1).unwrap();
        let shown = format!("{:?}", parse(&certificate_pem, &key_pem).unwrap());
        assert!(!shown.contains(secret), "{shown}");
        assert!(shown.contains("a.example"), "{shown}");
        let damaged = key_pem.replacen('\n', "\n*\n", 1);
        let error = parse(&certificate_pem, &damaged).unwrap_err();
        assert!(!format!("{error} {error:?}").contains(secret));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn damage_anywhere_gives_an_error_or_a_matching_pair_and_no_panic(at in 0.0..1.0f64, octet: u8, half: bool) {
            let KeyPairPem { certificate_pem, key_pem } = SOUND.clone();
            let (mut certificate, mut key) = (certificate_pem.into_bytes(), key_pem.into_bytes());
            let hit = if half { &mut certificate } else { &mut key };
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place within the text")]
            let place = (at * hit.len() as f64) as usize;
            hit[place] = octet;
            if let Ok(read) = parse_key_pair(&certificate, &key) {
                // webpki may refuse what clients will refuse too; that is no mismatch.
                let matched = read.certified_key().keys_match();
                prop_assert!(!matches!(matched, Err(rustls::Error::InconsistentKeys(_))), "{:?}", matched);
            }
        }
    }

    static SOUND: std::sync::LazyLock<KeyPairPem> =
        std::sync::LazyLock::new(|| TestCa::new().issue(&Wanted::for_names(["a.example"]).with_intermediate()));
}
