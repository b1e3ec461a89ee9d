//! `upstream-hash-by`: the endpoint follows from the request.

use super::catalogue::{Annotation, Class, Idle, Scope, Support};
use super::policy::IngressPolicy;
use super::{Family, Values};

pub(super) struct Hashing;

impl Family for Hashing {
    fn title(&self) -> &'static str {
        "Consistent hashing"
    }

    fn annotations(&self) -> &'static [Annotation] {
        ROWS
    }

    fn apply(&self, _: &mut Values<'_>, _: &mut IngressPolicy) {}
}

const ROWS: &[Annotation] = &[
    Annotation::new(
        "upstream-hash-by",
        Class::B,
        Scope::Route,
        "",
        Support::Missing(Idle::Empty),
        "The endpoint is picked by a consistent hash of this text",
    ),
    Annotation::new(
        "upstream-hash-by-subset",
        Class::C,
        Scope::Route,
        "false",
        Support::Modifies("upstream-hash-by"),
        "The hash picks a subset of endpoints",
    ),
    Annotation::new(
        "upstream-hash-by-subset-size",
        Class::C,
        Scope::Route,
        "3",
        Support::Modifies("upstream-hash-by"),
        "The size of that subset",
    ),
];
