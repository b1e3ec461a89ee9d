//! A folder over time. Time is an argument, so nothing here waits.

#![expect(clippy::disallowed_methods, reason = "what is tested is how files are read")]

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::folder::{Change, Folder, GONE, Moment, PATIENCE, Refreshed, Rest};
use crate::diagnostic::Severity;

/// A folder on disk, what was read of it, and the time that it is told.
struct Bench {
    root: tempfile::TempDir,
    folder: Folder,
    now: SystemTime,
    writing: HashSet<PathBuf>,
}

impl Bench {
    fn new(files: &[(&str, &str)]) -> Self {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in files {
            put(&root.path().join(name), text);
        }
        let folder = Folder::read(root.path()).unwrap();
        // Far enough ahead for whatever a test writes to have been left alone.
        let now = SystemTime::now() + Duration::from_secs(3_600);
        Self { root, folder, now, writing: HashSet::new() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn put(&self, name: &str, text: &str) {
        put(&self.path(name), text);
    }

    fn refresh(&mut self) -> Refreshed {
        self.folder.refresh(Moment { now: self.now, writing: &self.writing })
    }

    fn refresh_after(&mut self, passed: Duration) -> Refreshed {
        self.now += passed;
        self.refresh()
    }

    /// The names of the Services, with their `type`.
    fn services(&self) -> Vec<String> {
        let services = self.folder.snapshot().services.iter();
        let show = |service: &Arc<k8s_openapi::api::core::v1::Service>| {
            let kind = service.spec.as_ref().and_then(|spec| spec.type_.clone());
            format!("{}:{}", service.metadata.name.as_deref().unwrap(), kind.unwrap_or_default())
        };
        services.map(show).collect()
    }

    fn codes(&self) -> Vec<&'static str> {
        self.folder.diagnostics().iter().map(|diagnostic| diagnostic.code).collect()
    }
}

fn put(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn service(name: &str, kind: &str) -> String {
    format!("---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{type: {kind}}}\n")
}

#[test]
fn folders_are_read_to_the_bottom_and_editors_files_are_not() {
    let bench = Bench::new(&[
        ("a.yaml", &service("a", "A")),
        ("x/y/b.yml", &service("b", "B")),
        ("c.json", r#"{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "c"}}"#),
        (".a.yaml.swp", "nonsense: ["),
        (".hidden/d.yaml", &service("d", "D")),
        ("a.yaml~", "nonsense: ["),
        ("#a.yaml#", "nonsense: ["),
        ("4913", "nonsense: ["),
        ("README.md", "nonsense: ["),
    ]);
    assert_eq!(bench.services(), ["a:A", "b:B", "c:"]);
    assert_eq!(bench.codes(), [""; 0]);
}

#[test]
fn a_folder_that_is_not_there_is_an_error() {
    let error = Folder::read(Path::new("/nowhere/at/all")).unwrap_err();
    assert!(error.to_string().contains("/nowhere/at/all"), "{error}");
}

#[test]
fn a_changed_file_changes_its_objects_and_no_others() {
    let mut bench = Bench::new(&[("a.yaml", &service("a", "A")), ("b.yaml", &service("b", "B"))]);
    let before = bench.folder.snapshot().clone();
    bench.put("a.yaml", &service("a", "Changed"));
    assert_eq!(bench.refresh(), Refreshed { change: Change::Some, rest: Rest::Settled });
    assert_eq!(bench.services(), ["a:Changed", "b:B"]);
    let after = bench.folder.snapshot();
    let same =
        |name| Arc::ptr_eq(before.services.get("default", name).unwrap(), after.services.get("default", name).unwrap());
    assert_eq!((same("a"), same("b")), (false, true));
    assert_eq!(bench.refresh(), Refreshed { change: Change::None, rest: Rest::Settled });
}

#[test]
fn objects_of_a_rewritten_file_that_say_the_same_stay_the_same() {
    let mut bench = Bench::new(&[("a.yaml", &service("a", "A"))]);
    let before = bench.folder.snapshot().services.get("default", "a").cloned().unwrap();
    bench.put("a.yaml", &format!("# a comment\n{}", service("a", "A")));
    assert_eq!(bench.refresh().change, Change::Some);
    assert!(Arc::ptr_eq(&before, bench.folder.snapshot().services.get("default", "a").unwrap()));
}

#[test]
fn a_deleted_file_withdraws_its_objects_once_no_successor_can_be_expected() {
    let mut bench = Bench::new(&[("a.yaml", &service("a", "A")), ("b.yaml", &service("b", "B"))]);
    fs::remove_file(bench.path("a.yaml")).unwrap();
    assert_eq!(bench.refresh(), Refreshed { change: Change::None, rest: Rest::Moving });
    assert_eq!(bench.services(), ["a:A", "b:B"]);
    assert_eq!(bench.refresh_after(GONE), Refreshed { change: Change::Some, rest: Rest::Settled });
    assert_eq!(bench.services(), ["b:B"]);
}

#[test]
fn a_renamed_file_is_no_duplicate_of_itself() {
    let mut bench = Bench::new(&[("a.yaml", &service("a", "A"))]);
    fs::rename(bench.path("a.yaml"), bench.path("b.yaml")).unwrap();
    bench.refresh();
    assert_eq!((bench.services(), bench.codes()), (vec!["a:A".to_owned()], vec![]));
    bench.refresh_after(GONE);
    assert_eq!((bench.services(), bench.codes()), (vec!["a:A".to_owned()], vec![]));
}

#[test]
fn a_file_that_does_not_parse_keeps_all_its_last_good_objects() {
    let mut bench = Bench::new(&[("a.yaml", &(service("a", "A") + &service("b", "B")))]);
    bench.put("a.yaml", &(service("a", "Changed") + "---\nkind: [\n"));
    bench.refresh();
    assert_eq!(bench.services(), ["a:A", "b:B"]);
    let [report] = bench.folder.diagnostics() else { panic!("{:?}", bench.folder.diagnostics()) };
    assert_eq!((report.code, report.severity), ("manifest-syntax", Severity::Error));
    assert!(report.message.ends_with("the file's last good objects stay in use"), "{report}");
    assert!(report.provenance.to_string().contains("a.yaml document 2"), "{report}");

    bench.put("a.yaml", &service("a", "Mended"));
    bench.refresh();
    assert_eq!((bench.services(), bench.codes()), (vec!["a:Mended".to_owned()], vec![]));
}

#[test]
fn a_file_that_never_was_good_gives_the_documents_that_are() {
    let mut bench = Bench::new(&[("a.yaml", &(service("a", "A") + "---\nkind: [\n"))]);
    assert_eq!((bench.services(), bench.codes()), (vec!["a:A".to_owned()], vec!["manifest-syntax"]));
    bench.put("a.yaml", &(service("b", "B") + "---\nkind: [\n"));
    bench.refresh();
    assert_eq!(bench.services(), ["b:B"]);
}

#[test]
fn an_object_with_a_bad_field_costs_only_itself_and_keeps_its_last_good_version() {
    let mut bench = Bench::new(&[("a.yaml", &(service("a", "A") + &service("b", "B")))]);
    bench.put("a.yaml", &(service("a", "[1]") + &service("b", "Changed") + &service("c", "[1]")));
    bench.refresh();
    assert_eq!(bench.services(), ["a:A", "b:Changed"]);
    let messages: Vec<_> = bench.folder.diagnostics().iter().map(ToString::to_string).collect();
    assert!(
        messages[0].contains("Service default/a spec.type") && messages[0].ends_with("stays in use"),
        "{messages:?}"
    );
    assert!(messages[1].contains("Service default/c spec.type") && messages[1].ends_with("not served"), "{messages:?}");

    bench.put("a.yaml", &service("b", "Changed"));
    bench.refresh();
    assert_eq!((bench.services(), bench.codes()), (vec!["b:Changed".to_owned()], vec![]));
}

#[test]
fn of_two_objects_of_one_name_the_first_by_path_wins() {
    let mut bench = Bench::new(&[("b.yaml", &service("a", "B")), ("a.yaml", &service("a", "A"))]);
    assert_eq!((bench.services(), bench.codes()), (vec!["a:A".to_owned()], vec!["manifest-duplicate-object"]));
    let message = &bench.folder.diagnostics()[0].message;
    let (loser, winner) = (message.find("b.yaml").unwrap(), message.find("a.yaml").unwrap());
    assert!(loser < winner, "{message}");
    fs::remove_file(bench.path("a.yaml")).unwrap();
    bench.refresh();
    bench.refresh_after(GONE);
    assert_eq!((bench.services(), bench.codes()), (vec!["a:B".to_owned()], vec![]));
}

#[test]
fn a_file_that_has_just_been_written_is_waited_for() {
    let mut bench = Bench::new(&[("a.yaml", &service("a", "A"))]);
    bench.put("a.yaml", &service("a", "Half"));
    bench.now = fs::metadata(bench.path("a.yaml")).unwrap().modified().unwrap();
    assert_eq!(bench.refresh(), Refreshed { change: Change::None, rest: Rest::Moving });
    assert_eq!(bench.refresh_after(super::folder::QUIET).change, Change::Some);
    assert_eq!(bench.services(), ["a:Half"]);
}

#[test]
fn a_file_that_is_being_written_is_waited_for_but_not_for_ever() {
    let mut bench = Bench::new(&[("a.yaml", &service("a", "A"))]);
    bench.put("a.yaml", &service("a", "Half"));
    bench.writing.insert(bench.path("a.yaml"));
    assert_eq!(bench.refresh().rest, Rest::Moving);
    assert_eq!(bench.refresh_after(PATIENCE / 2).rest, Rest::Moving);
    assert_eq!(bench.services(), ["a:A"]);
    assert_eq!(bench.refresh_after(PATIENCE / 2).rest, Rest::Settled);
    assert_eq!(bench.services(), ["a:Half"]);
}

#[test]
fn an_emptied_file_keeps_its_objects_until_it_is_clear_that_it_stays_empty() {
    let mut bench = Bench::new(&[("a.yaml", &service("a", "A"))]);
    bench.put("a.yaml", "");
    assert_eq!(bench.refresh().rest, Rest::Moving);
    assert_eq!(bench.services(), ["a:A"]);
    bench.refresh_after(PATIENCE);
    assert_eq!(bench.services(), [""; 0]);
}

#[test]
fn the_swap_of_a_config_map_volume_is_seen() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    put(&at("..2024_01/a.yaml"), &service("a", "Old"));
    put(&at("..2024_02/a.yaml"), &service("a", "New"));
    symlink("..2024_01", at("..data")).unwrap();
    symlink("..data/a.yaml", at("a.yaml")).unwrap();
    let mut bench = Bench { folder: Folder::read(root.path()).unwrap(), ..Bench::new(&[]) };
    assert_eq!((bench.services(), bench.codes()), (vec!["a:Old".to_owned()], vec![]));

    symlink("..2024_02", at("..data_tmp")).unwrap();
    fs::rename(at("..data_tmp"), at("..data")).unwrap();
    fs::remove_dir_all(at("..2024_01")).unwrap();
    bench.refresh();
    assert_eq!((bench.services(), bench.codes()), (vec!["a:New".to_owned()], vec![]));
}

#[test]
fn symbolic_links_in_a_circle_are_walked_once() {
    let root = tempfile::tempdir().unwrap();
    put(&root.path().join("x/a.yaml"), &service("a", "A"));
    symlink("..", root.path().join("x/up")).unwrap();
    symlink("self", root.path().join("self")).unwrap();
    let folder = Folder::read(root.path()).unwrap();
    assert_eq!(folder.snapshot().services.len(), 1);
}

#[test]
fn a_folder_that_disappears_keeps_everything_and_says_so() {
    let mut bench = Bench::new(&[("m/a.yaml", &service("a", "A"))]);
    let inner = bench.path("m");
    bench.folder = Folder::read(&inner).unwrap();
    fs::rename(&inner, bench.path("elsewhere")).unwrap();
    assert_eq!(bench.refresh().change, Change::Some);
    bench.refresh_after(GONE);
    assert_eq!((bench.services(), bench.codes()), (vec!["a:A".to_owned()], vec!["manifest-unreadable"]));
    fs::rename(bench.path("elsewhere"), &inner).unwrap();
    bench.refresh();
    assert_eq!((bench.services(), bench.codes()), (vec!["a:A".to_owned()], vec![]));
}

#[test]
fn other_kinds_get_one_note_per_kind() {
    let deployment = "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\n";
    let bench = Bench::new(&[("a.yaml", &deployment.repeat(2)), ("b.yaml", deployment)]);
    let [note] = bench.folder.diagnostics() else { panic!("{:?}", bench.folder.diagnostics()) };
    assert_eq!((note.code, note.severity), ("manifest-kind-passed-over", Severity::Info));
    assert!(note.message.starts_with("3 objects of kind Deployment (apps/v1)"), "{note}");
}
