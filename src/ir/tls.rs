//! TLS policy: what a listener offers. Key material lives in `tls`.

/// The protocol versions of a listener (`ssl-protocols`). Other settings of TLS follow from them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TlsPolicy {
    pub versions: TlsVersions,
    pub http2: Http2Offer,
}

impl Default for TlsPolicy {
    fn default() -> Self {
        Self { versions: TlsVersions::Tls12And13, http2: Http2Offer::Offered }
    }
}

/// The TLS versions offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TlsVersions {
    Tls12And13,
    Tls12Only,
    Tls13Only,
}

/// Whether `h2` is offered by ALPN (`use-http2`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Http2Offer {
    Offered,
    Off,
}
