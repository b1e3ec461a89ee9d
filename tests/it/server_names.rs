//! Random server names: nobody is given the certificate of a host that they did not name, and neither memory nor metrics
//! grow with the names that are asked for.
//!
//! `LANDFALL_SERVER_NAMES` says how many handshakes there are (2,000 without it), `LANDFALL_TENANT_SEED` from which seed
//! on. A failure names its name.

#![expect(
    clippy::disallowed_methods,
    reason = "a variable says how long to look, and the kernel tells of memory by files"
)]

use std::sync::Arc;

use fastrand::Rng;
use landfall::testing::certificates::TestCa;
use landfall::testing::hello::{SERVER_NAME, client_hello, served_certificate, server_name};
use landfall::testing::objects::{settings, tls_secret};
use landfall::testing::{Ingress, Raw, TestServer};
use tokio::task::JoinSet;

/// Tenants' hosts, each with a certificate of its own.
const HOSTS: [&str; 4] = ["a.test", "aa.test", "*.b.test", "x.b.test"];
/// Handshakes at the same time.
const LANES: u64 = 4;
/// What the process may grow by, whatever the number of names.
const GROWTH: u64 = 32 * 1024 * 1024;

fn variable(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().map_or(otherwise, |text| text.parse().expect("the variable is a number"))
}

/// A server, and the leaves of [`HOSTS`].
fn scene() -> (TestServer, Vec<Vec<u8>>) {
    let ca = TestCa::new();
    let pairs = HOSTS.map(|host| ca.issue_for([host]));
    let mut objects = vec![settings([("disable-access-log", "true")])];
    let mut ingress = Ingress::named("web");
    for (number, (host, pair)) in HOSTS.iter().zip(&pairs).enumerate() {
        let secret = format!("cert-{number}");
        objects.push(tls_secret(&secret, pair));
        ingress = ingress.route(host, "/", "web").tls(host, &secret);
    }
    objects.push(ingress.build());
    let leaves = pairs.iter().map(|pair| pair.certificate().certified_key().cert[0].to_vec());
    (TestServer::start(2, objects), leaves.collect())
}

#[tokio::test]
async fn a_name_is_given_its_own_certificate_or_the_default_however_it_is_written() {
    let (server, leaves) = scene();
    let leaves = Arc::new(leaves);
    let first = variable("LANDFALL_TENANT_SEED", 1);
    let per_lane = variable("LANDFALL_SERVER_NAMES", 2_000).div_ceil(LANES);
    let address = server.https();
    handshake(address, Some(b"warm.up")).await;
    let (series, memory) = (server.metrics().lines().count(), resident());
    let mut lanes = JoinSet::new();
    for lane in 0..LANES {
        let leaves = Arc::clone(&leaves);
        lanes.spawn(async move {
            let mut dice = Rng::with_seed(first + lane);
            for _ in 0..per_lane {
                let name = random(&mut dice);
                let given = handshake(address, name.as_deref()).await;
                let given = given.map(|leaf| leaves.iter().position(|known| *known == leaf));
                let shown = name.as_ref().map(|name| name.escape_ascii().to_string());
                match given {
                    Some(tenant) => assert_eq!(tenant, wanted(name.as_deref()), "{shown:?}"),
                    None => assert!(name.is_some_and(|name| !is_name(&name)), "{shown:?} is refused"),
                }
            }
        });
    }
    while let Some(lane) = lanes.join_next().await {
        lane.expect("a lane finds nothing");
    }
    let grown = resident().saturating_sub(memory);
    assert!(grown < GROWTH, "the process has grown by {grown} octets");
    let exposition = server.metrics();
    // Handshakes that failed are counted in a series of their own, which may be new.
    assert!(exposition.lines().count() <= series + 4, "series come with the names: {exposition}");
}

/// The leaf that a client is given for a name; `None` if its handshake is refused.
async fn handshake(address: std::net::SocketAddr, name: Option<&[u8]>) -> Option<Vec<u8>> {
    let extension = name.map(server_name);
    let extensions: Vec<_> = extension.iter().map(|content| (SERVER_NAME, content.as_slice())).collect();
    let mut client = Raw::connect(address).await;
    client.send(client_hello(&extensions)).await;
    client.finish_sending().await;
    served_certificate(&client.rest().await)
}

/// The tenant whose name this is.
fn wanted(name: Option<&[u8]>) -> Option<usize> {
    let name = String::from_utf8_lossy(name?).to_ascii_lowercase();
    let name = name.strip_suffix('.').unwrap_or(&name);
    let of = |host: &str| HOSTS.iter().position(|known| *known == host);
    of(name).filter(|_| !name.starts_with('*')).or_else(|| of(&format!("*.{}", name.split_once('.')?.1)))
}

/// What a client may send (RFC 6066 §3): a name in ASCII, by letters, digits, hyphens inside of labels and, as is common,
/// underscores; not one that ends like an address, in decimal or hexadecimal digits.
fn is_name(name: &[u8]) -> bool {
    let bare = name.strip_suffix(b".").unwrap_or(name);
    let label = |label: &[u8]| {
        (1..=63).contains(&label.len())
            && label.iter().all(|octet| octet.is_ascii_alphanumeric() || b"-_".contains(octet))
            && !label.starts_with(b"-")
            && !label.ends_with(b"-")
    };
    let last = bare.rsplit(|octet| *octet == b'.').next().unwrap_or_default();
    let hexadecimal = |digits: &[u8]| digits.iter().all(u8::is_ascii_hexdigit);
    let is_number =
        last.iter().all(u8::is_ascii_digit) || matches!(last, [b'0', b'x' | b'X', digits @ ..] if hexadecimal(digits));
    name.len() <= 253 && bare.split(|octet| *octet == b'.').all(label) && !is_number
}

/// A tenant's name, or one made up, written in some way; or none.
fn random(dice: &mut Rng) -> Option<Vec<u8>> {
    let mut name = match dice.u8(..8) {
        0 => return None,
        1..=3 => HOSTS[dice.usize(..HOSTS.len())].replace('*', ["x", "y", "*", "x.x", ""][dice.usize(..5)]),
        4 => (0..dice.usize(..4)).map(|_| ["a", "b", "test", "x", ""][dice.usize(..5)]).collect::<Vec<_>>().join("."),
        _ => (0..dice.usize(1..40)).map(|_| dice.alphanumeric()).collect::<String>() + ".test",
    }
    .into_bytes();
    for octet in &mut name {
        if dice.bool() {
            octet.make_ascii_uppercase();
        }
    }
    match dice.u8(..12) {
        0 => name.push(b'.'),
        1 => name.extend_from_slice(b".."),
        2 => name.insert(dice.usize(..=name.len()), dice.u8(..)),
        3 => name = [&b"a.".repeat(dice.usize(1..140)), &*name].concat(),
        4 => name.push(0),
        _ => {}
    }
    Some(name)
}

/// The memory that the process holds, in octets (proc(5)).
fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("the process is there");
    let pages = pages.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).expect("a number of pages");
    pages * 4096
}
