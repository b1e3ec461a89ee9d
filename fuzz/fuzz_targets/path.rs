//! The path normaliser: idempotent, never above the root, and stable when its result is sent and read again.

#![no_main]

use landfall::request::path::{canonicalize, to_target};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|target: &[u8]| {
    let mut path = Vec::new();
    let Ok(canonical) = canonicalize(target, &mut path) else { return };

    assert_eq!(path.first(), Some(&b'/'), "a path that does not start at the root");
    assert!(!path.contains(&0), "a NUL got through");
    let segments: Vec<_> = path.split(|octet| *octet == b'/').collect();
    let (last, inner) = segments.split_last().expect("splitting gives at least one");
    assert!(!inner.iter().skip(1).any(|segment| segment.is_empty()), "an empty segment is left");
    assert!(!inner.iter().chain([last]).any(|segment| matches!(*segment, b"." | b"..")), "a dot segment is left");

    let sent = to_target(&path, canonical.query);
    assert!(sent.iter().all(|octet| (0x21..0x7f).contains(octet)), "an octet that may not be sent");
    let mut again = Vec::new();
    let read = canonicalize(&sent, &mut again).expect("what is sent can be read");
    assert_eq!(again, path, "the canonical form is not stable");
    assert_eq!(read.query, canonical.query, "the query has changed");
});
