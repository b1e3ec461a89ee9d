//! Kubernetes objects in a few words, in any namespace.

use std::net::{IpAddr, SocketAddr};

use landfall::testing::certificates::KeyPairPem;
use serde_json::{Value, json};

/// The class that every Ingress made here has, and its controller, which are Landfall's defaults.
pub(crate) const CLASS: &str = "nginx";
pub(crate) const CONTROLLER: &str = "k8s.io/ingress-nginx";

/// An IngressClass.
pub(crate) fn class(name: &str, controller: &str) -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": { "name": name },
        "spec": { "controller": controller },
    })
}

/// An Ingress of [`CLASS`] that sends a prefix path of a host to a Service's port 80.
pub(crate) fn ingress(namespace: &str, name: &str, host: &str, path: &str, service: &str) -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": { "name": name, "namespace": namespace },
        "spec": { "ingressClassName": CLASS, "rules": [{ "host": host, "http": { "paths": [{
            "path": path, "pathType": "Prefix",
            "backend": { "service": { "name": service, "port": { "number": 80 } } },
        }] } }] },
    })
}

/// A Service with a port 80 and without a selector: its endpoints are what the test says.
pub(crate) fn service(namespace: &str, name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": name, "namespace": namespace },
        "spec": { "ports": [{ "name": "http", "port": 80, "targetPort": 80, "protocol": "TCP" }] },
    })
}

/// One slice of a Service's endpoints, all ready, on the port of the first. Panics if there are none.
pub(crate) fn slice(namespace: &str, service: &str, name: &str, addresses: &[SocketAddr]) -> Value {
    let first = addresses.first().expect("a slice has endpoints");
    let endpoints: Vec<Value> = addresses.iter().map(|at| endpoint(at.ip())).collect();
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {
            "name": name, "namespace": namespace, "labels": { "kubernetes.io/service-name": service },
        },
        "addressType": if first.is_ipv4() { "IPv4" } else { "IPv6" },
        "ports": [{ "name": "http", "port": first.port(), "protocol": "TCP" }],
        "endpoints": endpoints,
    })
}

fn endpoint(address: IpAddr) -> Value {
    json!({ "addresses": [address.to_string()], "conditions": { "ready": true } })
}

/// A Secret with a certificate.
pub(crate) fn tls_secret(namespace: &str, name: &str, pair: &KeyPairPem) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
        "metadata": { "name": name, "namespace": namespace },
        "stringData": { "tls.crt": pair.certificate_pem, "tls.key": pair.key_pem },
    })
}
