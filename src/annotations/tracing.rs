//! OpenTelemetry, and HTTP/2 push, which no browser takes.

use super::catalogue::{Annotation, Class, Idle, Scope, Support};
use super::policy::IngressPolicy;
use super::{Family, Values};

pub(super) struct Tracing;

impl Family for Tracing {
    fn title(&self) -> &'static str {
        "Tracing and push"
    }

    fn annotations(&self) -> &'static [Annotation] {
        ROWS
    }

    fn apply(&self, _: &mut Values<'_>, _: &mut IngressPolicy) {}
}

const ROWS: &[Annotation] = &[
    Annotation::new(
        "enable-opentelemetry",
        Class::B,
        Scope::Route,
        "false",
        Support::Missing(Idle::False),
        "Requests are traced",
    ),
    Annotation::new(
        "opentelemetry-trust-incoming-span",
        Class::C,
        Scope::Route,
        "true",
        Support::Modifies("enable-opentelemetry"),
        "The client's trace context is continued",
    ),
    Annotation::new(
        "opentelemetry-operation-name",
        Class::C,
        Scope::Route,
        "",
        Support::Modifies("enable-opentelemetry"),
        "The name of the span",
    ),
    Annotation::new(
        "http2-push-preload",
        Class::C,
        Scope::Route,
        "false",
        Support::NoEffect,
        "HTTP/2 push has left the browsers",
    ),
];
