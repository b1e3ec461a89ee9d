//! Certificates by server name: exact names first, then wildcards of one label, then the default.

use std::sync::Arc;

use crate::ir::{HostName, HostPattern};
use crate::persistent::Map;

use super::certificate::Certificate;

/// The longest name looked up, in octets: that of DNS, with its trailing dot.
const MAX_NAME: usize = 254;

/// The certificates of one generation. Built by inserting, then shared; equal stores serve alike. A clone shares what
/// neither of the two changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CertificateStore {
    exact: Map<HostName, Arc<Certificate>>,
    /// By the name after `*.`.
    wildcard: Map<HostName, Arc<Certificate>>,
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

    /// Serves the names of `pattern` by what else matches. Returns the certificate that was served for them.
    pub fn remove(&mut self, pattern: &HostPattern) -> Option<Arc<Certificate>> {
        match pattern {
            HostPattern::Exact(name) => self.exact.remove(name),
            HostPattern::Wildcard(parent) => self.wildcard.remove(parent),
            HostPattern::Any => self.default.take(),
        }
    }

    /// Serves `certificate` where no name matches, and to clients that send none.
    pub fn set_default(&mut self, certificate: Arc<Certificate>) {
        self.default = Some(certificate);
    }

    /// The certificate that was inserted for a pattern.
    #[must_use]
    pub fn get(&self, pattern: &HostPattern) -> Option<&Arc<Certificate>> {
        match pattern {
            HostPattern::Exact(name) => self.exact.get(name),
            HostPattern::Wildcard(parent) => self.wildcard.get(parent),
            HostPattern::Any => self.default.as_ref(),
        }
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

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;
    use crate::testing::certificates::TestCa;

    /// Three certificates that differ.
    static CERTIFICATES: LazyLock<[Arc<Certificate>; 3]> = LazyLock::new(|| {
        let ca = TestCa::new();
        ["one", "two", "three"].map(|name| Arc::new(ca.issue_for([name]).certificate()))
    });

    fn store<const N: usize>(entries: [(&str, usize); N]) -> CertificateStore {
        let mut store = CertificateStore::default();
        for (pattern, at) in entries {
            store.insert(HostPattern::parse(pattern).unwrap(), Arc::clone(&CERTIFICATES[at]));
        }
        store
    }

    /// Which of the certificates is served for a name.
    fn served(store: &CertificateStore, name: Option<&str>) -> Option<usize> {
        let found = store.resolve(name)?;
        CERTIFICATES.iter().position(|certificate| Arc::ptr_eq(certificate, found))
    }

    #[test]
    fn exact_names_go_before_wildcards_and_those_before_the_default() {
        let store = store([("a.example.com", 0), ("*.example.com", 1), ("", 2)]);
        for (name, wanted) in [
            (Some("a.example.com"), 0),
            (Some("A.EXAMPLE.com."), 0),
            (Some("b.example.com"), 1),
            (Some("B_1.Example.com."), 1),
            (Some("example.com"), 2),
            (Some("x.a.example.com"), 2),
            (Some(".example.com"), 2),
            (Some("com"), 2),
            (Some(""), 2),
            (Some("."), 2),
            (Some("bücher.example.com"), 1),
            (None, 2),
        ] {
            assert_eq!(served(&store, name), Some(wanted), "{name:?}");
        }
    }

    #[test]
    fn without_a_default_unknown_names_get_nothing() {
        let store = store([("a.example.com", 0)]);
        assert_eq!(served(&store, Some("b.example.com")), None);
        assert_eq!(served(&store, None), None);
    }

    #[test]
    fn names_longer_than_dns_has_them_get_the_default() {
        let store = store([("", 2)]);
        assert_eq!(served(&store, Some(&"a".repeat(254))), Some(2));
        assert_eq!(served(&store, Some(&"a".repeat(70_000))), Some(2));
    }

    #[test]
    fn the_longest_name_is_found_with_its_dot() {
        let name = format!("{}{}", "abcdefghi.".repeat(25), "xyz");
        let mut store = CertificateStore::default();
        store.insert(HostPattern::parse(&name).unwrap(), Arc::clone(&CERTIFICATES[0]));
        assert_eq!(served(&store, Some(&format!("{name}."))), Some(0));
    }

    #[test]
    fn entries_come_sorted_with_the_default_last() {
        let store = store([("", 0), ("*.b", 1), ("z", 2), ("a", 0)]);
        let patterns: Vec<_> = store.iter().map(|(pattern, _)| pattern.to_string()).collect();
        assert_eq!(patterns, ["a", "z", "*.b", "*"]);
        assert_eq!(store.len(), 4);
    }

    #[test]
    fn stores_with_equal_entries_are_equal() {
        assert_eq!(store([("a", 0), ("", 1)]), store([("", 1), ("a", 0)]));
        assert_ne!(store([("a", 0)]), store([("a", 1)]));
    }

    #[test]
    fn a_later_certificate_for_a_pattern_replaces_the_earlier() {
        let mut store = store([("a", 0)]);
        let replaced = store.insert(HostPattern::parse("a").unwrap(), Arc::clone(&CERTIFICATES[1]));
        assert_eq!(replaced.as_deref(), Some(&*CERTIFICATES[0]));
        assert_eq!(served(&store, Some("a")), Some(1));
    }

    #[test]
    fn ten_thousand_names_are_found() {
        let mut store = CertificateStore::default();
        for host in 0..10_000_usize {
            let pattern = HostPattern::parse(&format!("host-{host}.example.com")).unwrap();
            store.insert(pattern, Arc::clone(&CERTIFICATES[host % 3]));
        }
        for host in 0..10_000 {
            assert_eq!(served(&store, Some(&format!("host-{host}.example.com"))), Some(host % 3));
        }
        assert_eq!(served(&store, Some("host-10000.example.com")), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_name_is_served_as_a_search_by_hand_would(name in "[aB]{0,2}(\\.[aB]{0,2}){0,3}") {
            let patterns = ["a", "b.a", "a.a.a", "*.a", "*.b.a", "*.ab"];
            let mut store = CertificateStore::default();
            for pattern in patterns {
                let at = usize::from(pattern.starts_with('*'));
                store.insert(HostPattern::parse(pattern).unwrap(), Arc::clone(&CERTIFICATES[at]));
            }
            let folded = name.to_ascii_lowercase();
            let folded = folded.strip_suffix('.').unwrap_or(&folded);
            let exact = patterns.contains(&folded).then_some(0);
            let wildcard = folded
                .split_once('.')
                .filter(|(label, parent)| !label.is_empty() && patterns.contains(&format!("*.{parent}").as_str()))
                .map(|_| 1);
            prop_assert_eq!(served(&store, Some(&name)), exact.or(wildcard));
        }
    }
}
