//! Copies of requests to a second place.

use super::catalogue::{Annotation, Class, Idle, Scope, Support};
use super::policy::IngressPolicy;
use super::{Family, Values};

pub(super) struct Mirroring;

impl Family for Mirroring {
    fn title(&self) -> &'static str {
        "Mirroring"
    }

    fn annotations(&self) -> &'static [Annotation] {
        ROWS
    }

    fn apply(&self, _: &mut Values<'_>, _: &mut IngressPolicy) {}
}

const ROWS: &[Annotation] = &[
    Annotation::new(
        "mirror-target",
        Class::B,
        Scope::Route,
        "",
        Support::Missing(Idle::Empty),
        "A copy of every request is sent to this URL",
    ),
    Annotation::new(
        "mirror-request-body",
        Class::C,
        Scope::Route,
        "on",
        Support::Modifies("mirror-target"),
        "Whether the copy carries the body",
    ),
    Annotation::new(
        "mirror-host",
        Class::C,
        Scope::Route,
        "",
        Support::Modifies("mirror-target"),
        "The Host header of the copy",
    ),
];
