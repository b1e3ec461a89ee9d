//! What is wrong with the syntax of a document, in words for whoever wrote it; and JSON in which no key stands twice.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use serde_saphyr::Error;
use serde_saphyr::budget::BudgetBreach;

use super::document::NESTING;

/// Why a document is none.
#[derive(Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// The line of the file that the error is on, from 1.
    pub line: usize,
    /// Never holds a value of the file.
    pub reason: String,
}

/// What is wrong, in one line without its place: the reader counts within a document, not within the file.
pub(super) fn of_yaml(error: &Error) -> String {
    match error {
        Error::AliasError { error, .. } => of_yaml(error),
        Error::DuplicateMappingKey { key: Some(key), .. } => twice(key),
        Error::DuplicateMappingKey { key: None, .. } => "a key stands twice in one mapping".to_owned(),
        Error::Budget { breach: BudgetBreach::Depth { .. }, .. } => too_deep(),
        Error::Budget { .. }
        | Error::AliasReplayCounterOverflow { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => "with its aliases in place it is too large".to_owned(),
        Error::RecursiveReferencesRequireWeakTypes { .. } => "an alias stands within what it refers to".to_owned(),
        Error::UnknownAnchor { .. } => "an alias refers to an anchor that does not stand before it".to_owned(),
        Error::Unexpected { expected: "string scalar", .. } => "a string is expected here".to_owned(),
        Error::NonFiniteFloat { .. } => "a number is not finite".to_owned(),
        other => first_line(&other.to_string()),
    }
}

/// As [`of_yaml`].
pub(super) fn of_json(error: &serde_json::Error) -> String {
    let reason = first_line(&error.to_string());
    if reason == "recursion limit exceeded" { too_deep() } else { reason }
}

fn first_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let end = line.rfind(" at line ").unwrap_or(line.len());
    line.get(..end).unwrap_or(line).trim_end_matches(',').to_owned()
}

fn twice(key: &str) -> String {
    format!("the key {key:?} stands twice in one mapping")
}

fn too_deep() -> String {
    format!("it nests deeper than {NESTING} levels")
}

/// A JSON value. A key that stands twice in one object is an error: which of the two is meant, nobody can know.
pub(super) struct Unique(pub(super) Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue).map(Self)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Unique(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some((key, Unique(value))) = entries.next_entry::<String, _>()? {
            if map.contains_key(&key) {
                return Err(A::Error::custom(twice(&key)));
            }
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}
