//! One untyped value to one object: which kind it is, what it is called, and its typed form.
//!
//! Checks what the API server would not let in and everything below relies on: names, and the types of fields. What
//! the fields mean is not judged here. Values of Secrets never reach a message.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;

use super::beta;
use crate::ir::{ObjectKind, ObjectRef};
use crate::snapshot::object::{ConfigMap, Object, Secret, SecretBytes};

/// What a value turned out to be.
#[derive(Debug)]
pub enum Reading {
    Object(Object),
    /// Rewritten from this older `apiVersion`.
    Converted(Object, String),
    /// Of a kind that configuration is not made of.
    Foreign(ForeignKind),
}

/// A kind of object that is passed over.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ForeignKind {
    pub api_version: String,
    pub kind: String,
}

/// Why a value is no object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The object it would have been, where that much can be read.
    pub object: Option<ObjectRef>,
    /// The field at fault; empty for the object as a whole.
    pub field: String,
    pub reason: String,
}

impl Refused {
    fn unnamed(field: &str, reason: impl Into<String>) -> Self {
        Self { object: None, field: field.to_owned(), reason: reason.into() }
    }

    fn of(object: &ObjectRef, field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { object: Some(object.clone()), field: field.into(), reason: reason.into() }
    }
}

/// The `apiVersion` and `kind` of a value.
pub fn type_of(value: &Value) -> Result<(String, String), Refused> {
    let Some(object) = value.as_object() else {
        return Err(Refused::unnamed("", format!("{} is not an object", shape(value))));
    };
    let text = |field| match object.get(field) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text.clone()),
        Some(Value::String(_) | Value::Null) | None => {
            Err(Refused::unnamed(field, format!("{field} is missing, so this is not a Kubernetes object")))
        }
        Some(other) => Err(Refused::unnamed(field, format!("{field} must be a string, not {}", shape(other)))),
    };
    Ok((text("apiVersion")?, text("kind")?))
}

/// Reads one object.
pub fn read(mut value: Value) -> Result<Reading, Refused> {
    let (api_version, kind) = type_of(&value)?;
    let conversion = beta::conversion(&api_version, &kind);
    if let Some(conversion) = conversion {
        (conversion.rewrite)(&mut value);
        set(&mut value, "apiVersion", conversion.to);
    }
    let current = conversion.map_or(api_version.as_str(), |conversion| conversion.to);
    let Some(ours) = kind_of(current, &kind) else {
        return Ok(Reading::Foreign(ForeignKind { api_version, kind }));
    };
    let identity = identify(&mut value, ours)?;
    let object = typed(value, &identity)?;
    Ok(if conversion.is_some() { Reading::Converted(object, api_version) } else { Reading::Object(object) })
}

/// The kind of ours that an `apiVersion` and a `kind` name together.
fn kind_of(api_version: &str, kind: &str) -> Option<ObjectKind> {
    match (api_version, kind) {
        ("networking.k8s.io/v1", "Ingress") => Some(ObjectKind::Ingress),
        ("networking.k8s.io/v1", "IngressClass") => Some(ObjectKind::IngressClass),
        ("v1", "Service") => Some(ObjectKind::Service),
        ("discovery.k8s.io/v1", "EndpointSlice") => Some(ObjectKind::EndpointSlice),
        ("v1", "Endpoints") => Some(ObjectKind::Endpoints),
        ("v1", "Secret") => Some(ObjectKind::Secret),
        ("v1", "ConfigMap") => Some(ObjectKind::ConfigMap),
        _ => None,
    }
}

/// Reads namespace and name, and writes the namespace that is meant into the value: `default` where none is given, as
/// kubectl has it, and none for cluster-scoped kinds.
fn identify(value: &mut Value, kind: ObjectKind) -> Result<ObjectRef, Refused> {
    let text = |field: &str| value.pointer(&format!("/metadata/{field}")).and_then(Value::as_str).unwrap_or_default();
    let name = text("name").to_owned();
    let namespace = match (kind, text("namespace")) {
        (ObjectKind::IngressClass, _) => String::new(),
        (_, "") => "default".to_owned(),
        (_, given) => given.to_owned(),
    };
    if name.is_empty() {
        return Err(Refused::unnamed("metadata.name", format!("an object of kind {} has no name", kind.as_str())));
    }
    let identity = ObjectRef::new(kind, namespace, name);
    if !is_dns_name(&identity.name, 253) {
        let reason = format!("metadata.name {:?} is not a DNS name in lower case", identity.name);
        return Err(Refused::unnamed("metadata.name", reason));
    }
    if !identity.namespace.is_empty() && (!is_dns_name(&identity.namespace, 63) || identity.namespace.contains('.')) {
        let reason = format!("metadata.namespace {:?} is not a DNS label in lower case", identity.namespace);
        return Err(Refused::unnamed("metadata.namespace", reason));
    }
    if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("namespace");
        if !identity.namespace.is_empty() {
            metadata.insert("namespace".to_owned(), Value::String(identity.namespace.to_string()));
        }
    }
    Ok(identity)
}

