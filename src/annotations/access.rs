//! `allowlist-source-range`, `denylist-source-range` and `satisfy`: who may come, by address.

use super::catalogue::{Annotation, Class, Idle, Scope, Support};
use super::policy::IngressPolicy;
use super::{Family, Values};

pub(super) struct AccessLists;

impl Family for AccessLists {
    fn title(&self) -> &'static str {
        "Access lists"
    }

    fn annotations(&self) -> &'static [Annotation] {
        ROWS
    }

    fn apply(&self, _: &mut Values<'_>, _: &mut IngressPolicy) {}
}

const ROWS: &[Annotation] = &[
    Annotation::new(
        "allowlist-source-range",
        Class::A,
        Scope::Route,
        "",
        Support::FailsClosed(Idle::Empty),
        "Only clients of these networks are let in, others get 403",
    )
    .with_aliases(&["whitelist-source-range"]),
    Annotation::new(
        "denylist-source-range",
        Class::B,
        Scope::Route,
        "",
        Support::FailsClosed(Idle::Empty),
        "Clients of these networks get 403",
    ),
    Annotation::new(
        "satisfy",
        Class::C,
        Scope::Route,
        "all",
        Support::FailsClosed(Idle::Word("all")),
        "Whether authentication or the allow list alone is enough",
    ),
];
