//! What a process says, line by line, for whoever waits for a line.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

/// How long a test waits for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The lines so far; clones see the same.
#[derive(Debug, Clone)]
pub(crate) struct Log {
    lines: Arc<Mutex<Vec<String>>>,
    written: watch::Sender<Progress>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Progress {
    lines: usize,
    closed: bool,
}

impl Default for Log {
    fn default() -> Self {
        Self { lines: Arc::default(), written: watch::Sender::new(Progress::default()) }
    }
}

impl Log {
    pub(super) fn push(&self, line: String) {
        self.lines().push(line);
        self.written.send_modify(|progress| progress.lines += 1);
    }

    pub(super) fn close(&self) {
        self.written.send_modify(|progress| progress.closed = true);
    }

    /// How many lines there are: a place in the log, for [`Log::wait_from`].
    pub(crate) fn len(&self) -> usize {
        self.lines().len()
    }

    /// The lines that hold `text`.
    pub(crate) fn with(&self, text: &str) -> Vec<String> {
        self.lines().iter().filter(|line| line.contains(text)).cloned().collect()
    }

    /// The last lines.
    pub(crate) fn last(&self, count: usize) -> String {
        let lines = self.lines();
        lines[lines.len().saturating_sub(count)..].join("\n")
    }

    /// The first line that holds `text`, when it comes.
    pub(crate) async fn wait_for(&self, text: &str) -> String {
        self.wait_from(0, text).await
    }

    /// The first line from a place in the log that holds `text`, when it comes.
    pub(crate) async fn wait_from(&self, mut from: usize, text: &str) -> String {
        let mut written = self.written.subscribe();
        let waiting = async {
            loop {
                let closed = written.borrow_and_update().closed;
                if let Some(line) = self.find_from(&mut from, text) {
                    return line;
                }
                assert!(!closed, "the process ended before it said {text:?}; the last lines:\n{}", self.last(20));
                written.changed().await.expect("the log is held");
            }
        };
        let said = tokio::time::timeout(PATIENCE, waiting).await;
        said.unwrap_or_else(|_| panic!("{text:?} was not said; the last lines:\n{}", self.last(20)))
    }

    fn find_from(&self, from: &mut usize, text: &str) -> Option<String> {
        let lines = self.lines();
        let found = lines.iter().skip(*from).find(|line| line.contains(text)).cloned();
        *from = lines.len();
        found
    }

    /// A view of the log that has seen the lines so far.
    pub(crate) fn changes(&self) -> Changes {
        Changes(self.written.subscribe())
    }

    fn lines(&self) -> MutexGuard<'_, Vec<String>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A view of a log that knows which lines it has seen.
#[derive(Debug)]
pub(crate) struct Changes(watch::Receiver<Progress>);

impl Changes {
    /// Returns when a line has been written that was not there at the last call.
    pub(crate) async fn next(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
