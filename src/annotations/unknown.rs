//! Annotations that no catalogue row has: misspelt, removed, or never existing.

use crate::diagnostic::{Diagnostic, Severity};

use super::Source;
use super::catalogue::{self, Annotation, Support};

/// Names seen in public manifests that ingress-nginx never had or has removed, and what to do instead.
const NEVER: &[(&str, &str)] = &[
    ("rate-limit", "use limit-rps or limit-rpm"),
    ("rate-limit-window", "use limit-rps or limit-rpm, whose names hold the window"),
    ("rate-limit-rps", "use limit-rps"),
    ("websocket-services", "remove it: upgrades are always passed on"),
    ("enable-websockets", "remove it: upgrades are always passed on"),
    ("server-snippets", "the name is server-snippet"),
    ("secure-backends", "use backend-protocol: \"HTTPS\""),
    ("add-base-url", "it was removed; let the application know its base path, perhaps by x-forwarded-prefix"),
    ("session-cookie-hash", "it was removed; remove it"),
    ("use-forwarded-headers", "it is a key of the ConfigMap, not an annotation"),
    ("enable-influxdb", "it was removed; use the metrics endpoint"),
    ("secure-verify-ca-secret", "use proxy-ssl-secret and proxy-ssl-verify"),
    ("enable-opentracing", "use enable-opentelemetry"),
    ("upstream-max-fails", "it was removed; use proxy-next-upstream and readiness probes"),
];

/// Families of removed names, by prefix.
const NEVER_PREFIXES: &[(&str, &str)] = &[
    ("influxdb-", "it was removed; use the metrics endpoint"),
    ("global-rate-limit", "it was removed; use limit-rps"),
];

/// Parts of names that promise protection.
const PROTECTIVE: &[&str] = &[
    "auth",
    "whitelist",
    "allowlist",
    "denylist",
    "blacklist",
    "limit",
    "modsec",
    "passthrough",
    "owasp",
    "satisfy",
    "snippet",
];

/// So many names of one Ingress are compared with all that there are, which is what takes time; further ones are reported
/// without a guess at what was meant.
const MAX_GUESSES: usize = 50;

/// The unknown annotations of one Ingress.
#[derive(Debug)]
pub(super) struct Unknown {
    guesses_left: usize,
}

impl Unknown {
    pub(super) const fn new() -> Self {
        Self { guesses_left: MAX_GUESSES }
    }

    /// Reports an annotation under our prefix whose name nothing has. One that seems meant to protect is an error.
    pub(super) fn report(&mut self, source: &Source<'_>, key: &str, name: &str, value: &str) -> Diagnostic {
        let guess = self.guesses_left > 0;
        self.guesses_left = self.guesses_left.saturating_sub(1);
        report(source, key, name, value, if guess { nearest(name) } else { None })
    }
}

type Nearest = Option<(&'static Annotation, &'static str)>;

fn report(source: &Source<'_>, key: &str, name: &str, value: &str, nearest: Nearest) -> Diagnostic {
    let advice = NEVER
        .iter()
        .find(|(never, _)| *never == name)
        .or_else(|| NEVER_PREFIXES.iter().find(|(prefix, _)| name.starts_with(prefix)))
        .map(|(_, advice)| *advice);
    let protective = PROTECTIVE.iter().any(|part| name.contains(part))
        || (advice.is_none() && nearest.is_some_and(|(row, _)| matches!(row.support, Support::FailsClosed(_))));
    let hint = match (advice, nearest) {
        (Some(advice), _) => format!("it does not exist: {advice}"),
        (None, Some((_, known))) => format!("no annotation has that name; did you mean {known}?"),
        (None, None) => String::from("no annotation has that name"),
    };
    let (severity, code, effect) = if protective {
        (Severity::Error, "unknown-protection", "the protection it seems to ask for is not in force")
    } else {
        (Severity::Warning, "unknown-annotation", "it is ignored")
    };
    let provenance = source.ingress.field(format!("metadata.annotations[{key}]"));
    Diagnostic { severity, code, provenance, message: format!("{name:?} with value {value:?}: {hint}; {effect}") }
}

/// The row whose name or alias is nearest by edits and near enough to be meant, with that name.
fn nearest(name: &str) -> Nearest {
    let lower = name.to_ascii_lowercase();
    let names = |row: &'static Annotation| std::iter::once(row.name).chain(row.aliases.iter().copied());
    let enough = |known: &str| 2.max(known.len() / 4);
    catalogue::catalogue()
        .flat_map(|row| names(row).map(move |known| (row, known)))
        // As many edits as the lengths differ by are needed at least.
        .filter(|(_, known)| lower.chars().count().abs_diff(known.len()) <= enough(known))
        .map(|(row, known)| (strsim::osa_distance(&lower, known), row, known))
        .filter(|(distance, _, known)| *distance <= enough(known))
        .min_by_key(|(distance, _, known)| (*distance, *known))
        .map(|(_, row, known)| (row, known))
}
