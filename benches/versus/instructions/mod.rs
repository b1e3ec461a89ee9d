//! Instructions and system calls per request, counted by callgrind: figures that repeat, on any machine at any load.
//!
//! A proxy, or a loop within this program, runs twice under valgrind with different numbers of requests; the difference
//! is what the requests cost, free of start and end. One client sends one request at a time, so that no chance decides
//! what is done together.
//!
//! Reading the clock counts as a system call here, for valgrind has no vDSO.

mod inner;
mod stored;
mod valgrind;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, ensure};
use landfall::testing::certificates::Key;
use serde::{Deserialize, Serialize};

pub(crate) use inner::run as run_inner;

use super::load::{Exchange, Hosts, Load, Resumption, Reuse};
use super::measure;
use super::order::{ANSWER, Action, Scheme};
use super::origin::Origin;
use super::peer::{Found, Log, Manner, Running};
use super::site::Site;
use valgrind::Callgrind;

/// What is done with the counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Mode {
    /// Printed beside those that are stored.
    Show,
    /// The same, and a failure if one is over the stored one by more than the tolerance.
    Check,
    /// Stored in the project.
    Store,
}

/// What one request costs.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Cost {
    pub instructions: f64,
    pub system_calls: f64,
    /// How long it took under valgrind, which depends on the machine.
    #[serde(skip)]
    pub seconds: f64,
}

/// What a whole run has cost.
#[derive(Debug, Clone, Copy)]
struct Collected {
    instructions: f64,
    system_calls: f64,
    seconds: f64,
}

const SMALL: Exchange = Exchange { action: Action::Get, size: ANSWER };

/// Counts every case, and does with the counts what the mode says.
pub(crate) async fn run(mode: Mode, found: &Found) -> Result<()> {
    let mut costs = BTreeMap::new();
    for (name, requests) in inner::CASES {
        costs.insert(
            name.to_owned(),
            difference(requests, Callgrind::inner(name, requests)?, Callgrind::inner(name, 2 * requests)?),
        );
    }
    let site = Arc::new(Site::new(0));
    let origin = Origin::start()?;
    for (name, load, log, requests) in exchanges() {
        let few = exchange(found, &site, &origin, load, log, requests).await?;
        let many = exchange(found, &site, &origin, load, log, 2 * requests).await?;
        costs.insert(name.to_owned(), difference(requests, few, many));
    }
    match mode {
        Mode::Show => stored::show(&costs),
        Mode::Check => stored::check(&costs)?,
        Mode::Store => stored::store(&costs)?,
    }
    Ok(())
}

/// The exchanges that are counted, and how many of them.
fn exchanges() -> [(&'static str, Load, Log, u64); 5] {
    let http1 =
        |scheme| Load::Http1 { scheme, connections: 1, reuse: Reuse::Always, exchange: SMALL, hosts: Hosts::One };
    let handshakes =
        Load::Handshakes { key: Key::EcdsaP256, resumption: Resumption::Full, clients: 1, hosts: Hosts::One };
    [
        ("http1", http1(Scheme::Http), Log::Off, 1000),
        ("http1-log", http1(Scheme::Http), Log::On, 1000),
        ("tls-http1", http1(Scheme::Https), Log::Off, 1000),
        ("http2", Load::Http2 { connections: 1, streams: 1, exchange: SMALL }, Log::Off, 1000),
        ("handshake", handshakes, Log::Off, 50),
    ]
}

/// Runs a proxy for so many exchanges.
async fn exchange(
    found: &Found,
    site: &Arc<Site>,
    origin: &Origin,
    load: Load,
    log: Log,
    requests: u64,
) -> Result<Collected> {
    let callgrind = Callgrind::new()?;
    let found = Found { under: callgrind.command(), ..found.clone() };
    let manner = Manner { log, siege: None, workers: 1 };
    let mut running = Running::start(&found, site, origin.addresses, manner)?;
    measure::ready(&mut running, site).await?;
    let began = Instant::now();
    let completed = measure::so_many(load, requests, &running, site).await?;
    let seconds = began.elapsed().as_secs_f64();
    ensure!(completed == requests, "{completed} requests were answered instead of {requests}");
    running.end();
    Ok(Collected { seconds, ..callgrind.collected()? })
}

fn difference(requests: u64, few: Collected, many: Collected) -> Cost {
    let each = |few: f64, many: f64| (many - few) / requests as f64;
    Cost {
        instructions: each(few.instructions, many.instructions),
        system_calls: each(few.system_calls, many.system_calls),
        seconds: each(few.seconds, many.seconds).max(0.0),
    }
}
