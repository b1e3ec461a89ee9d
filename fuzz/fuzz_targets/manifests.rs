//! Manifests: any bytes become objects, a configuration and a table without a panic, and the result depends neither on
//! what was compiled before nor on how often.

#![no_main]

use landfall::compile::Compiler;
use landfall::ir::{HostPattern, UnixTime};
use landfall::request::{Peer, RequestHead, Scheme, Scratch, plan};
use landfall::settings::Settings;
use landfall::snapshot::Snapshot;
use landfall::snapshot::manifest::document::Format;
use landfall::snapshot::manifest::parse::parse;
use libfuzzer_sys::fuzz_target;

const NOW: UnixTime = UnixTime(1_800_000_000);

fuzz_target!(|input: &[u8]| {
    let contents = parse(Format::Yaml, input);
    let snapshot: Snapshot = contents.objects.into_iter().map(|placed| placed.object).collect();
    let settings = Settings::for_manifests("manifests");

    let fresh = Compiler::new(&settings).update(&snapshot, NOW);
    let mut used = Compiler::new(&settings);
    used.update(&alone(&snapshot), NOW);
    let updated = used.update(&snapshot, NOW);
    assert_eq!(fresh.config, updated.config, "the configuration depends on what was compiled before");
    assert_eq!(fresh.endpoints, updated.endpoints, "the endpoints depend on what was compiled before");
    assert_eq!(fresh.diagnostics, updated.diagnostics, "the diagnostics depend on what was compiled before");

    let peer =
        Peer { address: ([192, 0, 2, 1], 1000).into(), local: ([192, 0, 2, 2], 80).into(), scheme: Scheme::Http };
    let mut scratch = Scratch::default();
    for host in fresh.config.hosts.iter() {
        let name = match &host.pattern {
            HostPattern::Exact(name) => name.to_string(),
            HostPattern::Wildcard(parent) => format!("a.{parent}"),
            HostPattern::Any => "any.invalid".to_owned(),
        };
        for path in host.routes.iter().map(|route| route.matcher.path()).chain(["/", "/a/../b"]) {
            let mut head = RequestHead { method: "GET".to_owned(), target: path.into(), ..RequestHead::default() };
            head.fields.push(b"Host", name.as_bytes());
            let planned = plan(&fresh.table, &head, &peer, &mut scratch);
            assert!(planned.is_ok_and(|plan| plan.vhost.is_some()) || path != "/", "a host that is not found: {name}");
        }
    }
});

/// The Ingresses, without anything that they refer to.
fn alone(snapshot: &Snapshot) -> Snapshot {
    Snapshot { ingresses: snapshot.ingresses.clone(), ..Snapshot::default() }
}
