//! What holds of the whole catalogue.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::diagnostic::Severity;
use crate::ir::ObjectKind;

const PREFIX: &str = "nginx.ingress.kubernetes.io";

fn read(annotations: &[(&str, &str)]) -> (IngressPolicy, Vec<Diagnostic>) {
    let annotations: BTreeMap<String, String> =
        annotations.iter().map(|(name, value)| (format!("{PREFIX}/{name}"), (*value).to_owned())).collect();
    let ingress = ObjectRef::new(ObjectKind::Ingress, "shop", "web");
    parse(&Source { annotations: &annotations, prefix: PREFIX, ingress: &ingress, defaults: &Defaults::default() })
}

#[test]
fn the_catalogue_holds_the_136_names_of_ingress_nginx_and_two_older_ones() {
    let names: BTreeSet<&str> = catalogue().map(|row| row.name).collect();
    assert_eq!((names.len(), catalogue().count()), (136, 136));
    let aliases: Vec<&str> = catalogue().flat_map(|row| row.aliases).copied().collect();
    assert_eq!(aliases, ["whitelist-source-range", "limit-whitelist"]);
}

#[test]
fn what_modifies_an_annotation_names_one_that_exists_and_modifies_none_itself() {
    for row in catalogue() {
        if let Support::Modifies(of) = row.support {
            let modified = catalogue::find(of).unwrap_or_else(|| panic!("{} modifies {of}", row.name));
            assert!(!matches!(modified.support, Support::NoEffect), "{} modifies {of}", row.name);
        }
    }
}

/// A guess costs as much as reading everything there is, and an Ingress has room for thousands of names.
#[test]
fn every_unknown_name_is_reported_and_the_first_fifty_are_guessed_at() {
    let names: Vec<_> = (0..200).map(|number| format!("rewrite-targe{number:03}")).collect();
    let annotations: Vec<_> = names.iter().map(|name| (name.as_str(), "/")).collect();
    let (_, diagnostics) = read(&annotations);
    assert_eq!(diagnostics.len(), 200);
    let guessed = diagnostics.iter().filter(|diagnostic| diagnostic.message.contains("did you mean rewrite-target?"));
    assert_eq!(guessed.count(), 50);
}

#[test]
fn every_known_name_is_known_when_it_is_read() {
    for row in catalogue() {
        for name in std::iter::once(&row.name).chain(row.aliases) {
            let (_, diagnostics) = read(&[(name, "true")]);
            assert!(diagnostics.iter().all(|d| !d.code.starts_with("unknown")), "{name}: {diagnostics:?}");
        }
    }
}

#[test]
fn what_guards_refuses_and_says_so_as_an_error() {
    for row in catalogue().filter(|row| matches!(row.support, Support::FailsClosed(_))) {
        let (policy, diagnostics) = read(&[(row.name, "7")]);
        assert_eq!(policy.refusals.iter().map(|r| r.scope).collect::<Vec<_>>(), [row.scope], "{}", row.name);
        assert!(diagnostics.iter().any(|d| d.severity == Severity::Error), "{}", row.name);
        let (policy, diagnostics) = read(&[(row.name, "")]);
        assert!(policy.refusals.is_empty() && diagnostics.is_empty(), "{}: the empty value is none", row.name);
    }
}

#[test]
fn what_cannot_be_read_does_not_count_as_asking_for_nothing() {
    for value in ["flase", "0 requests", "off?"] {
        assert!(!Idle::False.asks_nothing(value) && !Idle::Zero.asks_nothing(value), "{value}");
        assert!(!Idle::Word("off").asks_nothing(value), "{value}");
    }
}

#[test]
fn the_support_table_has_a_line_for_every_annotation() {
    let table = support_table();
    for row in catalogue() {
        assert!(table.lines().any(|line| line.starts_with(&format!("| `{}`", row.name))), "{}", row.name);
    }
    let lines = table.lines().filter(|line| line.starts_with("| `"));
    assert!(lines.clone().all(|line| line.replace("\\|", "").matches('|').count() == 6), "every line has five cells");
}

#[test]
fn an_annotation_of_another_prefix_is_passed_over() {
    let annotations = [("example.com/rewrite-target".to_owned(), "/".to_owned())].into();
    let ingress = ObjectRef::new(ObjectKind::Ingress, "shop", "web");
    let defaults = Defaults::default();
    let (policy, diagnostics) =
        parse(&Source { annotations: &annotations, prefix: PREFIX, ingress: &ingress, defaults: &defaults });
    assert_eq!(policy, IngressPolicy::from_defaults(&defaults));
    assert!(diagnostics.is_empty());
}

proptest! {
    #[test]
    fn no_value_panics_and_redirects_are_legal_header_values(index in 0_usize..136, value in "\\PC*|[\\x00-\\x7f]*") {
        let name = catalogue().nth(index).unwrap().name;
        let (policy, _) = read(&[(name, &value)]);
        let location = policy.redirect.map(|redirect| redirect.location).unwrap_or_default();
        prop_assert!(location.bytes().all(|b| b.is_ascii_graphic()));
        let root = policy.app_root.unwrap_or_default();
        prop_assert!(root.bytes().all(|b| b.is_ascii_graphic()));
    }

    #[test]
    fn no_path_panics_as_a_pattern(path in "/[\\PC]*|/[a-z(){}\\[\\]|?*+\\\\.^$0-9!<>=-]*") {
        let located = pattern::location(&path);
        let _ = pattern::rewrite(&path);
        let covering = pattern::covering(&path);
        // What a literal path matches, the pattern that covers it matches too.
        if located.is_ok() && path.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'/') {
            prop_assert!(covering.regex().is_match(path.as_bytes()));
        }
    }
}
