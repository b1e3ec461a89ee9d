//! Certificates by server name, and the TLS configurations of both sides.

/// Key pairs by server name.
#[derive(Debug, Default)]
pub struct CertificateStore {}
