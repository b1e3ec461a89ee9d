//! Random estates, compiled one after the other by one compiler: what is served is what the oracle says, and nothing of
//! one namespace is reached through another's Ingress.
//!
//! `LANDFALL_TENANT_GRAPHS` says how many estates there are (2,000 without it), `LANDFALL_TENANT_SEED` from which seed
//! on. A failure names its seed.

use std::sync::Arc;
use std::thread;

use fastrand::Rng;
use landfall::compile::{Compiled, Compiler};
use landfall::ir::{Action, EndpointSource, HostPattern, Route, UnixTime};
use landfall::request::{Outcome, Peer, RequestHead, Scheme, Scratch, plan};
use landfall::settings::Settings;

use crate::estate::{Estate, fingerprint};
use crate::oracle::{Oracle, Owner, Place};
use crate::variable;

const NOW: UnixTime = UnixTime(1_800_000_000);
/// Estates that follow from one another before a new one is made up.
const TURNS: u64 = 20;
const HOSTS: [&str; 8] =
    ["shop.test", "a.shop.test", "b.shop.test", "x.a.shop.test", "b.test", "c.test", "a.b.c.test", "alias.test"];
const PATHS: [&str; 8] = ["/", "/a", "/a/", "/a/b", "/a/bc", "/ab", "/a/b/c/d", "/z"];

/// The seeds are dealt out to so many threads.
const LANES: u64 = 4;

#[test]
fn nothing_of_a_namespace_is_reached_through_the_ingress_of_another() {
    let graphs = variable("LANDFALL_TENANT_GRAPHS", 2_000);
    let first = variable("LANDFALL_TENANT_SEED", 1);
    let seeds = first..first + graphs.div_ceil(TURNS);
    thread::scope(|scope| {
        for lane in 0..LANES {
            let seeds = seeds.clone().filter(move |seed| seed % LANES == lane);
            scope.spawn(move || seeds.for_each(follow));
        }
    });
}

/// Makes up an estate, changes it again and again, and compiles it after every change.
fn follow(seed: u64) {
    let mut dice = Rng::with_seed(seed);
    let mut passes = Compiler::new(&Settings::for_manifests("tenants"));
    let mut estate = Estate::random(&mut dice);
    let mut snapshot = estate.snapshot();
    for turn in 0..TURNS {
        let compiled = passes.update(&snapshot, NOW);
        if let Err(why) = check(&estate, &compiled) {
            panic!("seed {seed}, turn {turn}: {why}\n{estate:#?}");
        }
        let changed = estate.change(&mut dice);
        estate.update(&mut snapshot, changed);
    }
}

fn check(estate: &Estate, compiled: &Compiled) -> Result<(), String> {
    let oracle = Oracle::of(estate);
    check_hosts(&oracle, compiled)?;
    check_certificates(estate, &oracle, compiled)?;
    check_endpoints(&oracle, compiled)?;
    check_requests(&oracle, compiled)
}

/// Every route is one that its Ingress asks for, of its own namespace.
fn check_hosts(oracle: &Oracle<'_>, compiled: &Compiled) -> Result<(), String> {
    let served: Vec<_> = compiled.config.hosts.iter().map(|host| host.pattern.to_string()).collect();
    let mut wanted: Vec<_> = oracle.patterns().into_iter().collect();
    wanted.sort_by_key(|pattern| HostPattern::parse(if pattern == "*" { "" } else { pattern }));
    if served != wanted {
        return Err(format!("the hosts are {served:?}, not {wanted:?}"));
    }
    let routes = compiled.config.hosts.iter().flat_map(|host| host.routes.iter().chain(&host.fallback));
    for route in routes {
        let namespace = &*route.provenance.object.namespace;
        let own = &*route.labels.namespace == namespace && backend_namespace(route).is_none_or(|of| of == namespace);
        if !own {
            return Err(format!("a route reaches into another namespace: {route:?}"));
        }
    }
    Ok(())
}

fn backend_namespace(route: &Route) -> Option<&str> {
    match &route.action {
        Action::Forward(forward) => Some(&forward.backend.id.namespace),
        Action::Redirect(_) | Action::Refuse(_) => None,
    }
}

