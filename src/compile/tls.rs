//! Certificates: which Secret serves which host, as ingress-nginx decides it.
//!
//! A Secret is read once and again only when it changes. Whatever is wrong with one, the host is served with the
//! default certificate and the reason reported.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::ir::{HostPattern, ObjectKind, ObjectRef, Provenance, UnixTime};
use crate::snapshot::{Secret, Snapshot};
use crate::tls::{self, Certificate, CertificateStore, ChainOrder, Coverage, Validity};

use super::hosts::Hosts;
use super::lower::{Lowered, TlsEntry};
use super::users::Users;

/// The certificates of the last update.
#[derive(Debug, Default)]
pub(super) struct Certificates {
    /// By host; that of [`HostPattern::Any`] is the default.
    chosen: BTreeMap<HostPattern, Chosen>,
    /// Who has looked at a Secret.
    of_secret: Users<HostPattern>,
    read: BTreeMap<ObjectRef, Read>,
    /// When what is to be said of a certificate is to be looked at again, because time passes.
    agenda: BTreeSet<(UnixTime, HostPattern)>,
    /// The moment of the last update.
    now: UnixTime,
    self_signed: Option<Arc<Certificate>>,
    store: Arc<CertificateStore>,
}

/// A Secret as it was read.
#[derive(Debug, Clone)]
struct Read {
    secret: Arc<Secret>,
    certificate: Result<Arc<Certificate>, String>,
}

/// What was chosen for a host.
#[derive(Debug, Default)]
struct Chosen {
    /// `None` for the default certificate, or as that for a self-signed one.
    certificate: Option<Arc<Certificate>>,
    /// The Secrets that were looked at, whether they exist or not.
    secrets: Vec<ObjectRef>,
    /// When there may be something else to say.
    until: Option<UnixTime>,
    diagnostics: Vec<Diagnostic>,
}

/// A host and the Ingress whose `tls` section is its own.
struct TlsHost<'l> {
    pattern: &'l HostPattern,
    ingress: &'l Lowered,
}

/// What certificates are chosen by.
pub(super) struct Given<'g> {
    pub(super) hosts: &'g Hosts,
    /// `--default-ssl-certificate`.
    pub(super) default: Option<&'g ObjectRef>,
    pub(super) snapshot: &'g Snapshot,
    pub(super) now: UnixTime,
}

