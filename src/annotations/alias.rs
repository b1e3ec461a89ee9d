//! `server-alias`: further names of a host.

use super::catalogue::{Annotation, Class, Idle, Scope, Support};
use super::policy::IngressPolicy;
use super::{Family, Values};

pub(super) struct Aliases;

impl Family for Aliases {
    fn title(&self) -> &'static str {
        "Host aliases"
    }

    fn annotations(&self) -> &'static [Annotation] {
        ROWS
    }

    fn apply(&self, _: &mut Values<'_>, _: &mut IngressPolicy) {}
}

const ROWS: &[Annotation] = &[Annotation::new(
    "server-alias",
    Class::B,
    Scope::Host,
    "",
    Support::Missing(Idle::Empty),
    "Further names of the host",
)];
