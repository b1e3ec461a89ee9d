//! Hostile requests, over the wire: what a client may send, what reaches a backend of it, and that nothing slips behind.
//!
//! Cases are lines of the files in `cases/` (`script` says how they are written). Each is sent to a running server with a
//! marker behind it; the origin records and reads, by a reader of its own and strictly, every octet that reaches it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice, reason = "a test fails by panicking")]
#![expect(clippy::similar_names, reason = "what is probed, received, and seen is so called")]

mod client1;
mod client2;
mod frames;
mod generator;
mod generator2;
mod grammar;
mod hpack;
mod model;
mod outcome;
mod paths;
mod reader;
mod recorder;
mod script;
mod script2;
mod summary;

use landfall::testing::objects::service;
use landfall::testing::{Ingress, TestServer};

use client1::Pace;
use recorder::{Protocol, Recorder};
use script::{Case, Clause, Language, Languages};

/// A server that sends everything for two hosts to one origin of this protocol.
async fn scene(protocol: Protocol) -> (TestServer, Recorder) {
    let origin = Recorder::start(protocol).await;
    let mut objects = service("web", &[origin.address()]);
    let ingress = Ingress::named("web").route("a.test", "/", "web").route("b.test", "/", "web");
    objects.push(Ingress::named("s").with("force-ssl-redirect", "true").route("s.test", "/", "web").build());
    objects.extend(paths_scene(protocol));
    objects.push(match protocol {
        Protocol::Http1 => ingress.build(),
        Protocol::Http2 => ingress.with("backend-protocol", "GRPC").build(),
    });
    (TestServer::start(1, objects), origin)
}

/// The Ingresses of `cases/paths.cases`. What a route sends as Host names it.
fn paths_scene(protocol: Protocol) -> Vec<serde_json::Value> {
    const INSIDE: &str = "10.0.0.0/8";
    let spoken = if protocol == Protocol::Http1 { "HTTP" } else { "GRPC" };
    let named = |name: &str| Ingress::named(name).with("upstream-vhost", name).with("backend-protocol", spoken);
    let any = "ImplementationSpecific";
    let ingresses = [
        named("pub").route("p.test", "/", "web"),
        named("adm").with("allowlist-source-range", INSIDE).route("p.test", "/admin", "web"),
        named("exa").with("denylist-source-range", "127.0.0.0/8").route_of_type("p.test", "/exact", "Exact", "web"),
        named("open").route("p.test", "/open", "web"),
        named("api").with("rewrite-target", "/$1").route_of_type("rw.test", "/api(.*)", any, "web"),
        named("strip").with("rewrite-target", "/v1/$2").route_of_type("rw.test", "/strip(/|$)(.*)", any, "web"),
        named("sec").with("allowlist-source-range", INSIDE).route("rw.test", "/secret", "web"),
        named("rpub").route("rw.test", "/", "web"),
        named("readm")
            .with("use-regex", "true")
            .with("whitelist-source-range", INSIDE)
            .route_of_type("re.test", "/adm.*", any, "web"),
        named("repub").route("re.test", "/", "web"),
    ];
    ingresses.into_iter().map(Ingress::build).collect()
}

fn is_for(case: &Case, protocol: Protocol) -> bool {
    case.clauses.iter().all(|clause| match clause {
        Clause::Only(only) => only == if protocol == Protocol::Http1 { "h1" } else { "h2" },
        _ => true,
    })
}

fn none_failed(failures: &[String]) {
    assert!(failures.is_empty(), "{} cases are not as they have to be:\n{}", failures.len(), failures.join("\n"));
}

async fn http1_cases(protocol: Protocol, pace: Pace) {
    let (server, origin) = scene(protocol).await;
    let mut failures = Vec::new();
    for case in http1_table().iter().filter(|case| is_for(case, protocol)) {
        failures.extend(client1::run(server.http(), &origin, case, pace).await.err());
    }
    none_failed(&failures);
}

const HTTP1: Languages = Languages { payloads: Language::Octets, answers: Language::Octets };
const HTTP2: Languages = Languages { payloads: Language::Frames, answers: Language::Octets };
const HTTP1_TO_FRAMES: Languages = Languages { payloads: Language::Octets, answers: Language::Frames };

fn http1_table() -> Vec<Case> {
    let files = [
        include_str!("cases/framing.cases"),
        include_str!("cases/heads.cases"),
        include_str!("cases/targets.cases"),
        include_str!("cases/semantics.cases"),
        include_str!("cases/paths.cases"),
        include_str!("cases/answers.cases"),
    ];
    let mut cases: Vec<_> = files.iter().flat_map(|text| script::read(text, HTTP1)).collect();
    cases.extend(script::read(include_str!("cases/answers-http2.cases"), HTTP1_TO_FRAMES));
    cases
}

fn http2_table() -> Vec<Case> {
    script::read(include_str!("cases/http2.cases"), HTTP2)
}

async fn http2_cases(protocol: Protocol) {
    let (server, origin) = scene(protocol).await;
    let mut failures = Vec::new();
    for case in http2_table().iter().filter(|case| is_for(case, protocol)) {
        failures.extend(client2::run(server.http(), &origin, case).await.err());
    }
    none_failed(&failures);
}

#[tokio::test]
async fn http2_to_http1() {
    http2_cases(Protocol::Http1).await;
}

#[tokio::test]
async fn http2_to_http2() {
    http2_cases(Protocol::Http2).await;
}

#[tokio::test]
async fn http1_to_http1() {
    http1_cases(Protocol::Http1, Pace::AtOnce).await;
}

#[tokio::test]
async fn http1_to_http1_octet_by_octet() {
    http1_cases(Protocol::Http1, Pace::ByOctet).await;
}

#[tokio::test]
async fn http1_to_http2() {
    http1_cases(Protocol::Http2, Pace::AtOnce).await;
}
