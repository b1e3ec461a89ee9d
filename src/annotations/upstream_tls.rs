//! Certificates on the way to backends.

use super::catalogue::{Annotation, Class, Idle, Scope, Support};
use super::policy::IngressPolicy;
use super::{Family, Values};

pub(super) struct UpstreamTls;

impl Family for UpstreamTls {
    fn title(&self) -> &'static str {
        "TLS to backends"
    }

    fn annotations(&self) -> &'static [Annotation] {
        ROWS
    }

    fn apply(&self, _: &mut Values<'_>, _: &mut IngressPolicy) {}
}

const ROWS: &[Annotation] = &[
    Annotation::new(
        "proxy-ssl-secret",
        Class::B,
        Scope::Route,
        "",
        Support::FailsClosed(Idle::Empty),
        "The client certificate shown to the backend, and the authority it is verified against",
    ),
    Annotation::new(
        "proxy-ssl-verify",
        Class::B,
        Scope::Route,
        "off",
        Support::FailsClosed(Idle::Word("off")),
        "The backend's certificate is verified",
    ),
    Annotation::new(
        "proxy-ssl-verify-depth",
        Class::C,
        Scope::Route,
        "1",
        Support::Modifies("proxy-ssl-secret"),
        "The longest chain of the backend's certificate",
    ),
    Annotation::new(
        "proxy-ssl-name",
        Class::B,
        Scope::Route,
        "",
        Support::Modifies("proxy-ssl-secret"),
        "The name expected in the backend's certificate",
    ),
    Annotation::new(
        "proxy-ssl-server-name",
        Class::B,
        Scope::Route,
        "off",
        Support::Modifies("proxy-ssl-secret"),
        "The server name is sent to the backend",
    ),
    Annotation::new(
        "proxy-ssl-ciphers",
        Class::C,
        Scope::Route,
        "DEFAULT",
        Support::Modifies("proxy-ssl-secret"),
        "The ciphers offered to the backend",
    ),
    Annotation::new(
        "proxy-ssl-protocols",
        Class::C,
        Scope::Route,
        "TLSv1.2",
        Support::Modifies("proxy-ssl-secret"),
        "The TLS versions offered to the backend",
    ),
];
