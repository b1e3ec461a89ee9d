//! ModSecurity and its core rule set.

use super::catalogue::{Annotation, Class, Idle, Scope, Support};
use super::policy::IngressPolicy;
use super::{Family, Values};

pub(super) struct Firewall;

impl Family for Firewall {
    fn title(&self) -> &'static str {
        "Web application firewall"
    }

    fn annotations(&self) -> &'static [Annotation] {
        ROWS
    }

    fn apply(&self, _: &mut Values<'_>, _: &mut IngressPolicy) {}
}

const ROWS: &[Annotation] = &[
    Annotation::new(
        "enable-modsecurity",
        Class::B,
        Scope::Route,
        "false",
        Support::FailsClosed(Idle::False),
        "Requests are inspected by ModSecurity",
    ),
    Annotation::new(
        "enable-owasp-core-rules",
        Class::B,
        Scope::Route,
        "false",
        Support::FailsClosed(Idle::False),
        "Requests are inspected by the OWASP core rule set",
    ),
    Annotation::new(
        "modsecurity-snippet",
        Class::X,
        Scope::Route,
        "",
        Support::FailsClosed(Idle::Empty),
        "Rules for ModSecurity",
    ),
    Annotation::new(
        "modsecurity-transaction-id",
        Class::C,
        Scope::Route,
        "",
        Support::Modifies("enable-modsecurity"),
        "The transaction identifier in the audit log",
    ),
];
