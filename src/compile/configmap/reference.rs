//! The keys of the ConfigMap as a table for the documentation.

use std::fmt::Write as _;

use super::keys::{self, Effect};

/// Every key that ingress-nginx has and what becomes of it, as Markdown.
#[must_use]
pub fn configmap_table() -> String {
    let mut table = "| Keys | What becomes of them |\n|---|---|\n".to_owned();
    for (words, wanted) in GROUPS {
        let mut names: Vec<_> =
            keys::rows().filter(|key| *wanted == Group::of(key.effect)).map(|key| key.name).collect();
        names.sort_unstable();
        if !names.is_empty() {
            writeln!(table, "| `{}` | {words} |", names.join("`, `")).expect("a string takes any text");
        }
    }
    table
}

/// What becomes of a key, without how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Group {
    Read,
    Inert,
    Missing,
    Refuses,
}

impl Group {
    const fn of(effect: Effect) -> Self {
        match effect {
            Effect::Read(_) | Effect::Limits(_) | Effect::Guards(_) => Self::Read,
            Effect::Inert(_) => Self::Inert,
            Effect::Missing(_) => Self::Missing,
            Effect::Refuses(_) | Effect::RefusesAuthentication(_) => Self::Refuses,
        }
    }
}

const GROUPS: &[(&str, Group)] = &[
    ("supported", Group::Read),
    ("not yet: the routes that they guard answer 503", Group::Refuses),
    ("not yet: left out with a warning", Group::Missing),
    ("accepted; there is nothing that they could change", Group::Inert),
];