/// Whether `text` is a DNS-1123 subdomain of at most `longest` octets, as the API server demands of names.
fn is_dns_name(text: &str, longest: usize) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let label =
        |label: &str| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-') && label.bytes().all(inner);
    text.len() <= longest && text.split('.').all(label)
}

fn typed(value: Value, identity: &ObjectRef) -> Result<Object, Refused> {
    Ok(match identity.kind {
        ObjectKind::Ingress => Object::Ingress(shared(value, identity)?),
        ObjectKind::IngressClass => Object::IngressClass(shared(value, identity)?),
        ObjectKind::Service => Object::Service(shared(value, identity)?),
        ObjectKind::EndpointSlice => Object::EndpointSlice(shared(value, identity)?),
        ObjectKind::Endpoints => Object::Endpoints(shared(value, identity)?),
        ObjectKind::Secret => secret(&value, identity)?.into(),
        ObjectKind::ConfigMap => config_map(&value, identity)?.into(),
        ObjectKind::File | ObjectKind::Setting => {
            return Err(Refused::of(identity, "kind", "this kind is no object"));
        }
    })
}

fn shared<T: DeserializeOwned>(value: Value, identity: &ObjectRef) -> Result<Arc<T>, Refused> {
    serde_path_to_error::deserialize(value).map(Arc::new).map_err(|error| {
        let reason = error.inner().to_string();
        let quotes = reason.ends_with("expected a string") && !reason.contains("map") && !reason.contains("sequence");
        let hint = if quotes { "; put the value in quotes" } else { "" };
        Refused::of(identity, field(error.path()), format!("{reason}{hint}"))
    })
}

/// A path in Kubernetes notation; keys that are no field names stand in brackets.
fn field(path: &serde_path_to_error::Path) -> String {
    let mut field = String::new();
    for segment in path {
        let text = match segment {
            Segment::Seq { index } => format!("[{index}]"),
            Segment::Map { key } | Segment::Enum { variant: key } if key.contains(['.', '/']) => format!("[{key}]"),
            Segment::Map { key } | Segment::Enum { variant: key } if field.is_empty() => key.clone(),
            Segment::Map { key } | Segment::Enum { variant: key } => format!(".{key}"),
            Segment::Unknown => "[?]".to_owned(),
        };
        field.push_str(&text);
    }
    field
}

fn secret(value: &Value, identity: &ObjectRef) -> Result<Secret, Refused> {
    let mut data = BTreeMap::new();
    for (key, text) in strings(value, "data", identity)? {
        let text: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
        let bytes = STANDARD
            .decode(text)
            .map_err(|_| Refused::of(identity, format!("data[{key}]"), format!("the value of {key} is not base64")))?;
        data.insert(key.clone(), SecretBytes::new(bytes));
    }
    for (key, text) in strings(value, "stringData", identity)? {
        data.insert(key.clone(), SecretBytes::new(text.as_bytes()));
    }
    let type_ = match value.get("type") {
        None | Some(Value::Null) => "Opaque".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => return Err(Refused::of(identity, "type", format!("must be a string, not {}", shape(other)))),
    };
    Ok(Secret { namespace: identity.namespace.to_string(), name: identity.name.to_string(), uid: None, type_, data })
}

fn config_map(value: &Value, identity: &ObjectRef) -> Result<ConfigMap, Refused> {
    let entries = strings(value, "data", identity)?;
    let data = entries.into_iter().map(|(key, text)| (key.clone(), text.to_owned())).collect();
    Ok(ConfigMap { namespace: identity.namespace.to_string(), name: identity.name.to_string(), uid: None, data })
}

/// The entries of a map of strings. `null` is the empty string, as in the API.
fn strings<'v>(value: &'v Value, name: &str, identity: &ObjectRef) -> Result<Vec<(&'v String, &'v str)>, Refused> {
    let entries = match value.get(name) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Object(entries)) => entries,
        Some(other) => return Err(Refused::of(identity, name, format!("must be a map, not {}", shape(other)))),
    };
    let text = |(key, value): (&'v String, &'v Value)| match value {
        Value::String(text) => Ok((key, text.as_str())),
        Value::Null => Ok((key, "")),
        other => {
            let reason = format!("the value of {key} must be a string, not {}; put it in quotes", shape(other));
            Err(Refused::of(identity, format!("{name}[{key}]"), reason))
        }
    };
    entries.iter().map(text).collect()
}

