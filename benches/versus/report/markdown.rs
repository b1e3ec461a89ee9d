//! The report as tables.

use std::fmt::Write as _;

use super::{Facts, Report};
use crate::measure::{Extra, Sample};
use crate::peer::{Log, Peer};
use crate::sitting::{Measured, Outcome};
use crate::statistics::Spread;

/// The whole report.
pub(crate) fn document(report: &Report) -> String {
    let mut text = String::new();
    for log in [Log::Off, Log::On] {
        let cases: Vec<_> = report.cases.iter().filter(|case| case.log == log).collect();
        if cases.is_empty() {
            continue;
        }
        let state = match log {
            Log::Off => "off",
            Log::On => "on",
        };
        let _ = writeln!(text, "### Access log {state}\n");
        let (skews, others): (Vec<_>, Vec<_>) = cases.into_iter().partition(|case| case.is_skew());
        if !others.is_empty() {
            let _ = writeln!(text, "Processor time per request in µs (in user mode), median and spread:\n");
            costs(&mut text, &others);
            let _ = writeln!(text, "\nRequests per second, and resident memory in MiB:\n");
            table(&mut text, &others, |outcome| {
                let rate = figure(outcome, |sample| sample.per_second)?.median;
                let memory = figure(outcome, |sample| sample.resident)?.median;
                Some(format!("{rate:.0} / {memory:.0}"))
            });
            extras(&mut text, &others);
        }
        if !skews.is_empty() {
            let _ = writeln!(
                text,
                "\nThe busiest worker's share of the proxy's processor time, median and worst of rounds with new \
                 connections each; between two workers 50 % is even:\n"
            );
            table(&mut text, &skews, skew);
        }
        text.push('\n');
    }
    failures(&mut text, report);
    facts(&mut text, &report.facts);
    text
}

/// A case in one line, for the terminal.
pub(crate) fn line(case: &Measured) -> String {
    let mut text = format!("{:16}", case.name);
    let figure = if case.is_skew() { skew } else { cost };
    for outcome in &case.outcomes {
        let cell = figure(outcome).unwrap_or_else(|| outcome.failure.clone().unwrap_or_default());
        let _ = write!(text, "  {} {cell}", outcome.peer.as_str());
    }
    if !case.is_skew() {
        let _ = write!(text, "  ratio {}", ratio(case, Peer::is_rival));
    }
    text
}

fn costs(text: &mut String, cases: &[&Measured]) {
    let peers = peers(cases);
    let names: Vec<_> = peers.iter().map(|peer| peer.as_str()).collect();
    let _ = writeln!(text, "| | {} | to best peer | to floor |", names.join(" | "));
    let _ = writeln!(text, "|---|{}", "---|".repeat(peers.len() + 2));
    for case in cases {
        let cells: Vec<_> = peers.iter().map(|peer| cell(case, *peer, cost)).collect();
        let (rivals, floor) = (ratio(case, Peer::is_rival), ratio(case, |peer| peer == Peer::Relay));
        let _ = writeln!(text, "| {} | {} | {rivals} | {floor} |", case.title, cells.join(" | "));
    }
}

fn table(text: &mut String, cases: &[&Measured], show: impl Fn(&Outcome) -> Option<String>) {
    let peers = peers(cases);
    let names: Vec<_> = peers.iter().map(|peer| peer.as_str()).collect();
    let _ = writeln!(text, "| | {} |", names.join(" | "));
    let _ = writeln!(text, "|---|{}", "---|".repeat(peers.len()));
    for case in cases {
        let cells: Vec<_> = peers.iter().map(|peer| cell(case, *peer, &show)).collect();
        let _ = writeln!(text, "| {} | {} |", case.title, cells.join(" | "));
    }
}

/// Latencies, time to start, and memory of idle connections, of the cases that have them.
fn extras(text: &mut String, cases: &[&Measured]) {
    let with = |wanted: fn(&Extra) -> bool| -> Vec<&Measured> {
        let has = |case: &&&Measured| {
            case.outcomes.iter().flat_map(|outcome| &outcome.samples).any(|sample| wanted(&sample.extra))
        };
        cases.iter().filter(has).copied().collect()
    };
    let latencies = with(|extra| matches!(extra, Extra::Latency { .. }));
    if !latencies.is_empty() {
        let _ = writeln!(text, "\nLatency in µs, p50 / p99 / p99.9, from the moment at which a request was due:\n");
        table(text, &latencies, latency);
    }
    let many: Vec<_> = cases.iter().filter(|case| case.hosts > 0).copied().collect();
    if !many.is_empty() {
        let _ = writeln!(text, "\nSeconds from start to the first answer:\n");
        table(text, &many, |outcome| Some(format!("{:.1}", outcome.started)));
    }
    let idle = with(|extra| matches!(extra, Extra::Idle { .. }));
    if !idle.is_empty() {
        let _ = writeln!(text, "\nResident KiB for each connection:\n");
        table(text, &idle, |outcome| {
            let each = |sample: &Sample| match sample.extra {
                Extra::Idle { each } => each,
                Extra::None | Extra::Latency { .. } | Extra::Skew { .. } => 0.0,
            };
            Some(format!("{:.1}", figure(outcome, each)?.median))
        });
    }
}

