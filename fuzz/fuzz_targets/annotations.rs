//! Annotation values: any text gives a policy and diagnostics that say where and what, the same every time.
//!
//! The input is lines of `name=value`; a line without `=` continues the value before it.

#![no_main]

use std::collections::BTreeMap;

use landfall::annotations::{self, Defaults, Source};
use landfall::ir::{ObjectKind, ObjectRef};
use libfuzzer_sys::fuzz_target;

const PREFIX: &str = "nginx.ingress.kubernetes.io";

fuzz_target!(|input: &str| {
    let annotations = read(input);
    let ingress = ObjectRef::new(ObjectKind::Ingress, "shop", "web");
    let defaults = Defaults::default();
    let source = Source { annotations: &annotations, prefix: PREFIX, ingress: &ingress, defaults: &defaults };
    let (policy, diagnostics) = annotations::parse(&source);
    for diagnostic in &diagnostics {
        assert!(!diagnostic.message.is_empty(), "a diagnostic that says nothing");
        assert_eq!(diagnostic.provenance.object, ingress, "a diagnostic about another object");
    }
    assert_eq!(annotations::parse(&source), (policy, diagnostics), "two readings differ");
});

fn read(input: &str) -> BTreeMap<String, String> {
    let mut annotations = BTreeMap::new();
    let mut last = None;
    for line in input.lines() {
        match line.split_once('=') {
            Some((name, value)) => {
                let name = format!("{PREFIX}/{name}");
                annotations.insert(name.clone(), value.to_owned());
                last = Some(name);
            }
            None => {
                if let Some(value) = last.as_ref().and_then(|name| annotations.get_mut(name)) {
                    value.push('\n');
                    value.push_str(line);
                }
            }
        }
    }
    annotations
}
