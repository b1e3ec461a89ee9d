//! The annotations of one Ingress by catalogue name, read into scalars; what cannot be read is reported.

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
use crate::ir::Provenance;

use super::unknown::Unknown;
use super::{Annotation, Defaults, Source, catalogue, go};

/// The annotations of one Ingress, and the diagnostics about them so far.
#[derive(Debug)]
pub struct Values<'a> {
    source: &'a Source<'a>,
    /// By catalogue name.
    entries: BTreeMap<&'static str, Entry<'a>>,
    diagnostics: Vec<Diagnostic>,
}

#[derive(Debug, Clone, Copy)]
struct Entry<'a> {
    annotation: &'static Annotation,
    /// The name on the Ingress, an alias perhaps.
    written: &'a str,
    value: &'a str,
}

impl<'a> Values<'a> {
    /// Takes up the annotations under the prefix and reports the unknown ones.
    #[must_use]
    pub fn read(source: &'a Source<'a>) -> Self {
        let mut values = Self { source, entries: BTreeMap::new(), diagnostics: Vec::new() };
        let mut unknown = Unknown::new();
        for (key, value) in source.annotations {
            let Some(name) = key.strip_prefix(source.prefix).and_then(|rest| rest.strip_prefix('/')) else { continue };
            match catalogue::find(name) {
                Some(annotation) => values.take_up(Entry { annotation, written: name, value }),
                None => values.diagnostics.push(unknown.report(source, key, name, value)),
            }
        }
        values
    }

    /// An alias counts only where the annotation itself is absent or empty.
    fn take_up(&mut self, entry: Entry<'a>) {
        let name = entry.annotation.name;
        let stays = self.entries.get(name).is_some_and(|earlier| {
            let earlier_says_something = !earlier.value.trim().is_empty();
            earlier_says_something && (earlier.written == name || entry.value.trim().is_empty())
        });
        if !stays {
            self.entries.insert(name, entry);
        }
    }

    /// The ConfigMap's values, which hold where an annotation says nothing.
    #[must_use]
    pub fn defaults(&self) -> &'a Defaults {
        self.source.defaults
    }

    /// The rows of the annotations that the Ingress has.
    #[must_use]
    pub fn present(&self) -> Vec<&'static Annotation> {
        self.entries.values().map(|entry| entry.annotation).collect()
    }

    /// The value as written; `None` if the annotation is absent.
    #[must_use]
    pub fn raw(&self, name: &str) -> Option<&'a str> {
        self.entries.get(name).map(|entry| entry.value)
    }

    /// The value without surrounding space; `None` if it is absent or empty.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&'a str> {
        self.raw(name).map(str::trim).filter(|value| !value.is_empty())
    }

    /// The value as a Go boolean. `None` if it is absent, empty, or unreadable, which is reported.
    pub fn boolean(&mut self, name: &str) -> Option<bool> {
        let value = self.text(name)?;
        let read = go::parse_bool(value);
        if read.is_none() {
            self.invalid(name, "is neither \"true\" nor \"false\"");
        }
        read
    }

    /// The value as an integer within `range`. `None` if it is absent, empty, or unreadable, which is reported.
    pub fn integer(&mut self, name: &str, range: std::ops::RangeInclusive<u32>) -> Option<u32> {
        let value = self.text(name)?;
        let read = go::parse_int(value).and_then(|n| u32::try_from(n).ok()).filter(|n| range.contains(n));
        if read.is_none() {
            self.invalid(name, &format!("is not a whole number from {} to {}", range.start(), range.end()));
        }
        read
    }

    /// Reports that a value cannot be read and that the default is used instead.
    pub fn invalid(&mut self, name: &str, why: &str) {
        let value = self.raw(name).unwrap_or_default();
        self.warn(name, "invalid-annotation", format!("{value:?} {why}; the default is used instead"));
    }

    pub fn info(&mut self, name: &str, code: &'static str, message: String) {
        self.diagnostics.push(Diagnostic::info(code, self.provenance(name), message));
    }

    pub fn warn(&mut self, name: &str, code: &'static str, message: String) {
        self.diagnostics.push(Diagnostic::warning(code, self.provenance(name), message));
    }

    pub fn error(&mut self, name: &str, code: &'static str, message: String) {
        self.diagnostics.push(Diagnostic::error(code, self.provenance(name), message));
    }

    /// The annotation's full key as it is written on the Ingress.
    #[must_use]
    pub fn key(&self, name: &str) -> String {
        let written = self.entries.get(name).map_or(name, |entry| entry.written);
        format!("{}/{written}", self.source.prefix)
    }

    #[must_use]
    pub fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.diagnostics
    }

    fn provenance(&self, name: &str) -> Provenance {
        self.source.ingress.field(format!("metadata.annotations[{}]", self.key(name)))
    }
}
