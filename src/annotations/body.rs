//! `proxy-body-size`: the largest request body.

use super::catalogue::{Annotation, Class, Scope, Support};
use super::policy::IngressPolicy;
use super::{Family, Values, go};

pub(super) struct Bodies;

impl Family for Bodies {
    fn title(&self) -> &'static str {
        "Request bodies"
    }

    fn annotations(&self) -> &'static [Annotation] {
        ROWS
    }

    fn apply(&self, values: &mut Values<'_>, policy: &mut IngressPolicy) {
        const NAME: &str = "proxy-body-size";
        let Some(text) = values.text(NAME) else { return };
        match parse_limit(text) {
            Some(limit) => policy.route.body_limit = limit,
            None => values.invalid(NAME, "is not a size such as 8m"),
        }
    }
}

const ROWS: &[Annotation] = &[Annotation::new(
    "proxy-body-size",
    Class::A,
    Scope::Route,
    "1m",
    Support::Supported,
    "The largest request body, else 413; 0 is unlimited",
)];

/// Reads a body limit; the inner `None` is unlimited, which is written `0`. Spaces inside are passed over, as in
/// ingress-nginx.
#[must_use]
pub fn parse_limit(text: &str) -> Option<Option<u64>> {
    let size = go::parse_size(&text.replace(' ', ""))?;
    Some((size > 0).then_some(size))
}
