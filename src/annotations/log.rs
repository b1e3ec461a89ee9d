//! `enable-access-log` and `enable-rewrite-log`.

use super::catalogue::{Annotation, Class, Scope, Support};
use super::policy::IngressPolicy;
use super::{Family, Values};

pub(super) struct Logging;

impl Family for Logging {
    fn title(&self) -> &'static str {
        "Logs"
    }

    fn annotations(&self) -> &'static [Annotation] {
        ROWS
    }

    fn apply(&self, values: &mut Values<'_>, policy: &mut IngressPolicy) {
        if let Some(on) = values.boolean("enable-access-log") {
            policy.route.access_log = on;
        }
    }
}

const ROWS: &[Annotation] = &[
    Annotation::new(
        "enable-access-log",
        Class::B,
        Scope::Route,
        "true",
        Support::Supported,
        "Whether requests are written to the access log",
    ),
    Annotation::new(
        "enable-rewrite-log",
        Class::C,
        Scope::Route,
        "false",
        Support::NoEffect,
        "nginx's debug log of rewrites; `landfall explain` shows them",
    ),
];
