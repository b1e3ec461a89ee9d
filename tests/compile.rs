//! Goldens of the compiler: every folder below `tests/compile/cases` is a case.
//!
//! A case holds `input.yaml`, perhaps `flags` (one a line; without it `--manifests=.`), and `expected.txt`: the
//! configuration, endpoints, certificates, statuses and diagnostics. `LANDFALL_REWRITE_GOLDENS=1` writes the latter.
//! In the input, `@CRT(name,…)@` and `@KEY(name,…)@` stand for a certificate for these names and its key; the words
//! `expired`, `soon` and `later` before the names, followed by `;`, choose its validity.

#![expect(clippy::disallowed_methods, reason = "goldens are files, rewritten when a variable says so")]

#[path = "compile/render.rs"]
mod render;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use landfall::compile::{Compiled, Compiler};
use landfall::ir::UnixTime;
use landfall::settings::{Flags, Settings};
use landfall::snapshot::Snapshot;
use landfall::snapshot::manifest::document::Format;
use landfall::snapshot::manifest::parse::parse;
use landfall::testing::certificates::{KeyPairPem, TestCa, Wanted};

/// The moment of every compile: 2025-06-15T15:06:40Z.
const NOW: UnixTime = UnixTime(1_750_000_000);
const DAY: i64 = 86_400;

struct Case {
    folder: PathBuf,
    settings: Settings,
    snapshot: Snapshot,
}

fn cases() -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compile/cases");
    let mut folders: Vec<PathBuf> = fs::read_dir(root)
        .expect("the cases are there")
        .map(|entry| entry.expect("a case can be read").path())
        .collect();
    folders.sort();
    let ca = TestCa::new();
    folders.into_iter().map(|folder| read_case(folder, &ca)).collect()
}

fn read_case(folder: PathBuf, ca: &TestCa) -> Case {
    let flags = fs::read_to_string(folder.join("flags")).unwrap_or_else(|_| String::from("--manifests=."));
    let flags = Flags::parse(flags.lines().map(str::to_owned)).expect("the flags of a case exist");
    let (settings, _) = Settings::from_flags(&flags).expect("the flags of a case are sound");
    let input = fs::read_to_string(folder.join("input.yaml")).expect("a case has an input");
    let contents = parse(Format::Yaml, fill_in_certificates(&input, ca).as_bytes());
    assert!(contents.malformed.is_empty() && contents.refused.is_empty(), "{}: {contents:?}", folder.display());
    let snapshot = contents.objects.into_iter().map(|placed| placed.object).collect();
    Case { folder, settings, snapshot }
}

/// Replaces the placeholders by PEM, escaped for a YAML string in double quotes.
fn fill_in_certificates(input: &str, ca: &TestCa) -> String {
    let mut pairs: HashMap<&str, KeyPairPem> = HashMap::new();
    let mut output = String::new();
    let mut rest = input;
    while let Some((before, after)) = rest.split_once('@') {
        output.push_str(before);
        let placeholder = after.split_once(")@").and_then(|(inside, after)| {
            let (half, wanted) = inside.split_once('(')?;
            ["CRT", "KEY"].contains(&half).then_some((half, wanted, after))
        });
        let Some((half, wanted, after)) = placeholder else {
            output.push('@');
            rest = after;
            continue;
        };
        let pair = pairs.entry(wanted).or_insert_with(|| ca.issue(&read_wanted(wanted)));
        let pem = if half == "CRT" { &pair.certificate_pem } else { &pair.key_pem };
        output.push_str(&pem.replace('\n', "\\n"));
        rest = after;
    }
    output + rest
}

fn read_wanted(text: &str) -> Wanted {
    let (validity, names) = text.split_once(';').unwrap_or(("", text));
    let wanted = match names.split(',').collect::<Vec<_>>().as_slice() {
        [one] => Wanted::for_names([*one]),
        [one, two] => Wanted::for_names([*one, *two]),
        other => panic!("a case wants {} names", other.len()),
    };
    let at = |days: i64| UnixTime(NOW.0 + days * DAY);
    match validity {
        "expired" => wanted.valid(at(-100), at(-10)),
        "soon" => wanted.valid(at(-100), at(5)),
        "later" => wanted.valid(at(10), at(100)),
        _ => wanted,
    }
}

