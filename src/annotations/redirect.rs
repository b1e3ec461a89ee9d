//! `permanent-redirect` and `temporal-redirect`: a whole Ingress answers with a redirect.

use crate::ir::{Redirect, Refusal};

use super::catalogue::{Annotation, Class, Idle, Scope, Support};
use super::policy::IngressPolicy;
use super::{Family, Values, go};

pub(super) struct Redirects;

impl Family for Redirects {
    fn title(&self) -> &'static str {
        "Redirects"
    }

    fn annotations(&self) -> &'static [Annotation] {
        ROWS
    }

    fn apply(&self, values: &mut Values<'_>, policy: &mut IngressPolicy) {
        // The temporal redirect wins over the permanent one, as in ingress-nginx.
        let temporal = Kind { name: "temporal-redirect", code: "temporal-redirect-code", last: 307, default: 302 };
        let permanent = Kind { name: "permanent-redirect", code: "permanent-redirect-code", last: 308, default: 301 };
        if values.text(temporal.name).is_some() {
            apply_redirect(&temporal, values, policy);
        } else if values.text(permanent.name).is_some() {
            apply_redirect(&permanent, values, policy);
        }
    }
}

const ROWS: &[Annotation] = &[
    Annotation::new(
        "permanent-redirect",
        Class::A,
        Scope::Route,
        "",
        Support::Supported,
        "Answers with a redirect to this URL; the request's path is not appended",
    ),
    Annotation::new(
        "permanent-redirect-code",
        Class::B,
        Scope::Route,
        "301",
        Support::Supported,
        "The status of permanent-redirect, 300 to 308",
    ),
    Annotation::new(
        "temporal-redirect",
        Class::B,
        Scope::Route,
        "",
        Support::Supported,
        "The same with 302; wins over permanent-redirect",
    ),
    Annotation::new(
        "temporal-redirect-code",
        Class::C,
        Scope::Route,
        "302",
        Support::Supported,
        "The status of temporal-redirect, 300 to 307",
    ),
    Annotation::new(
        "from-to-www-redirect",
        Class::B,
        Scope::Host,
        "false",
        Support::Missing(Idle::False),
        "Redirects www.host to host, or the other way round",
    ),
    Annotation::new(
        "relative-redirects",
        Class::C,
        Scope::Route,
        "false",
        Support::Missing(Idle::False),
        "Redirects carry a relative Location",
    ),
];

struct Kind {
    name: &'static str,
    code: &'static str,
    last: u16,
    default: u16,
}

fn apply_redirect(kind: &Kind, values: &mut Values<'_>, policy: &mut IngressPolicy) {
    let Some(location) = values.text(kind.name) else { return };
    match check_url(location) {
        Ok(()) => {
            let status = status(kind, values);
            policy.redirect = Some(Redirect { status, location: location.to_owned() });
        }
        Err(why) => {
            let message = format!("{location:?} {why}; this Ingress's routes answer 503 instead of redirecting");
            values.error(kind.name, "invalid-redirect", message);
            let reason = format!("{} {why}", values.key(kind.name));
            policy.refuse(Scope::Route, Refusal { status: 503, code: "invalid-redirect", reason });
        }
    }
}

/// Checks that a redirect may go to `url`: an absolute http or https URL without anything that nginx would expand or
/// that a header must not hold.
fn check_url(url: &str) -> Result<(), &'static str> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let Some(rest) = rest else { return Err("is not an http:// or https:// URL") };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.is_empty() || host.starts_with(':') {
        return Err("names no host");
    }
    if url.contains('$') {
        return Err("holds a variable, and variables are not filled in");
    }
    let legal =
        |b: u8| b.is_ascii_graphic() && !matches!(b, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}');
    if url.bytes().all(legal) { Ok(()) } else { Err("holds a character that no URL may hold") }
}

/// The status: a number outside the range means the default, as in ingress-nginx.
fn status(kind: &Kind, values: &mut Values<'_>) -> u16 {
    let Some(text) = values.text(kind.code) else { return kind.default };
    let read = go::parse_int(text).and_then(|n| u16::try_from(n).ok()).filter(|n| (300..=kind.last).contains(n));
    if read.is_none() {
        values.invalid(kind.code, &format!("is not a status from 300 to {}", kind.last));
    }
    read.unwrap_or(kind.default)
}
