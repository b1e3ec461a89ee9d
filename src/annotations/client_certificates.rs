//! Authentication of clients by TLS certificate, for whole hosts.

use super::catalogue::{Annotation, Class, Idle, Scope, Support};
use super::policy::IngressPolicy;
use super::{Family, Values};

pub(super) struct ClientCertificates;

impl Family for ClientCertificates {
    fn title(&self) -> &'static str {
        "Client certificates"
    }

    fn annotations(&self) -> &'static [Annotation] {
        ROWS
    }

    fn apply(&self, _: &mut Values<'_>, _: &mut IngressPolicy) {}
}

const ROWS: &[Annotation] = &[
    Annotation::new(
        "auth-tls-secret",
        Class::B,
        Scope::Host,
        "",
        Support::FailsClosed(Idle::Empty),
        "Clients need a certificate signed by the authority in this Secret",
    ),
    Annotation::new(
        "auth-tls-verify-client",
        Class::B,
        Scope::Host,
        "on",
        Support::FailsClosed(Idle::Word("off")),
        "Whether clients must present a certificate",
    ),
    Annotation::new(
        "auth-tls-match-cn",
        Class::C,
        Scope::Host,
        "",
        Support::FailsClosed(Idle::Empty),
        "What the subject of a client certificate must match",
    ),
    Annotation::new(
        "auth-tls-verify-depth",
        Class::C,
        Scope::Host,
        "1",
        Support::Modifies("auth-tls-secret"),
        "The longest chain of a client certificate",
    ),
    Annotation::new(
        "auth-tls-error-page",
        Class::C,
        Scope::Host,
        "",
        Support::Modifies("auth-tls-secret"),
        "Where clients without a good certificate are sent",
    ),
    Annotation::new(
        "auth-tls-pass-certificate-to-upstream",
        Class::B,
        Scope::Host,
        "false",
        Support::Modifies("auth-tls-secret"),
        "The client certificate is passed to the backend",
    ),
];
