//! Random estates: several namespaces that contend for the same hosts and paths, call their objects by the same names,
//! and reach for what is not theirs in every way that an Ingress can name something.
//!
//! An estate is plain data, from which both the objects and the oracle's expectations are made.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use fastrand::Rng;
use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointPort, EndpointSlice};
use k8s_openapi::api::networking::v1::{
    HTTPIngressPath, HTTPIngressRuleValue, Ingress, IngressBackend, IngressRule, IngressServiceBackend, IngressSpec,
    IngressTLS, ServiceBackendPort,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use k8s_openapi::jiff::Timestamp;
use landfall::ir::{ObjectKind, ObjectRef};
use landfall::snapshot::{Object, Secret, SecretBytes, Snapshot};
use landfall::testing::certificates::TestCa;
use landfall::tls::Fingerprint;

pub(crate) const NAMESPACES: [&str; 4] = ["blue", "green", "grey", "red"];
const INGRESSES: [&str; 3] = ["a", "b", "c"];
const SERVICES: [&str; 2] = ["api", "web"];
const SECRETS: [&str; 2] = ["cert", "tls"];
/// Hosts as Ingresses write them; the last ones are none.
const HOSTS: [&str; 9] =
    ["shop.test", "SHOP.test", "a.shop.test", "*.shop.test", "*.a.shop.test", "b.test", "", "*", "a..test"];
const PATHS: [&str; 8] = ["/", "", "/a", "/a/", "/a/b", "/ab", "/a/b/c", "//a"];
/// The certificates that there are: whose they are, and for what. Each covers hosts that all namespaces contend for.
const NAMES: [[&str; 3]; 3] =
    [["shop.test", "*.shop.test", "b.test"], ["a.shop.test", "*.a.shop.test", "b.test"], ["other.test", "o", "p"]];

/// A namespace and a name in it.
pub(crate) type Key = (&'static str, &'static str);

/// What there is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Estate {
    pub(crate) ingresses: BTreeMap<Key, Plan>,
    pub(crate) services: BTreeMap<Key, Kind>,
    /// Which certificate of its namespace a Secret holds.
    pub(crate) secrets: BTreeMap<Key, usize>,
}

/// An Ingress.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) created: Option<i64>,
    pub(crate) class: Class,
    pub(crate) rules: Vec<Rule>,
    pub(crate) default_backend: Option<String>,
    pub(crate) tls: Vec<Tls>,
    pub(crate) annotations: Vec<(&'static str, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Ours,
    Others,
}

#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) host: &'static str,
    pub(crate) paths: Vec<Path>,
}

#[derive(Debug, Clone)]
pub(crate) struct Path {
    pub(crate) text: &'static str,
    pub(crate) exact: bool,
    pub(crate) service: String,
}

#[derive(Debug, Clone)]
pub(crate) struct Tls {
    pub(crate) hosts: Vec<&'static str>,
    pub(crate) secret: Option<String>,
}

/// A Service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// With endpoints, of which the last octet tells this turn's from the last.
    Pods(u8),
    /// Points into another namespace, which a Service may and an Ingress may not.
    Named(&'static str),
}

impl Estate {
    pub(crate) fn random(dice: &mut Rng) -> Self {
        let mut estate = Self::default();
        for _ in 0..dice.usize(4..24) {
            estate.change(dice);
        }
        estate
    }

    /// Puts something in, replaces or withdraws it, and says what.
    pub(crate) fn change(&mut self, dice: &mut Rng) -> Changed {
        let namespace = pick(dice, &NAMESPACES);
        let withdraw = dice.u8(..4) == 0;
        match dice.u8(..8) {
            0 | 1 => {
                let key = (namespace, pick(dice, &SERVICES));
                replace(&mut self.services, key, withdraw, || kind(dice));
                Changed::Service(key)
            }
            2 | 3 => {
                let key = (namespace, pick(dice, &SECRETS));
                replace(&mut self.secrets, key, withdraw, || dice.usize(..NAMES.len()));
                Changed::Secret(key)
            }
            _ => {
                let key = (namespace, pick(dice, &INGRESSES));
                replace(&mut self.ingresses, key, withdraw, || plan(dice));
                Changed::Ingress(key)
            }
        }
    }

    /// The objects.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::default();
        let ingresses = self.ingresses.keys().map(|key| Changed::Ingress(*key));
        let services = self.services.keys().map(|key| Changed::Service(*key));
        let secrets = self.secrets.keys().map(|key| Changed::Secret(*key));
        ingresses.chain(services).chain(secrets).for_each(|changed| self.update(&mut snapshot, changed));
        snapshot
    }

    /// Makes `snapshot` hold what changed; all else stays the same objects, as it does for those who follow a cluster.
    pub(crate) fn update(&self, snapshot: &mut Snapshot, changed: Changed) {
        let of_kind = |kind, (namespace, name): Key| ObjectRef::new(kind, namespace, name);
        match changed {
            Changed::Ingress(key) => match self.ingresses.get(&key) {
                Some(plan) => snapshot.insert(ingress(key, plan)),
                None => _ = snapshot.remove(&of_kind(ObjectKind::Ingress, key)),
            },
            Changed::Secret(key) => match self.secrets.get(&key) {
                Some(which) => snapshot.insert(secret(key, *which)),
                None => _ = snapshot.remove(&of_kind(ObjectKind::Secret, key)),
            },
            Changed::Service(key) => {
                snapshot.remove(&of_kind(ObjectKind::Service, key));
                snapshot.remove(&of_kind(ObjectKind::EndpointSlice, key));
                let objects = self.services.get(&key).map(|kind| service(key, *kind));
                objects.into_iter().flatten().for_each(|object| snapshot.insert(object));
            }
        }
    }
}

