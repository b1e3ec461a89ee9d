//! Random and mutated annotation values, hosts and paths: each becomes a typed value or is reported, what is made of it
//! may leave the process, and no host of anybody else is served otherwise for it.
//!
//! `LANDFALL_TENANT_VALUES` says how many values there are (20,000 without it), `LANDFALL_TENANT_SEED` from which seed
//! on. A failure names its seed.

use std::collections::BTreeSet;
use std::sync::Arc;

use fastrand::Rng;
use k8s_openapi::api::networking::v1::Ingress;
use landfall::annotations::{Annotation, catalogue};
use landfall::compile::{Compiled, Compiler};
use landfall::ir::{Action, HostPattern, Route, UnixTime, VirtualHost};
use landfall::request::{Outcome, Peer, RequestHead, Scheme, Scratch, plan};
use landfall::settings::Settings;
use landfall::snapshot::Snapshot;
use landfall::testing::objects;
use serde_json::{Value, json};

use crate::text::{self, Kind};
use crate::variable;

const NOW: UnixTime = UnixTime(1_800_000_000);
/// Hostile Ingresses that are compiled at once.
const AT_ONCE: u64 = 10;
/// Of an Ingress: annotations, a host, two paths, and what its TLS section says.
const ANNOTATIONS: u64 = 6;
const VALUES: u64 = ANNOTATIONS + 5;

#[test]
fn no_value_changes_a_host_of_anybody_else() {
    let values = variable("LANDFALL_TENANT_VALUES", 20_000);
    let first = variable("LANDFALL_TENANT_SEED", 1);
    let rows: Vec<_> = catalogue().collect();
    let tenants = tenants();
    let mut compiler = Compiler::new(&Settings::for_manifests("tenants"));
    let before = compiler.update(&tenants, NOW);
    assert_eq!(before.config.hosts.iter().count(), 4);
    for seed in first..first + values.div_ceil(VALUES * AT_ONCE) {
        let mut dice = Rng::with_seed(seed);
        let hostile: Vec<_> = (0..AT_ONCE).map(|number| hostile(&mut dice, &rows, number)).collect();
        let mut snapshot = tenants.clone();
        for object in &hostile {
            snapshot.insert(serde_json::from_value::<Ingress>(object.clone()).unwrap());
        }
        let after = compiler.update(&snapshot, NOW);
        if let Err(why) = check(&before, &after, &claimed(&snapshot)) {
            panic!("seed {seed}: {why}\n{}", serde_json::to_string_pretty(&hostile).unwrap());
        }
    }
}

/// Who is there already.
fn tenants() -> Snapshot {
    let ingress = |namespace: &str, host: &str, annotations: Value| {
        json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": { "name": "web", "namespace": namespace, "annotations": annotations },
            "spec": { "rules": [{ "host": host, "http": { "paths": [
                { "path": "/", "pathType": "Prefix", "backend": { "service": { "name": "web", "port": { "number": 80 } } } },
                { "path": "/in", "pathType": "Exact", "backend": { "service": { "name": "web", "port": { "number": 80 } } } },
            ] } }] },
        })
    };
    let inside = json!({ "nginx.ingress.kubernetes.io/allowlist-source-range": "10.0.0.0/8" });
    [
        ingress("one", "one.test", json!({})),
        ingress("two", "*.two.test", inside),
        ingress("three", "deep.three.test", json!({ "nginx.ingress.kubernetes.io/rewrite-target": "/x" })),
        ingress("four", "", json!({})),
    ]
    .into_iter()
    .map(|object| serde_json::from_value::<Ingress>(object).unwrap())
    .collect()
}

/// An Ingress of whoever wants what the others have.
fn hostile(dice: &mut Rng, rows: &[&Annotation], number: u64) -> Value {
    let annotations = (0..ANNOTATIONS).map(|_| {
        let name = rows[dice.usize(..rows.len())].name;
        (format!("nginx.ingress.kubernetes.io/{name}"), json!(text::random(dice, Kind::Value)))
    });
    let annotations: serde_json::Map<String, Value> = annotations.collect();
    let path = |dice: &mut Rng| {
        json!({
            "path": text::random(dice, Kind::Path),
            "pathType": dice.choice(["Exact", "Prefix", "ImplementationSpecific"]),
            "backend": { "service": { "name": "web", "port": { "number": 80 } } },
        })
    };
    let mut object = objects::Ingress::named(&format!("x{number}")).build();
    object["metadata"]["namespace"] = json!("mallory");
    object["metadata"]["annotations"] = json!(annotations);
    object["spec"]["rules"] =
        json!([{ "host": text::random(dice, Kind::Host), "http": { "paths": [path(dice), path(dice)] } }]);
    object["spec"]["tls"] =
        json!([{ "hosts": [text::random(dice, Kind::Host)], "secretName": text::random(dice, Kind::Value) }]);
    object
}

