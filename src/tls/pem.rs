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
/// OpenSSL and Go do. Costs some tens of microseconds, most of it for checking the key.
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
