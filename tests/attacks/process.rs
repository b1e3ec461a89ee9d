//! The server's process, and what the kernel tells of it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStderr, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

/// The binary, serving. Dropping it kills it.
pub(crate) struct Process {
    child: Child,
    /// Kept open, as the server writes there.
    _log: BufReader<ChildStderr>,
    _folder: TempDir,
    pub(crate) http: SocketAddr,
    pub(crate) https: SocketAddr,
}

impl Process {
    /// Serves these objects with two workers, under the ConfigMap `default/settings`.
    pub(crate) fn start(objects: &[Value]) -> Self {
        let folder = TempDir::new().unwrap();
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": objects });
        fs::write(folder.path().join("objects.json"), list.to_string()).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_landfall"))
            .args(["run", "--bind-address=127.0.0.1", "--healthz-host=127.0.0.1", "--workers=2", "--access-log=off"])
            .args([
                "--http-port=0",
                "--https-port=0",
                "--healthz-port=0",
                "--configmap=default/settings",
                "--manifests",
            ])
            .arg(folder.path())
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains(" serving ") {
            line.clear();
            assert!(log.read_line(&mut line).unwrap() > 0, "the server ended before it served");
        }
        let address = |name: &str| {
            let rest = line.split(&format!(" {name}=")).nth(1).unwrap_or_default();
            rest.split_whitespace().next().and_then(|text| text.parse().ok()).unwrap()
        };
        Self { http: address("http"), https: address("https"), child, _log: log, _folder: folder }
    }

    pub(crate) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// What is resident, in octets.
    pub(crate) fn resident(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).and_then(|text| text.parse::<u64>().ok()).unwrap() * 1024
    }

    /// The processor time used, in hundredths of a second (proc(5), `utime` and `stime`).
    pub(crate) fn ticks(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let (_, fields) = stat.rsplit_once(") ").unwrap();
        fields.split(' ').skip(11).take(2).map(|field| field.parse::<u64>().unwrap()).sum()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}
