//! Authorities: whatever is accepted is canonical, and reading it again gives the same.

#![no_main]

use landfall::request::host;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some(authority) = host::parse(input) else { return };
    let canonical = authority.host.as_str();
    assert!(!canonical.is_empty(), "a host of no octets");
    assert!(canonical.len() <= 255, "a host longer than names can be");
    assert!(!canonical.bytes().any(|octet| octet.is_ascii_uppercase()), "case is left");
    assert!(!canonical.bytes().any(|octet| b"/@?#% \t\r\n\0,".contains(&octet)), "a delimiter is left");
    let again = host::parse(canonical.as_bytes());
    assert_eq!(again.map(|again| again.host), Some(authority.host), "the canonical form is not stable");
});
