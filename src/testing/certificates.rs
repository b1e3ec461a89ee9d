//! Certificates for tests: an authority that issues leaves of every kind of key, name, validity and encoding.
//!
//! Keys are real and weak only in that they are made for tests. The RSA key is made once per process, as it takes long.

use std::sync::{Arc, LazyLock};

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SignatureAlgorithm,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use time::OffsetDateTime;
use x509_parser::der_parser::parse_der;

use crate::ir::UnixTime;
use crate::tls;

/// An authority of its own: certificates of one are not trusted by clients of another.
pub struct TestCa {
    root: Issuer<'static, KeyPair>,
    intermediate: Issuer<'static, KeyPair>,
    root_pem: String,
    intermediate_pem: String,
}

impl std::fmt::Debug for TestCa {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TestCa").finish_non_exhaustive()
    }
}

impl Default for TestCa {
    fn default() -> Self {
        Self::new()
    }
}

impl TestCa {
    /// Makes a root called `Landfall test CA` and an intermediate below it.
    #[must_use]
    pub fn new() -> Self {
        let params = authority("Landfall test CA");
        let key = KeyPair::generate().expect("a key can be made");
        let root_pem = params.self_signed(&key).expect("a root signs itself").pem();
        let root = Issuer::new(params, key);
        let params = authority("Landfall test intermediate");
        let key = KeyPair::generate().expect("a key can be made");
        let intermediate_pem = params.signed_by(&key, &root).expect("the root signs").pem();
        Self { root, intermediate: Issuer::new(params, key), root_pem, intermediate_pem }
    }

    /// Issues a leaf as wanted. Panics if a name is no DNS name or the key cannot be encoded as asked.
    #[must_use]
    pub fn issue(&self, wanted: &Wanted) -> KeyPairPem {
        let key = wanted.key.generate();
        let params = wanted.params();
        match wanted.chain {
            Chain::Leaf => KeyPairPem {
                certificate_pem: params.signed_by(&key, &self.root).expect("the root signs").pem(),
                key_pem: encode(&key, wanted.key, wanted.encoding),
            },
            Chain::WithIntermediate => {
                let leaf = params.signed_by(&key, &self.intermediate).expect("the intermediate signs").pem();
                KeyPairPem {
                    certificate_pem: leaf + &self.intermediate_pem,
                    key_pem: encode(&key, wanted.key, wanted.encoding),
                }
            }
        }
    }

    /// Issues a leaf for `names` with an ECDSA key on P-256, valid for a long time.
    #[must_use]
    pub fn issue_for<const N: usize>(&self, names: [&str; N]) -> KeyPairPem {
        self.issue(&Wanted::for_names(names))
    }

    /// The root in PEM.
    #[must_use]
    pub fn root_pem(&self) -> &str {
        &self.root_pem
    }

    /// The intermediate in PEM.
    #[must_use]
    pub fn intermediate_pem(&self) -> &str {
        &self.intermediate_pem
    }

    /// The roots of a client that trusts this authority alone.
    #[must_use]
    pub fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_slice(self.root_pem.as_bytes()).expect("the root is PEM");
        roots.add(root).expect("the root is a certificate");
        roots
    }

    /// A client that trusts this authority alone and offers `alpn`.
    #[must_use]
    pub fn client(&self, alpn: &[&[u8]]) -> ClientConfig {
        let mut config = ClientConfig::builder_with_provider(tls::provider())
            .with_safe_default_protocol_versions()
            .expect("the provider has cipher suites")
            .with_root_certificates(Arc::new(self.roots()))
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        config
    }
}

/// A certificate chain and its key, as the two halves of a TLS Secret.
#[derive(Clone)]
pub struct KeyPairPem {
    pub certificate_pem: String,
    pub key_pem: String,
}

impl KeyPairPem {
    /// The pair as the data plane holds it. Panics if it is not sound.
    #[must_use]
    pub fn certificate(&self) -> tls::Certificate {
        tls::parse_key_pair(self.certificate_pem.as_bytes(), self.key_pem.as_bytes()).expect("the pair is sound")
    }
}

impl std::fmt::Debug for KeyPairPem {
    /// The key is left out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyPairPem").field("certificate_pem", &self.certificate_pem).finish_non_exhaustive()
    }
}

/// What a leaf is to be like.
#[derive(Debug, Clone)]
pub struct Wanted {
    names: Vec<String>,
    common_name: Option<String>,
    key: Key,
    encoding: Encoding,
    chain: Chain,
    valid: Option<(UnixTime, UnixTime)>,
}

