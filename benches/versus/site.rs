//! What every proxy serves: three hosts, and as many more as a case wants, each with a certificate and two paths.

use std::fmt::Write as _;

use landfall::testing::certificates::{Encoding, Key, KeyPairPem, TestCa, Wanted};

/// The host of most cases.
pub(crate) const MAIN: &str = "main.bench.test";
/// The host whose key is RSA.
pub(crate) const RSA: &str = "rsa.bench.test";
/// The host whose backend speaks gRPC.
pub(crate) const GRPC: &str = "grpc.bench.test";

#[derive(Debug)]
pub(crate) struct Site {
    pub authority: TestCa,
    pub main: KeyPairPem,
    pub rsa: KeyPairPem,
    pub grpc: KeyPairPem,
    /// Names of the hosts besides the three, each with its pair.
    pub hosts: Vec<String>,
    pub pairs: Vec<KeyPairPem>,
}

impl Site {
    pub(crate) fn new(hosts: usize) -> Self {
        let authority = TestCa::new();
        let issue = |name: &str, key| authority.issue(&Wanted::for_names([name]).with_key(key, Encoding::Pkcs8));
        let hosts: Vec<_> = (0..hosts).map(host_name).collect();
        Self {
            main: issue(MAIN, Key::EcdsaP256),
            rsa: issue(RSA, Key::Rsa),
            grpc: issue(GRPC, Key::EcdsaP256),
            pairs: hosts.iter().map(|name| issue(name, Key::EcdsaP256)).collect(),
            hosts,
            authority,
        }
    }

    /// Every host with its pair, the three first.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &KeyPairPem)> {
        let three = [(MAIN, &self.main), (RSA, &self.rsa), (GRPC, &self.grpc)];
        three.into_iter().chain(self.hosts.iter().map(String::as_str).zip(&self.pairs))
    }
}

/// Names such as customers have: alike at the end, unlike at the beginning.
fn host_name(number: usize) -> String {
    let mut name = String::new();
    // Writing into memory does not fail.
    let _ = write!(name, "shop-{number}.customers.bench.test");
    name
}
