//! The access log's way out: a bounded queue of batches and one thread that writes them.
//!
//! Workers hand over batches of whole lines and never wait: a batch that finds the queue full is dropped and its lines
//! are counted. At most [`QUEUE`] batches of some 32 KiB are held.

#![expect(clippy::disallowed_methods, reason = "the access log may be a file")]

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use super::metrics::Metrics;

/// Batches that wait for the writer.
const QUEUE: usize = 256;

/// Where lines go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogTarget {
    Stdout,
    /// Appended to; created if missing.
    File(PathBuf),
}

/// A way into the log, cheap to clone. When the last one is gone, the thread writes what it holds and ends.
#[derive(Debug, Clone)]
pub struct AccessLog {
    queue: Sender<Item>,
    empties: Receiver<Vec<u8>>,
    dropped: Arc<AtomicU64>,
}

enum Item {
    Batch(Vec<u8>),
    /// Answered when everything before it is written.
    Flush(Sender<()>),
    /// Answered never: the file is opened again by its name.
    Reopen,
}

impl AccessLog {
    /// Opens the target and starts the writer thread. Fails if the file or the thread cannot be had.
    pub fn start(target: &LogTarget, metrics: &Metrics) -> io::Result<Self> {
        let writer = match target {
            LogTarget::Stdout => Output::Stream(Box::new(io::stdout())),
            LogTarget::File(path) => Output::File { file: open(path)?, path: path.clone() },
        };
        Self::spawn(writer, metrics)
    }

    /// A log into any writer, such as a test's buffer.
    pub fn to_writer(writer: impl Write + Send + 'static, metrics: &Metrics) -> io::Result<Self> {
        Self::spawn(Output::Stream(Box::new(writer)), metrics)
    }

    fn spawn(output: Output, metrics: &Metrics) -> io::Result<Self> {
        let (queue, items) = bounded(QUEUE);
        let (returns, empties) = bounded(QUEUE);
        let dropped = metrics.log_lines_dropped();
        let writer = Writer { items, returns, output, dropped: Arc::clone(&dropped) };
        thread::Builder::new().name("access-log".to_owned()).spawn(move || writer.run())?;
        Ok(Self { queue, empties, dropped })
    }

    /// Hands over whole lines. Never waits; if the writer has fallen behind, the lines are dropped and counted.
    pub fn submit(&self, batch: Vec<u8>) {
        match self.queue.try_send(Item::Batch(batch)) {
            Ok(()) => {}
            Err(TrySendError::Full(item) | TrySendError::Disconnected(item)) => {
                if let Item::Batch(lines) = item {
                    self.dropped.fetch_add(count_lines(&lines), Ordering::Relaxed);
                }
            }
        }
    }

    /// An empty buffer for the next batch, one that was written before where there is one.
    #[must_use]
    pub fn buffer(&self) -> Vec<u8> {
        self.empties.try_recv().unwrap_or_default()
    }

    /// Waits until everything submitted before is written, at most `patience`. Whether it was. For shutting down.
    #[must_use]
    pub fn flush(&self, patience: Duration) -> bool {
        let (done, wait) = bounded(1);
        self.queue.send_timeout(Item::Flush(done), patience).is_ok() && wait.recv_timeout(patience).is_ok()
    }

    /// Opens the file again by its name, after it was rotated away. Nothing for standard output, and nothing if the
    /// queue is full.
    pub fn reopen(&self) {
        let _ = self.queue.try_send(Item::Reopen);
    }
}

/// The thread's side.
struct Writer {
    items: Receiver<Item>,
    returns: Sender<Vec<u8>>,
    output: Output,
    dropped: Arc<AtomicU64>,
}

enum Output {
    Stream(Box<dyn Write + Send>),
    File { file: File, path: PathBuf },
}

impl Writer {
    fn run(mut self) {
        while let Ok(item) = self.items.recv() {
            match item {
                Item::Batch(batch) => self.write(batch),
                Item::Flush(done) => {
                    let _ = done.send(());
                }
                Item::Reopen => self.output.reopen(),
            }
        }
    }

    fn write(&mut self, mut batch: Vec<u8>) {
        if self.output.write(&batch).is_err() {
            self.dropped.fetch_add(count_lines(&batch), Ordering::Relaxed);
        }
        batch.clear();
        let _ = self.returns.try_send(batch);
    }
}

impl Output {
    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        match self {
            Self::Stream(stream) => stream.write_all(lines).and_then(|()| stream.flush()),
            Self::File { file, path: _ } => file.write_all(lines),
        }
    }

    fn reopen(&mut self) {
        match self {
            Self::Stream(_) => {}
            Self::File { file, path } => match open(path) {
                Ok(opened) => *file = opened,
                Err(error) => tracing::warn!(path = %path.display(), %error, "the access log cannot be reopened"),
            },
        }
    }
}

fn open(path: &PathBuf) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

fn count_lines(batch: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', batch).count() as u64
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// A writer that takes nothing until it is told to, and keeps what it took.
    struct Gate {
        entered: mpsc::Sender<()>,
        open: mpsc::Receiver<()>,
        written: mpsc::Sender<Vec<u8>>,
    }

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.entered.send(());
            let _ = self.open.recv();
            let _ = self.written.send(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_writer_that_falls_behind_costs_lines_and_they_are_counted() {
        let metrics = Metrics::new();
        let (entered, entries) = mpsc::channel();
        let (opener, open) = mpsc::channel();
        let (written, _kept) = mpsc::channel();
        let log = AccessLog::to_writer(Gate { entered, open, written }, &metrics).unwrap();
        log.submit(b"first\n".to_vec());
        entries.recv().unwrap();
        for _ in 0..QUEUE + 3 {
            log.submit(b"a\nb\n".to_vec());
        }
        assert_eq!(metrics.log_lines_dropped().load(Ordering::Relaxed), 6);
        drop(opener);
    }

    #[test]
    fn a_flush_returns_when_everything_before_it_is_written() {
        let metrics = Metrics::new();
        let (entered, _entries) = mpsc::channel();
        let (opener, open) = mpsc::channel();
        let (written, kept) = mpsc::channel();
        drop(opener);
        let log = AccessLog::to_writer(Gate { entered, open, written }, &metrics).unwrap();
        log.submit(b"one\n".to_vec());
        log.submit(b"two\n".to_vec());
        assert!(log.flush(Duration::from_secs(30)));
        let lines: Vec<_> = kept.try_iter().collect();
        assert_eq!(lines, [b"one\n".to_vec(), b"two\n".to_vec()]);
    }
}
