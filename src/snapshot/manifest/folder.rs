//! A folder of manifests over time: what its files hold now, or held while they were last good.
//!
//! A file is read when it has come to rest: a writer that is not done, a file that is empty because its contents are
//! about to follow, and a file that is gone because its successor is about to be renamed into place are all waited
//! for, but for [`PATIENCE`] at most. Objects that have not changed stay the same `Arc`. An error anywhere costs what
//! it is about; what was good before stays.

#![expect(clippy::disallowed_methods, reason = "folders of manifests are read here")]

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::FILES;
use super::assembly::{Assembly, Conflicts};
use super::file::{ManifestFile, Unread, load};
use super::walk::{Listing, Stamp, list};
use crate::diagnostic::Diagnostic;
use crate::ir::{ObjectKind, ObjectRef};
use crate::snapshot::Snapshot;

/// How long a file must have been left alone to be read. Writers that write in parts do so faster than this.
pub const QUIET: Duration = Duration::from_millis(20);
/// How long a file may be gone before its objects are withdrawn: editors rename the old file away first.
pub const GONE: Duration = Duration::from_millis(100);
/// How long a file is waited for at most; then it is taken at its word, and an empty file has no objects.
pub const PATIENCE: Duration = Duration::from_millis(400);

/// When a refresh takes place, and what is known to be under way then.
#[derive(Debug, Clone, Copy)]
pub struct Moment<'a> {
    pub now: SystemTime,
    /// Files that someone has written to and not closed since.
    pub writing: &'a HashSet<PathBuf>,
}

/// What a refresh did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refreshed {
    pub change: Change,
    pub rest: Rest,
}

/// Whether a refresh found something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    None,
    /// The snapshot or the diagnostics are new.
    Some,
}

/// Whether files were passed over because they are in motion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    Settled,
    /// Another refresh is due after [`QUIET`].
    Moving,
}

/// The manifests at and below some roots.
#[derive(Debug)]
pub struct Folder {
    roots: Vec<PathBuf>,
    files: BTreeMap<PathBuf, ManifestFile>,
    /// Since when a file has been waited for.
    waiting: BTreeMap<PathBuf, SystemTime>,
    /// Of the newest listing.
    diagnostics_of_listing: Vec<Diagnostic>,
    snapshot: Snapshot,
    diagnostics: Vec<Diagnostic>,
}

impl Folder {
    /// Reads a folder, or a single file, waiting for nothing. Fails only if `root` itself cannot be read.
    pub fn read(root: &Path) -> io::Result<Self> {
        Self::read_all(&[root.to_owned()])
    }

    /// Reads several folders and files as one.
    pub fn read_all(roots: &[PathBuf]) -> io::Result<Self> {
        for root in roots {
            let of_root = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", root.display()));
            let metadata = std::fs::metadata(root).map_err(of_root)?;
            if metadata.is_dir() {
                std::fs::read_dir(root).map_err(of_root)?;
            }
        }
        let mut folder = Self {
            roots: roots.to_vec(),
            files: BTreeMap::new(),
            waiting: BTreeMap::new(),
            diagnostics_of_listing: Vec::new(),
            snapshot: Snapshot::default(),
            diagnostics: Vec::new(),
        };
        let listing = list(&folder.roots);
        for (path, stamp) in &listing.files {
            folder.load(path, *stamp);
        }
        folder.diagnostics_of_listing = diagnostics_of(&listing);
        folder.assemble();
        Ok(folder)
    }

    /// The objects. A clone of the snapshot costs a few reference counts.
    #[must_use]
    pub const fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// What is wrong with the files, sorted, each once.
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// Lists the folder and reads what has changed. Costs one look at every file, and a read of those that changed.
    pub fn refresh(&mut self, moment: Moment<'_>) -> Refreshed {
        let listing = list(&self.roots);
        let (mut change, mut waiting) = (Change::None, BTreeMap::new());
        for (path, stamp) in &listing.files {
            if self.files.get(path).is_some_and(|file| file.stamp == *stamp) {
                continue;
            }
            let since = *self.waiting.get(path).unwrap_or(&moment.now);
            if is_at_rest(path, stamp, since, moment) && self.load(path, *stamp) == Change::Some {
                change = Change::Some;
            } else {
                waiting.insert(path.clone(), since);
            }
        }
        if self.withdraw(&listing, moment, &mut waiting) == Change::Some {
            change = Change::Some;
        }
        let diagnostics = diagnostics_of(&listing);
        if diagnostics != self.diagnostics_of_listing {
            (self.diagnostics_of_listing, change) = (diagnostics, Change::Some);
        }
        self.waiting = waiting;
        if change == Change::Some {
            self.assemble();
        }
        let rest = if self.waiting.is_empty() { Rest::Settled } else { Rest::Moving };
        Refreshed { change, rest }
    }

