//! Names against a scripted DNS server.

use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::Name;
use tokio::time::timeout;

use super::*;
use crate::testing::DnsServer;
use crate::testing::raw::PATIENCE;

/// As quick as a test may be; times to live that the test is not about are over at once.
const QUICK: Pace = Pace {
    live: (Duration::from_millis(10), Duration::from_secs(300)),
    retry: Duration::from_millis(10),
    hold: Duration::ZERO,
    lookup: Duration::from_secs(10),
    first: PATIENCE,
};

/// Names resolved by a server, with a domain to search.
fn names_at(server: &DnsServer, pace: Pace) -> Names {
    let mut connections = vec![ConnectionConfig::udp(), ConnectionConfig::tcp()];
    for connection in &mut connections {
        connection.port = server.address().port();
    }
    let name_server = NameServerConfig::new(server.address().ip(), true, connections);
    let search = vec![Name::from_ascii("svc.test.").unwrap()];
    let config = ResolverConfig::from_parts(None, search, vec![name_server]);
    let resolver = Resolver::new(config, ResolverOpts::default()).ok();
    Names { pace, resolver, is_routed: |_| true, ..Names::new(LocalAddresses::LoopbackAllowed) }
}

/// The endpoints of a name, and what is reported of it.
fn served(names: &Names, host: &str) -> (Vec<String>, Vec<Diagnostic>) {
    let id = BackendId { namespace: "default".into(), service: "web".into(), port: "80".into() };
    let mut diagnostics = Vec::new();
    let endpoints = names.endpoints(&id, host, 80, &mut diagnostics);
    (endpoints.iter().map(|endpoint| endpoint.address.to_string()).collect(), diagnostics)
}

fn addresses(names: &Names, host: &str) -> Vec<String> {
    let (addresses, diagnostics) = served(names, host);
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    addresses
}

async fn watch(names: &mut Names, host: &str) {
    timeout(PATIENCE, names.watch([host].into_iter())).await.expect("the first answer comes");
}

async fn change(names: &mut Names) {
    timeout(PATIENCE, names.changed()).await.expect("there is a change");
}

#[tokio::test]
async fn a_name_has_the_addresses_of_both_families_each_once() {
    let server = DnsServer::start().await;
    server.says("api.test", &["60 A 192.0.2.2", "60 A 192.0.2.1", "60 A 192.0.2.2", "60 AAAA 2001:db8::1"]);
    let mut names = names_at(&server, QUICK);
    watch(&mut names, "api.test").await;
    assert_eq!(addresses(&names, "api.test"), ["192.0.2.1:80", "192.0.2.2:80", "[2001:db8::1]:80"]);
}

#[tokio::test]
async fn one_family_is_enough() {
    let server = DnsServer::start().await;
    server.says("six.test", &["60 AAAA 2001:db8::1"]);
    server.says("four.test", &["60 A 192.0.2.1"]);
    let mut names = names_at(&server, QUICK);
    names.watch(["six.test", "four.test"].into_iter()).await;
    assert_eq!(addresses(&names, "six.test"), ["[2001:db8::1]:80"]);
    assert_eq!(addresses(&names, "four.test"), ["192.0.2.1:80"]);
}

#[tokio::test]
async fn aliases_are_followed_for_as_long_as_the_shortest_lives() {
    let server = DnsServer::start().await;
    server.says("api.test", &["0 CNAME middle.test"]);
    server.says("middle.test", &["300 CNAME end.test"]);
    server.says("end.test", &["300 A 192.0.2.1"]);
    let mut names = names_at(&server, QUICK);
    watch(&mut names, "api.test").await;
    assert_eq!(addresses(&names, "api.test"), ["192.0.2.1:80"]);
    server.says("middle.test", &["300 A 192.0.2.2"]);
    change(&mut names).await;
    assert_eq!(addresses(&names, "api.test"), ["192.0.2.2:80"]);
}

#[tokio::test]
async fn a_name_is_looked_up_again_when_its_time_is_over_and_no_sooner() {
    let server = DnsServer::start().await;
    server.says("short.test", &["0 A 192.0.2.1"]);
    server.says("long.test", &["300 A 192.0.2.1"]);
    let mut names = names_at(&server, QUICK);
    names.watch(["short.test", "long.test"].into_iter()).await;
    for round in 2..6 {
        server.says("short.test", &[&format!("0 A 192.0.2.{round}")]);
        change(&mut names).await;
        assert_eq!(addresses(&names, "short.test"), [format!("192.0.2.{round}:80")]);
    }
    // One question for each family.
    assert_eq!(server.asked("long.test"), 2);
    assert!(server.asked("short.test") >= 10);
}

