//! The proxies that are compared: how each is found, configured and started.
//!
//! All are configured alike: as many workers, connections to the origin kept alive, bodies streamed, the header fields that
//! an ingress adds, no limit on requests per connection, certificates from the same authority. A proxy that is to be
//! attacked keeps its limits, has equal timeouts, and listens for HTTP/2 without TLS as well.

mod envoy;
mod haproxy;
mod landfall;
mod nginx;
mod running;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use serde::Serialize;

pub(crate) use running::Running;

use super::origin::Addresses;
use super::site::Site;

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Peer {
    Landfall,
    Nginx,
    Haproxy,
    Envoy,
    /// A relay of octets, which no proxy can be cheaper than.
    Relay,
}

impl Peer {
    pub(crate) const ALL: [Self; 5] = [Self::Landfall, Self::Nginx, Self::Haproxy, Self::Envoy, Self::Relay];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Landfall => "landfall",
            Self::Nginx => "nginx",
            Self::Haproxy => "HAProxy",
            Self::Envoy => "Envoy",
            Self::Relay => "L4 relay",
        }
    }

    /// Those that landfall is held against.
    pub(crate) fn is_rival(self) -> bool {
        matches!(self, Self::Nginx | Self::Haproxy | Self::Envoy)
    }
}

/// Whether a line is written for each request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Log {
    Off,
    On,
}

/// A peer that is on this machine.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub peer: Peer,
    pub program: PathBuf,
    pub version: String,
    /// A program, with its flags, that it is started under.
    pub under: Vec<String>,
}

/// What is different of a proxy that is to be attacked. Its limits on what one connection may ask are its own, not
/// lifted as for measuring speed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Siege {
    /// Where the requests of attackers end, which are for [`attack::HOST`].
    pub origin: SocketAddr,
    /// The timeouts on clients: for a head, a body, an answer, a handshake, and between requests.
    pub seconds: u64,
}

/// Streams at once of a connection under siege, for those that do not have as many by default.
const STREAMS: u32 = 128;

/// How a peer is to be run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    pub log: Log,
    pub siege: Option<Siege>,
    /// Threads, of nginx processes.
    pub workers: usize,
}

/// What a peer is started with.
#[derive(Debug)]
pub(crate) struct Setup<'a> {
    pub site: &'a Site,
    pub origin: Addresses,
    pub http: u16,
    pub https: u16,
    /// For HTTP/2 in the clear, with prior knowledge; used under siege alone.
    pub h2c: u16,
    pub log: Log,
    pub siege: Option<Siege>,
    pub workers: usize,
    /// For configuration, logs and temporary files.
    pub folder: &'a Path,
}

impl Setup<'_> {
    /// Where the access log goes.
    pub(crate) fn access_log(&self) -> PathBuf {
        self.folder.join("access.log")
    }

    /// Writes a file of the configuration.
    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> Result<PathBuf> {
        let path = self.folder.join(name);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }
}

impl Found {
    /// Looks for a peer: the binary that was built with this benchmark, `PATH`, and the folder that `install` fills.
    pub(crate) fn look(peer: Peer, landfall: &Path, cache: &Path) -> Option<Self> {
        let (candidates, version): (Vec<PathBuf>, &[&str]) = match peer {
            Peer::Landfall => (vec![landfall.to_owned()], &["--version"]),
            Peer::Nginx => (vec!["nginx".into(), "/usr/sbin/nginx".into()], &["-v"]),
            Peer::Haproxy => (vec!["haproxy".into(), "/usr/sbin/haproxy".into()], &["-v"]),
            Peer::Envoy => (vec![cache.join("envoy/bin/envoy"), "envoy".into()], &["--version"]),
            Peer::Relay => (vec![std::env::current_exe().ok()?], &["--version"]),
        };
        candidates.into_iter().find_map(|program| {
            let output = Command::new(&program).args(version).output().ok()?;
            let text = [output.stdout, output.stderr].concat();
            let version = version_in(&String::from_utf8_lossy(&text));
            Some(Self { peer, program, version, under: Vec::new() })
        })
    }

    /// The command that serves in the foreground, with its configuration written.
    fn command(&self, setup: &Setup<'_>) -> Result<Command> {
        let mut command = match self.under.split_first() {
            None => Command::new(&self.program),
            Some((first, flags)) => {
                let mut command = Command::new(first);
                command.args(flags).arg(&self.program);
                command
            }
        };
        match self.peer {
            Peer::Landfall => landfall::configure(&mut command, setup)?,
            Peer::Nginx => nginx::configure(&mut command, setup)?,
            Peer::Haproxy => haproxy::configure(&mut command, setup)?,
            Peer::Envoy => envoy::configure(&mut command, setup)?,
            Peer::Relay => {
                command.arg("relay").arg(setup.http.to_string()).arg(setup.origin.bare.to_string());
            }
        }
        Ok(command)
    }
}

/// The first thing in a text that looks like a version.
fn version_in(text: &str) -> String {
    let mut words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '.'));
    let dotted = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.');
    words.find(dotted).unwrap_or("unknown").to_owned()
}
