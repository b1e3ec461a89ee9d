//! What we offer to clients: one rustls configuration, with one ticket key, per TLS policy.
//!
//! A configuration is not per host: the certificate comes from a resolver at each handshake, so that a new certificate
//! needs no new configuration and tickets go on working. Resumption does not cross policies, as each has its own key.

use std::sync::{Arc, OnceLock};

use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::server::{NoServerSessionStorage, ResolvesServerCert};
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, SupportedProtocolVersion};

use crate::ir::tls::{Http2Offer, TlsPolicy, TlsVersions};

/// The name of HTTP/2 in ALPN (RFC 9113 §3.2).
pub const ALPN_HTTP2: &[u8] = b"h2";
/// The name of HTTP/1.1 in ALPN (RFC 7301 §6).
pub const ALPN_HTTP1: &[u8] = b"http/1.1";

/// The configurations of all policies over one resolver, each made when first asked for. Share it among all workers:
/// a client may resume on any of them.
#[derive(Debug)]
pub struct ServerConfigs {
    resolver: Arc<dyn ResolvesServerCert>,
    made: [OnceLock<Arc<ServerConfig>>; 6],
}

impl ServerConfigs {
    #[must_use]
    pub fn new(resolver: Arc<dyn ResolvesServerCert>) -> Self {
        Self { resolver, made: Default::default() }
    }

    /// The configuration of `policy`. Costs an atomic load once it is made.
    #[must_use]
    pub fn of(&self, policy: TlsPolicy) -> &Arc<ServerConfig> {
        let [both, both_http1, tls12, tls12_http1, tls13, tls13_http1] = &self.made;
        let place = match (policy.versions, policy.http2) {
            (TlsVersions::Tls12And13, Http2Offer::Offered) => both,
            (TlsVersions::Tls12And13, Http2Offer::Off) => both_http1,
            (TlsVersions::Tls12Only, Http2Offer::Offered) => tls12,
            (TlsVersions::Tls12Only, Http2Offer::Off) => tls12_http1,
            (TlsVersions::Tls13Only, Http2Offer::Offered) => tls13,
            (TlsVersions::Tls13Only, Http2Offer::Off) => tls13_http1,
        };
        place.get_or_init(|| Arc::new(server_config(policy, Arc::clone(&self.resolver))))
    }
}

/// Makes the configuration of one policy: the versions and ALPN names asked for; no client authentication; no early
/// data (RFC 8470 §5: it could be replayed); resumption by stateless tickets alone, whose key lives in memory, changes
/// every six hours and is never written anywhere. TLS 1.2 is offered only with forward secrecy and AEAD ciphers, and
/// renegotiation does not exist in rustls.
fn server_config(policy: TlsPolicy, resolver: Arc<dyn ResolvesServerCert>) -> ServerConfig {
    let builder = ServerConfig::builder_with_provider(super::provider())
        .with_protocol_versions(versions(policy.versions))
        .expect("the provider has cipher suites for TLS 1.2 and 1.3");
    let mut config = builder.with_no_client_auth().with_cert_resolver(resolver);
    config.alpn_protocols = match policy.http2 {
        Http2Offer::Offered => vec![ALPN_HTTP2.to_vec(), ALPN_HTTP1.to_vec()],
        Http2Offer::Off => vec![ALPN_HTTP1.to_vec()],
    };
    config.max_early_data_size = 0;
    // Sessions kept here would be locked and written at every handshake.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    // Without randomness for a key there is no resumption; handshakes would fail for the same reason and say so.
    if let Ok(ticketer) = Ticketer::new() {
        config.ticketer = ticketer;
    }
    config
}

fn versions(versions: TlsVersions) -> &'static [&'static SupportedProtocolVersion] {
    static BOTH: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];
    static ONLY_12: &[&SupportedProtocolVersion] = &[&TLS12];
    static ONLY_13: &[&SupportedProtocolVersion] = &[&TLS13];
    match versions {
        TlsVersions::Tls12And13 => BOTH,
        TlsVersions::Tls12Only => ONLY_12,
        TlsVersions::Tls13Only => ONLY_13,
    }
}

#[cfg(test)]
mod tests {
    use rustls::server::ResolvesServerCertUsingSni;

    use super::*;

    fn configs() -> ServerConfigs {
        ServerConfigs::new(Arc::new(ResolvesServerCertUsingSni::new()))
    }

    #[test]
    fn one_policy_has_one_configuration() {
        let configs = configs();
        let policy = TlsPolicy::default();
        assert!(Arc::ptr_eq(configs.of(policy), configs.of(policy)));
        let other = TlsPolicy { http2: Http2Offer::Off, ..policy };
        assert!(!Arc::ptr_eq(configs.of(policy), configs.of(other)));
    }

    #[test]
    fn http2_is_offered_first_and_only_if_the_policy_says_so() {
        let configs = configs();
        let policy = TlsPolicy::default();
        assert_eq!(configs.of(policy).alpn_protocols, [ALPN_HTTP2, ALPN_HTTP1]);
        assert_eq!(configs.of(TlsPolicy { http2: Http2Offer::Off, ..policy }).alpn_protocols, [ALPN_HTTP1]);
    }

    #[test]
    fn early_data_is_off_and_sessions_are_kept_by_the_clients() {
        let configs = configs();
        let config = configs.of(TlsPolicy::default());
        assert_eq!(config.max_early_data_size, 0);
        assert!(config.ticketer.enabled());
        assert!(!config.session_storage.can_cache());
    }

    #[test]
    fn the_post_quantum_exchange_comes_first() {
        let configs = configs();
        let groups = &configs.of(TlsPolicy::default()).crypto_provider().kx_groups;
        assert_eq!(groups.first().map(|group| group.name()), Some(rustls::NamedGroup::X25519MLKEM768));
    }
}
