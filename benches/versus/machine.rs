//! The machine: which core is whose, and what a process has used of it, by the operating system's accounting.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use serde::Serialize;

/// Keeps this thread, and what it starts, to the core of the load.
pub(crate) fn settle() -> Result<()> {
    let [load, _] = cores()?;
    pin(load)
}

/// The first two processors that this process may use, found once before anything is pinned.
fn cores() -> Result<[usize; 2]> {
    static CORES: std::sync::OnceLock<Option<[usize; 2]>> = std::sync::OnceLock::new();
    let found = CORES.get_or_init(|| {
        let set = sched_getaffinity(None).ok()?;
        let mut usable = (0..CpuSet::MAX_CPU).filter(|cpu| set.is_set(*cpu));
        Some([usable.next()?, usable.next()?])
    });
    found.context("two processors are needed: one for the proxy, one for the load")
}

fn pin(cpu: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(cpu);
    sched_setaffinity(None, &set).context("cannot choose a processor")
}

/// Does something, such as starting a process, on the core of the proxy.
pub(crate) fn beside<T>(work: impl FnOnce() -> T) -> Result<T> {
    let [load, proxy] = cores()?;
    pin(proxy)?;
    let result = work();
    pin(load)?;
    Ok(result)
}

/// Lets this process, and those it starts, open as many files as they may.
pub(crate) fn raise_file_limit() -> Result<u64> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    setrlimit(Resource::Nofile, raised).context("cannot raise the limit of open files")?;
    Ok(limit.maximum.unwrap_or(u64::MAX))
}

/// What a process and its children have used so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    /// Time on a processor, in nanoseconds.
    pub time: u64,
    /// The same in ticks, by where it was spent.
    pub user: u64,
    pub system: u64,
    /// Resident now, in KiB.
    pub resident: u64,
}

/// A process and those that descended from it when it was looked for. To look at them again costs little.
#[derive(Debug)]
pub(crate) struct Family(Vec<u32>);

impl Family {
    pub(crate) fn of(id: u32) -> Result<Self> {
        Ok(Self(tree(id)?))
    }

    /// What all have used so far. Fails if one has ended.
    pub(crate) fn usage(&self) -> Result<Usage> {
        Usage::sum(&self.0)
    }

    /// What is resident now, in KiB.
    pub(crate) fn resident(&self) -> Result<u64> {
        self.0.iter().map(|id| resident(*id)).sum()
    }
}

impl Usage {
    /// Adds up a process and its children.
    pub(crate) fn of(id: u32) -> Result<Self> {
        Self::sum(&tree(id)?)
    }

    fn sum(ids: &[u32]) -> Result<Self> {
        let mut sum = Self::default();
        for id in ids.iter().copied() {
            let stat = Stat::of(id)?;
            sum.user += stat.user;
            sum.system += stat.system;
            sum.resident += resident(id)?;
            sum.time += time(id)?;
        }
        Ok(sum)
    }
}

/// A process and all that descend from it.
fn tree(id: u32) -> Result<Vec<u32>> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(child) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
        // Processes of others come and go.
        if let Ok(stat) = Stat::of(child) {
            parents.push((child, stat.parent));
        }
    }
    let mut found = vec![id];
    let mut at = 0;
    while let Some(parent) = found.get(at).copied() {
        found.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(child, _)| *child));
        at += 1;
    }
    Ok(found)
}

/// The fields of `/proc/PID/stat` that are used (proc_pid_stat(5)).
struct Stat {
    parent: u32,
    user: u64,
    system: u64,
}

impl Stat {
    fn of(id: u32) -> Result<Self> {
        let text = fs::read_to_string(format!("/proc/{id}/stat"))?;
        // The name before the last parenthesis may hold anything.
        let (_, fields) = text.rsplit_once(')').context("a process has no name")?;
        let fields: Vec<_> = fields.split_whitespace().collect();
        let field = |number: usize| fields.get(number - 3).and_then(|field| field.parse().ok());
        match (field(4), field(14), field(15)) {
            (Some(parent), Some(user), Some(system)) => {
                Ok(Self { parent: u32::try_from(parent).unwrap_or(0), user, system })
            }
            _ => bail!("/proc/{id}/stat cannot be understood"),
        }
    }
}

/// Time on a processor of all threads, in nanoseconds: the first number of each one's `schedstat`.
fn time(id: u32) -> Result<u64> {
    let mut sum = 0;
    for task in fs::read_dir(format!("/proc/{id}/task"))? {
        // A thread may end between being listed and being read.
        let Ok(text) = fs::read_to_string(task?.path().join("schedstat")) else { continue };
        sum += text.split_whitespace().next().and_then(|time| time.parse::<u64>().ok()).unwrap_or(0);
    }
    Ok(sum)
}

fn resident(id: u32) -> Result<u64> {
    let text = fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    Ok(line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0))
}

/// What the figures were measured on.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Machine {
    pub processor: String,
    pub processors: usize,
    pub kernel: String,
    /// The mean number of runnable processes over the last minute, when the measurement began.
    pub load: String,
}

impl Machine {
    pub(crate) fn this() -> Self {
        let read = |path: &str| fs::read_to_string(Path::new(path)).unwrap_or_default();
        let cpuinfo = read("/proc/cpuinfo");
        let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
        Self {
            processor: model.map_or_else(String::new, |(_, name)| name.trim().to_owned()),
            processors: cpuinfo.lines().filter(|line| line.starts_with("processor")).count(),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            load: read("/proc/loadavg").split_whitespace().next().unwrap_or_default().to_owned(),
        }
    }
}
