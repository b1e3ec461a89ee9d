//! Kubernetes objects for tests, in a few words: what a manifest of a dozen lines would say.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::certificates::KeyPairPem;

/// A Service on port 80 with one EndpointSlice per address, all ready.
#[must_use]
pub fn service(name: &str, addresses: &[SocketAddr]) -> Vec<Value> {
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": name, "namespace": "default" },
        "spec": { "ports": [{ "name": "http", "port": 80, "targetPort": 80 }] },
    });
    std::iter::once(service).chain(addresses.iter().map(|address| slice(name, *address))).collect()
}

fn slice(service: &str, address: SocketAddr) -> Value {
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {
            "name": format!("{service}-{}", address.port()), "namespace": "default",
            "labels": { "kubernetes.io/service-name": service },
        },
        "addressType": if address.is_ipv4() { "IPv4" } else { "IPv6" },
        "ports": [{ "name": "http", "port": address.port(), "protocol": "TCP" }],
        "endpoints": [{ "addresses": [address.ip().to_string()], "conditions": { "ready": true } }],
    })
}

/// A Secret with a certificate.
#[must_use]
pub fn tls_secret(name: &str, pair: &KeyPairPem) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
        "metadata": { "name": name, "namespace": "default" },
        "stringData": { "tls.crt": pair.certificate_pem, "tls.key": pair.key_pem },
    })
}

/// The ConfigMap of live settings, `default/settings`.
#[must_use]
pub fn settings<const N: usize>(data: [(&str, &str); N]) -> Value {
    let data: serde_json::Map<String, Value> =
        data.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
    json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "settings", "namespace": "default" },
        "data": data,
    })
}

/// An Ingress in the making.
#[derive(Debug, Clone)]
pub struct Ingress {
    name: String,
    annotations: serde_json::Map<String, Value>,
    rules: Vec<Value>,
    tls: Vec<Value>,
}

impl Ingress {
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), annotations: serde_json::Map::new(), rules: Vec::new(), tls: Vec::new() }
    }

    /// An annotation, its name without `nginx.ingress.kubernetes.io/`.
    #[must_use]
    pub fn with(mut self, annotation: &str, value: &str) -> Self {
        self.annotations.insert(format!("nginx.ingress.kubernetes.io/{annotation}"), json!(value));
        self
    }

    /// A prefix path of a host (empty for any) and the Service that serves it.
    #[must_use]
    pub fn route(self, host: &str, path: &str, service: &str) -> Self {
        self.route_of_type(host, path, "Prefix", service)
    }

    /// A path of any type.
    #[must_use]
    pub fn route_of_type(mut self, host: &str, path: &str, path_type: &str, service: &str) -> Self {
        let host = (!host.is_empty()).then_some(host);
        self.rules.push(json!({ "host": host, "http": { "paths": [{
            "path": path, "pathType": path_type,
            "backend": { "service": { "name": service, "port": { "number": 80 } } },
        }] } }));
        self
    }

    /// Serves a host with the certificate of a Secret.
    #[must_use]
    pub fn tls(mut self, host: &str, secret: &str) -> Self {
        self.tls.push(json!({ "hosts": [host], "secretName": secret }));
        self
    }

    /// The object.
    #[must_use]
    pub fn build(self) -> Value {
        json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": { "name": self.name, "namespace": "default", "annotations": self.annotations },
            "spec": { "rules": self.rules, "tls": self.tls },
        })
    }
}
