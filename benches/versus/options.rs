//! What is typed.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Parser;

use super::instructions::Mode;
use super::peer::{Log, Peer};

/// Compares landfall with nginx, HAProxy, Envoy and a relay of octets, on this machine and loopback alone.
#[derive(Debug, Clone, Parser)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[command(name = "versus", version)]
pub(crate) struct Options {
    /// The main cases alone, shortly: under three minutes.
    #[arg(long)]
    pub quick: bool,
    /// Cases whose name contains this; may be repeated. All without it.
    #[arg(long = "case", value_name = "PART")]
    pub cases: Vec<String>,
    /// Proxies; may be repeated. All that are found without it.
    #[arg(long = "proxy", value_name = "NAME")]
    pub proxies: Vec<Peer>,
    /// Whether access logs are written: off, on, or both, one after the other.
    #[arg(long, value_name = "WHEN", default_value = "off")]
    pub log: LogChoice,
    /// Rounds; each measures every proxy once, in another order than the round before.
    #[arg(long, value_name = "N")]
    pub rounds: Option<usize>,
    /// Seconds for which each proxy is measured in a round.
    #[arg(long, value_name = "SECONDS")]
    pub seconds: Option<f64>,
    /// Worker threads or processes of each proxy. With more than one, proxies share the load's core where cores are
    /// few.
    #[arg(long, value_name = "N", default_value = "1")]
    pub workers: NonZeroUsize,
    /// The folder for what is reported.
    #[arg(long, value_name = "DIR", default_value = "target/versus")]
    pub out: PathBuf,
    /// Also put the report into the project: benches/versus/result, and the section of README.md or SECURITY.md.
    #[arg(long)]
    pub store: bool,
    /// The landfall to measure, instead of the one that is built with this benchmark.
    #[arg(long, value_name = "FILE")]
    pub landfall: Option<PathBuf>,
    /// Install the proxies that are missing first (Debian packages and a virtual environment of Python).
    #[arg(long)]
    pub install: bool,
    /// Instead of a comparison, count landfall's instructions and system calls per request (needs valgrind).
    #[arg(long, value_name = "WHAT")]
    pub instructions: Option<Mode>,
    /// Instead of requests, measure attacks: what they cost each proxy, and the honest clients beside them.
    #[arg(long)]
    pub attacks: bool,
    /// Print the names of the cases.
    #[arg(long)]
    pub list: bool,
    /// What cargo adds.
    #[arg(long, hide = true)]
    pub bench: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogChoice {
    Off,
    On,
    Both,
}

impl Options {
    pub(crate) fn logs(&self) -> &'static [Log] {
        match self.log {
            LogChoice::Off => &[Log::Off],
            LogChoice::On => &[Log::On],
            LogChoice::Both => &[Log::Off, Log::On],
        }
    }

    /// Whether a case is wanted.
    pub(crate) fn wants(&self, case: &super::case::Case) -> bool {
        self.names(case.name) && (!self.quick || case.is_quick || !self.cases.is_empty())
    }

    /// Whether a name is one of those that were asked for.
    pub(crate) fn names(&self, name: &str) -> bool {
        self.cases.is_empty() || self.cases.iter().any(|part| name.contains(part.as_str()))
    }
}
