//! Limits on rate, concurrency and bandwidth by client address.

use super::catalogue::{Annotation, Class, Idle, Scope, Support};
use super::policy::IngressPolicy;
use super::{Family, Values};

pub(super) struct RateLimits;

impl Family for RateLimits {
    fn title(&self) -> &'static str {
        "Limits"
    }

    fn annotations(&self) -> &'static [Annotation] {
        ROWS
    }

    fn apply(&self, _: &mut Values<'_>, _: &mut IngressPolicy) {}
}

const ROWS: &[Annotation] = &[
    Annotation::new(
        "limit-rps",
        Class::A,
        Scope::Route,
        "0",
        Support::FailsClosed(Idle::Zero),
        "Requests a second from one address",
    ),
    Annotation::new(
        "limit-rpm",
        Class::B,
        Scope::Route,
        "0",
        Support::FailsClosed(Idle::Zero),
        "Requests a minute from one address",
    ),
    Annotation::new(
        "limit-connections",
        Class::B,
        Scope::Route,
        "0",
        Support::FailsClosed(Idle::Zero),
        "Requests in progress from one address",
    ),
    Annotation::new(
        "limit-rate",
        Class::C,
        Scope::Route,
        "0",
        Support::FailsClosed(Idle::Zero),
        "Kilobytes a second of one response",
    ),
    Annotation::new(
        "limit-rate-after",
        Class::C,
        Scope::Route,
        "0",
        Support::Modifies("limit-rate"),
        "Kilobytes of a response before limit-rate applies",
    ),
    Annotation::new(
        "limit-burst-multiplier",
        Class::B,
        Scope::Route,
        "5",
        Support::Modifies("limit-rps"),
        "How far a burst may exceed limit-rps",
    ),
    Annotation::new(
        "limit-allowlist",
        Class::B,
        Scope::Route,
        "",
        Support::Modifies("limit-rps"),
        "Networks that are exempt from limits",
    )
    .with_aliases(&["limit-whitelist"]),
];
