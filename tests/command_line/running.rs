//! The binary running as a server.

#![expect(clippy::disallowed_methods, reason = "the kernel tells of processes by files")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::{command, text};

/// A server on free ports of loopback, killed if a test leaves it running.
pub(crate) struct Running {
    child: Child,
    log: BufReader<ChildStderr>,
    pub(crate) http: String,
    pub(crate) admin: String,
}

impl Running {
    pub(crate) fn start(folder: &TempDir, flags: &[&str]) -> Self {
        Self::run(command(&["run"]), folder, flags)
    }

    /// Starts a server that may have so many files open, whatever it asks for.
    pub(crate) fn start_with_files(limit: usize, folder: &TempDir, flags: &[&str]) -> Self {
        let mut shell = Command::new("sh");
        shell
            .args(["-c", &format!("ulimit -n {limit} && exec \"$0\" \"$@\"")])
            .args([env!("CARGO_BIN_EXE_landfall"), "run"]);
        shell.env_remove("RUST_LOG").stdin(Stdio::null()).stderr(Stdio::piped());
        Self::run(shell, folder, flags)
    }

    /// Starts a server on an API server that is not there, and waits until it is alive.
    pub(crate) fn start_on_cluster(url: &str) -> Self {
        let mut command = command(&["run"]);
        command.arg(format!("--apiserver-host={url}"));
        Self::run_until(" alive", command, &[])
    }

    fn run(mut command: Command, folder: &TempDir, flags: &[&str]) -> Self {
        command.args(["--manifests", text(folder.path())]);
        Self::run_until(" serving ", command, flags)
    }

    /// Waits for the line of the log that holds `said` and tells the addresses, those that there are by then.
    fn run_until(said: &str, mut command: Command, flags: &[&str]) -> Self {
        command.args(["--bind-address=127.0.0.1", "--healthz-host=127.0.0.1"]);
        command.args(["--http-port=0", "--https-port=0", "--healthz-port=0"]).args(flags);
        let mut child = command.stdout(Stdio::null()).spawn().expect("the binary runs");
        let log = BufReader::new(child.stderr.take().expect("it is piped"));
        let mut server = Self { child, log, http: String::new(), admin: String::new() };
        let line = server.wait_for(said);
        let address = |name: &str| {
            let rest = line.split(&format!(" {name}=")).nth(1).unwrap_or_default();
            rest.split_whitespace().next().unwrap_or_default().to_owned()
        };
        (server.http, server.admin) = (address("http"), address("admin"));
        server
    }

    /// The next line of the log that holds `text`.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        loop {
            let mut line = String::new();
            let length = self.log.read_line(&mut line).expect("the log can be read");
            assert!(length > 0, "the server ended before it said {text:?}");
            if line.contains(text) {
                return line;
            }
        }
    }

    /// The signal is logged before the probes change: the gap is one step of the same task.
    pub(crate) fn wait_until_not_ready(&self) {
        while self.get_admin("/readyz").starts_with("HTTP/1.1 200 ") {
            std::thread::yield_now();
        }
    }

    pub(crate) fn get_admin(&self, path: &str) -> String {
        Self::get(&self.admin, path)
    }

    pub(crate) fn get(address: &str, path: &str) -> String {
        let mut stream = TcpStream::connect(address).expect("it listens");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: none.example\r\nConnection: close\r\n\r\n").expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        answer
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process");
        kill_process(id, signal).expect("the process is there");
    }

    /// The processor time that the server has used, in hundredths of a second (proc(5), `utime` and `stime`).
    pub(crate) fn ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("the process is there");
        let (_, fields) = stat.rsplit_once(") ").expect("the name ends");
        let number = |field: &str| field.parse::<u64>().expect("a number");
        fields.split(' ').skip(11).take(2).map(number).sum()
    }

    pub(crate) fn exit_code(&mut self) -> Option<i32> {
        self.child.wait().expect("it ends").code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _gone = self.child.kill();
            let _reaped = self.child.wait();
        }
    }
}
