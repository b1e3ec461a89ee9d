//! TLS handshakes with a running server: whatever a ClientHello holds, a client that does not name a tenant's host is
//! not given that tenant's certificate, and a handshake that cannot be ends with an alert.
//!
//! The input is extensions: two octets for the type, one for the length, then the content.

#![no_main]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::LazyLock;
use std::time::Duration;

use landfall::testing::certificates::{KeyPairPem, TestCa};
use landfall::testing::hello::{client_hello, served_certificate};
use landfall::testing::objects::{settings, tls_secret};
use landfall::testing::{Ingress, TestServer};
use libfuzzer_sys::fuzz_target;

const PATIENCE: Duration = Duration::from_secs(20);
const HOSTS: [&str; 3] = ["a.test", "aa.test", "*.b.test"];

struct Scene {
    server: TestServer,
    /// The leaves of [`HOSTS`], in DER.
    leaves: Vec<Vec<u8>>,
}

static SCENE: LazyLock<Scene> = LazyLock::new(|| {
    let ca = TestCa::new();
    let pairs = HOSTS.map(|host| ca.issue_for([host]));
    let mut ingress = Ingress::named("web");
    let mut objects = vec![settings([("disable-access-log", "true")])];
    for (number, (host, pair)) in HOSTS.iter().zip(&pairs).enumerate() {
        let name = format!("cert-{number}");
        objects.push(tls_secret(&name, pair));
        ingress = ingress.route(host, "/", "web").tls(host, &name);
    }
    objects.push(ingress.build());
    Scene { server: TestServer::start(1, objects), leaves: pairs.iter().map(leaf).collect() }
});

fuzz_target!(|input: &[u8]| {
    let mut client = TcpStream::connect(SCENE.server.https()).expect("the server listens");
    client.set_read_timeout(Some(PATIENCE)).expect("an option of every socket");
    let _refused = client.write_all(&client_hello(&extensions(input)));
    let _gone = client.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    if let Err(error) = client.read_to_end(&mut answer) {
        let waiting = matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut);
        assert!(!waiting, "the server neither answers nor ends the connection");
    }
    let Some(served) = served_certificate(&answer) else { return };
    let asked = input.to_ascii_lowercase();
    for (host, leaf) in HOSTS.iter().zip(&SCENE.leaves) {
        let name = host.trim_start_matches('*').as_bytes();
        let named = asked.windows(name.len()).any(|part| part == name);
        assert!(named || served != *leaf, "the certificate of {host} is given to who did not ask for it");
    }
});

fn leaf(pair: &KeyPairPem) -> Vec<u8> {
    pair.certificate().certified_key().cert.first().expect("a chain has a leaf").to_vec()
}

/// The extensions of an input.
fn extensions(mut input: &[u8]) -> Vec<(u16, &[u8])> {
    let mut extensions = Vec::new();
    while let Some(([high, low, length], rest)) = input.split_first_chunk::<3>() {
        let (content, rest) = rest.split_at(rest.len().min(usize::from(*length)));
        extensions.push((u16::from_be_bytes([*high, *low]), content));
        input = rest;
    }
    extensions
}