    /// Reads one file; [`Change::None`] if it is in motion.
    fn load(&mut self, path: &Path, stamp: Stamp) -> Change {
        let previous = self.files.get(path).map(|file| &file.held);
        let held = match load(path, stamp, previous) {
            Ok(held) | Err(Unread::Failed(held)) => held,
            Err(Unread::Moving) => return Change::None,
        };
        self.files.insert(path.to_owned(), ManifestFile { stamp, held });
        Change::Some
    }

    /// Drops the files that have been gone for long enough.
    fn withdraw(
        &mut self,
        listing: &Listing,
        moment: Moment<'_>,
        waiting: &mut BTreeMap<PathBuf, SystemTime>,
    ) -> Change {
        let before = self.files.len();
        self.files.retain(|path, _| {
            if listing.files.contains_key(path) || listing.is_unknown(path) {
                return true;
            }
            let since = *self.waiting.get(path).unwrap_or(&moment.now);
            let gone = waited(since, moment.now) >= GONE;
            if !gone {
                waiting.insert(path.clone(), since);
            }
            !gone
        });
        if self.files.len() == before { Change::None } else { Change::Some }
    }

    /// Puts the objects of all files together. Of two objects of one name the one in the first file by path wins, and
    /// in one file the first; a file that is gone but not yet withdrawn comes last, and is not reported.
    fn assemble(&mut self) {
        let mut assembly = Assembly::new(&self.snapshot);
        let is_waited_for = |path: &PathBuf| self.waiting.contains_key(path);
        for (path, file) in self.files.iter().filter(|(path, _)| !is_waited_for(path)) {
            assembly.add(path, &file.held, Conflicts::Reported);
        }
        for (path, file) in self.files.iter().filter(|(path, _)| is_waited_for(path)) {
            assembly.add(path, &file.held, Conflicts::Silent);
        }
        let (snapshot, mut diagnostics) = assembly.finish();
        diagnostics.extend(self.diagnostics_of_listing.iter().cloned());
        diagnostics.sort();
        diagnostics.dedup();
        self.snapshot = snapshot;
        self.diagnostics = diagnostics;
    }
}

/// Whether a file may be read now.
fn is_at_rest(path: &Path, stamp: &Stamp, since: SystemTime, moment: Moment<'_>) -> bool {
    let left_alone = || waited(stamp.modified(), moment.now) >= QUIET;
    let being_filled = stamp.size == 0 || moment.writing.contains(path);
    waited(since, moment.now) >= PATIENCE || (!being_filled && left_alone())
}

/// How long ago `since` was. A clock that was set back has waited for ever.
fn waited(since: SystemTime, now: SystemTime) -> Duration {
    now.duration_since(since).unwrap_or(Duration::MAX)
}

fn diagnostics_of(listing: &Listing) -> Vec<Diagnostic> {
    let unreadable = listing.unreadable.iter().map(|(path, reason)| {
        let at = ObjectRef::new(ObjectKind::File, "", path.display().to_string()).field("");
        let message = format!("cannot be read: {reason}; what it held before stays in use");
        Diagnostic::error("manifest-unreadable", at, message)
    });
    let left_out = (listing.left_out > 0).then(|| {
        let at = ObjectRef::new(ObjectKind::Setting, "", "--manifests").field("");
        let message = format!("{} files are left out, as there are more than {FILES}", listing.left_out);
        Diagnostic::error("manifest-too-many-files", at, message)
    });
    unreadable.chain(left_out).collect()
}
