//! Certificates by server name: exact names first, then wildcards of one label, then the default.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::ir::{HostName, HostPattern};

use super::certificate::Certificate;

/// The longest name looked up, in octets: that of DNS, with its trailing dot.
const MAX_NAME: usize = 254;

/// The certificates of one generation. Built by inserting, then shared; equal stores serve alike.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CertificateStore {
    exact: BTreeMap<HostName, Arc<Certificate>>,
    /// By the name after `*.`.
    wildcard: BTreeMap<HostName, Arc<Certificate>>,
    default: Option<Arc<Certificate>>,
}

impl CertificateStore {
    /// Serves `certificate` for the names of `pattern`; [`HostPattern::Any`] makes it the default. Returns the one that
    /// it replaces.
    pub fn insert(&mut self, pattern: HostPattern, certificate: Arc<Certificate>) -> Option<Arc<Certificate>> {
        match pattern {
            HostPattern::Exact(name) => self.exact.insert(name, certificate),
            HostPattern::Wildcard(parent) => self.wildcard.insert(parent, certificate),
            HostPattern::Any => self.default.replace(certificate),
        }
    }

    /// Serves `certificate` where no name matches, and to clients that send none.
    pub fn set_default(&mut self, certificate: Arc<Certificate>) {
        self.default = Some(certificate);
    }

    /// The default certificate.
    #[must_use]
    pub fn default_certificate(&self) -> Option<&Arc<Certificate>> {
        self.default.as_ref()
    }

    /// The certificate for the server name a client sent (RFC 6066 §3), folded to lower case and without its trailing
    /// dot. `None` only if there is no default either. Allocates nothing.
    #[must_use]
    pub fn resolve(&self, server_name: Option<&str>) -> Option<&Arc<Certificate>> {
        server_name.and_then(|name| self.named(name)).or(self.default.as_ref())
    }

    fn named(&self, name: &str) -> Option<&Arc<Certificate>> {
        let mut buffer = [0; MAX_NAME];
        let folded = buffer.get_mut(..name.len())?;
        folded.copy_from_slice(name.as_bytes());
        folded.make_ascii_lowercase();
        let name = std::str::from_utf8(folded).ok()?;
        let name = name.strip_suffix('.').unwrap_or(name);
        self.exact.get(name).or_else(|| {
            let (label, parent) = name.split_once('.')?;
            (!label.is_empty()).then(|| self.wildcard.get(parent)).flatten()
        })
    }

    /// Every entry, sorted by pattern: exact names, wildcards, the default.
    pub fn iter(&self) -> impl Iterator<Item = (HostPattern, &Arc<Certificate>)> {
        let exact = self.exact.iter().map(|(name, certificate)| (HostPattern::Exact(name.clone()), certificate));
        let wildcard =
            self.wildcard.iter().map(|(parent, certificate)| (HostPattern::Wildcard(parent.clone()), certificate));
        let default = self.default.iter().map(|certificate| (HostPattern::Any, certificate));
        exact.chain(wildcard).chain(default)
    }

    /// How many entries there are, the default among them.
    #[must_use]
    pub fn len(&self) -> usize {
        self.exact.len() + self.wildcard.len() + usize::from(self.default.is_some())
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
