//! What we ask of backends that speak TLS.
//!
//! **Certificates of backends are not verified.** That is what ingress-nginx does with `backend-protocol: HTTPS` and
//! `GRPCS` unless `proxy-ssl-verify` is on: the connection is private against those who only listen, but anyone who can
//! answer at the endpoint's address is taken for the backend. Nothing here must be used where verification is asked for.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};

use super::server::ALPN_HTTP2;

/// What is to be spoken over the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpstreamAlpn {
    /// HTTP/1.1. No ALPN is sent, as nginx sends none: a server that knows ALPN falls back to HTTP/1.1.
    Http1,
    /// HTTP/2, offered alone: a server that does not speak it may end the handshake.
    Http2,
}

/// Makes a configuration for connections to backends whose certificates are not verified (see the module). TLS 1.2 and
/// 1.3; no client certificate; no server name is sent (`proxy-ssl-server-name` is off by default), so pass the
/// endpoint's address as [`ServerName`]. Sessions are resumed within one configuration: keep it.
#[must_use]
pub fn unverified(alpn: UpstreamAlpn) -> ClientConfig {
    let builder = ClientConfig::builder_with_provider(super::provider())
        .with_safe_default_protocol_versions()
        .expect("the provider has cipher suites for TLS 1.2 and 1.3");
    let mut config = builder.dangerous().with_custom_certificate_verifier(Arc::new(Unverified)).with_no_client_auth();
    config.enable_sni = false;
    config.alpn_protocols = match alpn {
        UpstreamAlpn::Http1 => Vec::new(),
        UpstreamAlpn::Http2 => vec![ALPN_HTTP2.to_vec()],
    };
    config
}

/// Takes any certificate, and any signature of the handshake by it. A signature proves only that the peer has the key of
/// a certificate that nobody vouches for; checking it would add nothing but the refusal of backends with certificates
/// of X.509 version 1, which `openssl x509 -req` writes and webpki does not read.
#[derive(Debug)]
struct Unverified;

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        super::provider().signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_server_name_is_sent_and_http1_sends_no_alpn() {
        let config = unverified(UpstreamAlpn::Http1);
        assert!(!config.enable_sni);
        assert!(config.alpn_protocols.is_empty());
    }

    #[test]
    fn http2_is_offered_alone() {
        assert_eq!(unverified(UpstreamAlpn::Http2).alpn_protocols, [ALPN_HTTP2]);
    }
}
