//! The machine: which core is whose, and what a process has used of it, by the operating system's accounting.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use anyhow::{Context as _, Result, bail};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use serde::Serialize;

/// Keeps this thread, and what it starts, to the core of the load.
pub(crate) fn settle() -> Result<()> {
    let (load, _) = cores()?;
    pin(&[load])
}

/// The first processor that this process may use, for the load, and the others; found once before anything is pinned.
fn cores() -> Result<(usize, &'static [usize])> {
    static CORES: OnceLock<Vec<usize>> = OnceLock::new();
    let usable = CORES.get_or_init(|| {
        let set = sched_getaffinity(None).ok();
        (0..CpuSet::MAX_CPU).filter(|cpu| set.is_some_and(|set| set.is_set(*cpu))).collect()
    });
    match usable.split_first() {
        Some((load, others)) if !others.is_empty() => Ok((*load, others)),
        _ => bail!("two processors are needed: one for the proxy, one for the load"),
    }
}

fn pin(cpus: &[usize]) -> Result<()> {
    let mut set = CpuSet::new();
    for cpu in cpus {
        set.set(*cpu);
    }
    sched_setaffinity(None, &set).context("cannot choose a processor")
}

/// Does something, such as starting a proxy of so many workers, on as many cores beside the load's; where there are
/// too few, on all, the load's too.
pub(crate) fn beside<T>(workers: usize, work: impl FnOnce() -> T) -> Result<T> {
    let (load, others) = cores()?;
    match others.get(..workers) {
        Some(own) => pin(own)?,
        None => pin(&[&[load], others].concat())?,
    }
    let result = work();
    pin(&[load])?;
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

    /// What each thread has used so far: nanoseconds on a processor.
    pub(crate) fn threads(&self) -> Result<Threads> {
        let mut times = HashMap::new();
        for id in &self.0 {
            times.extend(threads(*id)?);
        }
        Ok(Threads(times))
    }

    /// What is resident now, in KiB.
    pub(crate) fn resident(&self) -> Result<u64> {
        self.0.iter().map(|id| resident(*id)).sum()
    }
}

/// What the threads of a family had used at some moment, by their ids.
#[derive(Debug)]
pub(crate) struct Threads(HashMap<u32, u64>);

impl Threads {
    /// The share that the busiest thread has of all that was used since an earlier moment. None of nothing.
    pub(crate) fn busiest_since(&self, before: &Self) -> Option<f64> {
        let used = |(id, time): (&u32, &u64)| time - before.0.get(id).copied().unwrap_or(0);
        let most = self.0.iter().map(used).max()?;
        let sum: u64 = self.0.iter().map(used).sum();
        (sum > 0).then(|| most as f64 / sum as f64)
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

/// Time on a processor of all threads, in nanoseconds.
fn time(id: u32) -> Result<u64> {
    Ok(threads(id)?.into_iter().map(|(_, time)| time).sum())
}

/// The threads of a process, each with its time on a processor: the first number of its `schedstat`.
fn threads(id: u32) -> Result<Vec<(u32, u64)>> {
    let mut times = Vec::new();
    for task in fs::read_dir(format!("/proc/{id}/task"))? {
        let task = task?;
        // A thread may end between being listed and being read.
        let Ok(text) = fs::read_to_string(task.path().join("schedstat")) else { continue };
        let time = text.split_whitespace().next().and_then(|time| time.parse().ok()).unwrap_or(0);
        let thread = task.file_name().to_str().and_then(|name| name.parse().ok());
        times.push((thread.context("a thread has no number")?, time));
    }
    Ok(times)
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