fn latency(outcome: &Outcome) -> Option<String> {
    let of = |which: fn([u32; 3]) -> u32| {
        figure(outcome, |sample| match sample.extra {
            Extra::Latency { p50, p99, p999, .. } => f64::from(which([p50, p99, p999])),
            Extra::None | Extra::Idle { .. } | Extra::Skew { .. } => 0.0,
        })
    };
    let (p50, p99, p999) = (of(|[p50, ..]| p50)?, of(|[_, p99, _]| p99)?, of(|[.., p999]| p999)?);
    Some(format!("{:.0} / {:.0} / {:.0}", p50.median, p99.median, p999.median))
}

fn skew(outcome: &Outcome) -> Option<String> {
    let share = figure(outcome, |sample| sample.extra.busiest().unwrap_or(0.0) * 100.0)?;
    Some(format!("{:.0} % / {:.0} %", share.median, share.most))
}

fn peers(cases: &[&Measured]) -> Vec<Peer> {
    let took_part = |peer: &Peer| cases.iter().any(|case| case.outcomes.iter().any(|outcome| outcome.peer == *peer));
    Peer::ALL.into_iter().filter(took_part).collect()
}

fn cell(case: &Measured, peer: Peer, show: impl Fn(&Outcome) -> Option<String>) -> String {
    match case.outcomes.iter().find(|outcome| outcome.peer == peer) {
        None => "–".to_owned(),
        Some(outcome) if outcome.failure.is_some() => "failed".to_owned(),
        Some(outcome) => show(outcome).unwrap_or_else(|| "–".to_owned()),
    }
}

/// A figure of a proxy that did not fail.
fn figure(outcome: &Outcome, of: impl Fn(&Sample) -> f64) -> Option<Spread> {
    match outcome.failure {
        Some(_) => None,
        None => Spread::of(outcome.samples.iter().map(of)),
    }
}

fn cost(outcome: &Outcome) -> Option<String> {
    let cpu = figure(outcome, |sample| sample.cpu)?;
    let user = figure(outcome, |sample| sample.user)?;
    let digits = usize::from(cpu.median < 100.0);
    Some(format!("{:.digits$} ({:.digits$}) ±{:.0}%", cpu.median, user.median, cpu.percent()))
}

/// What landfall costs, as a multiple of the cheapest of the given ones.
fn ratio(case: &Measured, among: impl Fn(Peer) -> bool) -> String {
    let median = |outcome: &Outcome| figure(outcome, |sample| sample.cpu).map(|spread| spread.median);
    let ours = case.outcomes.iter().find(|outcome| outcome.peer == Peer::Landfall).and_then(median);
    let best = case.outcomes.iter().filter(|outcome| among(outcome.peer)).filter_map(median).min_by(f64::total_cmp);
    match (ours, best) {
        (Some(ours), Some(best)) => format!("{:.2}", ours / best),
        _ => "–".to_owned(),
    }
}

fn failures(text: &mut String, report: &Report) {
    for case in &report.cases {
        for outcome in &case.outcomes {
            if let Some(failure) = &outcome.failure {
                let _ = writeln!(text, "{} failed at {}: {failure}\n", outcome.peer.as_str(), case.title);
            }
        }
    }
}

/// When, where and on what was measured, in a line.
pub(crate) fn facts(text: &mut String, facts: &Facts) {
    let machine = &facts.machine;
    let versions: Vec<_> =
        facts.versions.iter().map(|version| format!("{} {}", version.peer.as_str(), version.version)).collect();
    let _ = writeln!(
        text,
        "{}, by `{}`. {}. {} ({} processors), Linux {}, load average {} before.",
        facts.date,
        facts.command,
        versions.join(", "),
        machine.processor,
        machine.processors,
        machine.kernel,
        machine.load,
    );
}
