//! The objects.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use landfall::testing::certificates::{KeyPairPem, TestCa};
use serde_json::{Value, json};

/// Ingresses of one namespace.
const TENANT: usize = 100;

/// Everything there is, and what it can change to.
pub(crate) struct Population {
    size: usize,
    pub(crate) authority: TestCa,
    pairs: Vec<KeyPairPem>,
    /// For the host of the same number.
    others: Vec<KeyPairPem>,
}

/// Certificates that are changed to.
const OTHERS: usize = 100;

/// The one object of a kind that changes, or is created.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Endpoint,
    Route,
    Certificate,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Endpoint, Self::Route, Self::Certificate];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Endpoint => "endpoint",
            Self::Route => "route",
            Self::Certificate => "certificate",
        }
    }
}

pub(crate) fn host(number: usize) -> String {
    format!("shop-{number}.customers.example.com")
}

fn namespace(number: usize) -> String {
    format!("tenant-{}", number / TENANT)
}

impl Population {
    pub(crate) fn new(size: usize) -> Self {
        let authority = TestCa::new();
        let issue = |number: usize| authority.issue_for([host(number).as_str()]);
        let pairs = (0..size).map(issue).collect();
        let others = (0..OTHERS).map(issue).collect();
        Self { size, authority, pairs, others }
    }

    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// Every object but those of the first `without`.
    pub(crate) fn objects(&self, without: usize) -> impl Iterator<Item = Value> {
        (without..self.size)
            .flat_map(|number| [service(number), endpoints(number, 0), self.certificate(number, 0), ingress(number, 0)])
    }

    /// An object that says something else in every other turn.
    pub(crate) fn change(&self, kind: Kind, number: usize, turn: usize) -> Value {
        match kind {
            Kind::Endpoint => endpoints(number, turn % 2),
            Kind::Route => ingress(number, turn % 2),
            Kind::Certificate => self.certificate(number % OTHERS, turn % 2),
        }
    }

    pub(crate) fn pair(&self, number: usize, turn: usize) -> &KeyPairPem {
        if turn.is_multiple_of(2) { &self.pairs[number] } else { &self.others[number % OTHERS] }
    }

    fn certificate(&self, number: usize, turn: usize) -> Value {
        let pair = self.pair(number, turn);
        json!({
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
            "metadata": { "name": name(number), "namespace": namespace(number) },
            "data": { "tls.crt": STANDARD.encode(&pair.certificate_pem), "tls.key": STANDARD.encode(&pair.key_pem) },
        })
    }
}

fn name(number: usize) -> String {
    format!("shop-{number}")
}

pub(crate) fn service(number: usize) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": { "name": name(number), "namespace": namespace(number) },
        "spec": { "ports": [{ "name": "http", "port": 80, "targetPort": 8080 }] },
    })
}

/// Three endpoints that lead nowhere.
fn endpoints(number: usize, turn: usize) -> Value {
    let address = |pod: usize| {
        let [_, high, middle, low] = u32::try_from(number * 6 + turn * 3 + pod).unwrap().to_be_bytes();
        format!("10.{high}.{middle}.{low}")
    };
    slice(number, &[address(0), address(1), address(2)], 8080)
}

pub(crate) fn slice(number: usize, addresses: &[String], port: u16) -> Value {
    let endpoints: Vec<_> =
        addresses.iter().map(|address| json!({ "addresses": [address], "conditions": { "ready": true } })).collect();
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {
            "name": format!("{}-1", name(number)), "namespace": namespace(number),
            "labels": { "kubernetes.io/service-name": name(number) },
        },
        "addressType": "IPv4",
        "ports": [{ "name": "http", "port": port, "protocol": "TCP" }],
        "endpoints": endpoints,
    })
}

/// Two paths, the second called after the turn.
pub(crate) fn ingress(number: usize, turn: usize) -> Value {
    let path = |path: String| {
        json!({
            "path": path, "pathType": "Prefix",
            "backend": { "service": { "name": name(number), "port": { "number": 80 } } },
        })
    };
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {
            "name": name(number), "namespace": namespace(number), "creationTimestamp": "2025-01-01T00:00:00Z",
            "annotations": { "nginx.ingress.kubernetes.io/proxy-body-size": "8m" },
        },
        "spec": {
            "tls": [{ "hosts": [host(number)], "secretName": name(number) }],
            "rules": [{ "host": host(number), "http": { "paths": [path("/".to_owned()), path(format!("/api{turn}"))] } }],
        },
    })
}
