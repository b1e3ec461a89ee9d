//! The report as a picture: a bar for each proxy in each case, as long as what a request costs it.
//!
//! Bars of one case share a scale. The dark part of a bar is time in user mode, the light part time in the kernel.

use std::fmt::Write as _;

use super::Report;
use crate::peer::{Log, Peer};
use crate::sitting::{Measured, Outcome};
use crate::statistics::Spread;

const WIDTH: usize = 860;
const LEFT: usize = 300;
const LONGEST: f64 = 430.0;
const BAR: usize = 13;
const GAP: usize = 14;
const TOP: usize = 64;

/// Draws every case in which landfall did not fail, the access log as it was first measured.
pub(crate) fn draw(report: &Report) -> String {
    let log = report.cases.first().map_or(Log::Off, |case| case.log);
    let cases: Vec<_> =
        report.cases.iter().filter(|case| case.log == log && !case.is_skew()).filter_map(bars).collect();
    let height = TOP + cases.iter().map(|(_, bars)| bars.len() * BAR + GAP).sum::<usize>() + 24;
    let mut text = String::new();
    let _ = write!(
        text,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <text x=\"16\" y=\"26\" font-size=\"16\" font-weight=\"bold\">Processor time per request, in µs (shorter is \
         better)</text>\n<text x=\"16\" y=\"46\" fill=\"#555555\">dark: user mode, light: kernel; bars of one case share \
         a scale; {}</text>\n",
        report.facts.date,
    );
    let mut y = TOP;
    for (case, bars) in &cases {
        draw_case(&mut text, case, bars, y);
        y += bars.len() * BAR + GAP;
    }
    text.push_str("</svg>\n");
    text
}

struct Bar {
    peer: Peer,
    cpu: f64,
    user: f64,
}

fn bars(case: &Measured) -> Option<(&Measured, Vec<Bar>)> {
    let bars: Vec<_> = case.outcomes.iter().filter_map(bar).collect();
    bars.iter().any(|bar| bar.peer == Peer::Landfall).then_some((case, bars))
}

fn bar(outcome: &Outcome) -> Option<Bar> {
    if outcome.failure.is_some() {
        return None;
    }
    let cpu = Spread::of(outcome.samples.iter().map(|sample| sample.cpu))?.median;
    let user = Spread::of(outcome.samples.iter().map(|sample| sample.user))?.median;
    Some(Bar { peer: outcome.peer, cpu, user })
}

fn draw_case(text: &mut String, case: &Measured, bars: &[Bar], top: usize) {
    let most = bars.iter().map(|bar| bar.cpu).fold(f64::MIN_POSITIVE, f64::max);
    let _ = writeln!(text, "<text x=\"16\" y=\"{}\">{}</text>", top + 11, case.title);
    for (at, bar) in bars.iter().enumerate() {
        let y = top + at * BAR;
        let (length, user) = (bar.cpu / most * LONGEST, bar.user / most * LONGEST);
        let (dark, light) = colours(bar.peer);
        let height = BAR - 2;
        let name = bar.peer.as_str();
        let _ = writeln!(
            text,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\" font-size=\"10\" fill=\"#555555\">{name}</text>\
             <rect x=\"{LEFT}\" y=\"{y}\" width=\"{length:.1}\" height=\"{height}\" fill=\"{light}\"/>\
             <rect x=\"{LEFT}\" y=\"{y}\" width=\"{user:.1}\" height=\"{height}\" fill=\"{dark}\"/>\
             <text x=\"{:.1}\" y=\"{}\" font-size=\"10\">{:.1}</text>",
            LEFT - 6,
            y + 9,
            LEFT as f64 + length + 4.0,
            y + 9,
            bar.cpu,
        );
    }
}

fn colours(peer: Peer) -> (&'static str, &'static str) {
    match peer {
        Peer::Landfall => ("#0b5fa5", "#7db4e6"),
        Peer::Nginx | Peer::Haproxy | Peer::Envoy => ("#6b6b6b", "#bdbdbd"),
        Peer::Relay => ("#2e7d32", "#a5d6a7"),
    }
}
