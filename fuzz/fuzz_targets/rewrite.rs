//! Rewrites: whatever the pattern, the template and the request, what is made may be sent, or the request is refused.
//!
//! The input is three lines: the Ingress path, the rewrite target, and the target of a request.

#![no_main]

use landfall::annotations::pattern;
use landfall::ir::filter::{Rewrite, RewriteTarget, Template};
use landfall::request::path::canonicalize;
use landfall::request::rewrite::{Matched, Rewritten, apply, expand_field};
use landfall::table::RegexScratch;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    let mut lines = input.split('\n');
    let (Some(ingress_path), Some(template), Some(target)) = (lines.next(), lines.next(), lines.next()) else { return };
    let mut path = Vec::new();
    let Ok(canonical) = canonicalize(target.as_bytes(), &mut path) else { return };
    let Ok(pattern) = pattern::rewrite(ingress_path) else { return };
    let template = Template::parse(template);
    let mut regex = RegexScratch::default();

    for target in [RewriteTarget::Path(template.clone()), RewriteTarget::Redirect(template.clone())] {
        let rewrite = Rewrite { pattern: pattern.clone(), target };
        let matched = Matched::find(&rewrite, &path, &mut regex);
        match apply(&rewrite, &matched, canonical.query) {
            Ok(Rewritten::Unmatched) => {}
            Ok(Rewritten::Target(target)) => {
                assert_eq!(target.first(), Some(&b'/'), "a target that does not start at the root");
                assert!(target.iter().all(|octet| (0x21..0x7f).contains(octet)), "an octet that may not be sent");
                let read = canonicalize(&target, &mut Vec::new());
                assert!(read.is_ok(), "what is sent upstream would be refused: {read:?}");
            }
            Ok(Rewritten::Redirect(location)) => assert_field_value(&location),
            Err(rejected) => assert_eq!(rejected.status, 400, "a request cannot fail otherwise"),
        }
        assert_field_value(&expand_field(&template, &matched));
    }
});

fn assert_field_value(value: &[u8]) {
    assert!(!value.iter().any(|octet| matches!(octet, 0..=0x1f | 0x7f)), "a value that ends its line");
}
