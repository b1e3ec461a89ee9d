//! A backend for errors.

use super::catalogue::{Annotation, Class, Idle, Scope, Support};
use super::policy::IngressPolicy;
use super::{Family, Values};

pub(super) struct ErrorPages;

impl Family for ErrorPages {
    fn title(&self) -> &'static str {
        "Error pages"
    }

    fn annotations(&self) -> &'static [Annotation] {
        ROWS
    }

    fn apply(&self, _: &mut Values<'_>, _: &mut IngressPolicy) {}
}

const ROWS: &[Annotation] = &[
    Annotation::new(
        "default-backend",
        Class::B,
        Scope::Route,
        "",
        Support::Missing(Idle::Empty),
        "The Service that answers when the main one has no endpoints",
    ),
    Annotation::new(
        "custom-http-errors",
        Class::B,
        Scope::Route,
        "",
        Support::Missing(Idle::Empty),
        "Answers with these statuses are replaced by those of the default backend",
    ),
    Annotation::new(
        "disable-proxy-intercept-errors",
        Class::C,
        Scope::Route,
        "false",
        Support::Modifies("custom-http-errors"),
        "Answers are not replaced on this Ingress",
    ),
];