fn name_of(case: &Case) -> String {
    case.folder.file_name().expect("a case has a name").to_string_lossy().into_owned()
}

fn compile(case: &Case) -> Compiled {
    Compiler::new(&case.settings).update(&case.snapshot, NOW)
}

#[test]
fn every_case_compiles_to_its_golden() {
    let rewrite = std::env::var_os("LANDFALL_REWRITE_GOLDENS").is_some();
    let mut failures = Vec::new();
    for case in cases() {
        let rendered = render::compiled(&compile(&case));
        let golden = case.folder.join("expected.txt");
        if rewrite {
            fs::write(&golden, &rendered).unwrap();
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        if expected != rendered {
            let diff = similar::TextDiff::from_lines(&expected, &rendered);
            failures.push(format!("{}\n{}", name_of(&case), diff.unified_diff().header("expected", "compiled")));
        }
    }
    assert!(failures.is_empty(), "{} cases differ:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn a_compiler_with_a_past_gives_what_a_fresh_one_does() {
    let cases = cases();
    let settings = &cases[0].settings;
    let mut compiler = Compiler::new(settings);
    for case in cases.iter().chain(cases.iter().rev()) {
        let fresh = Compiler::new(settings).update(&case.snapshot, NOW);
        let seasoned = compiler.update(&case.snapshot, NOW);
        assert_eq!(render::compiled(&seasoned), render::compiled(&fresh), "{}", name_of(case));
    }
}

#[test]
fn after_any_removal_the_result_is_that_of_a_compile_from_scratch() {
    let cases = cases();
    let settings = &cases[0].settings;
    let mut snapshot = Snapshot::default();
    for case in &cases {
        case.snapshot.ingresses.iter().cloned().for_each(|object| snapshot.insert(object));
        case.snapshot.services.iter().cloned().for_each(|object| snapshot.insert(object));
        case.snapshot.endpoint_slices.iter().cloned().for_each(|object| snapshot.insert(object));
        case.snapshot.secrets.iter().cloned().for_each(|object| snapshot.insert(object));
    }
    let mut compiler = Compiler::new(settings);
    compiler.update(&snapshot, NOW);
    for ingress in snapshot.clone().ingresses.iter() {
        let name = ingress.metadata.name.as_deref().unwrap();
        snapshot.ingresses.remove(ingress.metadata.namespace.as_deref().unwrap(), name);
        let seasoned = compiler.update(&snapshot, NOW);
        let fresh = Compiler::new(settings).update(&snapshot, NOW);
        assert_eq!(render::compiled(&seasoned), render::compiled(&fresh), "without {name}");
        assert_eq!(seasoned.config, fresh.config, "without {name}");
    }
}

#[test]
fn a_change_to_one_host_leaves_the_others_the_same_objects() {
    let case = cases().into_iter().find(|case| name_of(case) == "tls-selection").unwrap();
    let mut compiler = Compiler::new(&case.settings);
    let before = compiler.update(&case.snapshot, NOW);
    let mut snapshot = case.snapshot.clone();
    snapshot.ingresses.remove("shop", "under-wildcard").unwrap();
    let after = compiler.update(&snapshot, NOW);
    let kept = |pattern: &str| {
        let find = |compiled: &Compiled| {
            compiled.config.hosts.iter().find(|host| host.pattern.to_string() == pattern).cloned()
        };
        find(&before).zip(find(&after)).is_some_and(|(before, after)| Arc::ptr_eq(&before, &after))
    };
    assert!(kept("a.example.com") && kept("*.wild.example.com"));
    assert!(!kept("own.wild.example.com"), "it is gone");
}

#[test]
fn an_unchanged_snapshot_compiles_to_the_same_objects() {
    for case in cases() {
        let mut compiler = Compiler::new(&case.settings);
        let first = compiler.update(&case.snapshot, NOW);
        let second = compiler.update(&case.snapshot.clone(), NOW);
        assert!(Arc::ptr_eq(&first.config, &second.config), "{}", name_of(&case));
        assert!(Arc::ptr_eq(&first.table, &second.table), "{}", name_of(&case));
        assert!(Arc::ptr_eq(&first.certificates, &second.certificates), "{}", name_of(&case));
    }
}

#[test]
fn there_are_cases() {
    assert!(cases().len() >= 40, "the cases are found where they are looked for");
}
