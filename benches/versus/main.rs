//! `cargo bench --bench versus`: what a request costs landfall, and what it costs nginx, HAProxy and Envoy.
//!
//! Each proxy runs as a process of its own on a core of its own, with one worker and an equivalent configuration; the
//! clients and the origin share another core. The figure that counts is the proxy's processor time per request, which
//! is robust on a machine that does other things as well. The origin demands the header fields that an ingress must
//! add, and the clients compare every octet of every body: a proxy that cuts a corner fails the case. A relay of octets
//! is measured beside them as the floor.
//!
//! With `--workers` above one, proxies have as many cores, and share the load's where there are too few. What a request
//! costs is then more than it should; how the work is divided between workers is measured so (the cases of skew).
//!
//! `cargo bench --bench versus -- --help` has the flags. Loopback alone; every loop is bounded in time.

#![expect(clippy::disallowed_methods, reason = "a benchmark lives at the edge: clock, files, processes")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it reports to a terminal")]
#![expect(clippy::indexing_slicing, reason = "an index beyond its bounds fails the benchmark")]

mod attacks;
mod body;
mod case;
mod grpc;
mod instructions;
mod load;
mod machine;
mod measure;
mod options;
mod order;
mod origin;
mod peer;
mod relay;
mod report;
mod site;
mod sitting;
mod statistics;
mod websocket;
mod wire;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use clap::Parser as _;
use tokio::runtime::{Builder, LocalOptions};
use tokio::signal::unix::{SignalKind, signal};

use options::Options;
use peer::{Found, Peer};
use sitting::Sitting;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        Some(("relay", rest)) => return relay::run(rest),
        Some(("inner", rest)) => return instructions::run_inner(rest),
        _ => {}
    }
    let options = Options::parse();
    if options.list && options.attacks {
        attacks::list();
        return Ok(());
    }
    if options.list {
        for case in case::all() {
            println!("{:17} {}", case.name, case.title);
        }
        return Ok(());
    }
    // `cargo test --benches` starts benches without it; there is nothing to test here.
    if !options.bench {
        return Ok(());
    }
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok().context("there is one provider")?;
    let found = peers(&options)?;
    machine::raise_file_limit()?;
    machine::settle()?;
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    // Whatever ends this ends the proxies as well, by dropping them.
    runtime.block_on(async {
        let mut terminated = signal(SignalKind::terminate())?;
        tokio::select! {
            result = run(&options, &found) => result,
            _ = tokio::signal::ctrl_c() => bail!("interrupted"),
            _ = terminated.recv() => bail!("terminated"),
        }
    })
}

/// Where `install` puts what Debian has no package of.
fn cache() -> PathBuf {
    let home = std::env::var_os("HOME").unwrap_or_default();
    let default = Path::new(&home).join(".cache/landfall-versus");
    std::env::var_os("LANDFALL_VERSUS_CACHE").map_or(default, PathBuf::from)
}

/// Installs what is missing, if told to, and finds the proxies that are wanted.
fn peers(options: &Options) -> Result<Vec<Found>> {
    let cache = cache();
    if options.install {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/versus/install");
        let status = Command::new(script).arg(&cache).status().context("the installation cannot be started")?;
        ensure!(status.success(), "the installation failed");
    }
    let landfall = options.landfall.clone().unwrap_or_else(|| env!("CARGO_BIN_EXE_landfall").into());
    let wanted = Peer::ALL.into_iter().filter(|peer| options.proxies.is_empty() || options.proxies.contains(peer));
    let mut found = Vec::new();
    for peer in wanted {
        match Found::look(peer, &landfall, &cache) {
            Some(peer) => found.push(peer),
            None => eprintln!("{} is not here: --install installs it", peer.as_str()),
        }
    }
    ensure!(!found.is_empty(), "there is nothing to measure");
    Ok(found)
}

async fn run(options: &Options, found: &[Found]) -> Result<()> {
    if let Some(mode) = options.instructions {
        let landfall = found.iter().find(|found| found.peer == Peer::Landfall).context("landfall is not there")?;
        return instructions::run(mode, landfall).await;
    }
    if options.attacks {
        return attacks::run(options, found).await;
    }
    let machine = machine::Machine::this();
    let mut sitting = Sitting::new(options, found)?;
    let mut measured = Vec::new();
    for log in options.logs() {
        let is_measured = |case: &case::Case| options.wants(case) && (*log == peer::Log::Off || case.is_logged());
        for case in case::all().iter().filter(|case| is_measured(case)) {
            let result = sitting.measure(case, *log).await?;
            eprintln!("{}", report::markdown::line(&result));
            measured.push(result);
        }
    }
    ensure!(!measured.is_empty(), "no case is called so: --list has the names");
    let report = report::Report::new(machine, found, measured);
    report.write(&options.out)?;
    if options.store {
        report.store()?;
    }
    println!("{}", report::markdown::document(&report));
    Ok(())
}