#[tokio::test]
async fn a_time_to_live_of_none_is_bounded_from_below() {
    let server = DnsServer::start().await;
    server.says("api.test", &["0 A 192.0.2.1"]);
    let mut names = names_at(&server, Pace { live: (Duration::from_secs(60), Duration::from_secs(60)), ..QUICK });
    watch(&mut names, "api.test").await;
    let due = names.known["api.test"].due.unwrap();
    assert!(due > Instant::now() + Duration::from_secs(30), "it is not looked up again at once");
}

#[tokio::test]
async fn a_failing_server_leaves_the_last_good_addresses() {
    let server = DnsServer::start().await;
    server.says("api.test", &["0 A 192.0.2.1"]);
    let mut names = names_at(&server, QUICK);
    watch(&mut names, "api.test").await;
    for code in [ResponseCode::ServFail, ResponseCode::Refused] {
        server.fails("api.test", code);
        change(&mut names).await;
        let (kept, diagnostics) = served(&names, "api.test");
        assert_eq!(kept, ["192.0.2.1:80"], "{code:?}");
        assert_eq!((diagnostics.len(), diagnostics[0].code), (1, "unresolved-name"));
        assert!(diagnostics[0].message.contains("1 addresses known from before are used"), "{diagnostics:?}");
    }
    server.says("api.test", &["0 A 192.0.2.2"]);
    change(&mut names).await;
    assert_eq!(addresses(&names, "api.test"), ["192.0.2.2:80"]);
}

#[tokio::test]
async fn a_server_that_says_nothing_leaves_the_last_good_addresses() {
    let server = DnsServer::start().await;
    server.says("api.test", &["0 A 192.0.2.1"]);
    let mut names = names_at(&server, QUICK);
    watch(&mut names, "api.test").await;
    names.pace.lookup = Duration::from_millis(50);
    server.ignores("api.test");
    change(&mut names).await;
    let (kept, diagnostics) = served(&names, "api.test");
    assert_eq!(kept, ["192.0.2.1:80"]);
    assert!(diagnostics[0].message.contains("no answer in time"), "{diagnostics:?}");
}

#[tokio::test]
async fn a_name_that_is_gone_is_served_for_a_while_and_then_no_longer() {
    let server = DnsServer::start().await;
    for (nowhere, reason) in [(None, "there is no such name"), (Some("0 CNAME empty.test"), "the name has no address")]
    {
        server.says("api.test", &["0 A 192.0.2.1"]);
        server.says("empty.test", &[]);
        let mut names = names_at(&server, Pace { hold: Duration::from_millis(100), ..QUICK });
        watch(&mut names, "api.test").await;
        match nowhere {
            None => server.fails("api.test", ResponseCode::NXDomain),
            Some(alias) => server.says("api.test", &[alias]),
        }
        change(&mut names).await;
        let (kept, diagnostics) = served(&names, "api.test");
        assert_eq!(kept, ["192.0.2.1:80"]);
        assert!(diagnostics[0].message.contains(reason), "{diagnostics:?}");
        change(&mut names).await;
        let (kept, diagnostics) = served(&names, "api.test");
        assert_eq!(kept, [""; 0]);
        assert!(diagnostics[0].message.ends_with("requests for it answer 503"), "{diagnostics:?}");
    }
}

#[tokio::test]
async fn a_name_that_comes_to_exist_is_found_whatever_was_said_of_its_absence() {
    let server = DnsServer::start().await;
    let mut names = names_at(&server, QUICK);
    watch(&mut names, "api.test").await;
    assert_eq!(served(&names, "api.test").1[0].code, "unresolved-name");
    server.says("api.test", &["60 A 192.0.2.1"]);
    change(&mut names).await;
    assert_eq!(addresses(&names, "api.test"), ["192.0.2.1:80"]);
}

#[tokio::test]
async fn addresses_that_nobody_may_be_sent_to_are_left_out_and_reported() {
    let server = DnsServer::start().await;
    server.says(
        "api.test",
        &[
            "60 A 169.254.169.254",
            "60 A 127.0.0.1",
            "60 A 192.0.2.1",
            "60 AAAA fe80::1",
            "60 AAAA ::ffff:169.254.169.254",
        ],
    );
    for (local, expected, refused) in [
        (LocalAddresses::Refused, &["192.0.2.1:80"][..], 3),
        (LocalAddresses::LoopbackAllowed, &["127.0.0.1:80", "192.0.2.1:80"], 2),
    ] {
        let mut names = Names { local, ..names_at(&server, QUICK) };
        watch(&mut names, "api.test").await;
        let (kept, diagnostics) = served(&names, "api.test");
        assert_eq!(kept, expected);
        assert_eq!(diagnostics.len(), refused, "{diagnostics:?}");
        assert!(diagnostics.iter().all(|diagnostic| diagnostic.code == "local-address"), "{diagnostics:?}");
    }
}