impl Certificates {
    /// Chooses anew for the `stale` hosts, and for those that depend on one of the changed `secrets` or on the time that
    /// has passed. What is equal to the last update is the same store.
    pub(super) fn update(
        &mut self,
        stale: &BTreeSet<HostPattern>,
        secrets: &BTreeSet<ObjectRef>,
        given: &Given<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Arc<CertificateStore> {
        let mut stale = stale.clone();
        stale.extend(secrets.iter().flat_map(|secret| self.of_secret.of(secret)).cloned());
        stale.extend(self.due(given.now));
        if stale.remove(&HostPattern::Any) || self.chosen.is_empty() {
            self.choose(&HostPattern::Any, given, diagnostics);
            if self.set_default(given.now) {
                let by_default = self.chosen.iter().filter(|(_, chosen)| chosen.certificate.is_none());
                stale.extend(by_default.map(|(host, _)| host.clone()));
            }
        }
        for host in &stale {
            self.choose(host, given, diagnostics);
        }
        Arc::clone(&self.store)
    }

    /// The hosts to look at again because of the time. Should it go back, all are.
    fn due(&mut self, now: UnixTime) -> Vec<HostPattern> {
        if now < std::mem::replace(&mut self.now, now) {
            return self.chosen.keys().cloned().collect();
        }
        self.agenda.iter().take_while(|(until, _)| *until <= now).map(|(_, host)| host.clone()).collect()
    }

    /// Makes the default certificate be the one chosen, or a self-signed one. Returns whether it was another.
    fn set_default(&mut self, now: UnixTime) -> bool {
        let chosen = self.chosen.get(&HostPattern::Any).and_then(|chosen| chosen.certificate.as_ref());
        let default = match chosen {
            Some(certificate) => Arc::clone(certificate),
            None => Arc::clone(self.self_signed.get_or_insert_with(|| Arc::new(tls::self_signed_default(now)))),
        };
        let changed = self.store.default_certificate() != Some(&default);
        if changed {
            Arc::make_mut(&mut self.store).set_default(default);
        }
        changed
    }

    /// Chooses for a host, or the default, and takes up what follows.
    fn choose(&mut self, host: &HostPattern, given: &Given<'_>, diagnostics: &mut Diagnostics) {
        let now = self.look(host, given);
        let before = self.chosen.remove(host).unwrap_or_default();
        diagnostics.replace(&before.diagnostics, now.as_ref().map_or(&[], |now| &now.diagnostics));
        if let Some(until) = before.until {
            self.agenda.remove(&(until, host.clone()));
        }
        for secret in &before.secrets {
            self.of_secret.remove(secret, host);
        }
        for secret in now.iter().flat_map(|now| &now.secrets) {
            self.of_secret.add(secret.clone(), host.clone());
        }
        for secret in before.secrets.iter().filter(|secret| self.of_secret.of(secret).is_empty()) {
            self.read.remove(secret);
        }
        if let Some(until) = now.as_ref().and_then(|now| now.until) {
            self.agenda.insert((until, host.clone()));
        }
        if *host != HostPattern::Any {
            self.serve(host, now.as_ref());
        }
        if let Some(now) = now {
            self.chosen.insert(host.clone(), now);
        }
    }

    /// Looks for the certificate of a host. `None` if it is not one of HTTPS.
    fn look(&mut self, host: &HostPattern, given: &Given<'_>) -> Option<Chosen> {
        let mut look =
            Look { read: &mut self.read, snapshot: given.snapshot, now: given.now, found: Chosen::default() };
        look.found.certificate = match host {
            HostPattern::Any => given.default.and_then(|reference| look.default_certificate(reference)),
            HostPattern::Exact(_) | HostPattern::Wildcard(_) => look.certificate_for(&tls_host(host, given.hosts)?),
        };
        look.found.secrets.shrink_to_fit();
        Some(look.found)
    }

    /// Serves what was chosen for a host.
    fn serve(&mut self, pattern: &HostPattern, chosen: Option<&Chosen>) {
        let default = self.store.default_certificate();
        let certificate = chosen.and_then(|chosen| chosen.certificate.as_ref().or(default)).cloned();
        if self.store.get(pattern) == certificate.as_ref() {
            return;
        }
        let store = Arc::make_mut(&mut self.store);
        match certificate {
            Some(certificate) => store.insert(pattern.clone(), certificate),
            None => store.remove(pattern),
        };
    }
}

/// The host as one of HTTPS: with the oldest of its Ingresses that has a `tls` section.
fn tls_host<'l>(pattern: &'l HostPattern, hosts: &'l Hosts) -> Option<TlsHost<'l>> {
    let ingress = hosts.members(pattern).iter().find(|ingress| !ingress.tls.is_empty())?;
    Some(TlsHost { pattern, ingress })
}

/// The search for one certificate.
struct Look<'p> {
    read: &'p mut BTreeMap<ObjectRef, Read>,
    snapshot: &'p Snapshot,
    now: UnixTime,
    found: Chosen,
}

