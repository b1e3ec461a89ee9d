//! A proxy that runs, on the cores that are kept for it.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::{Found, Log, Manner, Peer, Setup};
use crate::machine;
use crate::origin::Addresses;
use crate::site::Site;

/// How long a proxy may take to end by itself.
const PATIENCE: Duration = Duration::from_secs(20);

/// A started proxy. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Running {
    pub peer: Peer,
    pub http: SocketAddr,
    pub https: SocketAddr,
    /// Where it speaks HTTP/2 in the clear, under siege.
    pub h2c: SocketAddr,
    pub log: Log,
    child: Child,
    folder: TempDir,
}

impl Running {
    /// Starts a proxy. It may not serve yet.
    pub(crate) fn start(found: &Found, site: &Site, origin: Addresses, manner: Manner) -> Result<Self> {
        let Manner { log, siege, workers } = manner;
        let folder = tempfile::Builder::new().prefix("landfall-versus-").tempdir()?;
        let [http, https, h2c] = free_ports()?;
        // landfall tells the protocols apart on one port.
        let h2c = if found.peer == Peer::Landfall { http } else { h2c };
        let setup = Setup { site, origin, http, https, h2c, log, siege, workers, folder: folder.path() };
        let mut command = found.command(&setup)?;
        let output = match log {
            Log::Off => folder.path().join("output"),
            Log::On => setup.access_log(),
        };
        // Appended to, as a peer may open the same file by its name.
        let stdout = File::options().create(true).append(true).open(output)?;
        command.stdin(Stdio::null()).stdout(stdout).stderr(File::create(folder.path().join("complaints"))?);
        let child = machine::beside(workers, || command.spawn())?
            .with_context(|| format!("cannot start {}", found.program.display()))?;
        let address = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let (http, https, h2c) = (address(http), address(https), address(h2c));
        Ok(Self { peer: found.peer, http, https, h2c, log, child, folder })
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Fails with what it said if it has ended.
    pub(crate) fn must_be_alive(&mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("{} has ended ({status}): {}", self.peer.as_str(), self.complaints());
        }
        Ok(())
    }

    /// What it said on standard error, to its last lines.
    fn complaints(&self) -> String {
        let text = |name| std::fs::read_to_string(self.folder.path().join(name)).unwrap_or_default();
        let text = [text("complaints"), text("error.log")].concat();
        let lines: Vec<_> = text.lines().collect();
        lines.get(lines.len().saturating_sub(5)..).unwrap_or_default().join(" | ")
    }

    /// The number of lines in the access log, once it has ended.
    pub(crate) fn end_and_count_log(mut self) -> Result<usize> {
        self.end();
        let log = std::fs::read(self.folder.path().join("access.log")).context("there is no access log")?;
        Ok(memchr::memchr_iter(b'\n', &log).count())
    }

    /// Ends it, and waits for that.
    pub(crate) fn end(&mut self) {
        if let Some(id) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // An orderly end, as killing nginx would leave its worker behind. One that has ended is fine too.
            let _ = kill_process(id, Signal::TERM);
        }
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// Ports that nobody listens on now, each another: they are free only once all were found.
fn free_ports<const COUNT: usize>() -> Result<[u16; COUNT]> {
    let mut listeners = Vec::with_capacity(COUNT);
    let mut ports = [0; COUNT];
    for port in &mut ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        *port = listener.local_addr()?.port();
        listeners.push(listener);
    }
    Ok(ports)
}