#[tokio::test]
async fn a_name_cannot_be_pointed_at_a_metadata_service_later() {
    let server = DnsServer::start().await;
    server.says("api.test", &["0 A 192.0.2.1"]);
    let mut names = names_at(&server, QUICK);
    watch(&mut names, "api.test").await;
    server.says("api.test", &["0 A 169.254.169.254"]);
    change(&mut names).await;
    let (kept, diagnostics) = served(&names, "api.test");
    assert_eq!((kept.len(), diagnostics[0].code), (0, "local-address"));
}

#[tokio::test]
async fn an_answer_too_long_for_a_datagram_is_asked_for_over_tcp() {
    let server = DnsServer::start().await;
    let records: Vec<String> = (0..100).map(|number| format!("60 A 192.0.2.{number}")).collect();
    let records: Vec<&str> = records.iter().map(String::as_str).collect();
    server.says("api.test", &records);
    let mut names = names_at(&server, QUICK);
    watch(&mut names, "api.test").await;
    assert_eq!(addresses(&names, "api.test").len(), 100);
    assert!(server.asked_over_tcp("api.test") > 0);
}

#[tokio::test]
async fn short_names_are_searched_for_and_whole_names_are_not() {
    let server = DnsServer::start().await;
    server.says("api.svc.test", &["60 A 192.0.2.1"]);
    server.says("api.test", &["60 A 192.0.2.2"]);
    let mut names = names_at(&server, QUICK);
    names.watch(["api", "api.test", "other."].into_iter()).await;
    assert_eq!(addresses(&names, "api"), ["192.0.2.1:80"]);
    assert_eq!(addresses(&names, "api.test"), ["192.0.2.2:80"]);
    assert_eq!((server.asked("api.test.svc.test"), server.asked("other.svc.test")), (0, 0));
}

#[tokio::test]
async fn a_publication_waits_for_new_names_only_so_long() {
    let server = DnsServer::start().await;
    server.ignores("slow.test");
    server.says("quick.test", &["60 A 192.0.2.1"]);
    let mut names = names_at(&server, Pace { first: Duration::from_millis(100), ..QUICK });
    timeout(PATIENCE, names.watch(["slow.test", "quick.test"].into_iter())).await.expect("it does not wait for ever");
    assert_eq!(addresses(&names, "quick.test"), ["192.0.2.1:80"]);
    assert_eq!(addresses(&names, "slow.test"), [""; 0]);
}

#[tokio::test]
async fn names_that_are_no_longer_wanted_are_asked_for_no_more() {
    let server = DnsServer::start().await;
    for name in ["old.test", "new.test"] {
        server.says(name, &["0 A 192.0.2.1"]);
    }
    let mut names = names_at(&server, QUICK);
    watch(&mut names, "old.test").await;
    watch(&mut names, "new.test").await;
    let before = server.asked("old.test");
    for round in 2..5 {
        server.says("new.test", &[&format!("0 A 192.0.2.{round}")]);
        change(&mut names).await;
    }
    assert_eq!((server.asked("old.test"), addresses(&names, "old.test").len()), (before, 0));
}

#[tokio::test]
async fn many_names_are_resolved_a_bounded_number_at_once() {
    let server = DnsServer::start().await;
    let hosts: Vec<String> = (0..200).map(|number| format!("n{number}.test")).collect();
    for host in &hosts {
        server.says(host, &["60 A 192.0.2.1"]);
    }
    let mut names = names_at(&server, QUICK);
    timeout(PATIENCE, names.watch(hosts.iter().map(String::as_str))).await.expect("all are answered");
    assert!(hosts.iter().all(|host| addresses(&names, host) == ["192.0.2.1:80"]));
}

#[test]
fn what_there_is_no_route_to_is_left_out_unless_that_is_everything() {
    let both: Vec<IpAddr> = vec!["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()];
    assert_eq!(prefer_routed(both.clone(), |address| address.is_ipv4()), both[..1]);
    assert_eq!(prefer_routed(both.clone(), |_| false), both);
    assert!(lookup::is_routed("127.0.0.1".parse().unwrap()));
}
