//! A small world of objects that refer to one another, and edits to it. Names are few, so that edits meet.

use std::sync::{Arc, LazyLock};

use landfall::ir::{ObjectKind, ObjectRef, UnixTime};
use landfall::snapshot::Object;
use landfall::snapshot::manifest::document::Format;
use landfall::snapshot::manifest::parse::parse;
use landfall::testing::certificates::{KeyPairPem, TestCa, Wanted};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

pub(crate) const HOSTS: [&str; 6] = ["a.test", "b.test", "a.a.test", "*.test", "*.a.test", ""];
pub(crate) const PATHS: [&str; 6] = ["/", "/a", "/a/b", "/b", "/a(.*)", "/a/"];

/// Moments before, while and after certificates are valid: they are from the second to the fourth.
pub(crate) const MOMENTS: [UnixTime; 6] = [
    UnixTime(1_750_000_000),
    UnixTime(1_700_000_000),
    UnixTime(1_740_000_000),
    UnixTime(1_760_000_000),
    UnixTime(1_759_500_000),
    UnixTime(1_760_000_001),
];

const NAMESPACES: [&str; 2] = ["a", "b"];
const INGRESSES: [&str; 4] = ["one", "two", "three", "four"];
const SERVICES: [&str; 3] = ["web", "api", "away"];
const SECRETS: [&str; 4] = ["default", "first", "second", "third"];
const CLASSES: [&str; 3] = ["nginx", "others", "absent"];

/// One edit.
#[derive(Debug, Clone)]
pub(crate) enum Edit {
    Put(Arc<Object>),
    Remove(ObjectRef),
    Touch(ObjectRef),
    Wait(UnixTime),
}

/// An object that is not the same, but equal.
pub(crate) fn copy(object: &Object) -> Object {
    match object {
        Object::Ingress(object) => (**object).clone().into(),
        Object::IngressClass(object) => (**object).clone().into(),
        Object::Service(object) => (**object).clone().into(),
        Object::EndpointSlice(object) => (**object).clone().into(),
        Object::Endpoints(object) => (**object).clone().into(),
        Object::Secret(object) => (**object).clone().into(),
        Object::ConfigMap(object) => (**object).clone().into(),
    }
}

pub(crate) fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        12 => put().prop_map(Edit::Put),
        5 => reference().prop_map(Edit::Remove),
        2 => reference().prop_map(Edit::Touch),
        1 => select(MOMENTS.to_vec()).prop_map(Edit::Wait),
    ]
}

fn reference() -> impl Strategy<Value = ObjectRef> {
    let of = |kind: ObjectKind, names: &'static [&'static str]| {
        (select(NAMESPACES.to_vec()), select(names)).prop_map(move |(namespace, name)| {
            ObjectRef::new(kind, if kind == ObjectKind::IngressClass { "" } else { namespace }, name)
        })
    };
    prop_oneof![
        4 => of(ObjectKind::Ingress, &INGRESSES),
        2 => of(ObjectKind::Service, &SERVICES),
        2 => of(ObjectKind::EndpointSlice, &SERVICES),
        1 => of(ObjectKind::Endpoints, &SERVICES),
        2 => of(ObjectKind::Secret, &SECRETS),
        1 => of(ObjectKind::IngressClass, &CLASSES),
        1 => of(ObjectKind::ConfigMap, &["config"]),
    ]
}

/// An object of any kind, in any state.
pub(crate) fn put() -> impl Strategy<Value = Arc<Object>> {
    prop_oneof![
        8 => ingress(),
        3 => service(),
        3 => slice(),
        1 => endpoints(),
        3 => secret(),
        1 => class(),
        1 => configmap(),
    ]
    .prop_map(|object| {
        let contents = parse(Format::Json, object.to_string().as_bytes());
        assert!(contents.refused.is_empty() && contents.malformed.is_empty(), "{contents:?}");
        Arc::new(contents.objects.into_iter().next().expect("one object was written").object)
    })
}

fn named() -> impl Strategy<Value = &'static str> {
    select(NAMESPACES.to_vec())
}

fn ingress() -> impl Strategy<Value = Value> {
    let metadata = (named(), select(INGRESSES.to_vec()), 0..3_u8, annotations());
    let spec = (
        prop::option::weighted(0.2, select(CLASSES.to_vec())),
        prop::collection::vec(rule(), 0..3),
        prop::option::weighted(0.2, backend()),
        prop::collection::vec(tls(), 0..3),
    );
    (metadata, spec).prop_map(|((namespace, name, day, annotations), (class, rules, default_backend, tls))| {
        json!({
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": {
                "namespace": namespace,
                "name": name,
                "creationTimestamp": format!("2025-01-0{}T00:00:00Z", day + 1),
                "annotations": annotations,
            },
            "spec": { "ingressClassName": class, "rules": rules, "defaultBackend": default_backend, "tls": tls },
        })
    })
}

fn annotations() -> impl Strategy<Value = Value> {
    let known = [
        ("use-regex", "true"),
        ("rewrite-target", "/$1"),
        ("app-root", "/a"),
        ("app-root", "/b"),
        ("service-upstream", "true"),
        ("modsecurity-snippet", "x"),
        ("denylist-source-range", "10.0.0.0/8"),
        ("auth-secret", "b/third"),
        ("canary", "true"),
        ("proxy-body-size", "much"),
    ];
    prop::collection::vec(select(known.to_vec()), 0..2).prop_map(|chosen| {
        let entry = |(name, value): (&str, &str)| {
            (format!("nginx.ingress.kubernetes.io/{name}"), Value::String(value.to_owned()))
        };
        Value::Object(chosen.into_iter().map(entry).collect())
    })
}

