//! After any sequence of edits, what the compiler made step by step equals a compile from scratch: the configuration,
//! what is found in the table, endpoints, certificates, statuses and diagnostics, and what is referred to.

mod objects;

use std::collections::BTreeMap;
use std::sync::Arc;

use landfall::compile::references::Referrers;
use landfall::compile::{Compiled, Compiler};
use landfall::ir::{HostPattern, ObjectRef, UnixTime};
use landfall::settings::{Flags, Settings};
use landfall::snapshot::{Object, Snapshot};
use landfall::table::{CanonicalHost, RegexScratch};
use proptest::prelude::*;

use objects::{Edit, HOSTS, MOMENTS, PATHS};

const FLAGS: [&str; 4] =
    ["--manifests=.", "--configmap=a/config", "--default-ssl-certificate=a/default", "--default-backend-service=a/web"];

fn settings() -> Settings {
    let flags = Flags::parse(FLAGS).expect("the flags exist");
    Settings::from_flags(&flags).expect("the flags are sound").0
}

/// What is there after some edits.
struct World {
    snapshot: Snapshot,
    now: UnixTime,
}

impl World {
    fn apply(&mut self, edit: &Edit) {
        match edit {
            Edit::Put(object) => self.snapshot.insert(Object::clone(object)),
            Edit::Remove(reference) => _ = self.snapshot.remove(reference),
            // Another object that says the same.
            Edit::Touch(reference) => {
                let copy = self.snapshot.get(reference).map(|object| objects::copy(&object));
                if let Some(object) = copy {
                    self.snapshot.insert(object);
                }
            }
            Edit::Wait(moment) => self.now = *moment,
        }
    }
}

/// Which certificates are served. That which is made at random counts as one.
fn certificates(compiled: &Compiled) -> BTreeMap<HostPattern, Option<(ObjectRef, String)>> {
    let entry = |certificate: &landfall::tls::Certificate| {
        certificate.secret().map(|secret| (secret.clone(), certificate.serial().to_owned()))
    };
    compiled.certificates.iter().map(|(pattern, certificate)| (pattern, entry(certificate))).collect()
}

/// What is found for every host and path, by where it comes from.
fn found(compiled: &Compiled) -> Vec<(Option<String>, Option<String>)> {
    let mut scratch = RegexScratch::default();
    let mut all = Vec::new();
    for host in HOSTS.iter().chain(&["other.a.test", "nowhere.example"]) {
        let host = CanonicalHost::parse(host.replace('*', "any").as_bytes()).unwrap_or_else(CanonicalHost::absent);
        for path in PATHS {
            let found = compiled.table.lookup(&host, path.as_bytes(), &mut scratch);
            let route = found.route.map(|route| route.provenance.to_string());
            all.push((found.host.map(|host| host.pattern.to_string()), route));
        }
    }
    all
}

fn check(seasoned: &Compiled, fresh: &Compiled) -> Result<(), TestCaseError> {
    prop_assert_eq!(&seasoned.config, &fresh.config);
    prop_assert!(Arc::ptr_eq(&seasoned.config, seasoned.table.config()));
    prop_assert_eq!(found(seasoned), found(fresh));
    prop_assert_eq!(&seasoned.endpoints, &fresh.endpoints);
    prop_assert_eq!(certificates(seasoned), certificates(fresh));
    prop_assert_eq!(&seasoned.statuses, &fresh.statuses);
    prop_assert_eq!(&seasoned.diagnostics, &fresh.diagnostics);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 384, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_incremental_compile_equals_one_from_scratch(
        first in prop::collection::vec(objects::put(), 0..24),
        steps in prop::collection::vec(prop::collection::vec(objects::edit(), 1..4), 1..12),
    ) {
        let settings = settings();
        let mut world = World { snapshot: first.iter().map(|object| Object::clone(object)).collect(), now: MOMENTS[0] };
        let mut compiler = Compiler::new(&settings);
        let mut referrers = Referrers::default();
        compiler.update(&world.snapshot, world.now);
        for step in &steps {
            for edit in step {
                world.apply(edit);
            }
            let seasoned = compiler.update(&world.snapshot, world.now);
            check(&seasoned, &Compiler::new(&settings).update(&world.snapshot, world.now))?;
            let again = compiler.update(&world.snapshot, world.now);
            prop_assert!(Arc::ptr_eq(&again.config, &seasoned.config), "nothing has changed");
            prop_assert!(Arc::ptr_eq(&again.certificates, &seasoned.certificates), "nothing has changed");
            prop_assert!(again.endpoints.ptr_eq(&seasoned.endpoints), "nothing has changed");

            referrers.update(&settings.classes, &settings.objects, &world.snapshot);
            let mut anew = Referrers::default();
            anew.update(&settings.classes, &settings.objects, &world.snapshot);
            prop_assert_eq!(referrers.references(), anew.references());
        }
    }
}
