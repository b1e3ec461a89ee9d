//! One measurement: a proxy with honest clients, in calm and under attack.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use landfall::testing::attack::{self, Attack, Manner, Pace, Ports};
use serde::Serialize;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::attacker::{Attacker, Run};
use super::honest::{Honest, Tally};
use crate::machine::Family;
use crate::measure::target;
use crate::peer::Running;
use crate::site::Site;

/// How long honest clients ask before anything is measured, and then in calm.
const WARM: Duration = Duration::from_millis(300);
const CALM: Duration = Duration::from_millis(2500);

/// A connection of a flood is made as often as this, to whomever. Beside honest clients, a flood is repeated until it has
/// lasted.
const PACE: Duration = Duration::from_millis(25);
const LEAST: Duration = Duration::from_millis(2500);

/// How long the end of a connection is waited for: of one that floods, and of one that is held.
const FLOOD_PATIENCE: Duration = Duration::from_millis(500);
const HOLD_PATIENCE: Duration = Duration::from_secs(6);

/// How often the proxy's memory is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// The longest that an attack may take in all.
const LONGEST: Duration = Duration::from_secs(120);

/// What one attack gave.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Sample {
    /// The attack without honest clients, made once.
    pub alone: Made,
    /// The attack beside honest clients.
    pub beside: Made,
    /// KiB by which the proxy grew at most, in both.
    pub growth: u64,
    pub calm: Honesty,
    pub attacked: Honesty,
}

/// What the attacker did, and what the proxy used meanwhile.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Made {
    pub connections: u64,
    pub octets: u64,
    /// Connections that the proxy ended, rather than the attacker.
    pub closed: u64,
    pub seconds: f64,
    /// Milliseconds of the proxy's processor time, of honest clients as well if there are any.
    pub cpu: f64,
}

/// How the honest fared.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Honesty {
    pub requests: u64,
    pub failed: u64,
    /// What was wrong with the first that failed.
    pub fault: Option<String>,
    /// Microseconds from the moment at which a request was due.
    pub p50: u32,
    pub p99: u32,
}

impl Sample {
    /// Nanoseconds of the proxy for an octet of the attacker; none if the attacker sends nothing.
    pub(crate) fn per_octet(&self) -> Option<f64> {
        (self.alone.octets > 0).then(|| self.alone.cpu * 1e6 / self.alone.octets as f64)
    }

    /// Microseconds of the proxy for a connection of the attacker.
    pub(crate) fn per_connection(&self) -> f64 {
        self.alone.cpu * 1e3 / self.alone.connections.max(1) as f64
    }

    /// KiB of the proxy for a connection of the program.
    pub(crate) fn growth_each(&self) -> f64 {
        self.growth as f64 / self.alone.connections.max(1) as f64
    }

    /// What the attack makes of the honest clients' latency.
    pub(crate) fn ratio(&self) -> f64 {
        f64::from(self.attacked.p99) / f64::from(self.calm.p99.max(1))
    }
}

/// Attacks a proxy that serves.
pub(super) async fn under_attack(
    attack: &Attack,
    attacker: &Attacker,
    running: &mut Running,
    site: &Arc<Site>,
) -> Result<Sample> {
    let family = Family::of(running.id())?;
    let ports = Ports { http1: running.http, http2: running.h2c, tls: running.https };
    let patience = if attack.manner == Manner::Flood { FLOOD_PATIENCE } else { HOLD_PATIENCE };
    let run = Run { attack: attack.clone(), ports, pace: Pace::Every(PACE), patience };
    let honest = Honest::start(target(running, site));
    sleep(WARM).await;
    honest.take();
    sleep(CALM).await;
    let calm = honest.stop().await;
    let before = family.resident()?;
    let (alone, first_peak) = watched(&family, attacker.make(run.clone())).await?;
    running.must_be_alive()?;
    let honest = Honest::start(target(running, site));
    sleep(WARM).await;
    honest.take();
    let beside = watched(&family, repeat(attacker, &run)).await;
    let tally = honest.stop().await;
    running.must_be_alive()?;
    let (beside, peak) = beside?;
    let growth = peak.max(first_peak).saturating_sub(before);
    Ok(Sample { alone, beside, growth, calm: honesty(calm), attacked: honesty(tally) })
}

/// The program, as often as it takes a flood to last.
async fn repeat(attacker: &Attacker, run: &Run) -> Result<attack::Made> {
    let began = Instant::now();
    let mut made = attacker.make(run.clone()).await?;
    while run.attack.manner == Manner::Flood && began.elapsed() < LEAST {
        made += attacker.make(run.clone()).await?;
    }
    Ok(made)
}

/// Waits for an attack, and watches what the proxy uses and how large it becomes, in KiB.
async fn watched(family: &Family, attack: impl Future<Output = Result<attack::Made>>) -> Result<(Made, u64)> {
    let (before, began) = (family.usage()?, Instant::now());
    let mut attack = std::pin::pin!(timeout(LONGEST, attack));
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut peak = 0;
    let made = loop {
        tokio::select! {
            made = &mut attack => break made.context("the attack takes too long")??,
            _ = looks.tick() => peak = peak.max(family.resident()?),
        }
    };
    let (after, seconds) = (family.usage()?, began.elapsed().as_secs_f64());
    let attack::Made { connections, octets, closed, .. } = made;
    let cpu = (after.time - before.time) as f64 / 1e6;
    Ok((Made { connections, octets, closed, seconds, cpu }, peak.max(after.resident)))
}

fn honesty(tally: Tally) -> Honesty {
    let Tally { mut latencies, failed, fault } = tally;
    latencies.sort_unstable();
    let percentile = |part: usize| {
        let at = (latencies.len() * part / 100).min(latencies.len().saturating_sub(1));
        latencies.get(at).copied().unwrap_or_default()
    };
    Honesty { requests: latencies.len() as u64, failed, fault, p50: percentile(50), p99: percentile(99) }
}