/// The hosts that the hostile Ingresses claim as theirs, as tenants may: who else has them shares them.
fn claimed(snapshot: &Snapshot) -> BTreeSet<HostPattern> {
    let hostile = snapshot.ingresses.iter().filter(|ingress| ingress.metadata.namespace.as_deref() == Some("mallory"));
    let rules = hostile.flat_map(|ingress| ingress.spec.iter().flat_map(|spec| spec.rules.iter().flatten()));
    rules.filter_map(|rule| HostPattern::parse(rule.host.as_deref().unwrap_or_default())).collect()
}

fn check(before: &Compiled, after: &Compiled, claimed: &BTreeSet<HostPattern>) -> Result<(), String> {
    for host in before.config.hosts.iter() {
        if claimed.contains(&host.pattern) {
            continue;
        }
        let now = after.config.hosts.get(&host.pattern);
        let same = now.is_some_and(|now| is_served_alike(host, now, claimed));
        if !same {
            return Err(format!("{} is served otherwise: {now:#?}", host.pattern));
        }
    }
    let hosts = after.config.hosts.iter().filter(|host| claimed.contains(&host.pattern));
    hosts.into_iter().try_for_each(|host| check_claimed(host, after))
}

/// The same but for the redirect to HTTPS of a name below somebody's wildcard with a certificate, as in ingress-nginx.
fn is_served_alike(before: &VirtualHost, now: &VirtualHost, claimed: &BTreeSet<HostPattern>) -> bool {
    let covered = before.pattern.covering_wildcard().is_some_and(|wildcard| claimed.contains(&wildcard));
    let VirtualHost { pattern: _, tls, app_root, routes, fallback } = before;
    (covered || *tls == now.tls) && *app_root == now.app_root && *routes == now.routes && *fallback == now.fallback
}

/// What was made of the values: routes of their own namespace, with texts that may stand in fields.
fn check_claimed(host: &VirtualHost, compiled: &Compiled) -> Result<(), String> {
    let own = |route: &&Arc<Route>| &*route.labels.namespace == "mallory";
    for route in host.routes.iter().chain(&host.fallback).filter(own) {
        let sent = match &route.action {
            Action::Forward(forward) => {
                if &*forward.backend.id.namespace != "mallory" {
                    return Err(format!("a route into another namespace: {route:?}"));
                }
                vec![forward.upstream_host.clone().unwrap_or_default()]
            }
            Action::Redirect(redirect) => vec![redirect.location.clone()],
            Action::Refuse(_) => Vec::new(),
        };
        if sent.iter().any(|text| text.chars().any(char::is_control)) {
            return Err(format!("a text that would end its line: {route:?}"));
        }
    }
    ask(host, compiled)
}

/// Requests for the host are planned without a panic, and nothing is sent that would end its line.
fn ask(host: &VirtualHost, compiled: &Compiled) -> Result<(), String> {
    let name = match &host.pattern {
        HostPattern::Exact(name) => name.to_string(),
        HostPattern::Wildcard(parent) => format!("a.{parent}"),
        HostPattern::Any => "any.invalid".to_owned(),
    };
    let peer =
        Peer { address: ([192, 0, 2, 1], 1000).into(), local: ([192, 0, 2, 2], 80).into(), scheme: Scheme::Http };
    for target in ["/", "/a/b?c=d", "/in", "/%0d%0aX:%20y"] {
        let mut head = RequestHead { method: "GET".into(), target: target.into(), ..RequestHead::default() };
        head.fields.push(b"Host", name.as_bytes());
        let Ok(planned) = plan(&compiled.table, &head, &peer, &mut Scratch::default()) else { continue };
        if let Outcome::Redirect { status: _, location } = &planned.outcome
            && location.iter().any(u8::is_ascii_control)
        {
            return Err(format!("{name}{target} redirects to {}", location.escape_ascii()));
        }
    }
    Ok(())
}
