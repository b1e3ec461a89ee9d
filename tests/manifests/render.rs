//! Manifests as the tools of their trade render them, parsed.

#![expect(
    clippy::disallowed_methods,
    reason = "the tools are programs, and the environment says whether they must be there"
)]

use std::env;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// Set where the tests must not be passed over.
const REQUIRED: &str = "LANDFALL_REQUIRE_INSTALL_TOOLS";

/// The folders for kustomize, and one as users have it.
pub(crate) const KUSTOMIZATIONS: [&str; 5] = [
    "manifests/overlays/edge",
    "manifests/overlays/edge-nginx",
    "manifests/overlays/load-balancer",
    "manifests/overlays/load-balancer-nginx",
    "tests/manifests/kustomization",
];

/// A file or folder of the checkout.
pub(crate) fn path(relative: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(relative)
}

/// The objects that `kustomize build` makes of a folder. `None` where kustomize is not installed:
/// then it has been said that the test is passed over.
pub(crate) fn kustomize(folder: &str) -> Option<Vec<Value>> {
    let output = run("kustomize", |command| command.arg("build").arg(path(folder)))?;
    assert!(output.status.success(), "kustomize build {folder}: {}", String::from_utf8_lossy(&output.stderr));
    Some(objects(&String::from_utf8(output.stdout).expect("kustomize writes UTF-8")))
}

/// What `helm` made of the chart and a values file.
#[derive(Debug)]
pub(crate) struct Chart {
    pub(crate) objects: Vec<Value>,
    pub(crate) notes: String,
}

/// The release's name and namespace in every rendering.
pub(crate) const RELEASE: &str = "edge";

/// The version that the chart is told of.
const KUBERNETES: &str = "1.36.0";

/// What the chart becomes with a values file, or why helm refuses. A file that says so in its first lines is given
/// after ingress-nginx's defaults. `None` where helm is not installed.
pub(crate) fn chart(values: &Path) -> Option<Result<Chart, String>> {
    let text = std::fs::read_to_string(values).expect("the values can be read");
    let chart = chart_that_shows_its_notes();
    let output = run("helm", |command| {
        command
            .args(["template", RELEASE, "--namespace", RELEASE, "--kube-version", KUBERNETES])
            .arg(chart.path().join("chart"));
        if text.contains("\n# ingress-nginx:") {
            command.arg("--values").arg(path("manifests/chart/values-ingress-nginx.yaml"));
        }
        command.arg("--values").arg(values)
    })?;
    if !output.status.success() {
        return Some(Err(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    let mut objects = objects(&String::from_utf8(output.stdout).expect("helm writes UTF-8"));
    let notes = objects.iter().position(|object| object["kind"] == "Notes").expect("the notes are among them");
    let notes = objects.remove(notes)["text"].as_str().expect("notes are text").to_owned();
    Some(Ok(Chart { objects, notes }))
}

/// A copy of the chart that renders its notes as an object more: helm shows notes only when it has installed something.
fn chart_that_shows_its_notes() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    let copied = Command::new("cp").arg("-r").arg(path("manifests/chart")).arg(folder.path()).status();
    assert!(copied.is_ok_and(|status| status.success()), "the chart can be copied");
    let template = "kind: Notes\ntext: {{ include \"landfall.notes\" . | toJson }}\n";
    std::fs::write(folder.path().join("chart/templates/notes.yaml"), template).expect("a file");
    folder
}

/// Every values file below a folder of this one, in order.
pub(crate) fn values(folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(path("tests/manifests").join(folder)).expect("the folder is there");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("it can be read").path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{folder} has no cases");
    files
}

/// The documents of a YAML text that hold something.
pub(crate) fn objects(text: &str) -> Vec<Value> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).expect("what tools render is YAML");
    documents.into_iter().filter(|document| !document.is_null()).collect()
}

fn run(tool: &str, arguments: impl FnOnce(&mut Command) -> &mut Command) -> Option<Output> {
    match arguments(&mut Command::new(tool)).output() {
        Ok(output) => Some(output),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            assert!(env::var_os(REQUIRED).is_none(), "{REQUIRED} is set, and {tool} is not installed");
            pass_over(tool);
            None
        }
        Err(error) => panic!("{tool} cannot be run: {error}"),
    }
}

/// Says past the test harness, which shows nothing of a test that succeeds, that the running test tested nothing.
fn pass_over(tool: &str) {
    let thread = std::thread::current();
    let line = format!("PASSED OVER, {tool} is not installed: {}\n", thread.name().unwrap_or("a test"));
    let _unheard = std::io::stderr().write_all(line.as_bytes());
}
