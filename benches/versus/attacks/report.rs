//! What attacks gave, for people and for programs.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Serialize;

use super::measure::Sample;
use super::{Measured, Outcome};
use crate::report::{self, Facts, markdown};
use crate::statistics::Spread;

#[derive(Debug, Serialize)]
pub(super) struct Report {
    #[serde(flatten)]
    pub facts: Facts,
    pub attacks: Vec<Measured>,
}

impl Report {
    /// Writes all forms of the report into a folder.
    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        std::fs::write(folder.join("attacks.md"), document(self))?;
        std::fs::write(folder.join("attacks.json"), serde_json::to_string_pretty(self)? + "\n")?;
        Ok(())
    }

    /// Puts the report into the project: its forms into a folder, and the tables into SECURITY.md between the marks.
    pub(super) fn store(&self) -> Result<()> {
        self.write(&report::project().join(report::RESULT))?;
        report::put("SECURITY.md", "attacks", &document(self))
    }
}

/// The whole report.
pub(super) fn document(report: &Report) -> String {
    let mut text = String::new();
    for measured in &report.attacks {
        let _ = writeln!(text, "{}", attack(measured));
    }
    markdown::facts(&mut text, &report.facts);
    text
}

/// The table of one attack.
pub(super) fn attack(measured: &Measured) -> String {
    let Measured { title, connections, octets, .. } = measured;
    let mut text = format!("#### {title}\n\n{connections} connections of {octets} octets.\n\n");
    let _ = writeln!(
        text,
        "| | grown, KiB/connection | CPU, ns/octet | CPU, µs/connection | p99 in calm, µs | p99 attacked, µs | ratio \
         | honest failed | cut off |\n|---|---|---|---|---|---|---|---|---|"
    );
    for outcome in &measured.outcomes {
        let _ = writeln!(text, "| {} | {} |", outcome.peer.as_str(), cells(outcome));
    }
    for outcome in &measured.outcomes {
        for failure in &outcome.failures {
            let _ = writeln!(text, "\n{} could not be measured: {failure}", outcome.peer.as_str());
        }
    }
    text
}

/// The figures of a proxy: medians of the rounds, and sums of what failed and was cut off.
fn cells(outcome: &Outcome) -> String {
    let samples = &outcome.samples;
    let median = |of: &dyn Fn(&Sample) -> Option<f64>| Some(Spread::of(samples.iter().filter_map(of))?.median);
    let shown = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), figure);
    let sum = |of: fn(&Sample) -> u64| samples.iter().map(of).sum::<u64>();
    let share = 100.0 * sum(|sample| sample.alone.closed) as f64 / sum(|sample| sample.alone.connections).max(1) as f64;
    [
        shown(median(&|sample| Some(sample.growth_each()))),
        shown(median(&Sample::per_octet)),
        shown(median(&|sample| Some(sample.per_connection()))),
        shown(median(&|sample| Some(f64::from(sample.calm.p99)))),
        shown(median(&|sample| Some(f64::from(sample.attacked.p99)))),
        shown(median(&|sample| Some(sample.ratio()))),
        format!("{} of {}", sum(|sample| sample.attacked.failed), sum(|sample| sample.attacked.requests)),
        format!("{share:.0}%"),
    ]
    .join(" | ")
}

/// A figure with about three digits.
fn figure(value: f64) -> String {
    match value {
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
