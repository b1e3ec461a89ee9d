//! `spec.tls`: which Secret is for which hosts.

use std::collections::{HashMap, HashSet};

use k8s_openapi::api::networking::v1::IngressTLS;

use crate::diagnostic::Diagnostic;
use crate::ir::{HostPattern, Provenance};

use super::{Lowering, Rules};

/// The entries of `spec.tls`, and which of them lists a host.
#[derive(Debug, Default)]
pub(crate) struct TlsSection {
    pub(crate) entries: Vec<TlsEntry>,
    /// The first entry that lists a host.
    listed: HashMap<HostPattern, usize>,
}

/// One entry.
#[derive(Debug)]
pub(crate) struct TlsEntry {
    pub(crate) secret: Option<String>,
    /// The entry itself.
    pub(crate) field: Provenance,
}

impl TlsSection {
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The first entry that lists `host`, literally.
    pub(crate) fn entry_of(&self, host: &HostPattern) -> Option<&TlsEntry> {
        self.entries.get(*self.listed.get(host)?)
    }
}

impl Lowering<'_> {
    pub(super) fn tls_section(&mut self, tls: &[IngressTLS], rules: &Rules) -> TlsSection {
        let mut section = TlsSection::default();
        // A wildcard may be listed for the sake of names that it covers.
        let covering: HashSet<HostPattern> = rules.keys().filter_map(HostPattern::covering_wildcard).collect();
        for (index, entry) in tls.iter().enumerate() {
            let IngressTLS { hosts, secret_name } = entry;
            for (at, host) in hosts.iter().flatten().enumerate() {
                let field = format!("spec.tls[{index}].hosts[{at}]");
                let Some(pattern) = self.tls_host(host, &field) else { continue };
                if !rules.contains_key(&pattern) && !covering.contains(&pattern) {
                    self.note_host_without_rule(&pattern, &field);
                }
                section.listed.entry(pattern).or_insert(index);
            }
            let secret = secret_name.clone().filter(|name| !name.is_empty());
            section.entries.push(TlsEntry { secret, field: self.ingress.field(format!("spec.tls[{index}]")) });
        }
        section.entries.shrink_to_fit();
        section
    }

    fn tls_host(&mut self, written: &str, field: &str) -> Option<HostPattern> {
        let pattern = HostPattern::parse(written).filter(|pattern| *pattern != HostPattern::Any);
        if pattern.is_none() {
            let message = format!("{written:?} is neither a host name nor *. and one; it is passed over");
            self.error("invalid-host", field, message);
        }
        pattern
    }

    /// A certificate serves the hosts of rules; one that is only listed under `tls` is none, as in ingress-nginx.
    fn note_host_without_rule(&mut self, host: &HostPattern, field: &str) {
        let message = format!("no rule of this Ingress has host {host}; its certificate is not served for it");
        self.diagnostics.push(Diagnostic::warning("tls-host-without-rule", self.ingress.field(field), message));
    }
}
