//! Fields in, fields out.

use std::sync::Arc;

use super::*;
use crate::ir::listener::{ClientAddress, ForwardedChain, HstsPreload, TrustedForwarding, UnderscoreNames};
use crate::ir::{Forward, ListenerPolicy, Route};
use crate::request::{Client, ForwardPlan, Peer, RequestHead, ResponseHead, Scheme, Target};
use crate::testing::scan::route_for;

/// What was written, as `Name: value` lines.
#[derive(Default)]
struct Lines(Vec<String>);

impl FieldSink for Lines {
    fn own(&mut self, name: OwnName, value: &[u8]) {
        self.0.push(format!("{}: {}", name.as_bytes().escape_ascii(), value.escape_ascii()));
    }

    fn relay(&mut self, field: &Field<'_>) {
        self.0.push(format!("{}: {}", field.name.escape_ascii(), field.value.escape_ascii()));
    }
}

fn request(fields: &[(&str, &str)]) -> RequestHead {
    let mut head = RequestHead::default();
    for (name, value) in fields {
        head.fields.push(name.as_bytes(), value.as_bytes());
    }
    head
}

fn peer() -> Peer {
    Peer { address: ([10, 0, 0, 9], 4711).into(), local: ([10, 0, 0, 1], 80).into(), scheme: Scheme::Http }
}

fn trusting(chain: ForwardedChain) -> ListenerPolicy {
    let trusted = vec!["10.0.0.0/8".parse().unwrap()];
    let forwarding = TrustedForwarding { header: "x-forwarded-for".to_owned(), trusted, chain };
    ListenerPolicy { client_address: ClientAddress::Forwarded(forwarding), ..ListenerPolicy::default() }
}

fn upstream_with(head: &RequestHead, policy: &ListenerPolicy, prefix: Option<&str>) -> Vec<String> {
    let route: Arc<Route> = route_for("/");
    let forward: &Forward = match &route.action {
        crate::ir::Action::Forward(forward) => forward,
        other => panic!("{other:?}"),
    };
    let forwarded_prefix = prefix.map(|prefix| prefix.as_bytes().to_vec());
    let plan = ForwardPlan { forward, route: &route, target: Target::Raw, forwarded_prefix };
    let client = Client::of(head, &peer(), policy);
    let mut lines = Lines::default();
    upstream_fields(head, &plan, &client, policy, &peer(), b"shop.example:8080", b"0123", &mut lines);
    lines.0
}

fn upstream(head: &RequestHead, policy: &ListenerPolicy) -> Vec<String> {
    upstream_with(head, policy, None)
}

/// The lines that are not of the fields that every request gets.
fn passed(fields: &[(&str, &str)], policy: &ListenerPolicy) -> Vec<String> {
    let own = upstream(&request(&[]), policy);
    upstream(&request(fields), policy).into_iter().filter(|line| !own.contains(line)).collect()
}

const OWN: [&str; 8] = [
    "X-Request-ID: 0123",
    "X-Real-IP: 10.0.0.9",
    "X-Forwarded-For: 10.0.0.9",
    "X-Forwarded-Host: shop.example:8080",
    "X-Forwarded-Port: 80",
    "X-Forwarded-Proto: http",
    "X-Forwarded-Scheme: http",
    "X-Scheme: http",
];

#[test]
fn a_request_gets_the_fields_that_ingress_nginx_sets() {
    assert_eq!(upstream(&request(&[]), &ListenerPolicy::default()), OWN);
}

#[test]
fn an_untrusted_client_cannot_speak_for_us() {
    let forged = [
        ("X-Real-IP", "1.1.1.1"),
        ("x-forwarded-proto", "https"),
        ("X-Forwarded-Port", "443"),
        ("X-Forwarded-Scheme", "https"),
        ("X-Scheme", "https"),
        ("X-Forwarded-Prefix", "/admin"),
        ("X-Request-ID", "forged"),
        ("X-Original-Forwarded-For", "1.1.1.1"),
        ("X-Original-Forwarded-Host", "evil"),
        ("Forwarded", "for=1.1.1.1"),
        ("X-Original-URL", "/admin"),
        ("x-rewrite-url", "/admin"),
        ("ssl-client-verify", "SUCCESS"),
        ("SSL-Client-Subject-DN", "CN=admin"),
        ("Proxy", "http://evil"),
    ];
    assert_eq!(upstream(&request(&forged), &ListenerPolicy::default()), OWN);
}

