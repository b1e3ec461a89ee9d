//! The architecture, held: which module may import which, which outside worlds each may touch, and the house rules
//! that no lint knows.
//!
//! Reads the source as text (`architecture/source.rs`), with the standard library alone. `ARCHITECTURE.md` explains
//! the table; a change of one is a change of the other.

#![expect(clippy::disallowed_methods, reason = "the source is read, and a document rewritten when a variable says so")]
#![expect(clippy::indexing_slicing, clippy::string_slice, reason = "an index beyond the source fails the test")]

#[path = "architecture/floors.rs"]
mod floors;
#[path = "architecture/rules.rs"]
mod rules;
#[path = "architecture/source.rs"]
mod source;

use std::path::{Path, PathBuf};

/// One source file.
struct File {
    /// Below the root of the project, with `/`.
    name: String,
    text: String,
}

/// Every Rust file below the given folders of the project, in order.
fn files(folders: &[&str]) -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut waiting: Vec<PathBuf> = folders.iter().map(|folder| root.join(folder)).collect();
    let mut found = Vec::new();
    while let Some(folder) = waiting.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.expect("the project can be read").path();
            if path.is_dir() && !path.ends_with("target") {
                waiting.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root).expect("below the root").to_string_lossy().replace('\\', "/");
                found.push(File { name, text: std::fs::read_to_string(&path).expect("source is UTF-8") });
            }
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// Fails with every line of `faults`, if there is one.
fn assert_none(rule: &str, faults: &[String]) {
    assert!(faults.is_empty(), "{rule}:\n  {}", faults.join("\n  "));
}
