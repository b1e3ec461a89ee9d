//! A sitting: all cases, each over several rounds in which every proxy has its turn, in alternating order.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use serde::Serialize;

use super::case::{Case, Work};
use super::load::{Exchange, Hosts, Load, Reuse};
use super::measure::{self, Sample, Timing};
use super::options::Options;
use super::order::{ANSWER, Action};
use super::origin::Origin;
use super::peer::{Found, Log, Manner, Peer, Running};
use super::site::Site;

/// Each round of skew has connections of its own: the more rounds, the more throws of the dice.
const SKEW_ROUNDS: usize = 24;
const SKEW_SECONDS: f64 = 0.3;

/// What a case gave.
#[derive(Debug, Serialize)]
pub(crate) struct Measured {
    pub name: &'static str,
    pub title: &'static str,
    pub log: Log,
    /// Hosts besides those that every case has.
    pub hosts: usize,
    pub outcomes: Vec<Outcome>,
}

impl Measured {
    /// Whether the figure is a share of a worker, and costs are beside the point.
    pub(crate) fn is_skew(&self) -> bool {
        self.outcomes.iter().flat_map(|outcome| &outcome.samples).any(|sample| sample.extra.busiest().is_some())
    }
}

/// What a case gave for one proxy.
#[derive(Debug, Serialize)]
pub(crate) struct Outcome {
    pub peer: Peer,
    /// Seconds from its start to its first answer.
    pub started: f64,
    pub samples: Vec<Sample>,
    /// What was wrong; the case has then failed for this proxy, whatever the samples say.
    pub failure: Option<String>,
}

/// One proxy within a case.
struct Turn {
    running: Option<Running>,
    outcome: Outcome,
}

/// Measures cases one by one.
pub(crate) struct Sitting<'a> {
    options: &'a Options,
    found: &'a [Found],
    origin: Origin,
    small: Arc<Site>,
    /// Made when a case with many hosts is first measured.
    large: Option<Arc<Site>>,
}

impl<'a> Sitting<'a> {
    pub(crate) fn new(options: &'a Options, found: &'a [Found]) -> Result<Self> {
        let origin = Origin::start().context("the origin cannot listen")?;
        Ok(Self { options, found, origin, small: Arc::new(Site::new(0)), large: None })
    }

    /// Measures a case for every proxy that can take part.
    pub(crate) async fn measure(&mut self, case: &Case, log: Log) -> Result<Measured> {
        let site = self.site(case);
        let mut turns = Vec::new();
        for found in self.found.iter().filter(|found| found.peer != Peer::Relay || (case.has_floor && log == Log::Off))
        {
            turns.push(self.start(found, &site, Manner { log, siege: None, workers: self.workers(case) }).await?);
        }
        let work = self.work(case, &site, &turns).await?;
        for round in 0..self.rounds(case) {
            for at in order(turns.len(), round) {
                self.turn(work, &site, &mut turns[at]).await;
            }
        }
        let outcomes = turns.into_iter().map(Turn::finish).collect();
        Ok(Measured { name: case.name, title: case.title, log, hosts: case.hosts, outcomes })
    }

    fn site(&mut self, case: &Case) -> Arc<Site> {
        if case.hosts == 0 {
            return Arc::clone(&self.small);
        }
        Arc::clone(self.large.get_or_insert_with(|| Arc::new(Site::new(case.hosts))))
    }

    /// What the turns are to do: the pace of latencies is found first.
    async fn work(&self, case: &Case, site: &Arc<Site>, turns: &[Turn]) -> Result<Work> {
        let Work::Latency { scheme, connections } = case.work else { return Ok(case.work) };
        let exchange = Exchange { action: Action::Get, size: ANSWER };
        let full = Load::Http1 { scheme, connections, reuse: Reuse::Always, exchange, hosts: Hosts::One };
        let mut best = 0.0_f64;
        let rivals = turns.iter().filter_map(|turn| turn.running.as_ref()).filter(|running| running.peer.is_rival());
        for running in rivals {
            let sample = measure::under_load(full, running, site, self.timing()).await?;
            best = best.max(sample.per_second);
        }
        ensure!(best > 0.0, "latencies are measured at half of a peer's rate, and there is no peer");
        Ok(Work::Cost(Load::Paced { scheme, connections, rate: best / 2.0 }))
    }

