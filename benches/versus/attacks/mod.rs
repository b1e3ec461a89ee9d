//! `--attacks`: what each proxy pays for the attacks of [`landfall::testing::attack`], and the honest clients beside them.
//!
//! For each attack, a proxy is started anew, with one worker on its core. Honest clients ask at a fixed pace in calm; then
//! the attack is made alone, so that what the proxy uses is the attack's; then it is made beside the honest clients. The
//! program is the same for all: octets, connections, their pace, and how long the attacker waits. Nothing is held of the
//! proxies here, what they do is reported.

mod attacker;
mod honest;
mod measure;
mod report;

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use landfall::testing::attack::{self, Attack};
use serde::Serialize;

use super::machine::Machine;
use super::options::Options;
use super::origin::Origin;
use super::peer::{Found, Log, Manner, Peer, Running, Siege};
use super::report::Facts;
use super::site::Site;
use super::sitting::order;
use attacker::Attacker;
use measure::Sample;
use report::Report;

/// Rounds, if none are asked for: figures are medians.
const ROUNDS: usize = 3;

/// What an attack gave.
#[derive(Debug, Serialize)]
pub(crate) struct Measured {
    pub name: &'static str,
    pub title: &'static str,
    /// What the program has: connections of one run, and octets of each.
    pub connections: usize,
    pub octets: usize,
    pub outcomes: Vec<Outcome>,
}

/// What an attack gave for one proxy.
#[derive(Debug, Serialize)]
pub(crate) struct Outcome {
    pub peer: Peer,
    pub samples: Vec<Sample>,
    /// What kept it from being measured, such as that the proxy ended.
    pub failures: Vec<String>,
}

/// Where requests end, and for whom.
struct Scene {
    site: Arc<Site>,
    origin: Origin,
    attacker: Attacker,
}

/// Prints the names of the attacks.
pub(crate) fn list() {
    for attack in attack::all() {
        println!("{:25} {}", attack.name, attack.title);
    }
}

/// Measures the attacks that are asked for, and reports.
pub(crate) async fn run(options: &Options, found: &[Found]) -> Result<()> {
    let machine = Machine::this();
    let origin = Origin::start().context("the origin cannot listen")?;
    let scene = Scene { site: Arc::new(Site::new(0)), origin, attacker: Attacker::start().await? };
    // A relay of octets cannot tell attackers from others.
    let found: Vec<_> = found.iter().filter(|found| found.peer != Peer::Relay).cloned().collect();
    let mut measured = Vec::new();
    for attack in attack::all().iter().filter(|attack| options.names(attack.name)) {
        let result = scene.measure(attack, &found, options.rounds.unwrap_or(ROUNDS)).await;
        eprintln!("{}", report::attack(&result));
        measured.push(result);
    }
    ensure!(!measured.is_empty(), "no attack is called so: --list has the names");
    let report = Report { facts: Facts::new(machine, &found), attacks: measured };
    report.write(&options.out)?;
    if options.store {
        report.store()?;
    }
    println!("{}", report::document(&report));
    Ok(())
}

impl Scene {
    /// Measures an attack on each proxy, over several rounds.
    async fn measure(&self, attack: &Attack, found: &[Found], rounds: usize) -> Measured {
        let outcome = |found: &Found| Outcome { peer: found.peer, samples: Vec::new(), failures: Vec::new() };
        let mut outcomes: Vec<_> = found.iter().map(outcome).collect();
        for round in 0..rounds {
            for at in order(found.len(), round) {
                match self.sample(attack, &found[at]).await {
                    Ok(sample) => outcomes[at].samples.push(sample),
                    Err(fault) => outcomes[at].failures.push(format!("{fault:#}")),
                }
            }
        }
        let Attack { name, title, connections, ref octets, .. } = *attack;
        Measured { name, title, connections, octets: octets.len(), outcomes }
    }

    /// One attack on a proxy that was started for it.
    async fn sample(&self, attack: &Attack, found: &Found) -> Result<Sample> {
        let siege = Siege { origin: self.attacker.origin, seconds: attack.timeout().as_secs() };
        let manner = Manner { log: Log::Off, siege: Some(siege), workers: 1 };
        let mut running = Running::start(found, &self.site, self.origin.addresses, manner)?;
        super::measure::ready(&mut running, &self.site).await?;
        measure::under_attack(attack, &self.attacker, &mut running, &self.site).await
    }
}
