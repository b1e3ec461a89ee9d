//! Headers of responses: added, and rewritten.

use super::catalogue::{Annotation, Class, Idle, Scope, Support};
use super::policy::IngressPolicy;
use super::{Family, Values};

pub(super) struct ResponseEdits;

impl Family for ResponseEdits {
    fn title(&self) -> &'static str {
        "Response edits"
    }

    fn annotations(&self) -> &'static [Annotation] {
        ROWS
    }

    fn apply(&self, _: &mut Values<'_>, _: &mut IngressPolicy) {}
}

const ROWS: &[Annotation] = &[
    Annotation::new(
        "custom-headers",
        Class::B,
        Scope::Route,
        "",
        Support::FailsClosed(Idle::Empty),
        "Response headers from a ConfigMap, which may be what protects the page",
    ),
    Annotation::new(
        "proxy-redirect-from",
        Class::C,
        Scope::Route,
        "off",
        Support::Modifies("proxy-redirect-to"),
        "What is replaced in Location and Refresh headers",
    ),
    Annotation::new(
        "proxy-redirect-to",
        Class::C,
        Scope::Route,
        "off",
        Support::Missing(Idle::Word("off")),
        "Location and Refresh headers of the backend are rewritten",
    ),
    Annotation::new(
        "proxy-cookie-domain",
        Class::C,
        Scope::Route,
        "off",
        Support::Missing(Idle::Word("off")),
        "The Domain of the backend's cookies is rewritten",
    ),
    Annotation::new(
        "proxy-cookie-path",
        Class::C,
        Scope::Route,
        "off",
        Support::Missing(Idle::Word("off")),
        "The Path of the backend's cookies is rewritten",
    ),
];
