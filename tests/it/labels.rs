//! The labels of metrics are bounded, whatever clients send: hosts, methods, paths and statuses.

#![expect(clippy::disallowed_methods, reason = "a variable says how long to look")]

use std::collections::BTreeSet;

use fastrand::Rng;
use landfall::testing::objects::service;
use landfall::testing::{Ingress, Origin, Raw, TestServer};

/// The methods that have a label of their own, and the label of all others.
const METHODS: [&str; 10] = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "other"];

/// `LANDFALL_RANDOM_REQUESTS` says how many requests there are (2,000 without it).
fn requests() -> u64 {
    let text = std::env::var("LANDFALL_RANDOM_REQUESTS").ok();
    text.map_or(2_000, |text| text.parse().expect("the variable is a number"))
}

/// The values of a label in what Prometheus reads.
fn values(exposition: &str, label: &str) -> BTreeSet<String> {
    let start = format!("{label}=\"");
    let of_line = |line: &str| Some(line.split_once(&start)?.1.split_once('"')?.0.to_owned());
    exposition.lines().filter(|line| !line.starts_with('#')).filter_map(of_line).collect()
}

#[tokio::test]
async fn no_label_comes_from_what_a_client_sends() {
    let origin = Origin::start("web").await;
    let mut objects = service("web", &[origin.address()]);
    objects.push(Ingress::named("web").route("a.test", "/", "web").route("*.b.test", "/b", "web").build());
    let server = TestServer::start(1, objects);
    let mut dice = Rng::with_seed(1);
    let mut client = Raw::connect(server.http()).await;
    for number in 0..requests() {
        let request = random(&mut dice);
        client.send(&request).await;
        let answer =
            if request.starts_with("HEAD ") { client.response_to_head().await } else { client.response().await };
        let closes = answer.one("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        // A connection serves a number of requests only.
        if closes || number % 500 == 499 {
            client = Raw::connect(server.http()).await;
        }
    }
    let exposition = server.metrics();
    let expected = |all: &[&str]| all.iter().map(|value| (*value).to_owned()).collect::<BTreeSet<_>>();
    assert!(values(&exposition, "host").is_subset(&expected(&["a.test", "*.b.test", "*", "_", ""])), "{exposition}");
    assert!(values(&exposition, "path").is_subset(&expected(&["/", "/b", ""])), "{exposition}");
    assert!(values(&exposition, "method").is_subset(&expected(&METHODS)), "{exposition}");
    assert!(values(&exposition, "ingress").is_subset(&expected(&["web", ""])), "{exposition}");
    assert!(values(&exposition, "service").is_subset(&expected(&["web", ""])), "{exposition}");
    // A backend may answer with any status; beyond 64 of status and method a route counts by class.
    let series = exposition.lines().filter(|line| line.starts_with("nginx_ingress_controller_requests{")).count();
    assert!(series <= 4 * (64 + 10), "{series} series");
}

/// A request that a server may take, of random names and for random statuses.
fn random(dice: &mut Rng) -> String {
    let mut word = |length: usize| (0..length).map(|_| dice.alphanumeric()).collect::<String>();
    let (first, second, third) = (word(8), word(6), word(5));
    let host = match dice.u8(..4) {
        0 => "a.test".to_owned(),
        1 => format!("{first}.b.test"),
        2 => format!("{first}.{second}.test"),
        _ => format!("{first}:{}", dice.u16(..)),
    };
    let path = match dice.u8(..4) {
        0 => format!("/{second}?{first}={third}"),
        1 => format!("/b/{second}/{third}"),
        2 => format!("/b/status-{}", dice.u16(200..1000)),
        _ => format!("/status-{}", dice.u16(200..1000)),
    };
    let method = match dice.u8(..3) {
        0 => METHODS[dice.usize(..METHODS.len() - 1)].to_owned(),
        1 => third.to_ascii_uppercase(),
        _ => "GET".to_owned(),
    };
    format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n\r\n")
}
