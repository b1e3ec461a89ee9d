//! Per-route policies: redirects to HTTPS, limits, timeouts, retries, access.

use std::time::Duration;

use super::access::Access;

/// Everything that governs a matched request besides where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoutePolicy {
    pub ssl_redirect: SslRedirect,
    /// The largest request body in octets; `None` is unlimited. Beyond it: 413.
    pub body_limit: Option<u64>,
    pub timeouts: Timeouts,
    pub retry: Retry,
    pub access: Access,
    /// Whether requests of this route are written to the access log.
    pub access_log: bool,
}

impl Default for RoutePolicy {
    /// ingress-nginx's defaults.
    fn default() -> Self {
        Self {
            ssl_redirect: SslRedirect::default(),
            body_limit: Some(1 << 20),
            timeouts: Timeouts::default(),
            retry: Retry::default(),
            access: Access::default(),
            access_log: true,
        }
    }
}

/// When plain HTTP is redirected to HTTPS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SslRedirect {
    pub when: SslRedirectWhen,
    /// `http-redirect-code`: 301, 302, 307 or 308.
    pub status: u16,
    pub trailing_slash: TrailingSlash,
}

impl Default for SslRedirect {
    fn default() -> Self {
        Self { when: SslRedirectWhen::CertificateConfigured, status: 308, trailing_slash: TrailingSlash::StripOne }
    }
}

/// The condition of a redirect to HTTPS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SslRedirectWhen {
    Never,
    /// Only for hosts that an Ingress lists under `tls`.
    CertificateConfigured,
    /// `force-ssl-redirect`: TLS may end in front of us.
    Always,
}

/// What becomes of a trailing slash of the target in a redirect to HTTPS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrailingSlash {
    StripOne,
    Preserve,
}

/// Upstream timeouts; on expiry the client gets 504.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For one connection attempt, TLS handshake included.
    pub connect: Duration,
    /// The longest gap between two reads of the response.
    pub read: Duration,
    /// The longest gap between two writes of the request.
    pub send: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), read: Duration::from_secs(60), send: Duration::from_secs(60) }
    }
}

/// When and how often another endpoint is tried (nginx `proxy_next_upstream`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retry {
    pub on: RetryConditions,
    /// Attempts in all, the first included; `None` is as many as there are endpoints (nginx: 0).
    pub tries: Option<u32>,
    /// No new attempt is started after this; `None` is unlimited (nginx: 0).
    pub timeout: Option<Duration>,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            on: RetryConditions { error: true, timeout: true, ..RetryConditions::OFF },
            tries: Some(3),
            timeout: None,
        }
    }
}

/// The conditions of nginx's `proxy_next_upstream`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is one independent word of nginx's list")]
pub struct RetryConditions {
    pub error: bool,
    pub timeout: bool,
    pub invalid_header: bool,
    pub http_500: bool,
    pub http_502: bool,
    pub http_503: bool,
    pub http_504: bool,
    pub http_403: bool,
    pub http_404: bool,
    pub http_429: bool,
    /// POST, LOCK and PATCH are tried again too, even after bytes of them were sent.
    pub non_idempotent: bool,
}

impl RetryConditions {
    /// Nothing is tried again.
    pub const OFF: Self = Self {
        error: false,
        timeout: false,
        invalid_header: false,
        http_500: false,
        http_502: false,
        http_503: false,
        http_504: false,
        http_403: false,
        http_404: false,
        http_429: false,
        non_idempotent: false,
    };

    /// Whether an upstream answer with this status is to be tried elsewhere.
    #[must_use]
    pub const fn retries_status(&self, status: u16) -> bool {
        match status {
            500 => self.http_500,
            502 => self.http_502,
            503 => self.http_503,
            504 => self.http_504,
            403 => self.http_403,
            404 => self.http_404,
            429 => self.http_429,
            _ => false,
        }
    }
}
