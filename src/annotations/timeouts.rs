//! `proxy-connect-timeout`, `proxy-read-timeout` and `proxy-send-timeout`.

use std::time::Duration;

use super::catalogue::{Annotation, Class, Scope, Support};
use super::policy::IngressPolicy;
use super::{Family, Values};

pub(super) struct UpstreamTimeouts;

impl Family for UpstreamTimeouts {
    fn title(&self) -> &'static str {
        "Timeouts"
    }

    fn annotations(&self) -> &'static [Annotation] {
        ROWS
    }

    fn apply(&self, values: &mut Values<'_>, policy: &mut IngressPolicy) {
        let timeouts = &mut policy.route.timeouts;
        let fields = [
            ("proxy-connect-timeout", &mut timeouts.connect),
            ("proxy-read-timeout", &mut timeouts.read),
            ("proxy-send-timeout", &mut timeouts.send),
        ];
        for (name, field) in fields {
            if let Some(seconds) = values.integer(name, SECONDS) {
                *field = Duration::from_secs(seconds.into());
            }
        }
    }
}

/// What a timeout may be: zero would fail every request, and beyond ten years is a slip of the pen.
const SECONDS: std::ops::RangeInclusive<u32> = 1..=315_360_000;

const ROWS: &[Annotation] = &[
    Annotation::new(
        "proxy-connect-timeout",
        Class::A,
        Scope::Route,
        "5",
        Support::Supported,
        "Seconds for one attempt to connect; then another endpoint or 504",
    ),
    Annotation::new(
        "proxy-read-timeout",
        Class::A,
        Scope::Route,
        "60",
        Support::Supported,
        "The longest gap, in seconds, between two reads of the response",
    ),
    Annotation::new(
        "proxy-send-timeout",
        Class::A,
        Scope::Route,
        "60",
        Support::Supported,
        "The longest gap, in seconds, between two writes of the request",
    ),
];
