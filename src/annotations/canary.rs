//! Canaries: Ingresses that take a share of another's requests. Not supported yet, and never served as primaries.

use super::catalogue::{Annotation, Class, Scope, Support};
use super::policy::{IngressPolicy, Role};
use super::{Family, Values, go};

pub(super) struct Canaries;

impl Family for Canaries {
    fn title(&self) -> &'static str {
        "Canaries"
    }

    fn annotations(&self) -> &'static [Annotation] {
        ROWS
    }

    fn apply(&self, values: &mut Values<'_>, policy: &mut IngressPolicy) {
        // What is not clearly off might be meant as a canary, and a canary must never take a primary's place.
        let Some(text) = values.text("canary") else { return };
        if go::parse_bool(text) != Some(false) {
            policy.role = Role::Canary;
            let message = format!("{text:?}: canaries are not supported yet; none of this Ingress's rules is served");
            values.error("canary", "canary-not-supported", message);
        }
    }
}

const ROWS: &[Annotation] = &[
    Annotation::new(
        "canary",
        Class::A,
        Scope::Route,
        "false",
        Support::Supported,
        "Marks a canary; not supported yet, so the Ingress serves nothing and its primary serves everything",
    ),
    row("canary-by-header", Class::A, "", "The header that chooses"),
    row("canary-by-header-value", Class::A, "", "The value of that header that chooses the canary"),
    row("canary-by-header-pattern", Class::C, "", "The pattern of that header that chooses the canary"),
    row("canary-by-cookie", Class::B, "", "The cookie that chooses"),
    row("canary-weight", Class::A, "0", "The share of requests that the canary gets"),
    row("canary-weight-total", Class::C, "100", "What canary-weight is a share of"),
];

const fn row(name: &'static str, class: Class, default: &'static str, note: &'static str) -> Annotation {
    Annotation::new(name, class, Scope::Route, default, Support::Modifies("canary"), note)
}