fn rule() -> impl Strategy<Value = Value> {
    let path = (select(PATHS.to_vec()), select(vec!["Exact", "Prefix", "ImplementationSpecific"]), backend());
    let path = path.prop_map(|(path, kind, backend)| json!({ "path": path, "pathType": kind, "backend": backend }));
    (select(HOSTS.to_vec()), prop::collection::vec(path, 0..3)).prop_map(|(host, paths)| {
        let host = (!host.is_empty()).then_some(host);
        json!({ "host": host, "http": { "paths": paths } })
    })
}

fn backend() -> impl Strategy<Value = Value> {
    let port = select(vec![json!({ "number": 80 }), json!({ "name": "http" }), json!({ "number": 81 })]);
    (select(SERVICES.to_vec()), port).prop_map(|(name, port)| json!({ "service": { "name": name, "port": port } }))
}

fn tls() -> impl Strategy<Value = Value> {
    let hosts = prop::sample::subsequence(HOSTS[..5].to_vec(), 0..3);
    (hosts, prop::option::of(select(SECRETS.to_vec())))
        .prop_map(|(hosts, secret)| json!({ "hosts": hosts, "secretName": secret }))
}

fn service() -> impl Strategy<Value = Value> {
    let spec = select(vec![
        json!({ "clusterIP": "10.9.0.1", "ports": [{ "port": 80, "targetPort": 8080 }] }),
        json!({ "clusterIP": "None", "ports": [{ "name": "http", "port": 80 }] }),
        json!({ "ports": [{ "port": 80, "appProtocol": "grpc" }, { "name": "http", "port": 81 }] }),
        json!({ "type": "ExternalName", "externalName": "away.example" }),
        json!({ "type": "ExternalName", "externalName": "192.0.2.7" }),
    ]);
    (named(), select(SERVICES.to_vec()), spec).prop_map(|(namespace, name, spec)| {
        json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": { "namespace": namespace, "name": name },
            "spec": spec,
        })
    })
}

fn slice() -> impl Strategy<Value = Value> {
    let endpoint = (1..5_u8, any::<bool>())
        .prop_map(|(last, ready)| json!({ "addresses": [format!("10.0.0.{last}")], "conditions": { "ready": ready } }));
    let all = prop::collection::vec(endpoint, 0..3);
    (named(), select(SERVICES.to_vec()), select(SERVICES.to_vec()), all).prop_map(|(namespace, name, of, endpoints)| {
        json!({
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": { "namespace": namespace, "name": name, "labels": { "kubernetes.io/service-name": of } },
            "addressType": "IPv4",
            "ports": [{ "port": 8080 }],
            "endpoints": endpoints,
        })
    })
}

fn endpoints() -> impl Strategy<Value = Value> {
    (named(), select(SERVICES.to_vec()), 1..4_u8).prop_map(|(namespace, name, last)| {
        json!({
            "apiVersion": "v1",
            "kind": "Endpoints",
            "metadata": { "namespace": namespace, "name": name },
            "subsets": [{ "addresses": [{ "ip": format!("10.1.0.{last}") }], "ports": [{ "port": 8080 }] }],
        })
    })
}

/// Certificates for hosts of the world, all valid from the second moment to the fourth.
static PAIRS: LazyLock<[KeyPairPem; 3]> = LazyLock::new(|| {
    let ca = TestCa::new();
    let issue = |names: [&str; 2]| ca.issue(&Wanted::for_names(names).valid(MOMENTS[1], MOMENTS[3]));
    [issue(["a.test", "*.a.test"]), issue(["*.test", "b.test"]), issue(["a.test", "a.a.test"])]
});

fn secret() -> impl Strategy<Value = Value> {
    let data = |certificate: &KeyPairPem, key: &KeyPairPem| json!({ "tls.crt": certificate.certificate_pem, "tls.key": key.key_pem });
    let [first, second, third] = &*PAIRS;
    let sound = [first, second, third].map(|pair| data(pair, pair));
    let data = prop_oneof![
        6 => select(sound.to_vec()),
        1 => Just(data(first, second)),
        1 => Just(json!({})),
    ];
    (named(), select(SECRETS.to_vec()), data).prop_map(|(namespace, name, data)| {
        json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "kubernetes.io/tls",
            "metadata": { "namespace": namespace, "name": name },
            "stringData": data,
        })
    })
}

fn class() -> impl Strategy<Value = Value> {
    (select(CLASSES.to_vec()), any::<bool>()).prop_map(|(name, ours)| {
        let controller = if ours { "k8s.io/ingress-nginx" } else { "example.com/other" };
        json!({
            "apiVersion": "networking.k8s.io/v1",
            "kind": "IngressClass",
            "metadata": { "name": name },
            "spec": { "controller": controller },
        })
    })
}

fn configmap() -> impl Strategy<Value = Value> {
    let known = [
        ("proxy-body-size", "8m"),
        ("use-http2", "false"),
        ("ssl-redirect", "false"),
        ("global-auth-url", "http://auth.example"),
        ("upstream-keepalive-connections", "7"),
        ("no-such-key", "x"),
    ];
    prop::sample::subsequence(known.to_vec(), 0..3).prop_map(|chosen| {
        let data = chosen.into_iter().map(|(key, value)| (key.to_owned(), Value::String(value.to_owned())));
        json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": { "namespace": "a", "name": "config" },
            "data": Value::Object(data.collect()),
        })
    })
}
