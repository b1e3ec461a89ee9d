//! The binary under the names of ingress-nginx's programs, which that project's manifests call.
//!
//! Every test runs a copy of the binary from a folder of its own: `wait-shutdown` ends what runs from its own file, and
//! must not meet the servers of other tests.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// The programs of ingress-nginx's image, as Landfall's image has them.
struct Image {
    folder: TempDir,
}

impl Image {
    fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let file = folder.path().join("landfall");
        // Copied by another process: this one, writing, could hand the open file on to a program that another test
        // starts at that moment, and a file that is being written cannot be run.
        let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_landfall")).arg(&file).status().expect("cp runs");
        assert!(copied.success());
        for name in ["nginx-ingress-controller", "wait-shutdown"] {
            std::os::unix::fs::symlink("landfall", folder.path().join(name)).expect("a link");
        }
        Self { folder }
    }

    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.folder.path().join(name));
        command.env_remove("RUST_LOG").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    fn serve(&self, name: &str, flags: &[&str]) -> Server {
        let objects: PathBuf = self.folder.path().join("objects");
        std::fs::create_dir_all(&objects).expect("a folder");
        let ports = ["--http-port=0", "--https-port=0", "--healthz-port=0", "--bind-address=127.0.0.1"];
        let mut command = self.program(name);
        command.args(flags).args(ports).arg("--healthz-host=127.0.0.1").arg("--manifests").arg(&objects);
        let mut child = command.spawn().expect("the binary runs");
        let log = BufReader::new(child.stderr.take().expect("it is piped"));
        let mut server = Server { child, log };
        server.wait_for(" serving ");
        server
    }
}

/// A server, killed if a test leaves it running.
struct Server {
    child: Child,
    log: BufReader<ChildStderr>,
}

impl Server {
    fn wait_for(&mut self, text: &str) {
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            assert!(self.log.read_line(&mut line).expect("the log can be read") > 0, "ended before it said {text:?}");
        }
    }

    /// `None` while it runs.
    fn exit_code(&mut self) -> Option<i32> {
        self.child.try_wait().expect("it is our child").and_then(|status| status.code())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _gone = self.child.kill();
            let _reaped = self.child.wait();
        }
    }
}

#[test]
fn wait_shutdown_ends_the_controller_gracefully_and_returns_when_it_has_ended() {
    let image = Image::new();
    for (name, flags) in [
        ("landfall", &["/nginx-ingress-controller", "--ingress-class=nginx"][..]),
        ("nginx-ingress-controller", &["--ingress-class=nginx"]),
        ("landfall", &["run"]),
    ] {
        let mut server = image.serve(name, flags);
        let waited = image.program("wait-shutdown").output().expect("the binary runs");
        assert_eq!(waited.status.code(), Some(0), "{}", String::from_utf8_lossy(&waited.stderr));
        assert_eq!(server.exit_code(), Some(0), "{name} {flags:?}");
    }
}

#[test]
fn wait_shutdown_does_not_return_while_the_controller_is_shutting_down() {
    let image = Image::new();
    let mut server = image.serve("landfall", &["--shutdown-grace-period=600"]);
    let mut waiting = image.program("wait-shutdown").spawn().expect("the binary runs");
    server.wait_for("shutting down");
    assert!(waiting.try_wait().expect("it is our child").is_none());
    let id = i32::try_from(server.child.id()).ok().and_then(Pid::from_raw).expect("a process");
    kill_process(id, Signal::TERM).expect("the process is there");
    assert_eq!(waiting.wait().expect("it ends").code(), Some(0));
    assert_eq!(server.exit_code(), Some(143), "the second signal cuts the end short");
}

#[test]
fn wait_shutdown_leaves_the_servers_of_other_files_alone_and_fails_without_one_of_its_own() {
    let (image, other) = (Image::new(), Image::new());
    let mut server = other.serve("nginx-ingress-controller", &[]);
    let waited = image.program("wait-shutdown").output().expect("the binary runs");
    assert_eq!(waited.status.code(), Some(1));
    let complaint = String::from_utf8_lossy(&waited.stderr);
    assert!(complaint.contains("nothing serves from this program's file"), "{complaint}");
    assert_eq!(server.exit_code(), None, "it goes on");
}
