//! Certificates by server name, and the TLS configurations of both sides.
//!
//! Key pairs come in as PEM ([`parse_key_pair`]) and are held as [`Certificate`]s in a [`CertificateStore`]. [`server`]
//! and [`client`] make the rustls configurations that the data plane uses. Nothing here reads a file, a socket or a
//! clock, and no `Debug` or error text of this module carries key material.

pub mod certificate;
mod chain;
pub mod client;
pub mod fallback;
pub mod pem;
pub mod server;
pub mod store;

use std::sync::{Arc, LazyLock};

use rustls::crypto::{CryptoProvider, aws_lc_rs};

pub use certificate::{Certificate, Coverage, Fingerprint, SubjectName, Validity};
pub use chain::ChainOrder;
pub use fallback::self_signed_default;
pub use pem::{CertificateError, parse_key_pair};
pub use store::CertificateStore;

/// The cryptography of both sides: aws-lc-rs, with the post-quantum hybrid X25519MLKEM768 preferred for key exchange.
#[must_use]
pub fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| Arc::new(aws_lc_rs::default_provider()));
    Arc::clone(&PROVIDER)
}
