//! Reports to the user: the one format for `check`, Events, the admin server and metrics.

mod set;

use std::fmt;

use crate::ir::Provenance;

pub use set::Diagnostics;

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

/// The longest text that is shown whole, in octets, and how much of both ends is shown of a longer one. Values may be
/// megabytes; the beginning tells which it is, and the end what was done instead.
const WHOLE: usize = 1_024;
const ENDS: usize = 400;

impl Diagnostic {
    #[must_use]
    pub fn error(code: &'static str, provenance: Provenance, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, provenance, message.into())
    }

    #[must_use]
    pub fn warning(code: &'static str, provenance: Provenance, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, provenance, message.into())
    }

    #[must_use]
    pub fn info(code: &'static str, provenance: Provenance, message: impl Into<String>) -> Self {
        Self::new(Severity::Info, code, provenance, message.into())
    }

    fn new(severity: Severity, code: &'static str, mut provenance: Provenance, message: String) -> Self {
        provenance.field = shortened(provenance.field);
        Self { severity, code, provenance, message: shortened(message) }
    }
}

/// Leaves out the middle of a long text.
fn shortened(text: String) -> String {
    if text.len() <= WHOLE {
        return text;
    }
    let head = text.get(..text.floor_char_boundary(ENDS)).unwrap_or_default();
    let tail = text.get(text.ceil_char_boundary(text.len() - ENDS)..).unwrap_or_default();
    format!("{head} … {} octets … {tail}", text.len() - head.len() - tail.len())
}

impl fmt::Display for Diagnostic {
    /// `error[missing-secret] Ingress shop/web spec.tls[0].secretName: …`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}] {}: {}", self.severity.as_str(), self.code, self.provenance, self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::{ObjectKind, ObjectRef};

    #[test]
    fn a_message_about_megabytes_is_short_and_keeps_its_ends() {
        let field = ObjectRef::new(ObjectKind::Ingress, "shop", "web").field("ü".repeat(10_000));
        let long =
            Diagnostic::error("some-code", field, format!("{:?} is wrong; it is not served", "ü".repeat(1 << 20)));
        assert!(long.message.len() < WHOLE && long.provenance.field.len() < WHOLE, "{long}");
        assert!(long.message.starts_with("\"üü") && long.message.ends_with("is wrong; it is not served"), "{long}");
        let whole = "x".repeat(WHOLE);
        let field = ObjectRef::new(ObjectKind::Ingress, "shop", "web").field("");
        assert_eq!(Diagnostic::info("some-code", field, whole.clone()).message, whole);
    }
}
