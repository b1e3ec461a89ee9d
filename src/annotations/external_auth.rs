//! Authentication by asking another service.

use super::catalogue::{Annotation, Class, Idle, Scope, Support};
use super::policy::{GlobalAuth, IngressPolicy};
use super::{Family, Values};

pub(super) struct ExternalAuthentication;

impl Family for ExternalAuthentication {
    fn title(&self) -> &'static str {
        "External authentication"
    }

    fn annotations(&self) -> &'static [Annotation] {
        ROWS
    }

    fn apply(&self, values: &mut Values<'_>, policy: &mut IngressPolicy) {
        if values.boolean("enable-global-auth") == Some(false) {
            policy.global_auth = GlobalAuth::OptedOut;
        }
    }
}

const ROWS: &[Annotation] = &[
    Annotation::new(
        "auth-url",
        Class::A,
        Scope::Route,
        "",
        Support::FailsClosed(Idle::Empty),
        "Every request is allowed or denied by a subrequest to this URL",
    ),
    Annotation::new(
        "auth-signin",
        Class::A,
        Scope::Route,
        "",
        Support::FailsClosed(Idle::Empty),
        "Where clients without credentials are sent",
    ),
    Annotation::new(
        "enable-global-auth",
        Class::B,
        Scope::Route,
        "true",
        Support::Supported,
        "Whether the ConfigMap's global-auth-url, which is not supported yet and refuses, applies to this Ingress",
    ),
    Annotation::new(
        "auth-method",
        Class::C,
        Scope::Route,
        "GET",
        Support::Modifies("auth-url"),
        "The method of the subrequest",
    ),
    Annotation::new(
        "auth-signin-redirect-param",
        Class::B,
        Scope::Route,
        "rd",
        Support::Modifies("auth-signin"),
        "The parameter that carries the way back",
    ),
    Annotation::new(
        "auth-response-headers",
        Class::A,
        Scope::Route,
        "",
        Support::Modifies("auth-url"),
        "Headers copied from the verdict to the upstream request",
    ),
    Annotation::new(
        "auth-request-redirect",
        Class::C,
        Scope::Route,
        "",
        Support::Modifies("auth-url"),
        "The X-Auth-Request-Redirect header of the subrequest",
    ),
    Annotation::new(
        "auth-always-set-cookie",
        Class::B,
        Scope::Route,
        "false",
        Support::Modifies("auth-url"),
        "Cookies of the verdict are added to every response",
    ),
    Annotation::new(
        "auth-proxy-set-headers",
        Class::C,
        Scope::Route,
        "",
        Support::Modifies("auth-url"),
        "Headers added to the subrequest",
    ),
    Annotation::new(
        "auth-cache-key",
        Class::B,
        Scope::Route,
        "",
        Support::Modifies("auth-url"),
        "What verdicts are remembered by",
    ),
    Annotation::new(
        "auth-cache-duration",
        Class::B,
        Scope::Route,
        "200 202 401 5m",
        Support::Modifies("auth-url"),
        "How long verdicts are remembered",
    ),
    Annotation::new(
        "auth-keepalive",
        Class::C,
        Scope::Route,
        "0",
        Support::Modifies("auth-url"),
        "Idle connections to the service",
    ),
    Annotation::new(
        "auth-keepalive-share-vars",
        Class::C,
        Scope::Route,
        "false",
        Support::Modifies("auth-url"),
        "Whether the subrequest shares nginx variables",
    ),
    Annotation::new(
        "auth-keepalive-requests",
        Class::C,
        Scope::Route,
        "1000",
        Support::Modifies("auth-url"),
        "Subrequests over one connection",
    ),
    Annotation::new(
        "auth-keepalive-timeout",
        Class::C,
        Scope::Route,
        "60",
        Support::Modifies("auth-url"),
        "How long a connection to the service may idle",
    ),
];