/// What a change was about.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Changed {
    Ingress(Key),
    Service(Key),
    Secret(Key),
}

fn replace<T>(all: &mut BTreeMap<Key, T>, key: Key, withdraw: bool, make: impl FnOnce() -> T) {
    if withdraw {
        all.remove(&key);
    } else {
        all.insert(key, make());
    }
}

fn pick<T: Copy>(dice: &mut Rng, from: &[T]) -> T {
    from[dice.usize(..from.len())]
}

fn kind(dice: &mut Rng) -> Kind {
    if dice.u8(..6) == 0 { Kind::Named("web.red.svc.cluster.local") } else { Kind::Pods(dice.u8(1..4)) }
}

fn plan(dice: &mut Rng) -> Plan {
    let mut annotations = BTreeMap::new();
    for _ in 0..dice.usize(..3) {
        let (name, value) = annotation(dice);
        annotations.insert(name, value);
    }
    Plan {
        created: (dice.u8(..4) > 0).then(|| dice.i64(1..4)),
        class: if dice.u8(..6) == 0 { Class::Others } else { Class::Ours },
        rules: (0..dice.usize(..4)).map(|_| rule(dice)).collect(),
        default_backend: (dice.u8(..4) == 0).then(|| reference(dice, &SERVICES)),
        tls: (0..dice.usize(..3)).map(|_| tls(dice)).collect(),
        annotations: annotations.into_iter().collect(),
    }
}

fn rule(dice: &mut Rng) -> Rule {
    let path = |dice: &mut Rng| Path {
        text: pick(dice, &PATHS),
        exact: dice.u8(..3) == 0,
        service: reference(dice, &SERVICES),
    };
    Rule { host: pick(dice, &HOSTS), paths: (0..dice.usize(..4)).map(|_| path(dice)).collect() }
}

fn tls(dice: &mut Rng) -> Tls {
    let hosts = (0..dice.usize(..4)).map(|_| pick(dice, &HOSTS)).collect();
    Tls { hosts, secret: (dice.u8(..6) > 0).then(|| reference(dice, &SECRETS)) }
}

/// A name; now and then one that would be another namespace's, if anything took it for that.
fn reference(dice: &mut Rng, names: &[&str]) -> String {
    let name = pick(dice, names);
    let other = pick(dice, &NAMESPACES);
    match dice.u8(..10) {
        0 => format!("{other}/{name}"),
        1 => format!("../{other}/{name}"),
        2 => format!("{name}.{other}"),
        3 => format!("{name}.{other}.svc.cluster.local"),
        _ => name.to_owned(),
    }
}

/// Annotations that name other objects, and some that do not. None of them rewrites or redirects: where a request goes
/// is up to the rules alone.
fn annotation(dice: &mut Rng) -> (&'static str, String) {
    const NAMING: [&str; 9] = [
        "auth-secret",
        "auth-tls-secret",
        "proxy-ssl-secret",
        "auth-proxy-set-headers",
        "custom-headers",
        "fastcgi-params-configmap",
        "default-backend",
        "mirror-target",
        "auth-url",
    ];
    const PLAIN: [(&str, &str); 6] = [
        ("ssl-redirect", "false"),
        ("service-upstream", "true"),
        ("auth-type", "basic"),
        ("server-alias", "alias.test"),
        ("custom-http-errors", "404"),
        ("proxy-ssl-verify", "on"),
    ];
    if dice.bool() {
        let (name, value) = pick(dice, &PLAIN);
        return (name, value.to_owned());
    }
    let names = [SECRETS, SERVICES].concat();
    (pick(dice, &NAMING), reference(dice, &names))
}

fn metadata((namespace, name): Key) -> ObjectMeta {
    ObjectMeta { namespace: Some(namespace.into()), name: Some(name.into()), ..ObjectMeta::default() }
}

