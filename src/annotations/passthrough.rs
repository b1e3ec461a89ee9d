//! `ssl-passthrough`: TLS that ends at the backend.

use super::catalogue::{Annotation, Class, Idle, Scope, Support};
use super::policy::IngressPolicy;
use super::{Family, Values};

pub(super) struct Passthrough;

impl Family for Passthrough {
    fn title(&self) -> &'static str {
        "TLS passthrough"
    }

    fn annotations(&self) -> &'static [Annotation] {
        ROWS
    }

    fn apply(&self, _: &mut Values<'_>, _: &mut IngressPolicy) {}
}

const ROWS: &[Annotation] = &[Annotation::new(
    "ssl-passthrough",
    Class::B,
    Scope::Host,
    "false",
    Support::FailsClosed(Idle::False),
    "TLS is passed to the backend of path / unread",
)];