impl Wanted {
    /// A leaf for these DNS names and addresses, with an ECDSA key on P-256 in PKCS#8, issued by the root, and valid
    /// from 1975 to 4096.
    #[must_use]
    pub fn for_names<const N: usize>(names: [&str; N]) -> Self {
        Self {
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            common_name: None,
            key: Key::EcdsaP256,
            encoding: Encoding::Pkcs8,
            chain: Chain::Leaf,
            valid: None,
        }
    }

    #[must_use]
    pub fn with_common_name(self, name: &str) -> Self {
        Self { common_name: Some(name.to_owned()), ..self }
    }

    #[must_use]
    pub fn with_key(self, key: Key, encoding: Encoding) -> Self {
        Self { key, encoding, ..self }
    }

    #[must_use]
    pub fn with_intermediate(self) -> Self {
        Self { chain: Chain::WithIntermediate, ..self }
    }

    #[must_use]
    pub fn valid(self, from: UnixTime, to: UnixTime) -> Self {
        Self { valid: Some((from, to)), ..self }
    }

    fn params(&self) -> CertificateParams {
        let mut params = CertificateParams::new(self.names.clone()).expect("names are DNS names or addresses");
        params.distinguished_name = DistinguishedName::new();
        if let Some(name) = &self.common_name {
            params.distinguished_name.push(DnType::CommonName, name.as_str());
        }
        if let Some((from, to)) = self.valid {
            params.not_before = moment(from);
            params.not_after = moment(to);
        }
        params
    }
}

/// The kinds of key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    EcdsaP256,
    EcdsaP384,
    Ed25519,
    /// Of 2048 bits; the same one for every leaf of a process.
    Rsa,
}

impl Key {
    fn generate(self) -> KeyPair {
        static RSA: LazyLock<String> = LazyLock::new(|| {
            KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).expect("a key can be made").serialize_pem()
        });
        match self {
            Self::EcdsaP256 | Self::EcdsaP384 | Self::Ed25519 => {
                KeyPair::generate_for(self.algorithm()).expect("a key can be made")
            }
            Self::Rsa => KeyPair::from_pem(&RSA).expect("what was written can be read"),
        }
    }

    fn algorithm(self) -> &'static SignatureAlgorithm {
        match self {
            Self::EcdsaP256 => &rcgen::PKCS_ECDSA_P256_SHA256,
            Self::EcdsaP384 => &rcgen::PKCS_ECDSA_P384_SHA384,
            Self::Ed25519 => &rcgen::PKCS_ED25519,
            Self::Rsa => &rcgen::PKCS_RSA_SHA256,
        }
    }
}

/// How a private key is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// `PRIVATE KEY`: every kind.
    Pkcs8,
    /// `RSA PRIVATE KEY`.
    Pkcs1,
    /// `EC PRIVATE KEY`.
    Sec1,
}

/// What stands in the certificate half.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chain {
    Leaf,
    WithIntermediate,
}

/// A section of PEM (RFC 7468).
#[must_use]
pub fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: String = text.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line) + "\n").collect();
    format!("-----BEGIN {label}-----\n{lines}-----END {label}-----\n")
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn moment(at: UnixTime) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(at.0).expect("a moment of the calendar")
}

fn encode(pair: &KeyPair, key: Key, encoding: Encoding) -> String {
    match (encoding, key) {
        (Encoding::Pkcs8, _) => pair.serialize_pem(),
        (Encoding::Pkcs1, Key::Rsa) => pem("RSA PRIVATE KEY", &inside_pkcs8(pair.serialized_der())),
        (Encoding::Sec1, Key::EcdsaP256 | Key::EcdsaP384) => {
            let algorithm = match key {
                Key::EcdsaP384 => &ECDSA_P384_SHA384_ASN1_SIGNING,
                Key::EcdsaP256 | Key::Ed25519 | Key::Rsa => &ECDSA_P256_SHA256_ASN1_SIGNING,
            };
            let pair = EcdsaKeyPair::from_pkcs8(algorithm, pair.serialized_der()).expect("the key is on this curve");
            pem("EC PRIVATE KEY", pair.private_key().as_der().expect("the key can be written").as_ref())
        }
        (Encoding::Pkcs1 | Encoding::Sec1, _) => panic!("{key:?} has no encoding {encoding:?}"),
    }
}

/// The key inside a PrivateKeyInfo (RFC 5208 §5): its third field.
fn inside_pkcs8(der: &[u8]) -> Vec<u8> {
    let (_, info) = parse_der(der).expect("PKCS#8 is DER");
    let fields = info.as_sequence().expect("PKCS#8 is a sequence");
    fields.get(2).and_then(|key| key.as_slice().ok()).expect("PKCS#8 holds a key").to_vec()
}
