//! Events of a folder: that something has changed, and which files are being written to.
//!
//! An event says that looking is worthwhile, no more: what has changed is found by looking. Where the kernel has no
//! watches left, or a change causes no event (a folder behind a symbolic link, a network file system), the controller
//! looks from time to time anyway.

#![expect(clippy::disallowed_methods, reason = "the control plane measures real time")]

use std::collections::{HashMap, HashSet};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;
use tokio::time::Instant;

/// How many files are known to be written to at a time; beyond, a file is only waited for by its age.
const WRITING: usize = 10_000;
/// How long a file counts as being written to without another write, should the end of writing go unnoticed.
const ABANDONED: Duration = Duration::from_secs(1);

/// Watches a folder. Dropping it ends that.
#[derive(Debug)]
pub(super) struct Watcher {
    root: PathBuf,
    /// The folder that is watched, which is not the one at `root` any more once that is replaced.
    watched: Option<(u64, u64)>,
    notify: Option<RecommendedWatcher>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    changed: Notify,
    /// Files that were written to and not closed since, with the time of the last write.
    writing: Mutex<HashMap<PathBuf, Instant>>,
}

impl Watcher {
    /// Starts to watch. Never fails: without events, changes are found by looking.
    pub(super) fn start(root: &Path) -> Self {
        let mut watcher = Self { root: root.to_owned(), watched: None, notify: None, shared: Arc::default() };
        watcher.follow();
        watcher
    }

    /// Watches the folder that is at the root now, if it is not the one that is watched.
    pub(super) fn follow(&mut self) {
        let Ok(metadata) = fs::metadata(&self.root) else { return };
        let identity = Some((metadata.dev(), metadata.ino()));
        if self.watched == identity {
            return;
        }
        self.watched = identity;
        self.notify = watch(&self.root, &self.shared)
            .inspect_err(|error| {
                tracing::warn!(folder = %self.root.display(), %error, "no events of the manifests; looking instead");
            })
            .ok();
        self.shared.changed.notify_one();
    }

    /// Returns once something has changed since the last return. Safe to drop: no change is lost.
    pub(super) async fn changed(&self) {
        self.shared.changed.notified().await;
    }

    /// The files that someone is writing to.
    pub(super) fn writing(&self) -> HashSet<PathBuf> {
        let mut writing = self.shared.writing.lock().unwrap_or_else(PoisonError::into_inner);
        writing.retain(|_, last| last.elapsed() < ABANDONED);
        writing.keys().cloned().collect()
    }
}

fn watch(root: &Path, shared: &Arc<Shared>) -> notify::Result<RecommendedWatcher> {
    let sink = Arc::clone(shared);
    let mut watcher = notify::recommended_watcher(move |event| sink.take(event))?;
    watcher.watch(root, RecursiveMode::Recursive)?;
    Ok(watcher)
}

impl Shared {
    /// Called on the watcher's own thread.
    fn take(&self, event: notify::Result<Event>) {
        let Ok(Event { kind, paths, .. }) = event else {
            return self.changed.notify_one();
        };
        match kind {
            // Looking at files is an access too, and must not cause another look.
            EventKind::Access(AccessKind::Close(AccessMode::Write))
            | EventKind::Modify(ModifyKind::Name(_))
            | EventKind::Remove(_) => self.note(paths, Writing::Ended),
            EventKind::Access(_) => return,
            EventKind::Modify(ModifyKind::Data(_)) => self.note(paths, Writing::Going),
            EventKind::Modify(ModifyKind::Any | ModifyKind::Metadata(_) | ModifyKind::Other)
            | EventKind::Create(_)
            | EventKind::Any
            | EventKind::Other => {}
        }
        self.changed.notify_one();
    }

    fn note(&self, paths: Vec<PathBuf>, writing: Writing) {
        let mut files = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        for path in paths {
            match writing {
                Writing::Going if files.len() < WRITING || files.contains_key(&path) => {
                    files.insert(path, Instant::now());
                }
                Writing::Going => {}
                Writing::Ended => {
                    files.remove(&path);
                }
            }
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Writing {
    Going,
    Ended,
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use notify::event::{CreateKind, DataChange};

    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "as the watcher hands events over")]
    fn event(kind: EventKind) -> notify::Result<Event> {
        Ok(Event::new(kind).add_path(PathBuf::from("/m/a.yaml")))
    }

    fn has_changed(shared: &Shared) -> bool {
        use futures_util::FutureExt as _;
        shared.changed.notified().now_or_never().is_some()
    }

    #[test]
    fn a_file_is_being_written_from_its_first_write_until_it_is_closed() {
        let watcher = Watcher { root: PathBuf::new(), watched: None, notify: None, shared: Arc::default() };
        watcher.shared.take(event(EventKind::Modify(ModifyKind::Data(DataChange::Any))));
        assert_eq!(watcher.writing().len(), 1);
        watcher.shared.take(event(EventKind::Access(AccessKind::Close(AccessMode::Write))));
        assert!(watcher.writing().is_empty() && has_changed(&watcher.shared));
    }

    #[test]
    fn looking_at_files_is_no_change() {
        let shared = Shared::default();
        shared.take(event(EventKind::Access(AccessKind::Open(AccessMode::Any))));
        assert!(!has_changed(&shared));
        shared.take(event(EventKind::Create(CreateKind::File)));
        assert!(has_changed(&shared));
        shared.take(Err(notify::Error::generic("overflow")));
        assert!(has_changed(&shared));
    }

    #[tokio::test]
    async fn a_change_below_the_folder_is_seen() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("inner")).unwrap();
        let watcher = Watcher::start(root.path());
        watcher.changed().await;
        let mut file = fs::File::create(root.path().join("inner/a.yaml")).unwrap();
        file.write_all(b"a: 1\n").unwrap();
        tokio::time::timeout(Duration::from_secs(30), watcher.changed()).await.unwrap();
    }
}
