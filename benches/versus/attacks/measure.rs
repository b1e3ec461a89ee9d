//! One measurement: a proxy with honest clients, in calm and under attack.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use landfall::testing::attack::{Attack, Made, Manner, Pace, Ports};
use serde::Serialize;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::honest::{Honest, Tally};
use crate::machine::Family;
use crate::measure::target;
use crate::peer::Running;
use crate::site::Site;

/// How long honest clients ask before anything is measured, and then in calm.
const WARM: Duration = Duration::from_millis(500);
const CALM: Duration = Duration::from_secs(3);

/// A connection of a flood is made as often as this, to whomever, and a flood is repeated until it has lasted.
const PACE: Duration = Duration::from_millis(25);
const LEAST: Duration = Duration::from_secs(3);

/// How long the end of a connection is waited for: of one that floods, and of one that is held.
const FLOOD_PATIENCE: Duration = Duration::from_millis(500);
const HOLD_PATIENCE: Duration = Duration::from_secs(12);

/// How often the proxy's memory is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// The longest that an attack may take in all.
const LONGEST: Duration = Duration::from_secs(180);

/// What one attack gave.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Sample {
    /// What the attacker did.
    pub connections: u64,
    pub octets: u64,
    /// Connections that the proxy ended, rather than the attacker.
    pub closed: u64,
    pub seconds: f64,
    /// Milliseconds of the proxy's processor time that the attack took, without what the honest take in calm.
    pub cpu: f64,
    /// Milliseconds of its processor time that the honest take in a second of calm.
    pub calm_cpu: f64,
    /// KiB by which the proxy grew at most.
    pub growth: u64,
    pub calm: Honesty,
    pub attacked: Honesty,
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
        (self.octets > 0).then(|| self.cpu * 1e6 / self.octets as f64)
    }

    /// Microseconds of the proxy for a connection of the attacker.
    pub(crate) fn per_connection(&self) -> f64 {
        self.cpu * 1e3 / self.connections.max(1) as f64
    }

    /// KiB of the proxy for a connection of the attacker.
    pub(crate) fn growth_each(&self) -> f64 {
        self.growth as f64 / self.connections.max(1) as f64
    }

    /// What the attack makes of the honest clients' latency.
    pub(crate) fn ratio(&self) -> f64 {
        f64::from(self.attacked.p99) / f64::from(self.calm.p99.max(1))
    }
}

/// Attacks a proxy that serves.
pub(crate) async fn under_attack(attack: &Attack, running: &mut Running, site: &Arc<Site>) -> Result<Sample> {
    let family = Family::of(running.id())?;
    let ports = Ports { http1: running.http, http2: running.h2c, tls: running.https };
    let honest = Honest::start(target(running, site));
    sleep(WARM).await;
    honest.take();
    let (calm_before, calm_began) = (family.usage()?, Instant::now());
    sleep(CALM).await;
    let (before, began) = (family.usage()?, Instant::now());
    let pace = (before.time - calm_before.time) as f64 / (began - calm_began).as_secs_f64();
    let calm = honest.take();
    let attacked = timeout(LONGEST, watched(&family, make(attack, ports))).await;
    let (after, seconds) = (family.usage(), began.elapsed().as_secs_f64());
    let tally = honest.stop().await;
    running.must_be_alive()?;
    let (made, peak) = attacked.context("the attack takes too long")??;
    Ok(Sample {
        connections: made.connections,
        octets: made.octets,
        closed: made.closed,
        seconds,
        cpu: ((after?.time - before.time) as f64 - pace * seconds).max(0.0) / 1e6,
        calm_cpu: pace / 1e6,
        growth: peak.saturating_sub(before.resident),
        calm: honesty(calm),
        attacked: honesty(tally),
    })
}

/// The program, as often as it takes a flood to last.
async fn make(attack: &Attack, ports: Ports) -> Made {
    let mut made = Made::default();
    let began = Instant::now();
    match attack.manner {
        Manner::Flood => {
            while began.elapsed() < LEAST {
                made += attack.make(ports, Pace::Every(PACE), FLOOD_PATIENCE).await;
            }
        }
        Manner::Hold | Manner::Trickle | Manner::Idle => {
            made += attack.make(ports, Pace::Every(PACE), HOLD_PATIENCE).await;
        }
    }
    made
}

/// Waits for an attack, and watches how large the proxy becomes, in KiB.
async fn watched(family: &Family, attack: impl Future<Output = Made>) -> Result<(Made, u64)> {
    let mut attack = std::pin::pin!(attack);
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut peak = 0;
    loop {
        tokio::select! {
            made = &mut attack => return Ok((made, peak.max(family.resident()?))),
            _ = looks.tick() => peak = peak.max(family.resident()?),
        }
    }
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