fn ingress(key: Key, plan: &Plan) -> Ingress {
    let annotations = plan.annotations.iter();
    let annotations = annotations.map(|(name, value)| (format!("nginx.ingress.kubernetes.io/{name}"), value.clone()));
    let class = match plan.class {
        Class::Ours => None,
        Class::Others => Some(("kubernetes.io/ingress.class".to_owned(), "others".to_owned())),
    };
    let created = plan.created.map(|second| Time(Timestamp::from_second(second).unwrap()));
    let metadata = ObjectMeta {
        annotations: Some(annotations.chain(class).collect()),
        creation_timestamp: created,
        ..metadata(key)
    };
    let rules = plan.rules.iter().map(|rule| IngressRule {
        host: Some(rule.host.to_owned()),
        http: Some(HTTPIngressRuleValue { paths: rule.paths.iter().map(path).collect() }),
    });
    let tls = plan.tls.iter().map(|tls| IngressTLS {
        hosts: Some(tls.hosts.iter().map(|host| (*host).to_owned()).collect()),
        secret_name: tls.secret.clone(),
    });
    let spec = IngressSpec {
        default_backend: plan.default_backend.as_deref().map(backend),
        ingress_class_name: None,
        rules: Some(rules.collect()),
        tls: Some(tls.collect()),
    };
    Ingress { metadata, spec: Some(spec), status: None }
}

fn path(path: &Path) -> HTTPIngressPath {
    HTTPIngressPath {
        backend: backend(&path.service),
        path: Some(path.text.to_owned()),
        path_type: if path.exact { "Exact" } else { "Prefix" }.to_owned(),
    }
}

fn backend(service: &str) -> IngressBackend {
    let port = ServiceBackendPort { name: None, number: Some(80) };
    IngressBackend {
        resource: None,
        service: Some(IngressServiceBackend { name: service.to_owned(), port: Some(port) }),
    }
}

fn service(key: Key, kind: Kind) -> Vec<Object> {
    let port = ServicePort { port: 80, ..ServicePort::default() };
    let mut spec = ServiceSpec { ports: Some(vec![port]), ..ServiceSpec::default() };
    match kind {
        Kind::Pods(turn) => {
            spec.cluster_ip = Some(address(key, 100 + turn));
            let slice = EndpointSlice {
                metadata: ObjectMeta {
                    labels: Some([("kubernetes.io/service-name".to_owned(), key.1.to_owned())].into()),
                    ..metadata(key)
                },
                address_type: "IPv4".into(),
                ports: Some(vec![EndpointPort { port: Some(80), ..EndpointPort::default() }]),
                endpoints: Some(vec![Endpoint { addresses: vec![address(key, turn)], ..Endpoint::default() }]),
            };
            vec![Service { metadata: metadata(key), spec: Some(spec), status: None }.into(), slice.into()]
        }
        Kind::Named(name) => {
            spec.type_ = Some("ExternalName".into());
            spec.external_name = Some(name.into());
            vec![Service { metadata: metadata(key), spec: Some(spec), status: None }.into()]
        }
    }
}

/// An address that tells its namespace and Service.
pub(crate) fn address((namespace, service): Key, last: u8) -> String {
    let place = |all: &[&str], one: &str| 1 + all.iter().position(|known| *known == one).unwrap();
    format!("10.{}.{}.{last}", place(&NAMESPACES, namespace), place(&SERVICES, service))
}

/// A certificate and its key, as a Secret holds them.
struct Pair {
    data: BTreeMap<String, SecretBytes>,
    fingerprint: Fingerprint,
}

/// The certificates of all namespaces: every one is of its namespace alone.
static CERTIFICATES: LazyLock<BTreeMap<(&str, usize), Pair>> = LazyLock::new(|| {
    let ca = TestCa::new();
    let each = NAMESPACES.iter().flat_map(|namespace| (0..NAMES.len()).map(move |which| (*namespace, which)));
    let made = each.map(|key| {
        let pair = ca.issue_for(NAMES[key.1]);
        let fingerprint = pair.certificate().fingerprint();
        let halves = [("tls.crt", pair.certificate_pem), ("tls.key", pair.key_pem)];
        let data = halves.map(|(name, half)| (name.to_owned(), SecretBytes::new(half.into_bytes())));
        (key, Pair { data: data.into(), fingerprint })
    });
    made.collect()
});

/// The certificate that a Secret of a namespace holds.
pub(crate) fn fingerprint(namespace: &'static str, which: usize) -> Fingerprint {
    CERTIFICATES[&(namespace, which)].fingerprint
}

/// Whether a certificate is for a pattern as it is written.
pub(crate) fn is_for(which: usize, pattern: &str) -> bool {
    let parent = |name: &str| name.split_once('.').map(|(_, parent)| format!("*.{parent}"));
    NAMES[which].iter().any(|name| *name == pattern || parent(pattern).as_deref() == Some(name))
}

fn secret((namespace, name): Key, which: usize) -> Arc<Secret> {
    static SHARED: LazyLock<BTreeMap<(Key, usize), Arc<Secret>>> = LazyLock::new(|| {
        let names = NAMESPACES.iter().flat_map(|namespace| SECRETS.iter().map(move |name| (*namespace, *name)));
        let each = names.flat_map(|key| (0..NAMES.len()).map(move |which| (key, which)));
        let made = each.map(|((namespace, name), which)| {
            let data = CERTIFICATES[&(namespace, which)].data.clone();
            let type_ = "kubernetes.io/tls".to_owned();
            let secret = Secret { namespace: namespace.into(), name: name.into(), uid: None, type_, data };
            (((namespace, name), which), Arc::new(secret))
        });
        made.collect()
    });
    Arc::clone(&SHARED[&((namespace, name), which)])
}
