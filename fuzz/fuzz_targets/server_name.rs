//! Certificates by server name: what is found is what a search by hand finds, and never another name's.
//!
//! The input is lines: `host=` lists a host with a certificate of its own, `get=` asks for a server name.

#![no_main]

use std::sync::{Arc, LazyLock};

use landfall::ir::HostPattern;
use landfall::testing::certificates::TestCa;
use landfall::tls::{Certificate, CertificateStore};
use libfuzzer_sys::fuzz_target;

static CERTIFICATES: LazyLock<Vec<Arc<Certificate>>> = LazyLock::new(|| {
    let ca = TestCa::new();
    (0..16).map(|number| Arc::new(ca.issue_for([format!("c{number}.example").as_str()]).certificate())).collect()
});

fuzz_target!(|input: &str| {
    let (hosts, names) = read(input);
    let mut store = CertificateStore::default();
    for (pattern, certificate) in &hosts {
        store.insert(pattern.clone(), Arc::clone(certificate));
    }
    for name in names.into_iter().map(Some).chain([None]) {
        let found = store.resolve(name).map(Arc::as_ptr);
        let wanted = search(&hosts, name).map(Arc::as_ptr);
        assert_eq!(found, wanted, "another certificate for {name:?}");
    }
});

type Hosts = Vec<(HostPattern, Arc<Certificate>)>;

/// The hosts, of which the later of two that are equal counts, and the names to ask for.
fn read(input: &str) -> (Hosts, Vec<&str>) {
    let mut hosts: Hosts = Vec::new();
    let mut names = Vec::new();
    for line in input.split('\n').take(100) {
        match line.split_once('=') {
            Some(("host", text)) => {
                let Some(certificate) = CERTIFICATES.get(hosts.len()) else { continue };
                let Some(pattern) = HostPattern::parse(text) else { continue };
                hosts.retain(|(known, _)| *known != pattern);
                hosts.push((pattern, Arc::clone(certificate)));
            }
            Some(("get", name)) => names.push(name),
            Some(_) | None => {}
        }
    }
    (hosts, names)
}

/// The longest name there is, with the dot that may stand behind it (RFC 1035 §2.3.4).
const LONGEST: usize = 254;

/// The exact name, else the wildcard whose one label stands for the first of the name's, else the default.
fn search<'h>(hosts: &'h Hosts, name: Option<&str>) -> Option<&'h Arc<Certificate>> {
    let by = |wanted: &dyn Fn(&str) -> bool| hosts.iter().find(|(pattern, _)| wanted(&pattern.to_string()));
    let folded = name.filter(|name| name.len() <= LONGEST).map(str::to_ascii_lowercase).unwrap_or_default();
    let folded = folded.strip_suffix('.').unwrap_or(&folded);
    let exact = by(&|pattern| !pattern.starts_with('*') && pattern == folded);
    let wildcard = || {
        let (label, parent) = folded.split_once('.')?;
        by(&|pattern| !label.is_empty() && pattern.strip_prefix("*.") == Some(parent))
    };
    let default = || hosts.iter().find(|(pattern, _)| *pattern == HostPattern::Any);
    exact.or_else(wildcard).or_else(default).map(|(_, certificate)| certificate)
}
