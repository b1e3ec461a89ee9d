//! The counts that are stored in the project, and what new ones are to them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use super::Cost;

/// How far a count may be over the stored one: what a processor with other vector instructions, the chance in a signature,
/// and what is done ten times a second change while a run lasts longer or shorter.
const TOLERANCE: f64 = 0.08;

/// System calls that may be more besides, as a timer fires.
const CALLS: f64 = 0.3;
/// System calls that may be more for each second that a request takes under valgrind: ten times in one the overload is
/// looked at and the clock is read, on a slow machine more often in each request than on a fast one.
const CALLS_PER_SECOND: f64 = 40.0;

type Costs = BTreeMap<String, Cost>;

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/versus/instructions.json")
}

fn load() -> Result<Costs> {
    let text = std::fs::read_to_string(path()).context("no counts are stored")?;
    serde_json::from_str(&text).context("the stored counts cannot be read")
}

/// Prints the counts beside the stored ones.
pub(super) fn show(costs: &Costs) {
    let stored = load().unwrap_or_default();
    println!("{:14} {:>13} {:>8} {:>13} {:>8}", "per request", "instructions", "calls", "stored", "calls");
    for (name, cost) in costs {
        let Cost { instructions, system_calls, .. } = cost;
        let before = stored.get(name).map_or_else(String::new, |cost| {
            let change = (instructions / cost.instructions - 1.0) * 100.0;
            format!("{:13.0} {:8.2} {change:+.1}%", cost.instructions, cost.system_calls)
        });
        println!("{name:14} {instructions:13.0} {system_calls:8.2} {before}");
    }
}

/// Fails if a count is over the stored one.
pub(super) fn check(costs: &Costs) -> Result<()> {
    show(costs);
    let stored = load()?;
    let mut over = Vec::new();
    for (name, cost) in costs {
        let before = stored.get(name).with_context(|| format!("no count of {name} is stored"))?;
        let calls = before.system_calls * (1.0 + TOLERANCE) + CALLS + CALLS_PER_SECOND * cost.seconds;
        if cost.instructions > before.instructions * (1.0 + TOLERANCE) || cost.system_calls > calls {
            over.push(name.as_str());
        }
    }
    ensure!(
        over.is_empty(),
        "{} cost more than before. If that is meant, `.ci/instructions store` stores it",
        over.join(", ")
    );
    Ok(())
}

/// Stores the counts, rounded to what repeats.
pub(super) fn store(costs: &Costs) -> Result<()> {
    show(costs);
    let rounded: Costs = costs
        .iter()
        .map(|(name, cost)| {
            let (instructions, system_calls) = (cost.instructions.round(), (cost.system_calls * 100.0).round() / 100.0);
            (name.clone(), Cost { instructions, system_calls, seconds: 0.0 })
        })
        .collect();
    std::fs::write(path(), serde_json::to_string_pretty(&rounded)? + "\n").context("the counts cannot be stored")
}
