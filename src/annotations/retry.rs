//! `proxy-next-upstream` and its bounds: when another endpoint is tried.

use std::time::Duration;

use crate::ir::policy::RetryConditions;

use super::catalogue::{Annotation, Class, Scope, Support};
use super::policy::IngressPolicy;
use super::{Family, Values};

pub(super) struct Retries;

impl Family for Retries {
    fn title(&self) -> &'static str {
        "Retries"
    }

    fn annotations(&self) -> &'static [Annotation] {
        ROWS
    }

    fn apply(&self, values: &mut Values<'_>, policy: &mut IngressPolicy) {
        const NAME: &str = "proxy-next-upstream";
        if let Some(text) = values.text(NAME) {
            match parse_conditions(text) {
                Ok(conditions) => policy.route.retry.on = conditions,
                Err(word) => values.invalid(NAME, &format!("holds {word:?}, which is no condition")),
            }
        }
        policy.route.retry.on.non_idempotent |= values.defaults().retry_non_idempotent;
        if let Some(tries) = values.integer("proxy-next-upstream-tries", 0..=u32::MAX) {
            policy.route.retry.tries = (tries > 0).then_some(tries);
        }
        if let Some(seconds) = values.integer("proxy-next-upstream-timeout", 0..=u32::MAX) {
            policy.route.retry.timeout = (seconds > 0).then(|| Duration::from_secs(seconds.into()));
        }
    }
}

const ROWS: &[Annotation] = &[
    Annotation::new(
        "proxy-next-upstream",
        Class::B,
        Scope::Route,
        "error timeout",
        Support::Supported,
        "The conditions on which another endpoint is tried; `off` is none",
    ),
    Annotation::new(
        "proxy-next-upstream-tries",
        Class::B,
        Scope::Route,
        "3",
        Support::Supported,
        "Attempts in all; 0 is as many as there are endpoints",
    ),
    Annotation::new(
        "proxy-next-upstream-timeout",
        Class::B,
        Scope::Route,
        "0",
        Support::Supported,
        "Seconds after which no new attempt is started; 0 is unlimited",
    ),
];

/// Reads nginx's list of conditions, separated by spaces. `off` anywhere turns all off. The error is the first word
/// that is no condition.
pub fn parse_conditions(text: &str) -> Result<RetryConditions, &str> {
    let mut conditions = RetryConditions::OFF;
    let mut off = false;
    for word in text.split_ascii_whitespace() {
        match word {
            "off" => off = true,
            "error" => conditions.error = true,
            "timeout" => conditions.timeout = true,
            "invalid_header" => conditions.invalid_header = true,
            "http_500" => conditions.http_500 = true,
            "http_502" => conditions.http_502 = true,
            "http_503" => conditions.http_503 = true,
            "http_504" => conditions.http_504 = true,
            "http_403" => conditions.http_403 = true,
            "http_404" => conditions.http_404 = true,
            "http_429" => conditions.http_429 = true,
            "non_idempotent" => conditions.non_idempotent = true,
            other => return Err(other),
        }
    }
    Ok(if off { RetryConditions::OFF } else { conditions })
}