/// Every host has the certificate of the Secret that its oldest Ingress with a TLS section names, or the default.
fn check_certificates(estate: &Estate, oracle: &Oracle<'_>, compiled: &Compiled) -> Result<(), String> {
    for (pattern, certificate) in compiled.certificates.iter() {
        let pattern = pattern.to_string();
        let wanted = if pattern == "*" { None } else { oracle.secret(&pattern) };
        let served = certificate.secret().map(|secret| (&*secret.namespace, &*secret.name));
        if served != wanted {
            return Err(format!("{pattern} is served with {served:?}, not with {wanted:?}"));
        }
        if let Some(key) = wanted
            && certificate.fingerprint() != fingerprint(key.0, estate.secrets[&key])
        {
            return Err(format!("{pattern} is served with what {key:?} held before"));
        }
    }
    let listed: Vec<_> = compiled.certificates.iter().map(|(pattern, _)| pattern.to_string()).collect();
    let forgotten = oracle
        .patterns()
        .into_iter()
        .find(|pattern| pattern != "*" && oracle.secret(pattern).is_some() && !listed.contains(pattern));
    forgotten.map_or(Ok(()), |pattern| Err(format!("{pattern} is served without its certificate")))
}

/// Every backend's endpoints are those of the Service of its namespace.
fn check_endpoints(oracle: &Oracle<'_>, compiled: &Compiled) -> Result<(), String> {
    for (backend, source) in compiled.endpoints.iter() {
        let found = match source {
            EndpointSource::Addresses(addresses) => {
                Place::Addresses(addresses.iter().map(|endpoint| endpoint.address.ip().to_string()).collect())
            }
            EndpointSource::Name { host, port: _ } if host == "web.red.svc.cluster.local" => {
                Place::Name("web.red.svc.cluster.local")
            }
            EndpointSource::Name { host, port: _ } => return Err(format!("{backend:?} leads to {host}")),
        };
        let wanted = oracle.place(&backend.namespace, &backend.service);
        if found != wanted {
            return Err(format!("{backend:?} leads to {found:?}, not to {wanted:?}"));
        }
    }
    Ok(())
}

/// Every request goes to whom the oracle says, or is refused on that Ingress's account.
fn check_requests(oracle: &Oracle<'_>, compiled: &Compiled) -> Result<(), String> {
    let peer =
        Peer { address: ([192, 0, 2, 1], 1000).into(), local: ([192, 0, 2, 2], 443).into(), scheme: Scheme::Https };
    let mut scratch = Scratch::default();
    for host in HOSTS {
        let pattern = oracle.pattern(host);
        for path in PATHS {
            let mut head = RequestHead { method: "GET".into(), target: path.into(), ..RequestHead::default() };
            head.fields.push(b"Host", host.as_bytes());
            let planned =
                plan(&compiled.table, &head, &peer, &mut scratch).map_err(|why| format!("{host}{path}: {why:?}"))?;
            let served = planned.route.map(labels);
            let wanted = pattern.as_deref().and_then(|pattern| oracle.owner(pattern, path));
            let wanted = wanted.map(|Owner { ingress: (namespace, name), service }| (namespace, name, service));
            let same = served.as_ref().map(|(a, b, c)| (a.as_str(), b.as_str(), c.as_str()))
                == wanted.as_ref().map(|(a, b, c)| (*a, *b, c.as_str()));
            if !same {
                return Err(format!("{host}{path} goes to {served:?}, not to {wanted:?}"));
            }
            if let (Outcome::Forward(forward), Some((namespace, _, service))) = (&planned.outcome, &wanted) {
                let id = &forward.forward.backend.id;
                if (&*id.namespace, &*id.service) != (*namespace, service.as_str()) {
                    return Err(format!("{host}{path} is forwarded to {id:?}, not to {wanted:?}"));
                }
            }
        }
    }
    Ok(())
}

fn labels(route: &Arc<Route>) -> (String, String, String) {
    let labels = &route.labels;
    (labels.namespace.to_string(), labels.ingress.to_string(), labels.service.to_string())
}
