//! Reports to the user: the one format for `check`, Events, the admin server and metrics.

use std::fmt;

use crate::ir::Provenance;

/// How bad a diagnostic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing; everything is served as asked.
    Info,
    /// Served, though not exactly as written.
    Warning,
    /// Something is not served, or answers an error.
    Error,
}

impl Severity {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One report: what is wrong, where, and what was done instead.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Diagnostic {
    pub severity: Severity,
    /// Stable, kebab-case; users write alerts on it.
    pub code: &'static str,
    pub provenance: Provenance,
    /// Names the value and what was done instead, in one sentence or two.
    pub message: String,
}

impl Diagnostic {
    #[must_use]
    pub fn error(code: &'static str, provenance: Provenance, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, code, provenance, message: message.into() }
    }

    #[must_use]
    pub fn warning(code: &'static str, provenance: Provenance, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, code, provenance, message: message.into() }
    }

    #[must_use]
    pub fn info(code: &'static str, provenance: Provenance, message: impl Into<String>) -> Self {
        Self { severity: Severity::Info, code, provenance, message: message.into() }
    }
}

impl fmt::Display for Diagnostic {
    /// `error[missing-secret] Ingress shop/web spec.tls[0].secretName: …`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}] {}: {}", self.severity.as_str(), self.code, self.provenance, self.message)
    }
}
