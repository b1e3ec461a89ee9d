//! What the files of cases amount to: every class has its cases, every case of the HTTP/1.1 probe is there, and a verdict
//! of the probe that is only a warning has its reason written beside it.

use std::collections::{BTreeMap, BTreeSet};

use crate::{http1_table, http2_table};

/// The classes that there must be cases of.
const CLASSES: [&str; 23] = [
    "S1", "S2", "S3", "S4", "S5", "S6", "S7", "S8", "S9", "S11", "S12", "S13", "S14", "S15", "S16", "S17", "S18",
    "S19", "P1", "P2", "P3", "P4", "S10",
];

/// The suites of the probe: how their ids begin, and how many cases they have.
const SUITES: [(&str, usize); 5] = [("SMUG-", 87), ("COMP-", 59), ("RFC9", 17), ("MAL-", 26), ("NORM-", 5)];

#[test]
fn the_tables_hold_every_class_and_the_whole_probe() {
    let cases = [http1_table(), http2_table()].concat();
    let ids: BTreeSet<_> = cases.iter().map(|case| &case.id).collect();
    assert_eq!(ids.len(), cases.len(), "an id stands twice");
    assert!(cases.len() >= 300, "{} cases", cases.len());

    let mut classes: BTreeMap<&str, usize> = BTreeMap::new();
    for class in cases.iter().flat_map(|case| &case.classes) {
        *classes.entry(class).or_default() += 1;
    }
    println!("{} cases: {classes:?}", cases.len());
    // S10 needs listeners whose policies differ; tests/it/tls.rs has it.
    let missing: Vec<_> = CLASSES.iter().filter(|class| !classes.contains_key(**class)).collect();
    assert_eq!(missing, [&"S10"]);

    for (prefix, count) in SUITES {
        let of_suite = cases.iter().filter(|case| case.id.starts_with(prefix));
        let (probed, unprobed): (Vec<_>, Vec<_>) = of_suite.partition(|case| case.probed.is_some());
        assert!(unprobed.is_empty(), "{prefix} {unprobed:?}");
        assert_eq!(probed.len(), count, "{prefix}");
    }
    let verdicts = |warned: bool| {
        let of_kind = cases.iter().filter_map(|case| case.probed.as_ref()).filter(|p| p.warning.is_some() == warned);
        of_kind.fold(BTreeMap::<&str, usize>::new(), |mut counts, probed| {
            *counts.entry(&probed.level).or_default() += 1;
            counts
        })
    };
    println!("the probe passes {:?}, warns {:?}, fails none", verdicts(false), verdicts(true));
}
