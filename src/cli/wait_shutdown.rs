//! `wait-shutdown`: the end of the server in this container, asked for and waited for.
//!
//! ingress-nginx's manifests call a program of this name before a pod ends (`cmd/waitshutdown` there). It does what
//! that one does: SIGTERM to the controller, and no return before it has ended. Returning earlier would do harm, for
//! the kubelet's own SIGTERM follows at once, and a second one cuts a graceful end short. Landfall's own manifests have
//! no use for it.
//!
//! Where the server is the first process of the container, its end is the container's, and this one is killed with it;
//! the kubelet then reports a failed hook, as it does with ingress-nginx, and nothing depends on that.

#![expect(clippy::disallowed_methods, reason = "the processes of this container are files below /proc")]

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::{Errno, retry_on_intr};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::with_command;

/// Asks every server that runs from this very file to end, and returns when all have.
pub(super) fn run() -> anyhow::Result<ExitCode> {
    let mut asked = Vec::new();
    for server in servers().context("cannot list the processes in /proc")? {
        match pidfd_send_signal(&server, Signal::TERM) {
            Ok(()) => asked.push(server),
            // It has just ended, or is another user's.
            Err(Errno::SRCH | Errno::PERM) => {}
            Err(error) => return Err(error).context("cannot send SIGTERM to the server"),
        }
    }
    ensure!(!asked.is_empty(), "there is no process to wait for: nothing serves from this program's file");
    for server in &asked {
        // Without a limit of its own: the kubelet ends both when the pod's termination grace period is over.
        retry_on_intr(|| poll(&mut [PollFd::new(server, PollFlags::IN)], None))
            .context("cannot wait for the server")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The processes that run this program's file and serve. Those of other files, whatever their names, are not ours.
fn servers() -> io::Result<Vec<OwnedFd>> {
    let own = file_of(Path::new("/proc/self"))?;
    let mut servers = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let path = entry?.path();
        let Some(id) = path.file_name().and_then(|name| name.to_str()?.parse().ok()).and_then(Pid::from_raw) else {
            continue;
        };
        // Opened before it is looked at: a process that takes over the number afterwards is never signalled.
        let Ok(process) = pidfd_open(id, PidfdFlags::empty()) else { continue };
        let arguments = arguments(&path);
        if is_ours(file_of(&path), own, &arguments) && serves(arguments) {
            servers.push(process);
        }
    }
    Ok(servers)
}

/// The identity of a file.
type File = (u64, u64);

/// The file that a process runs.
fn file_of(process: &Path) -> io::Result<File> {
    let file = fs::metadata(process.join("exe"))?;
    Ok((file.dev(), file.ino()))
}

/// What a process was started with, its name first; nothing where that cannot be read.
fn arguments(process: &Path) -> Vec<OsString> {
    let typed = fs::read(process.join("cmdline")).unwrap_or_default();
    let typed = typed.strip_suffix(b"\0").unwrap_or(&typed);
    typed.split(|byte| *byte == 0).map(|argument| OsString::from_vec(argument.to_vec())).collect()
}

/// Whether a process runs our file. The kernel does not say so of one that was given a capability by its file and that
/// we were not given: then its name decides.
fn is_ours(file: io::Result<File>, own: File, arguments: &[OsString]) -> bool {
    match file {
        Ok(file) => file == own,
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let name = arguments.first().and_then(|program| Path::new(program).file_name());
            name.is_some_and(|name| name == "landfall" || name == "nginx-ingress-controller")
        }
        Err(_) => false,
    }
}

/// Whether a process of this program was started to serve.
fn serves(arguments: Vec<OsString>) -> bool {
    with_command(arguments).get(1).is_some_and(|command| command == "run" || command == "demo")
}