impl Look<'_> {
    fn default_certificate(&mut self, reference: &ObjectRef) -> Option<Arc<Certificate>> {
        let setting = ObjectRef::new(ObjectKind::Setting, "", "--default-ssl-certificate").field("");
        self.certificate(&reference.namespace, &reference.name, &setting, "a self-signed certificate is served instead")
    }

    /// The certificate that serves a host; `None`, and reported, for the default.
    fn certificate_for(&mut self, host: &TlsHost<'_>) -> Option<Arc<Certificate>> {
        let listed = host.ingress.tls.entry_of(host.pattern);
        let Some(entry) = listed else { return self.certificate_by_names(host) };
        let secret = entry.secret.as_deref()?;
        let provenance = secret_field(entry);
        let certificate = self.certificate(&host.ingress.ingress.namespace, secret, &provenance, DEFAULT_SERVED)?;
        match certificate.covers(host.pattern) {
            Coverage::SubjectName => {}
            Coverage::CommonNameOnly => {
                let message = format!(
                    "the certificate names host {} only as its common name, which clients no longer accept",
                    host.pattern
                );
                self.found.diagnostics.push(Diagnostic::warning("certificate-common-name", provenance, message));
            }
            Coverage::None => {
                let names = names_of(&certificate);
                let message = format!(
                    "the certificate in Secret {secret:?} is for {names}, not for host {}; {DEFAULT_SERVED}",
                    host.pattern
                );
                self.found.diagnostics.push(Diagnostic::error("certificate-mismatch", provenance, message));
                return None;
            }
        }
        Some(certificate)
    }

    /// Where no entry names the host: the first whose certificate does.
    fn certificate_by_names(&mut self, host: &TlsHost<'_>) -> Option<Arc<Certificate>> {
        for entry in &host.ingress.tls.entries {
            let Some(secret) = entry.secret.as_deref() else { continue };
            let namespace = &host.ingress.ingress.namespace;
            let Some(certificate) = self.certificate(namespace, secret, &secret_field(entry), DEFAULT_SERVED) else {
                continue;
            };
            if certificate.covers(host.pattern) == Coverage::SubjectName {
                return Some(certificate);
            }
        }
        let message = format!(
            "no entry lists host {} and no certificate of the entries is for it; plain HTTP is redirected and {DEFAULT_SERVED}",
            host.pattern
        );
        self.found.diagnostics.push(Diagnostic::warning(
            "tls-host-not-listed",
            host.ingress.ingress.field("spec.tls"),
            message,
        ));
        None
    }

    /// The certificate of a Secret, read now or before; what is wrong with it is reported at `provenance`.
    fn certificate(
        &mut self,
        namespace: &str,
        name: &str,
        provenance: &Provenance,
        instead: &str,
    ) -> Option<Arc<Certificate>> {
        let reference = ObjectRef::new(ObjectKind::Secret, namespace, name);
        if !self.found.secrets.contains(&reference) {
            self.found.secrets.push(reference.clone());
        }
        let Some(secret) = self.snapshot.secrets.get(namespace, name) else {
            let message = format!("{reference} does not exist; {instead}");
            self.found.diagnostics.push(Diagnostic::error("missing-secret", provenance.clone(), message));
            return None;
        };
        match self.read(&reference, secret) {
            Ok(certificate) => {
                self.note_validity(&reference, &certificate);
                Some(certificate)
            }
            Err(why) => {
                let message = format!("{reference} cannot be served: {why}; {instead}");
                self.found.diagnostics.push(Diagnostic::error("invalid-certificate", provenance.clone(), message));
                None
            }
        }
    }

    fn read(&mut self, reference: &ObjectRef, secret: &Arc<Secret>) -> Result<Arc<Certificate>, String> {
        if let Some(read) = self.read.get(reference).filter(|read| Arc::ptr_eq(&read.secret, secret)) {
            return read.certificate.clone();
        }
        let certificate = parse(reference, secret);
        let read = Read { secret: Arc::clone(secret), certificate: certificate.clone() };
        self.read.insert(reference.clone(), read);
        certificate
    }

    fn note_validity(&mut self, reference: &ObjectRef, certificate: &Certificate) {
        let field = reference.field("data[tls.crt]");
        let until = date(certificate.not_after());
        let next = certificate.validity_until(self.now);
        self.found.until = [self.found.until, next].into_iter().flatten().min();
        let diagnostic = match certificate.validity(self.now) {
            Validity::Valid => None,
            Validity::NotYet => Some(Diagnostic::error(
                "certificate-not-yet-valid",
                field.clone(),
                "the certificate is not valid yet; it is served all the same",
            )),
            Validity::ExpiresSoon => {
                let message = format!("the certificate expires in less than ten days, on {until}");
                Some(Diagnostic::warning("certificate-expires-soon", field.clone(), message))
            }
            Validity::Expired => {
                let message = format!("the certificate expired on {until}; it is served all the same");
                Some(Diagnostic::error("certificate-expired", field.clone(), message))
            }
        };
        let order = match certificate.chain_order() {
            ChainOrder::AsWritten => None,
            ChainOrder::Reordered => Some(String::from("the chain is not in order, leaf first; it is served in order")),
            ChainOrder::Unlinked(count) => {
                Some(format!("{count} certificates do not belong to the chain of the key's certificate"))
            }
        };
        let order = order.map(|message| Diagnostic::warning("certificate-chain-order", field, message));
        self.found.diagnostics.extend(diagnostic.into_iter().chain(order));
    }
}

const DEFAULT_SERVED: &str = "the default certificate is served instead";

fn secret_field(entry: &TlsEntry) -> Provenance {
    entry.field.object.field(format!("{}.secretName", entry.field.field))
}

fn parse(reference: &ObjectRef, secret: &Secret) -> Result<Arc<Certificate>, String> {
    let certificate = secret.get("tls.crt").ok_or("it has no key tls.crt")?;
    let key = secret.get("tls.key").ok_or("it has no key tls.key")?;
    let certificate = tls::parse_key_pair(certificate, key).map_err(|error| error.to_string())?;
    Ok(Arc::new(certificate.of_secret(reference.clone())))
}

/// The day of a moment, such as `2025-06-20`.
fn date(moment: UnixTime) -> String {
    let day = time::OffsetDateTime::from_unix_timestamp(moment.0).map(|moment| moment.date().to_string());
    day.unwrap_or_else(|_| format!("second {} of the Unix epoch", moment.0))
}

/// The names of a certificate, for a message.
fn names_of(certificate: &Certificate) -> String {
    let mut names: Vec<String> = certificate.names().iter().take(5).map(ToString::to_string).collect();
    if let (true, Some(name)) = (names.is_empty(), certificate.common_name()) {
        names.push(name.to_owned());
    }
    if names.is_empty() { String::from("no name") } else { names.join(", ") }
}
