//! Which files a folder of manifests has, and whether one has changed.
//!
//! Hidden names are passed over: editors keep swap and lock files there, and ConfigMap volumes the folders that their
//! visible symbolic links lead to (`..data`). Symbolic links are followed, loops ended.

#![expect(clippy::disallowed_methods, reason = "folders of manifests are read here")]

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::document::Format;
use super::{FILES, FOLDERS_DEEP};

/// What tells one version of a file from another without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    device: u64,
    inode: u64,
    /// In bytes.
    pub size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    #[must_use]
    pub fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// When the contents were last written.
    #[must_use]
    pub fn modified(&self) -> SystemTime {
        let (seconds, nanos) = self.modified;
        let since = Duration::new(u64::try_from(seconds).unwrap_or(0), u32::try_from(nanos).unwrap_or(0));
        UNIX_EPOCH.checked_add(since).unwrap_or(UNIX_EPOCH)
    }
}

/// The files of some folders at one moment.
#[derive(Debug, Default)]
pub struct Listing {
    pub files: BTreeMap<PathBuf, Stamp>,
    /// Files and folders that could not be looked at: nothing is known of them and what is below.
    pub unreadable: BTreeMap<PathBuf, String>,
    /// How many files are left out because there are more than [`FILES`].
    pub left_out: usize,
}

/// Lists the manifests at and below `roots`, which may be folders or files.
#[must_use]
pub fn list(roots: &[PathBuf]) -> Listing {
    let mut listing = Listing::default();
    for root in roots {
        match fs::metadata(root) {
            Ok(metadata) if metadata.is_dir() => listing.folder(root, &mut vec![key(&metadata)]),
            Ok(metadata) => listing.file(root.clone(), &metadata),
            Err(error) => listing.fail(root, &error),
        }
    }
    listing
}

impl Listing {
    /// Adds what is in a folder; `above` are the folders on the way to it, itself included.
    fn folder(&mut self, folder: &Path, above: &mut Vec<(u64, u64)>) {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => return self.fail(folder, &error),
        };
        for entry in entries {
            let path = match entry {
                Ok(entry) => entry.path(),
                Err(error) => return self.fail(folder, &error),
            };
            if !is_passed_over(&path) {
                self.entry(path, above);
            }
        }
    }

    fn entry(&mut self, path: PathBuf, above: &mut Vec<(u64, u64)>) {
        let metadata = match fs::metadata(&path) {
            Ok(metadata) => metadata,
            // A link whose target is being swapped, or a file that has just gone.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            Err(error) => return self.fail(&path, &error),
        };
        if metadata.is_dir() {
            let folder = key(&metadata);
            if above.contains(&folder) {
                return;
            }
            if above.len() >= FOLDERS_DEEP {
                self.unreadable.insert(path, format!("folders nest deeper than {FOLDERS_DEEP}"));
                return;
            }
            above.push(folder);
            self.folder(&path, above);
            above.pop();
        } else if metadata.is_file() && format_of(&path).is_some() {
            self.file(path, &metadata);
        }
    }

    fn file(&mut self, path: PathBuf, metadata: &Metadata) {
        if self.files.len() >= FILES && !self.files.contains_key(&path) {
            self.left_out += 1;
        } else {
            self.files.insert(path, Stamp::of(metadata));
        }
    }

    fn fail(&mut self, path: &Path, error: &io::Error) {
        self.unreadable.insert(path.to_owned(), error.to_string());
    }

    /// Whether nothing is known of this file because it, or a folder on the way to it, could not be looked at.
    #[must_use]
    pub fn is_unknown(&self, path: &Path) -> bool {
        path.ancestors().any(|ancestor| self.unreadable.contains_key(ancestor))
    }
}

/// What the name of a file says it holds; `None` if not manifests.
#[must_use]
pub fn format_of(path: &Path) -> Option<Format> {
    let extension = path.extension()?.to_str()?;
    if extension.eq_ignore_ascii_case("yaml") || extension.eq_ignore_ascii_case("yml") {
        Some(Format::Yaml)
    } else {
        extension.eq_ignore_ascii_case("json").then_some(Format::Json)
    }
}

fn is_passed_over(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    name.starts_with(b".") || name.starts_with(b"#") || name.ends_with(b"~")
}

fn key(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}
