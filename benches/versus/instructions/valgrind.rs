//! Running a program under callgrind, and reading what it has counted.

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

use super::Collected;

/// One run.
#[derive(Debug)]
pub(super) struct Callgrind {
    folder: TempDir,
}

impl Callgrind {
    pub(super) fn new() -> Result<Self> {
        Ok(Self { folder: tempfile::Builder::new().prefix("landfall-callgrind-").tempdir()? })
    }

    /// Runs a loop of this program's own.
    pub(super) fn inner(name: &str, requests: u64) -> Result<Collected> {
        let run = Self::new()?;
        let command = run.command();
        let (valgrind, flags) = command.split_first().context("there is a command")?;
        let status = Command::new(valgrind)
            .args(flags)
            .arg(std::env::current_exe()?)
            .args(["inner", name, &requests.to_string()])
            .stdout(Stdio::null())
            .status()
            .context("valgrind cannot be started; Debian has a package of that name")?;
        ensure!(status.success(), "{name} under valgrind: {status}");
        run.collected()
    }

    /// The command that a program is put behind.
    pub(super) fn command(&self) -> Vec<String> {
        let log = self.folder.path().join("log");
        let log = format!("--log-file={}", log.display());
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--collect-systime=yes", &log]
            .map(str::to_owned)
            .to_vec()
    }

    /// What a run that has ended has counted: the numbers after `Collected`, in the order of those after `Events`.
    pub(super) fn collected(&self) -> Result<Collected> {
        let log = std::fs::read_to_string(self.folder.path().join("log")).context("valgrind wrote no log")?;
        let words = |wanted: &str| {
            let line = log.lines().rev().find_map(|line| line.split_once(wanted));
            let (_, words) = line.with_context(|| format!("valgrind's log has no line {wanted:?}:\n{log}"))?;
            anyhow::Ok(words.trim_start_matches([' ', ':']).split_whitespace().collect::<Vec<_>>())
        };
        let (events, counts) = (words("Events ")?, words("Collected ")?);
        let count = |event: &str| {
            let at = events.iter().position(|name| *name == event);
            let count =
                at.and_then(|at| counts.get(at)).with_context(|| format!("valgrind has not counted {event}"))?;
            count.parse().with_context(|| format!("{count} is no number of {event}"))
        };
        Ok(Collected { instructions: count("Ir")?, system_calls: count("sysCount")?, seconds: 0.0 })
    }
}