    /// Memory that a process has once had is used again, so that idle connections are opened once.
    fn rounds(&self, case: &Case) -> usize {
        match case.work {
            Work::Idle { .. } => 1,
            Work::Skew(_) => self.options.rounds.unwrap_or(SKEW_ROUNDS),
            Work::Cost(_) | Work::Latency { .. } => {
                self.options.rounds.unwrap_or(if self.options.quick { 2 } else { 5 })
            }
        }
    }

    /// Skew is there with two workers at least.
    fn workers(&self, case: &Case) -> usize {
        let least = match case.work {
            Work::Skew(_) => 2,
            Work::Cost(_) | Work::Latency { .. } | Work::Idle { .. } => 1,
        };
        self.options.workers.get().max(least)
    }

    fn timing(&self) -> Timing {
        self.timing_or(if self.options.quick { 0.7 } else { 2.0 })
    }

    /// So many seconds, unless others are asked for.
    fn timing_or(&self, seconds: f64) -> Timing {
        let seconds = self.options.seconds.unwrap_or(seconds);
        let measured = Duration::from_secs_f64(seconds);
        Timing { warm: measured / 4, measured }
    }

    async fn start(&self, found: &Found, site: &Arc<Site>, manner: Manner) -> Result<Turn> {
        let mut running = Running::start(found, site, self.origin.addresses, manner)?;
        let mut outcome = Outcome { peer: found.peer, started: 0.0, samples: Vec::new(), failure: None };
        match measure::ready(&mut running, site).await {
            Ok(started) => {
                outcome.started = started.as_secs_f64();
                Ok(Turn { running: Some(running), outcome })
            }
            Err(fault) => {
                outcome.failure = Some(format!("{fault:#}"));
                Ok(Turn { running: None, outcome })
            }
        }
    }

    async fn turn(&self, work: Work, site: &Arc<Site>, turn: &mut Turn) {
        let Some(running) = turn.running.as_mut().filter(|_| turn.outcome.failure.is_none()) else { return };
        let measured = match work {
            Work::Cost(load) => measure::under_load(load, running, site, self.timing()).await,
            Work::Idle { connections } => measure::idle(connections, running, site).await,
            Work::Skew(load) => measure::skew(load, running, site, self.timing_or(SKEW_SECONDS)).await,
            Work::Latency { .. } => Err(anyhow!("the pace is not known")),
        };
        match measured.and_then(|sample| running.must_be_alive().map(|()| sample)) {
            Ok(sample) => turn.outcome.samples.push(sample),
            Err(fault) => turn.outcome.failure = Some(format!("{fault:#}")),
        }
    }
}

/// The order of turns: it starts one further each time, and every other round goes backwards.
pub(crate) fn order(turns: usize, round: usize) -> Vec<usize> {
    let mut order: Vec<_> = (0..turns).map(|at| (at + round / 2) % turns).collect();
    if round % 2 == 1 {
        order.reverse();
    }
    order
}

impl Turn {
    /// Ends the proxy. With an access log, there must be a line for each request that was measured.
    fn finish(self) -> Outcome {
        let Self { running, mut outcome } = self;
        let requests: u64 = outcome.samples.iter().map(|sample| sample.requests).sum();
        if let Some(running) = running.filter(|running| running.log == Log::On && running.peer != Peer::Relay)
            && outcome.failure.is_none()
        {
            match running.end_and_count_log() {
                Ok(lines) if lines as u64 >= requests => {}
                Ok(lines) => outcome.failure = Some(format!("{lines} lines in the log of {requests} requests")),
                Err(fault) => outcome.failure = Some(format!("{fault:#}")),
            }
        }
        outcome
    }
}
