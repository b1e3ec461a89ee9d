//! Key pairs: any octets give a pair that is sound or the reason why not, and neither repeats octets of the key.
//!
//! The first octet tells how the rest is read: as the DER of a leaf for a key that is given, as the DER of a key for a
//! leaf that is given, or as both halves in PEM, separated by NUL.

#![no_main]

use std::sync::LazyLock;

use landfall::ir::{HostPattern, UnixTime};
use landfall::testing::certificates::pem;
use landfall::tls::{Certificate, Coverage, SubjectName, parse_key_pair};
use libfuzzer_sys::fuzz_target;

/// Made for this target and used nowhere else.
const LEAF: &str = include_str!("../pair/leaf.pem");
const KEY: &str = include_str!("../pair/key.pem");
/// So many characters of base64 in a row are no word of a message.
const TELLING: usize = 24;

static PATTERNS: LazyLock<Vec<HostPattern>> = LazyLock::new(|| {
    let texts = ["", "a.example", "*.b.example", "x.b.example", "y.x.b.example", "b.example", "192.0.2.7"];
    texts.iter().map(|text| HostPattern::parse(text).expect("a host")).collect()
});

fuzz_target!(|input: &[u8]| {
    let Some((choice, octets)) = input.split_first() else { return };
    let (leaf, key) = match choice % 3 {
        0 => (pem("CERTIFICATE", octets).into_bytes(), KEY.as_bytes().to_vec()),
        1 => (LEAF.as_bytes().to_vec(), pem(label(*choice), octets).into_bytes()),
        _ => {
            let mut halves = octets.splitn(2, |octet| *octet == 0);
            let leaf = halves.next().unwrap_or_default();
            (leaf.to_vec(), halves.next().unwrap_or(leaf).to_vec())
        }
    };
    match parse_key_pair(&leaf, &key) {
        Ok(certificate) => check(&certificate),
        Err(error) => {
            let said = format!("{error} {error:?}");
            assert_eq!(told(&said), None, "octets of the pair are told: {said}");
        }
    }
});

/// What stands in a message and can be no word of its own: no reason for a refusal has words of that length, so these are
/// octets that were given.
fn told(said: &str) -> Option<&str> {
    let of_base64 = |letter: char| letter.is_ascii_alphanumeric() || letter == '+' || letter == '/';
    said.split(|letter| !of_base64(letter)).find(|run| run.len() >= TELLING)
}

fn label(choice: u8) -> &'static str {
    ["PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY"]
        .into_iter()
        .nth(usize::from(choice) / 3 % 3)
        .unwrap_or_default()
}

/// What a certificate says of itself agrees with its names, and costs no panic.
fn check(certificate: &Certificate) {
    for pattern in PATTERNS.iter() {
        let named = certificate.names().iter().any(|name| is_for(name, pattern));
        assert_eq!(certificate.covers(pattern) == Coverage::SubjectName, named, "{pattern} and {certificate:?}");
    }
    for moment in [i64::MIN / 2, 0, 1_800_000_000, i64::MAX / 2] {
        let _judged = certificate.validity(UnixTime(moment));
    }
    let facts = [certificate.serial(), certificate.issuer_common_name(), certificate.issuer_organization()];
    assert!(facts.iter().all(|fact| fact.len() <= 512 * 1024), "a fact longer than the certificate");
    let said = format!("{certificate:?}");
    assert!(!KEY.lines().any(|line| line.len() >= TELLING && said.contains(line)), "the key is told: {said}");
}

/// By labels, from the right.
fn is_for(name: &SubjectName, pattern: &HostPattern) -> bool {
    let pattern = pattern.to_string();
    let wanted: Vec<_> = pattern.split('.').collect();
    match name {
        SubjectName::Ip(address) => pattern.trim_matches(['[', ']']).parse() == Ok(*address),
        SubjectName::Dns(name) => {
            let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
            let labels: Vec<_> = name.split('.').collect();
            let same = |(label, wanted): (&&str, &&str)| label == wanted;
            let one_for_any = labels.first() == Some(&"*") && labels.len() > 1;
            let tail = |list: &[&str]| {
                list.get(1..).unwrap_or_default().iter().map(|label| (*label).to_owned()).collect::<Vec<_>>()
            };
            if pattern == "*" || name.is_empty() {
                false
            } else if one_for_any {
                wanted.len() > 1 && tail(&labels) == tail(&wanted)
            } else {
                labels.len() == wanted.len() && labels.iter().zip(&wanted).all(same)
            }
        }
    }
}
