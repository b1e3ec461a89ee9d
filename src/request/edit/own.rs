//! The names of the fields that the proxy itself writes.

/// The name of a field of the proxy's own: one of those below. That each is a token the build checks; none is a field that
/// the engines write themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnName(&'static str);

impl OwnName {
    pub const ALLOW: Self = Self::new("Allow");
    pub const CONTENT_TYPE: Self = Self::new("Content-Type");
    pub const DATE: Self = Self::new("Date");
    pub const LOCATION: Self = Self::new("Location");
    pub const RETRY_AFTER: Self = Self::new("Retry-After");
    pub const STRICT_TRANSPORT_SECURITY: Self = Self::new("Strict-Transport-Security");
    pub const X_FORWARDED_FOR: Self = Self::new("X-Forwarded-For");
    pub const X_FORWARDED_HOST: Self = Self::new("X-Forwarded-Host");
    pub const X_FORWARDED_PORT: Self = Self::new("X-Forwarded-Port");
    pub const X_FORWARDED_PREFIX: Self = Self::new("X-Forwarded-Prefix");
    pub const X_FORWARDED_PROTO: Self = Self::new("X-Forwarded-Proto");
    pub const X_FORWARDED_SCHEME: Self = Self::new("X-Forwarded-Scheme");
    pub const X_ORIGINAL_FORWARDED_FOR: Self = Self::new("X-Original-Forwarded-For");
    pub const X_ORIGINAL_FORWARDED_HOST: Self = Self::new("X-Original-Forwarded-Host");
    pub const X_REAL_IP: Self = Self::new("X-Real-IP");
    pub const X_REQUEST_ID: Self = Self::new("X-Request-ID");
    pub const X_SCHEME: Self = Self::new("X-Scheme");

    const fn new(name: &'static str) -> Self {
        let mut rest = name.as_bytes();
        assert!(!rest.is_empty(), "a field has a name");
        while let [octet, behind @ ..] = rest {
            assert!(octet.is_ascii_alphanumeric() || *octet == b'-', "letters, digits and hyphens");
            rest = behind;
        }
        Self(name)
    }

    /// As it is written where case is kept.
    #[must_use]
    pub const fn as_bytes(self) -> &'static [u8] {
        self.0.as_bytes()
    }
}
