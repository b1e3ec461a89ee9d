//! CORS headers and preflight answers.

use super::catalogue::{Annotation, Class, Idle, Scope, Support};
use super::policy::IngressPolicy;
use super::{Family, Values};

pub(super) struct Cors;

impl Family for Cors {
    fn title(&self) -> &'static str {
        "Cross-origin requests"
    }

    fn annotations(&self) -> &'static [Annotation] {
        ROWS
    }

    fn apply(&self, _: &mut Values<'_>, _: &mut IngressPolicy) {}
}

const ROWS: &[Annotation] = &[
    Annotation::new(
        "enable-cors",
        Class::A,
        Scope::Route,
        "false",
        Support::Missing(Idle::False),
        "CORS headers on responses, and answers to preflight requests",
    ),
    Annotation::new(
        "cors-allow-origin",
        Class::A,
        Scope::Route,
        "*",
        Support::Modifies("enable-cors"),
        "The origins allowed",
    ),
    Annotation::new(
        "cors-allow-methods",
        Class::A,
        Scope::Route,
        "GET, PUT, POST, DELETE, PATCH, OPTIONS",
        Support::Modifies("enable-cors"),
        "The methods allowed",
    ),
    Annotation::new(
        "cors-allow-headers",
        Class::A,
        Scope::Route,
        "DNT,Keep-Alive,User-Agent,X-Requested-With,If-Modified-Since,Cache-Control,Content-Type,Range,Authorization",
        Support::Modifies("enable-cors"),
        "The request headers allowed",
    ),
    Annotation::new(
        "cors-allow-credentials",
        Class::A,
        Scope::Route,
        "true",
        Support::Modifies("enable-cors"),
        "Whether credentials are allowed",
    ),
    Annotation::new(
        "cors-expose-headers",
        Class::B,
        Scope::Route,
        "",
        Support::Modifies("enable-cors"),
        "The response headers that scripts may read",
    ),
    Annotation::new(
        "cors-max-age",
        Class::B,
        Scope::Route,
        "1728000",
        Support::Modifies("enable-cors"),
        "Seconds that a preflight answer is remembered",
    ),
];
