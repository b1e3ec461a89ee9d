//! Certificates: which Secret serves which host, as ingress-nginx decides it.
//!
//! A Secret is read once and again only when it changes. Whatever is wrong with one, the host is served with the
//! default certificate and the reason reported.

use std::collections::HashMap;
use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::ir::{HostPattern, ObjectKind, ObjectRef, Provenance, UnixTime};
use crate::snapshot::{Secret, Snapshot};
use crate::tls::{self, Certificate, CertificateStore, ChainOrder, Coverage, Validity};

use super::lower::{Lowered, TlsEntry};

/// The certificates of the last update.
#[derive(Debug, Default)]
pub(super) struct Certificates {
    read: HashMap<ObjectRef, Kept>,
    self_signed: Option<Arc<Certificate>>,
    store: Arc<CertificateStore>,
}

#[derive(Debug, Clone)]
struct Kept {
    secret: Arc<Secret>,
    certificate: Result<Arc<Certificate>, String>,
}

/// A host and the Ingress whose `tls` section is its own: the oldest that has one.
pub(super) struct TlsHost<'l> {
    pub(super) pattern: &'l HostPattern,
    pub(super) ingress: &'l Lowered,
}

impl Certificates {
    /// Finds the certificates of `hosts`. What is equal to the last update is the same store.
    pub(super) fn update<'l>(
        &mut self,
        hosts: impl Iterator<Item = TlsHost<'l>>,
        default: Option<&ObjectRef>,
        snapshot: &Snapshot,
        now: UnixTime,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Arc<CertificateStore> {
        let mut pass =
            Pass { previous: std::mem::take(&mut self.read), read: HashMap::new(), snapshot, now, diagnostics };
        let default = match default.and_then(|reference| pass.default_certificate(reference)) {
            Some(certificate) => certificate,
            None => Arc::clone(self.self_signed.get_or_insert_with(|| Arc::new(tls::self_signed_default(now)))),
        };
        let mut store = CertificateStore::default();
        for host in hosts {
            let certificate = pass.certificate_for(&host).unwrap_or_else(|| Arc::clone(&default));
            store.insert(host.pattern.clone(), certificate);
        }
        store.set_default(default);
        self.read = pass.read;
        if *self.store != store {
            self.store = Arc::new(store);
        }
        Arc::clone(&self.store)
    }
}

struct Pass<'p> {
    previous: HashMap<ObjectRef, Kept>,
    read: HashMap<ObjectRef, Kept>,
    snapshot: &'p Snapshot,
    now: UnixTime,
    diagnostics: &'p mut Vec<Diagnostic>,
}

impl Pass<'_> {
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
                self.diagnostics.push(Diagnostic::warning("certificate-common-name", provenance, message));
            }
            Coverage::None => {
                let names = names_of(&certificate);
                let message = format!(
                    "the certificate in Secret {secret:?} is for {names}, not for host {}; {DEFAULT_SERVED}",
                    host.pattern
                );
                self.diagnostics.push(Diagnostic::error("certificate-mismatch", provenance, message));
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
        self.diagnostics.push(Diagnostic::warning(
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
        let Some(secret) = self.snapshot.secrets.get(namespace, name) else {
            let message = format!("{reference} does not exist; {instead}");
            self.diagnostics.push(Diagnostic::error("missing-secret", provenance.clone(), message));
            return None;
        };
        match self.read(&reference, secret) {
            Ok(certificate) => {
                self.note_validity(&reference, &certificate);
                Some(certificate)
            }
            Err(why) => {
                let message = format!("{reference} cannot be served: {why}; {instead}");
                self.diagnostics.push(Diagnostic::error("invalid-certificate", provenance.clone(), message));
                None
            }
        }
    }

    fn read(&mut self, reference: &ObjectRef, secret: &Arc<Secret>) -> Result<Arc<Certificate>, String> {
        if let Some(kept) = self.read.get(reference) {
            return kept.certificate.clone();
        }
        let kept = match self.previous.remove(reference) {
            Some(kept) if Arc::ptr_eq(&kept.secret, secret) => kept,
            Some(_) | None => Kept { secret: Arc::clone(secret), certificate: parse(reference, secret) },
        };
        let certificate = kept.certificate.clone();
        self.read.insert(reference.clone(), kept);
        certificate
    }

    fn note_validity(&mut self, reference: &ObjectRef, certificate: &Certificate) {
        let field = reference.field("data[tls.crt]");
        let until = date(certificate.not_after());
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
        self.diagnostics.extend(diagnostic.into_iter().chain(order));
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