#[test]
fn what_a_client_said_of_itself_is_kept_under_names_of_its_own() {
    let head = [("X-Forwarded-For", "1.1.1.1"), ("X-Forwarded-Host", "other.example")];
    assert_eq!(
        passed(&head, &ListenerPolicy::default()),
        ["X-Original-Forwarded-For: 1.1.1.1", "X-Original-Forwarded-Host: other.example"]
    );
}

#[test]
fn a_trusted_peer_is_believed() {
    let head = request(&[
        ("X-Forwarded-For", "8.8.8.8, 9.9.9.9, 10.1.1.1"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Port", "443"),
        ("X-Forwarded-Host", "www.example"),
        ("X-Forwarded-Prefix", "/p"),
        ("Forwarded", "for=9.9.9.9"),
    ]);
    assert_eq!(
        upstream(&head, &trusting(ForwardedChain::Replace)),
        [
            "X-Forwarded-Prefix: /p",
            "Forwarded: for=9.9.9.9",
            "X-Request-ID: 0123",
            "X-Real-IP: 9.9.9.9",
            "X-Forwarded-For: 9.9.9.9",
            "X-Original-Forwarded-For: 8.8.8.8, 9.9.9.9, 10.1.1.1",
            "X-Forwarded-Host: www.example",
            "X-Forwarded-Port: 443",
            "X-Forwarded-Proto: https",
            "X-Forwarded-Scheme: https",
            "X-Scheme: https",
            "X-Original-Forwarded-Host: www.example",
        ]
    );
}

#[test]
fn a_full_chain_ends_with_the_peer() {
    let head = request(&[("X-Forwarded-For", "8.8.8.8"), ("X-Forwarded-For", "9.9.9.9")]);
    let lines = upstream(&head, &trusting(ForwardedChain::Append));
    assert!(lines.contains(&"X-Forwarded-For: 8.8.8.8, 9.9.9.9, 10.0.0.9".to_owned()), "{lines:?}");
}

#[test]
fn a_prefix_of_ours_replaces_a_trusted_peers() {
    let head = request(&[("X-Forwarded-Prefix", "/theirs")]);
    let lines = upstream_with(&head, &trusting(ForwardedChain::Replace), Some("/ours"));
    let prefixes: Vec<_> = lines.iter().filter(|line| line.starts_with("X-Forwarded-Prefix")).collect();
    assert_eq!(prefixes, ["X-Forwarded-Prefix: /ours"]);
}

#[test]
fn end_to_end_fields_pass_in_order_and_case() {
    let head = [("aCCept", "*/*"), ("Cookie", "a=1"), ("x-Custom", "1"), ("Via", "1.1 a"), ("x-custom", "2")];
    let expected = ["aCCept: */*", "Cookie: a=1", "x-Custom: 1", "Via: 1.1 a", "x-custom: 2"];
    assert_eq!(passed(&head, &ListenerPolicy::default()), expected);
}

#[test]
fn hop_by_hop_fields_do_not_pass() {
    let head = [
        ("Host", "h"),
        ("Connection", "close"),
        ("Keep-Alive", "timeout=5"),
        ("Proxy-Connection", "keep-alive"),
        ("Proxy-Authorization", "Basic x"),
        ("TE", "trailers"),
        ("Trailer", "x"),
        ("Transfer-Encoding", "chunked"),
        ("Content-Length", "3"),
        ("Upgrade", "h2c"),
        ("HTTP2-Settings", "AAAA"),
        ("Expect", "100-continue"),
    ];
    assert_eq!(passed(&head, &ListenerPolicy::default()), [""; 0]);
}

#[test]
fn nominated_fields_are_removed_but_not_those_that_protect_the_backend() {
    let head = [
        ("Connection", "close, X-Hop ,authorization,Cookie"),
        ("x-hop", "1"),
        ("Connection", "x-other, X-Forwarded-For, X-Real-IP"),
        ("X-Other", "2"),
        ("Authorization", "Bearer t"),
        ("Cookie", "a=1"),
        ("X-End", "3"),
    ];
    let policy = ListenerPolicy::default();
    assert_eq!(passed(&head, &policy), ["Authorization: Bearer t", "Cookie: a=1", "X-End: 3"]);
    assert!(upstream(&request(&head), &policy).contains(&"X-Forwarded-For: 10.0.0.9".to_owned()));
}

#[test]
fn names_with_underscores_are_dropped_by_default() {
    assert_eq!(passed(&[("x_custom", "1"), ("x-a_b", "1")], &ListenerPolicy::default()), [""; 0]);
}

#[test]
fn underscored_twins_are_dropped_even_where_underscores_are_kept() {
    let policy = ListenerPolicy { underscores: UnderscoreNames::Keep, ..ListenerPolicy::default() };
    let head = [
        ("x_custom", "1"),
        ("x_forwarded_for", "1.1.1.1"),
        ("X-Forwarded_Proto", "https"),
        ("Transfer_Encoding", "chunked"),
        ("ssl_client_verify", "SUCCESS"),
        ("X_Original_URL", "/admin"),
    ];
    assert_eq!(passed(&head, &policy), ["x_custom: 1"]);
}

#[test]
fn names_that_nginx_calls_invalid_are_dropped() {
    let policy = ListenerPolicy { underscores: UnderscoreNames::Keep, ..ListenerPolicy::default() };
    assert_eq!(passed(&[("x.forwarded.for", "1"), ("a!b", "1"), ("a_b~", "1")], &policy), [""; 0]);
}

#[test]
fn a_sane_request_id_is_kept() {
    let long = "x".repeat(129);
    for (sent, expected) in [("abc-1", "abc-1"), ("", "made"), ("a b", "made"), ("a\u{e9}", "made"), (&long, "made")] {
        assert_eq!(request_id(&request(&[("x-request-id", sent)]), b"made"), expected.as_bytes(), "{sent}");
    }
    assert_eq!(request_id(&request(&[]), b"made"), b"made");
}

fn downstream(scheme: Scheme, policy: &ListenerPolicy, status: u16, fields: &[(&str, &str)]) -> Vec<String> {
    let client = Client::of(&request(&[]), &Peer { scheme, ..peer() }, policy);
    let mut head = ResponseHead { status, ..ResponseHead::default() };
    for (name, value) in fields {
        head.fields.push(name.as_bytes(), value.as_bytes());
    }
    let mut lines = Lines::default();
    downstream_fields(&head, policy, &client, &mut lines);
    lines.0
}

#[test]
fn a_response_loses_server_hop_by_hop_and_framing_fields() {
    let fields = [
        ("Server", "apache"),
        ("Connection", "keep-alive, x-hop"),
        ("X-Hop", "1"),
        ("Keep-Alive", "timeout=5"),
        ("Transfer-Encoding", "chunked"),
        ("Content-Length", "5"),
        ("Upgrade", "h2c"),
        ("Set-Cookie", "a=1"),
        ("Date", "now"),
        ("X-End", "1"),
    ];
    let lines = downstream(Scheme::Http, &ListenerPolicy::default(), 200, &fields);
    assert_eq!(lines, ["Set-Cookie: a=1", "Date: now", "X-End: 1"]);
}

#[test]
fn responses_over_tls_carry_our_transport_security() {
    let upstreams = [("Strict-Transport-Security", "max-age=0")];
    let lines = downstream(Scheme::Https, &ListenerPolicy::default(), 200, &upstreams);
    assert_eq!(lines, ["Strict-Transport-Security: max-age=31536000; includeSubDomains"]);
    let plain = downstream(Scheme::Http, &ListenerPolicy::default(), 200, &[]);
    assert_eq!(plain, [""; 0]);
    let off = ListenerPolicy { hsts: None, ..ListenerPolicy::default() };
    assert_eq!(downstream(Scheme::Https, &off, 200, &upstreams), ["Strict-Transport-Security: max-age=0"]);
    assert_eq!(downstream(Scheme::Https, &ListenerPolicy::default(), 103, &[]), [""; 0]);
}

#[test]
fn the_longest_transport_security_fits() {
    let mut policy = ListenerPolicy::default();
    policy.hsts =
        policy.hsts.map(|hsts| crate::ir::listener::Hsts { max_age_secs: u64::MAX, preload: HstsPreload::Yes, ..hsts });
    let lines = downstream(Scheme::Https, &policy, 200, &[]);
    assert_eq!(lines, [format!("Strict-Transport-Security: max-age={}; includeSubDomains; preload", u64::MAX)]);
}
