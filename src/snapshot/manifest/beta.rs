//! Pre-v1 forms of our kinds, rewritten into v1 before they are typed.
//!
//! The rewriting moves and renames fields and judges nothing: a value of the wrong type is moved as it is, and refused
//! when the v1 form is read. Fields that only the old form has are dropped where v1 has no place for them.

use serde_json::{Map, Value, json};

/// How an older form becomes v1.
#[derive(Debug, Clone, Copy)]
pub struct Conversion {
    /// The `apiVersion` afterwards.
    pub to: &'static str,
    pub rewrite: fn(&mut Value),
}

/// The conversion for a kind in an older form; `None` if it is not one.
#[must_use]
pub fn conversion(api_version: &str, kind: &str) -> Option<Conversion> {
    let to = |to, rewrite| Some(Conversion { to, rewrite });
    match (api_version, kind) {
        ("extensions/v1beta1" | "networking.k8s.io/v1beta1", "Ingress") => to("networking.k8s.io/v1", ingress),
        ("networking.k8s.io/v1beta1", "IngressClass") => to("networking.k8s.io/v1", |_| ()),
        ("discovery.k8s.io/v1beta1", "EndpointSlice") => to("discovery.k8s.io/v1", endpoint_slice),
        _ => None,
    }
}

/// `spec.backend` becomes `defaultBackend`, every backend its v1 form, and a missing `pathType` the default of
/// v1beta1, `ImplementationSpecific`.
fn ingress(object: &mut Value) {
    let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) else { return };
    rename(spec, "backend", "defaultBackend");
    if let Some(Value::Object(default)) = spec.get_mut("defaultBackend") {
        backend(default);
    }
    for rule in items(spec.get_mut("rules")) {
        for path in items(rule.pointer_mut("/http/paths")) {
            let Some(path) = path.as_object_mut() else { continue };
            path.entry("pathType").or_insert_with(|| json!("ImplementationSpecific"));
            if let Some(Value::Object(of_path)) = path.get_mut("backend") {
                backend(of_path);
            }
        }
    }
}

/// `serviceName` and `servicePort` become `service.name` and `service.port`. A number in quotes is taken as the number;
/// no port can be named so.
fn backend(backend: &mut Map<String, Value>) {
    let (name, port) = (backend.remove("serviceName"), backend.remove("servicePort"));
    if name.is_none() && port.is_none() {
        return;
    }
    let mut service = Map::new();
    if let Some(name) = name {
        service.insert("name".to_owned(), name);
    }
    if let Some(port) = port {
        let number = port.as_str().and_then(|text| text.parse::<u16>().ok()).map(|number| json!(number));
        let port = number.unwrap_or(port);
        let field = if port.is_string() { "name" } else { "number" };
        service.insert("port".to_owned(), json!({ field: port }));
    }
    backend.insert("service".to_owned(), Value::Object(service));
}

/// `topology` of an endpoint becomes `deprecatedTopology`.
fn endpoint_slice(object: &mut Value) {
    for endpoint in items(object.get_mut("endpoints")) {
        if let Some(endpoint) = endpoint.as_object_mut() {
            rename(endpoint, "topology", "deprecatedTopology");
        }
    }
}

fn rename(object: &mut Map<String, Value>, from: &str, to: &str) {
    if !object.contains_key(to)
        && let Some(value) = object.remove(from)
    {
        object.insert(to.to_owned(), value);
    }
}

fn items(value: Option<&mut Value>) -> &mut [Value] {
    value.and_then(Value::as_array_mut).map_or(&mut [], Vec::as_mut_slice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backends_of_a_beta_ingress_become_v1_backends() {
        let mut object = json!({"spec": {
            "backend": {"serviceName": "fallback", "servicePort": "http"},
            "rules": [{"http": {"paths": [
                {"path": "/a", "backend": {"serviceName": "a", "servicePort": 80}},
                {"path": "/b", "pathType": "Exact", "backend": {"serviceName": "b", "servicePort": "8080"}},
            ]}}],
        }});
        ingress(&mut object);
        let path = |kind, path, name, number| {
            let service = json!({"name": name, "port": {"number": number}});
            json!({"path": path, "pathType": kind, "backend": {"service": service}})
        };
        let wanted = json!({"spec": {
            "defaultBackend": {"service": {"name": "fallback", "port": {"name": "http"}}},
            "rules": [{"http": {"paths": [
                path("ImplementationSpecific", "/a", "a", 80), path("Exact", "/b", "b", 8080),
            ]}}],
        }});
        assert_eq!(object, wanted);
    }

    #[test]
    fn a_resource_backend_stays_as_it_is() {
        let mut object = json!({"spec": {"backend": {"resource": {"kind": "Bucket", "name": "x"}}}});
        ingress(&mut object);
        assert_eq!(object, json!({"spec": {"defaultBackend": {"resource": {"kind": "Bucket", "name": "x"}}}}));
    }

    #[test]
    fn objects_of_any_shape_are_survived() {
        for mut object in [json!(null), json!({"spec": []}), json!({"spec": {"backend": 1, "rules": [1, {"http": 2}]}})]
        {
            ingress(&mut object);
            endpoint_slice(&mut object);
        }
    }
}
