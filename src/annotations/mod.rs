//! Annotation text to typed policy: every name of ingress-nginx, in families documented together.
//!
//! A [`Family`] is one file: rows for the catalogue and a function that reads the supported ones. The framework judges
//! every row that is not supported by its [`Support`]: what only adds is left out with a diagnostic, what guards fails
//! closed. Supporting a family touches its file alone; a new one is a file and a line in [`FAMILIES`].
//!
//! Nothing here knows an Ingress: a map of strings goes in, an [`IngressPolicy`] and diagnostics come out, and no
//! value can make [`parse`] fail.

pub mod catalogue;
pub mod go;
pub mod pattern;
pub mod policy;
pub mod references;
mod unknown;
mod values;

mod access;
mod affinity;
mod alias;
mod authentication;
mod backend;
mod body;
mod buffering;
mod canary;
mod client_certificates;
mod cors;
mod errors;
mod external_auth;
mod fastcgi;
mod firewall;
mod hashing;
mod limits;
mod log;
mod mirror;
mod passthrough;
mod redirect;
mod response;
mod retry;
mod rewrite;
mod server_tls;
mod snippets;
mod ssl_redirect;
mod timeouts;
mod tracing;
mod upstream_tls;

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
use crate::ir::{ObjectRef, Refusal};

/// The scalars that the ConfigMap has in common with annotations.
pub mod scalar {
    pub use super::access::parse_networks as networks;
    pub use super::backend::parse_balance as balance;
    pub use super::body::parse_limit as body_limit;
    pub use super::retry::parse_conditions as retry_conditions;
}

pub use catalogue::{Annotation, Class, Idle, Scope, Support, catalogue, support_table};
pub use policy::{Defaults, EndpointMode, GlobalAuth, HostTemplate, IngressPolicy, PathSyntax, Refused, Role};
pub use values::Values;

/// Annotations that belong together: their catalogue rows, and the reading of those that are supported.
pub trait Family: Sync {
    /// The heading of the family in the documentation.
    fn title(&self) -> &'static str;

    /// The rows of the catalogue. Every annotation is in exactly one family.
    fn annotations(&self) -> &'static [Annotation];

    /// Reads the supported annotations into `policy`. Called for every Ingress; rows that are not supported have been
    /// judged already.
    fn apply(&self, values: &mut Values<'_>, policy: &mut IngressPolicy);
}

/// Every family, in the order of the documentation.
pub static FAMILIES: &[&dyn Family] = &[
    &rewrite::Rewriting,
    &ssl_redirect::SslRedirects,
    &redirect::Redirects,
    &backend::Backends,
    &timeouts::UpstreamTimeouts,
    &retry::Retries,
    &body::Bodies,
    &log::Logging,
    &authentication::BasicAuthentication,
    &external_auth::ExternalAuthentication,
    &client_certificates::ClientCertificates,
    &access::AccessLists,
    &limits::RateLimits,
    &firewall::Firewall,
    &snippets::Snippets,
    &passthrough::Passthrough,
    &canary::Canaries,
    &affinity::Affinity,
    &hashing::Hashing,
    &cors::Cors,
    &response::ResponseEdits,
    &errors::ErrorPages,
    &alias::Aliases,
    &mirror::Mirroring,
    &upstream_tls::UpstreamTls,
    &server_tls::ServerTls,
    &buffering::Buffering,
    &fastcgi::FastCgi,
    &tracing::Tracing,
];

/// The annotations of one Ingress, and what is needed to read them.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    pub annotations: &'a BTreeMap<String, String>,
    /// `nginx.ingress.kubernetes.io`, or what `--annotations-prefix` says.
    pub prefix: &'a str,
    /// The Ingress, for diagnostics.
    pub ingress: &'a ObjectRef,
    /// The ConfigMap's values, which annotations override.
    pub defaults: &'a Defaults,
}

/// Reads all annotations of an Ingress under the prefix. Other annotations are none of ours and passed over.
#[must_use]
pub fn parse(source: &Source<'_>) -> (IngressPolicy, Vec<Diagnostic>) {
    let mut values = Values::read(source);
    let mut policy = IngressPolicy::from_defaults(source.defaults);
    let present = values.present();
    for annotation in &present {
        judge(annotation, &mut values, &mut policy);
    }
    if !present.is_empty() {
        for family in FAMILIES {
            family.apply(&mut values, &mut policy);
        }
    }
    (policy, values.into_diagnostics())
}

/// Does with an annotation what its row of the catalogue says, if its family does not read it itself.
fn judge(annotation: &Annotation, values: &mut Values<'_>, policy: &mut IngressPolicy) {
    let Some(value) = values.raw(annotation.name) else { return };
    let value = value.to_owned();
    match annotation.support {
        Support::Supported => {}
        Support::NoEffect => {
            let message = format!("{value:?} has no effect: {}", annotation.note);
            values.info(annotation.name, "annotation-without-effect", message);
        }
        Support::Modifies(_) if value.trim().is_empty() => {}
        Support::Modifies(of) => {
            if values.raw(of).is_none() {
                let message = format!("{value:?} has no effect without {of}; served as if it were absent");
                values.warn(annotation.name, "annotation-without-effect", message);
            }
        }
        Support::Missing(idle) if idle.asks_nothing(&value) => {}
        Support::Missing(_) => {
            let message = format!("{value:?}: {} is not supported yet; served without it", annotation.name);
            values.warn(annotation.name, "annotation-not-supported", message);
        }
        Support::FailsClosed(idle) if idle.asks_nothing(&value) => {}
        Support::FailsClosed(_) => refuse_unsupported(annotation, values, policy),
    }
}

fn refuse_unsupported(annotation: &Annotation, values: &mut Values<'_>, policy: &mut IngressPolicy) {
    const CODE: &str = "unsupported-protection";
    let whom = match annotation.scope {
        Scope::Route => "this Ingress's routes answer 503",
        Scope::Host => "every route of this Ingress's hosts answers 503",
    };
    let message = format!("{} is not supported yet, and serving without it is unsafe: {whom}", annotation.name);
    values.error(annotation.name, CODE, message);
    let reason = format!("{} cannot be honoured", values.key(annotation.name));
    policy.refuse(annotation.scope, Refusal { status: 503, code: CODE, reason });
}

#[cfg(test)]
mod tests;