fn set(value: &mut Value, field: &str, text: &str) {
    if let Some(object) = value.as_object_mut() {
        object.insert(field.to_owned(), Value::String(text.to_owned()));
    }
}

/// What a value is, without the value.
pub(super) fn shape(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Object {
        match read(value) {
            Ok(Reading::Object(object) | Reading::Converted(object, _)) => object,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_namespace_that_is_missing_is_default() {
        let service = object(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}}));
        assert_eq!(service.reference(), ObjectRef::new(ObjectKind::Service, "default", "web"));
    }

    #[test]
    fn a_cluster_scoped_object_has_no_namespace_even_if_one_is_written() {
        let metadata = json!({"name": "nginx", "namespace": "shop"});
        let class = json!({"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": metadata});
        assert_eq!(object(class).reference(), ObjectRef::new(ObjectKind::IngressClass, "", "nginx"));
    }

    #[test]
    fn string_data_wins_over_data() {
        let secret = object(json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "type": "kubernetes.io/tls",
            "data": {"a": "b25l", "b": "dHd\nv"}, "stringData": {"a": "three"},
        }));
        let Object::Secret(secret) = secret else { panic!("not a Secret") };
        assert_eq!((secret.get("a"), secret.get("b")), (Some(&b"three"[..]), Some(&b"two"[..])));
        assert_eq!(secret.type_, "kubernetes.io/tls");
    }

    #[test]
    fn a_broken_secret_is_refused_without_showing_its_value() {
        let metadata = json!({"name": "s"});
        for data in [json!({"key": "hunter2!"}), json!({"key": 424_242})] {
            let value = json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data});
            let refused = read(value).unwrap_err();
            assert_eq!(refused.field, "data[key]");
            assert!(!format!("{refused:?}").contains("hunter2") && !format!("{refused:?}").contains("424"));
        }
    }

    #[test]
    fn a_field_of_the_wrong_type_is_named() {
        let port = json!({"name": "a", "port": {"number": "http"}});
        let paths = json!([{"path": "/", "pathType": "Prefix", "backend": {"service": port}}]);
        let refused = read(json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "web", "namespace": "shop"},
            "spec": {"rules": [{"http": {"paths": paths}}]},
        }));
        let refused = refused.unwrap_err();
        assert_eq!(refused.object, Some(ObjectRef::new(ObjectKind::Ingress, "shop", "web")));
        assert_eq!(refused.field, "spec.rules[0].http.paths[0].backend.service.port.number");
    }

    #[test]
    fn an_annotation_that_is_no_string_is_refused_with_advice() {
        let annotations = json!({"nginx.ingress.kubernetes.io/ssl-redirect": false});
        let metadata = json!({"name": "web", "annotations": annotations});
        let refused =
            read(json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata})).unwrap_err();
        assert_eq!(refused.field, "metadata.annotations[nginx.ingress.kubernetes.io/ssl-redirect]");
        assert!(refused.reason.ends_with("put the value in quotes"), "{}", refused.reason);
    }

    #[test]
    fn names_that_the_api_server_would_refuse_are_refused() {
        for name in ["Web", "a b", "a\nb", "-a", "a-", "a..b", ""] {
            let refused = read(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}}));
            assert_eq!(refused.unwrap_err().field, "metadata.name", "{name:?}");
        }
    }

    #[test]
    fn kinds_of_other_groups_are_foreign_even_with_a_name_of_ours() {
        let value = json!({"apiVersion": "serving.knative.dev/v1", "kind": "Service", "metadata": {"name": "a"}});
        assert!(matches!(read(value), Ok(Reading::Foreign(_))));
    }

    #[test]
    fn a_beta_ingress_is_read_as_v1_and_its_version_told() {
        let spec = json!({"backend": {"serviceName": "a", "servicePort": 80}});
        let value =
            json!({"apiVersion": "extensions/v1beta1", "kind": "Ingress", "metadata": {"name": "w"}, "spec": spec});
        let Ok(Reading::Converted(Object::Ingress(ingress), from)) = read(value) else { panic!("not converted") };
        assert_eq!(from, "extensions/v1beta1");
        let backend = ingress.spec.as_ref().unwrap().default_backend.as_ref().unwrap();
        assert_eq!(backend.service.as_ref().unwrap().port.as_ref().unwrap().number, Some(80));
    }
}
