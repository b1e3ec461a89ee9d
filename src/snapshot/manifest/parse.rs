//! One file: bytes to objects, and what is wrong with the rest.
//!
//! Never fails: a document that is broken and an object that cannot be read are faults beside the objects that can.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use super::document::{Document, Format, documents};
use super::read::{ForeignKind, Reading, Refused, read, shape, type_of};
use crate::diagnostic::Diagnostic;
use crate::ir::{ObjectKind, ObjectRef};
use crate::snapshot::object::Object;

/// What a file says.
#[derive(Debug, Default)]
pub struct Contents {
    /// In the order of the file.
    pub objects: Vec<Placed>,
    /// Objects that cannot be read, in documents that are well-formed.
    pub refused: Vec<Fault>,
    /// Documents that are not well-formed: what they would have held is unknown.
    pub malformed: Vec<Fault>,
    /// Older forms that were converted.
    pub converted: Vec<(ObjectRef, String)>,
    /// How many objects of which kinds are passed over.
    pub foreign: BTreeMap<ForeignKind, usize>,
}

/// An object and the place it was read from.
#[derive(Debug, Clone)]
pub struct Placed {
    pub object: Object,
    pub place: Place,
}

/// A place in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// From 1.
    pub document: usize,
    /// The line that the document starts on, or that its syntax breaks on; from 1.
    pub line: usize,
    /// The item of a `List`, from 0.
    pub item: Option<usize>,
}

impl fmt::Display for Place {
    /// `document 2 (line 14)`, `document 1 (line 1) items[3]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "document {} (line {})", self.document, self.line)?;
        self.item.map_or(Ok(()), |item| write!(f, " items[{item}]"))
    }
}

/// What is wrong at one place.
#[derive(Debug, Clone)]
pub struct Fault {
    pub place: Place,
    pub refused: Refused,
}

/// What stands in for what is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing does.
    NotServed,
    /// The object as it was before.
    ObjectKept,
    /// All objects of the file as they were before.
    FileKept,
}

impl Fault {
    /// The report on an object that cannot be read.
    #[must_use]
    pub fn diagnostic(&self, code: &'static str, file: &str, outcome: Outcome) -> Diagnostic {
        let Refused { object, field, reason } = &self.refused;
        let provenance = match object {
            Some(object) => object.field(field.clone()),
            None => ObjectRef::new(ObjectKind::File, "", file).field(self.place.to_string()),
        };
        let place = object.as_ref().map(|_| format!(" ({file}, {})", self.place)).unwrap_or_default();
        let instead = match outcome {
            Outcome::NotServed => "it is not served",
            Outcome::ObjectKept => "its last good version stays in use",
            Outcome::FileKept => "the file's last good objects stay in use",
        };
        Diagnostic::error(code, provenance, format!("{reason}{place}; {instead}"))
    }
}

/// Reads a file.
#[must_use]
pub fn parse(format: Format, bytes: &[u8]) -> Contents {
    let mut contents = Contents::default();
    for Document { index, line, value } in documents(format, bytes) {
        match value {
            Ok(value) => contents.add(value, Place { document: index, line, item: None }),
            Err(error) => {
                let place = Place { document: index, line: error.line, item: None };
                let refused = Refused { object: None, field: String::new(), reason: error.reason };
                contents.malformed.push(Fault { place, refused });
            }
        }
    }
    contents
}

impl Contents {
    fn add(&mut self, value: Value, place: Place) {
        match type_of(&value) {
            Err(refused) => self.refused.push(Fault { place, refused }),
            Ok((api_version, kind)) => match (item_kind(&kind), value) {
                (Some(item), Value::Object(mut list)) if is_list(list.get("items"), item) => {
                    let items = list.remove("items").unwrap_or_default();
                    self.add_items(items, &api_version, item, place);
                }
                // Of any other kind that ends in List, this one may be an object.
                (Some(""), value) => {
                    let refused = Refused { object: None, field: String::from("items"), reason: no_list(&value) };
                    self.refused.push(Fault { place, refused });
                }
                (_, value) => self.add_object(value, place),
            },
        }
    }

    fn add_items(&mut self, items: Value, api_version: &str, kind: &str, place: Place) {
        let items = if let Value::Array(items) = items { items } else { Vec::new() };
        for (index, mut item) in items.into_iter().enumerate() {
            if !kind.is_empty()
                && let Some(object) = item.as_object_mut()
            {
                object.entry("apiVersion").or_insert_with(|| api_version.into());
                object.entry("kind").or_insert_with(|| kind.into());
            }
            self.add(item, Place { item: Some(place.item.unwrap_or(index)), ..place });
        }
    }

