//! The ConfigMap named by `--configmap`: the listeners' policy, and the defaults that annotations override.
//!
//! A value that cannot be read is reported and the default stays. A key that would protect and is not supported yet
//! refuses what it would have guarded.

mod draft;
mod inert;
mod keys;
mod limits;
mod reference;

pub use limits::limit_table;
pub use reference::configmap_table;

use crate::annotations::Defaults;
use crate::diagnostic::{Diagnostic, Severity};
use crate::ir::backend::KeepAlive;
use crate::ir::listener::AccessLog;
use crate::ir::{ListenerPolicy, ObjectRef, Refusal};
use crate::snapshot::Snapshot;

use draft::{Draft, Why};
use keys::{Effect, Key};

/// The live settings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Live {
    pub(super) listener: ListenerPolicy,
    pub(super) defaults: Defaults,
    pub(super) keep_alive: KeepAlive,
    /// Paths that begin with one of these are never redirected to HTTPS (`no-tls-redirect-locations`).
    pub(super) no_tls_redirect: Vec<String>,
    pub(super) guards: Guards,
}

/// Protection that the ConfigMap asks for and that is not supported: what it would guard is refused.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Guards {
    /// Of every route.
    pub(super) everything: Option<Refusal>,
    /// Of every route but those of Ingresses that opt out, and of paths that begin with one of `no_auth`.
    pub(super) authentication: Option<Refusal>,
    /// `no-auth-locations`.
    pub(super) no_auth: Vec<String>,
}

/// Reads the ConfigMap. Without one the defaults hold; `form` is that of access log lines.
pub(super) fn read(
    configmap: Option<&ObjectRef>,
    form: AccessLog,
    snapshot: &Snapshot,
    diagnostics: &mut Vec<Diagnostic>,
) -> Live {
    let mut draft = Draft::default();
    draft.log.json = form == AccessLog::Json;
    let Some(reference) = configmap else { return draft.finish() };
    let Some(object) = snapshot.config_maps.get(&reference.namespace, &reference.name) else {
        let message = "the ConfigMap does not exist; the defaults hold";
        diagnostics.push(Diagnostic::warning("missing-configmap", reference.field(""), message));
        return draft.finish();
    };
    for (key, value) in &object.data {
        let report = match keys::find(key) {
            Some(row) => apply(&row, value, &mut draft),
            None => Some(unknown(key)),
        };
        if let Some((severity, code, message)) = report {
            diagnostics.push(Diagnostic {
                severity,
                code,
                provenance: reference.field(format!("data[{key}]")),
                message,
            });
        }
    }
    draft.finish()
}

type Report = (Severity, &'static str, String);

fn apply(row: &Key, value: &str, draft: &mut Draft) -> Option<Report> {
    match row.effect {
        Effect::Read(read) => read(draft, value.trim()).err().map(|why| {
            let message = match why {
                Why::Unread(why) => format!("{value:?} {why}; the default is used instead"),
                Why::Partly(why) => format!("{value:?} {why}"),
            };
            (Severity::Warning, "invalid-configmap-value", message)
        }),
        Effect::Limits(limit) => limits::read(limit, value.trim(), &mut draft.listener.limits)
            .err()
            .map(|why| (Severity::Warning, "invalid-configmap-value", format!("{value:?} {why}"))),
        Effect::Guards(_) if value.trim().is_empty() => None,
        Effect::Guards(read) => read(draft, value.trim()).err().map(|why| {
            let (Why::Unread(why) | Why::Partly(why)) = why;
            let reason = format!("the ConfigMap's {} cannot be read", row.name);
            let code = "invalid-access-list";
            draft.guards.everything.get_or_insert(Refusal { status: 503, code, reason });
            (Severity::Error, code, format!("{value:?} {why}: every route answers 503"))
        }),
        Effect::Inert(why) => Some((Severity::Info, "configmap-key-without-effect", format!("no effect: {why}"))),
        Effect::Missing(idle) if idle.asks_nothing(value) => None,
        Effect::Missing(_) => Some((
            Severity::Warning,
            "configmap-key-not-supported",
            format!("{value:?} is not supported yet and is left out"),
        )),
        Effect::Refuses(idle) | Effect::RefusesAuthentication(idle) if idle.asks_nothing(value) => None,
        Effect::Refuses(_) => {
            draft.guards.everything.get_or_insert_with(|| refusal(row.name));
            Some(refused("every route answers 503"))
        }
        Effect::RefusesAuthentication(_) => {
            draft.guards.authentication.get_or_insert_with(|| refusal(row.name));
            Some(refused("every route answers 503 but those that opt out by enable-global-auth and no-auth-locations"))
        }
    }
}

const UNSUPPORTED: &str = "unsupported-protection";

fn refusal(key: &str) -> Refusal {
    Refusal { status: 503, code: UNSUPPORTED, reason: format!("the ConfigMap's {key} cannot be honoured") }
}

fn refused(effect: &str) -> Report {
    let message = format!("not supported yet, and serving without it is unsafe: {effect}");
    (Severity::Error, UNSUPPORTED, message)
}

fn unknown(key: &str) -> Report {
    let hint = match keys::nearest(key) {
        Some(row) => format!("no key has that name; did you mean {}?", row.name),
        None => String::from("no key has that name"),
    };
    if keys::nearest(key).is_some_and(|row| row.effect.protects()) {
        let message = format!("{hint} The protection that it seems to ask for is not in force");
        return (Severity::Error, "unknown-protection", message);
    }
    (Severity::Warning, "unknown-configmap-key", format!("{hint}; it is ignored"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_configmap_access_lines_have_the_form_of_the_flag() {
        for form in [AccessLog::Combined, AccessLog::Json] {
            let live = read(None, form, &Snapshot::default(), &mut Vec::new());
            assert_eq!(live.listener.access_log, form);
        }
    }
}
