//! Raw nginx configuration: what it guards cannot be known.

use super::catalogue::{Annotation, Class, Idle, Scope, Support};
use super::policy::IngressPolicy;
use super::{Family, Values};

pub(super) struct Snippets;

impl Family for Snippets {
    fn title(&self) -> &'static str {
        "Snippets"
    }

    fn annotations(&self) -> &'static [Annotation] {
        ROWS
    }

    fn apply(&self, _: &mut Values<'_>, _: &mut IngressPolicy) {}
}

const ROWS: &[Annotation] = &[
    Annotation::new(
        "configuration-snippet",
        Class::X,
        Scope::Route,
        "",
        Support::FailsClosed(Idle::Empty),
        "Raw nginx configuration for the paths of this Ingress",
    ),
    Annotation::new(
        "server-snippet",
        Class::X,
        Scope::Host,
        "",
        Support::FailsClosed(Idle::Empty),
        "Raw nginx configuration for the whole host",
    ),
    Annotation::new(
        "auth-snippet",
        Class::X,
        Scope::Route,
        "",
        Support::FailsClosed(Idle::Empty),
        "Raw nginx configuration for the authentication subrequest",
    ),
    Annotation::new(
        "stream-snippet",
        Class::X,
        Scope::Route,
        "",
        Support::FailsClosed(Idle::Empty),
        "Raw nginx configuration for TCP and UDP",
    ),
];
