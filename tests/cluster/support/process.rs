//! Processes that end with the test, however it ends.
//!
//! Each gets a signal from the kernel when its parent is gone, so that nothing is left behind even if the test process
//! is killed. The kernel counts the thread that started a process as its parent, and a test's thread ends with the
//! test; processes that tests share must outlive it, so one thread, which never ends, starts them all.

#![expect(clippy::print_stdout, reason = "a test that fails shows what it printed")]

use std::io::{self, BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};

use super::log::Log;

/// How much of a log a failing test shows.
const SHOWN: usize = 40;

/// A running process and what it said. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    child: Child,
    log: Log,
}

impl Process {
    /// Starts a program. What it writes to standard error becomes its log, and what it writes elsewhere is lost.
    pub(crate) fn start(name: &str, mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = spawn(command).unwrap_or_else(|error| panic!("{name} cannot be started: {error}"));
        let log = Log::default();
        follow(child.stderr.take().expect("it is piped"), log.clone());
        Self { name: name.to_owned(), child, log }
    }

    /// Starts a program that says `ready` on standard output when it is, and runs until its standard input ends.
    pub(crate) fn start_holder(name: &str, mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = spawn(command).unwrap_or_else(|error| panic!("{name} cannot be started: {error}"));
        let mut said = String::new();
        let output = child.stdout.take().expect("it is piped");
        BufReader::new(output).read_line(&mut said).expect("its output is text");
        if said != "ready\n" {
            let mut complaint = String::new();
            let _partial = child.stderr.take().expect("it is piped").read_to_string(&mut complaint);
            panic!("{name} cannot be made: {complaint}");
        }
        Self { name: name.to_owned(), child, log: Log::default() }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    /// Sends a signal. Panics if the process has ended.
    pub(crate) fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process has an id");
        kill_process(id, signal).unwrap_or_else(|error| panic!("{} is gone: {error}", self.name));
    }

    /// Waits for the process to end by itself. Blocks.
    pub(crate) fn exit_code(&mut self) -> Option<i32> {
        self.child.wait().expect("a child can be waited for").code()
    }

    /// Whether the process has not ended.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a child can be waited for").is_none()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
        if thread::panicking() && self.log.len() > 0 {
            println!("the last that {} said:\n{}", self.name, self.log.last(SHOWN));
        }
    }
}

/// A program that the kernel kills when this process is gone.
pub(crate) fn mortal(program: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--", program]);
    command
}

type Order = (Command, Sender<io::Result<Child>>);

/// Starts a command on the thread that never ends.
fn spawn(command: Command) -> io::Result<Child> {
    static SPAWNER: LazyLock<Mutex<Sender<Order>>> = LazyLock::new(|| {
        let (orders, received) = channel::<Order>();
        thread::spawn(move || {
            for (mut command, answer) in received {
                // A test that does not wait for its process any more has failed.
                let _unheard = answer.send(command.spawn());
            }
        });
        Mutex::new(orders)
    });
    let (answer, answered) = channel();
    let order = SPAWNER.lock().unwrap_or_else(PoisonError::into_inner).send((command, answer));
    order.expect("the thread never ends");
    answered.recv().expect("the thread answers")
}

fn follow(output: impl Read + Send + 'static, log: Log) {
    thread::spawn(move || {
        let mut lines = BufReader::new(output);
        let mut line = Vec::new();
        while matches!(lines.read_until(b'\n', &mut line), Ok(length) if length > 0) {
            log.push(String::from_utf8_lossy(&line).trim_end().to_owned());
            line.clear();
        }
        log.close();
    });
}
