//! Sticky sessions by cookie.

use super::catalogue::{Annotation, Class, Idle, Scope, Support};
use super::policy::IngressPolicy;
use super::{Family, Values};

pub(super) struct Affinity;

impl Family for Affinity {
    fn title(&self) -> &'static str {
        "Session affinity"
    }

    fn annotations(&self) -> &'static [Annotation] {
        ROWS
    }

    fn apply(&self, _: &mut Values<'_>, _: &mut IngressPolicy) {}
}

const ROWS: &[Annotation] = &[
    Annotation::new(
        "affinity",
        Class::A,
        Scope::Route,
        "",
        Support::Missing(Idle::Empty),
        "A client stays with the endpoint that a cookie names",
    ),
    Annotation::new(
        "affinity-mode",
        Class::B,
        Scope::Route,
        "balanced",
        Support::Modifies("affinity"),
        "Whether clients move when endpoints come and go",
    ),
    Annotation::new(
        "affinity-canary-behavior",
        Class::C,
        Scope::Route,
        "sticky",
        Support::Modifies("affinity"),
        "Whether clients stay with the canary that they got",
    ),
    Annotation::new(
        "session-cookie-name",
        Class::A,
        Scope::Route,
        "INGRESSCOOKIE",
        Support::Modifies("affinity"),
        "The name of the cookie",
    ),
    Annotation::new(
        "session-cookie-path",
        Class::B,
        Scope::Route,
        "",
        Support::Modifies("affinity"),
        "The path of the cookie",
    ),
    Annotation::new(
        "session-cookie-expires",
        Class::A,
        Scope::Route,
        "",
        Support::Modifies("affinity"),
        "The Expires attribute of the cookie",
    ),
    Annotation::new(
        "session-cookie-max-age",
        Class::A,
        Scope::Route,
        "",
        Support::Modifies("affinity"),
        "The Max-Age attribute of the cookie",
    ),
    Annotation::new(
        "session-cookie-domain",
        Class::B,
        Scope::Route,
        "",
        Support::Modifies("affinity"),
        "The Domain attribute of the cookie",
    ),
    Annotation::new(
        "session-cookie-samesite",
        Class::B,
        Scope::Route,
        "",
        Support::Modifies("affinity"),
        "The SameSite attribute of the cookie",
    ),
    Annotation::new(
        "session-cookie-conditional-samesite-none",
        Class::C,
        Scope::Route,
        "false",
        Support::Modifies("affinity"),
        "SameSite=None is left out for browsers that misread it",
    ),
    Annotation::new(
        "session-cookie-secure",
        Class::B,
        Scope::Route,
        "",
        Support::Modifies("affinity"),
        "The Secure attribute of the cookie",
    ),
    Annotation::new(
        "session-cookie-change-on-failure",
        Class::C,
        Scope::Route,
        "false",
        Support::Modifies("affinity"),
        "Another endpoint is picked when the named one fails",
    ),
];
