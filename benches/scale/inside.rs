//! The compiler by itself: from objects in memory to the published state.

use std::sync::Arc;
use std::time::Instant;

use landfall::compile::{Compiled, Compiler};
use landfall::ir::{EndpointSource, UnixTime};
use landfall::live::{self, Endpoints, Publication, Publisher};
use landfall::settings::Settings;
use landfall::snapshot::manifest::document::Format;
use landfall::snapshot::manifest::parse::parse;
use landfall::snapshot::{Object, Snapshot};
use serde_json::Value;

use crate::population::{Kind, Population};
use crate::{Samples, resident};

const NOW: UnixTime = UnixTime(1_800_000_000);
/// Changes of each kind.
const CHANGES: usize = 1_000;

pub(crate) fn measure(population: &Population) {
    println!("== {} Ingresses, the compiler by itself", population.size());
    let settings = Settings::for_manifests(".");
    let without = resident(std::process::id());
    let mut snapshot: Snapshot = population.objects(0).flat_map(|object| read(&object)).collect();
    let (mut publisher, _reader) = live::channel();
    let mut compiler = Compiler::new(&settings);
    let objects = resident(std::process::id());
    println!("{:<40} {:>6.1} MB", "resident for the objects", objects - without);
    let mut last = Published::default();
    let began = Instant::now();
    let everything = compiler.update(&snapshot, NOW);
    let took = began.elapsed();
    last.publish(&mut publisher, everything);
    println!("{:<40} {took:>9.1?}, published after {:.1?}", "everything, compiled", began.elapsed());
    println!("{:<40} {:>6.1} MB", "resident for what was compiled", resident(std::process::id()) - objects);
    assert_eq!(last.compiled.certificates.len(), population.size() + 1);
    for kind in Kind::ALL {
        let mut samples = Samples::default();
        for turn in 1..=CHANGES {
            let number = turn * 7 % 100;
            let objects = read(&population.change(kind, number, turn / 100 + 1));
            let began = Instant::now();
            for object in objects {
                snapshot.insert(object);
            }
            last.publish(&mut publisher, compiler.update(&snapshot, NOW));
            samples.0.push(began.elapsed());
        }
        samples.print(&format!("{} change, compiled and published", kind.as_str()));
    }
}

fn read(object: &Value) -> Vec<Object> {
    let contents = parse(Format::Json, object.to_string().as_bytes());
    assert!(contents.refused.is_empty() && contents.malformed.is_empty(), "{contents:?}");
    contents.objects.into_iter().map(|placed| placed.object).collect()
}

/// What was published last.
#[derive(Default)]
struct Published {
    compiled: Compiled,
    endpoints: Endpoints,
}

impl Published {
    fn publish(&mut self, publisher: &mut Publisher, next: Compiled) {
        let before = std::mem::replace(&mut self.compiled, next);
        let Compiled { config, table, certificates, endpoints, .. } = &self.compiled;
        for change in before.endpoints.changes(endpoints, EndpointSource::eq) {
            match change.now {
                Some(EndpointSource::Addresses(list)) => {
                    _ = self.endpoints.insert(change.key.clone(), Arc::clone(list));
                }
                Some(EndpointSource::Name { .. }) | None => _ = self.endpoints.remove(change.key),
            }
        }
        publisher.publish(Publication {
            config: Arc::clone(config),
            table: Arc::clone(table),
            certificates: Arc::clone(certificates),
            endpoints: Arc::new(self.endpoints.clone()),
        });
    }
}