    fn add_object(&mut self, value: Value, place: Place) {
        match read(value) {
            Ok(Reading::Object(object)) => self.objects.push(Placed { object, place }),
            Ok(Reading::Converted(object, from)) => {
                self.converted.push((object.reference(), from));
                self.objects.push(Placed { object, place });
            }
            Ok(Reading::Foreign(kind)) => *self.foreign.entry(kind).or_default() += 1,
            Err(refused) => self.refused.push(Fault { place, refused }),
        }
    }
}

/// The kind of a list's items: of `IngressList` it is `Ingress`, of `List` any, which is empty.
fn item_kind(kind: &str) -> Option<&str> {
    kind.strip_suffix("List")
}

/// A kind that is called a list is one if it has items; `List` itself also without.
fn is_list(items: Option<&Value>, item_kind: &str) -> bool {
    match items {
        Some(Value::Array(_)) => true,
        Some(Value::Null) | None => item_kind.is_empty(),
        Some(_) => false,
    }
}

fn no_list(value: &Value) -> String {
    format!("items must be a list, not {}", shape(value.get("items").unwrap_or(&Value::Null)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn yaml(text: &str) -> Contents {
        parse(Format::Yaml, text.as_bytes())
    }

    fn names(contents: &Contents) -> Vec<String> {
        contents.objects.iter().map(|placed| placed.object.reference().to_string()).collect()
    }

    #[test]
    fn lists_hold_objects_of_any_kind() {
        let contents = yaml(
            "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Service, metadata: {name: a}}\n\
             - {apiVersion: v1, kind: ConfigMap, metadata: {name: b}}\n- {apiVersion: apps/v1, kind: Deployment}\n",
        );
        assert_eq!(names(&contents), ["Service default/a", "ConfigMap default/b"]);
        assert_eq!(contents.foreign.values().sum::<usize>(), 1);
    }

    #[test]
    fn items_of_a_typed_list_need_not_name_their_kind() {
        let contents = yaml(
            "apiVersion: networking.k8s.io/v1\nkind: IngressList\nmetadata: {}\nitems:\n- metadata: {name: a}\n\
             - metadata: {name: b, namespace: x}\n",
        );
        assert_eq!(names(&contents), ["Ingress default/a", "Ingress x/b"]);
    }

    #[test]
    fn an_empty_list_is_nothing() {
        let contents = yaml("apiVersion: v1\nkind: List\nitems: []\n---\napiVersion: v1\nkind: List\n");
        assert!(contents.objects.is_empty() && contents.refused.is_empty() && contents.foreign.is_empty());
    }

    #[test]
    fn items_that_are_no_list_are_refused() {
        let contents = yaml("apiVersion: v1\nkind: List\nitems: 7\n---\napiVersion: x/v1\nkind: WatchList\nitems: 7\n");
        assert_eq!((contents.refused.len(), contents.foreign.len()), (1, 1));
        assert_eq!(contents.refused[0].refused.reason, "items must be a list, not a number");
    }

    #[test]
    fn one_bad_item_costs_only_itself() {
        let contents = yaml(
            "kind: List\napiVersion: v1\nitems:\n- {apiVersion: v1, kind: Service, metadata: {name: a}, spec: 7}\n\
             - {apiVersion: v1, kind: Service, metadata: {name: b}}\n",
        );
        assert_eq!(names(&contents), ["Service default/b"]);
        let report = contents.refused[0].diagnostic("x", "f.yaml", Outcome::NotServed);
        assert_eq!(report.provenance.to_string(), "Service default/a spec");
        assert!(report.message.contains("f.yaml, document 1 (line 1) items[0]"), "{}", report.message);
    }

    #[test]
    fn text_that_is_no_object_is_reported_with_its_place() {
        let contents = yaml("replicas: 3\n---\n- 1\n");
        let reports: Vec<_> =
            contents.refused.iter().map(|f| f.diagnostic("x", "values.yaml", Outcome::NotServed)).collect();
        assert_eq!(reports[0].provenance.to_string(), "File values.yaml document 1 (line 1)");
        assert_eq!(reports[1].provenance.to_string(), "File values.yaml document 2 (line 2)");
    }

    #[test]
    fn nothing_is_known_of_a_malformed_document() {
        let contents = yaml("apiVersion: v1\nkind: Service\nmetadata: {name: a}\n---\nkind: [\n");
        assert_eq!((names(&contents).len(), contents.malformed.len(), contents.refused.len()), (1, 1, 0));
    }
}
