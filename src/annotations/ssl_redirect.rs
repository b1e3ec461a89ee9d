//! `ssl-redirect`, `force-ssl-redirect` and `preserve-trailing-slash`: when plain HTTP is sent to HTTPS.

use crate::ir::policy::TrailingSlash;

use super::catalogue::{Annotation, Class, Idle, Scope, Support};
use super::policy::{HttpsDefaults, IngressPolicy};
use super::{Family, Values};

pub(super) struct SslRedirects;

impl Family for SslRedirects {
    fn title(&self) -> &'static str {
        "Redirects to HTTPS"
    }

    fn annotations(&self) -> &'static [Annotation] {
        ROWS
    }

    fn apply(&self, values: &mut Values<'_>, policy: &mut IngressPolicy) {
        let defaults = values.defaults().https;
        let switches = HttpsDefaults {
            redirect: values.boolean("ssl-redirect").unwrap_or(defaults.redirect),
            force: values.boolean("force-ssl-redirect").unwrap_or(defaults.force),
        };
        policy.route.ssl_redirect.when = switches.when();
        match values.boolean("preserve-trailing-slash") {
            Some(true) => policy.route.ssl_redirect.trailing_slash = TrailingSlash::Preserve,
            Some(false) => policy.route.ssl_redirect.trailing_slash = TrailingSlash::StripOne,
            None => {}
        }
    }
}

const ROWS: &[Annotation] = &[
    Annotation::new(
        "ssl-redirect",
        Class::A,
        Scope::Route,
        "true",
        Support::Supported,
        "Plain HTTP is redirected to HTTPS on hosts that an Ingress lists under `tls`",
    ),
    Annotation::new(
        "force-ssl-redirect",
        Class::A,
        Scope::Route,
        "false",
        Support::Supported,
        "Plain HTTP is redirected to HTTPS on every host, for TLS that ends in front of the controller",
    ),
    Annotation::new(
        "preserve-trailing-slash",
        Class::C,
        Scope::Route,
        "false",
        Support::Supported,
        "Redirects to HTTPS keep a trailing slash instead of dropping one",
    ),
    Annotation::new(
        "use-port-in-redirects",
        Class::C,
        Scope::Route,
        "false",
        Support::Missing(Idle::False),
        "Redirects to HTTPS name the HTTPS port",
    ),
];
