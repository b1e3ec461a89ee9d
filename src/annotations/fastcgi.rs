//! FastCGI backends.

use super::catalogue::{Annotation, Class, Idle, Scope, Support};
use super::policy::IngressPolicy;
use super::{Family, Values};

pub(super) struct FastCgi;

impl Family for FastCgi {
    fn title(&self) -> &'static str {
        "FastCGI"
    }

    fn annotations(&self) -> &'static [Annotation] {
        ROWS
    }

    fn apply(&self, _: &mut Values<'_>, _: &mut IngressPolicy) {}
}

const ROWS: &[Annotation] = &[
    Annotation::new(
        "fastcgi-index",
        Class::C,
        Scope::Route,
        "",
        Support::Missing(Idle::Empty),
        "The index file of a FastCGI backend",
    ),
    Annotation::new(
        "fastcgi-params-configmap",
        Class::C,
        Scope::Route,
        "",
        Support::Missing(Idle::Empty),
        "The parameters sent to a FastCGI backend",
    ),
];
