//! Basic and digest authentication against a Secret.

use super::catalogue::{Annotation, Class, Idle, Scope, Support};
use super::policy::IngressPolicy;
use super::{Family, Values};

pub(super) struct BasicAuthentication;

impl Family for BasicAuthentication {
    fn title(&self) -> &'static str {
        "Basic authentication"
    }

    fn annotations(&self) -> &'static [Annotation] {
        ROWS
    }

    fn apply(&self, _: &mut Values<'_>, _: &mut IngressPolicy) {}
}

const ROWS: &[Annotation] = &[
    Annotation::new(
        "auth-type",
        Class::A,
        Scope::Route,
        "",
        Support::FailsClosed(Idle::Empty),
        "Basic or digest authentication",
    ),
    Annotation::new(
        "auth-secret",
        Class::A,
        Scope::Route,
        "",
        Support::FailsClosed(Idle::Empty),
        "The Secret with the users of basic authentication",
    ),
    Annotation::new(
        "auth-secret-type",
        Class::B,
        Scope::Route,
        "auth-file",
        Support::Modifies("auth-secret"),
        "The form of the Secret with the users",
    ),
    Annotation::new(
        "auth-realm",
        Class::A,
        Scope::Route,
        "",
        Support::Modifies("auth-type"),
        "The realm of basic authentication",
    ),
];
