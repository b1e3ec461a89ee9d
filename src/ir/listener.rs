//! How client connections are treated: live settings of the ConfigMap.

use ipnet::IpNet;

use super::limits::Limits;
use super::tls::TlsPolicy;

/// The listeners' live policy. Defaults are ingress-nginx's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerPolicy {
    pub limits: Limits,
    pub client_address: ClientAddress,
    pub underscores: UnderscoreNames,
    pub tls: TlsPolicy,
    /// `Strict-Transport-Security` on every HTTPS response.
    pub hsts: Option<Hsts>,
    pub access_log: AccessLog,
}

impl Default for ListenerPolicy {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            client_address: ClientAddress::default(),
            underscores: UnderscoreNames::Drop,
            tls: TlsPolicy::default(),
            hsts: Some(Hsts::default()),
            access_log: AccessLog::Combined,
        }
    }
}

/// Where the client's address comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ClientAddress {
    /// The peer of the connection; forwarded headers of the client are replaced.
    #[default]
    Peer,
    /// `use-forwarded-headers`: forwarded headers of trusted peers count.
    Forwarded(TrustedForwarding),
}

/// Trust in forwarded headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedForwarding {
    /// The field that carries the chain of addresses, lower-case (`forwarded-for-header`).
    pub header: String,
    /// Peers whose header is believed (`proxy-real-ip-cidr`).
    pub trusted: Vec<IpNet>,
    pub chain: ForwardedChain,
}

/// What is sent upstream as `X-Forwarded-For` from a trusted peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForwardedChain {
    /// The client's address alone.
    Replace,
    /// `compute-full-forwarded-for`: the received chain with the peer appended.
    Append,
}

/// What becomes of request fields with `_` in their names (`enable-underscores-in-headers`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnderscoreNames {
    Drop,
    Keep,
}

/// `Strict-Transport-Security`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hsts {
    pub max_age_secs: u64,
    pub subdomains: HstsSubdomains,
    pub preload: HstsPreload,
}

impl Default for Hsts {
    fn default() -> Self {
        Self { max_age_secs: 31_536_000, subdomains: HstsSubdomains::Include, preload: HstsPreload::No }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HstsSubdomains {
    Include,
    Exclude,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HstsPreload {
    Yes,
    No,
}

/// The form of the access log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessLog {
    Off,
    /// ingress-nginx's default line (`log-format-upstream`).
    Combined,
    /// One JSON object a line.
    Json,
}
