//! Ciphers of a host.

use super::catalogue::{Annotation, Class, Idle, Scope, Support};
use super::policy::IngressPolicy;
use super::{Family, Values};

pub(super) struct ServerTls;

impl Family for ServerTls {
    fn title(&self) -> &'static str {
        "TLS to clients"
    }

    fn annotations(&self) -> &'static [Annotation] {
        ROWS
    }

    fn apply(&self, _: &mut Values<'_>, _: &mut IngressPolicy) {}
}

const ROWS: &[Annotation] = &[
    Annotation::new(
        "ssl-ciphers",
        Class::C,
        Scope::Host,
        "",
        Support::Missing(Idle::Empty),
        "The cipher list of the host; only AEAD ciphers with forward secrecy are ever offered",
    ),
    Annotation::new(
        "ssl-prefer-server-ciphers",
        Class::C,
        Scope::Host,
        "",
        Support::NoEffect,
        "the server's order of ciphers is always preferred",
    ),
];
