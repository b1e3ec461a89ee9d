//! One measurement: a proxy under a load, for a while.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::load::http1::Client;
use super::load::idle::Held;
use super::load::meter::Meter;
use super::load::stream::Dialer;
use super::load::{Exchange, Load, Target};
use super::machine::{Family, Usage};
use super::order::{ANSWER, Action, Order, Place, Scheme};
use super::peer::Running;
use super::site::{self, Site};

/// How long a proxy may take to serve its first request.
const START: Duration = Duration::from_secs(180);

/// How often it may answer otherwise than it must before that.
const WRONG: u32 = 50;

/// How long all clients may take to connect, and to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// Requests a second of clients that rest: a fraction of what a worker of any of the proxies can do.
const RESTING_RATE: f64 = 6000.0;

/// For how long is measured, and what is thrown away before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timing {
    pub warm: Duration,
    pub measured: Duration,
}

/// What a measurement gives, per request where that has a meaning.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Sample {
    pub requests: u64,
    pub per_second: f64,
    /// Microseconds of the proxy's processor time for a request, as the scheduler counts it.
    pub cpu: f64,
    /// The same in user and kernel mode, as the ticks divide it.
    pub user: f64,
    pub system: f64,
    /// MiB at the end.
    pub resident: f64,
    pub extra: Extra,
}

/// What some cases give besides.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Extra {
    None,
    /// In microseconds, at so many requests per second.
    Latency {
        rate: f64,
        p50: u32,
        p99: u32,
        p999: u32,
    },
    /// KiB of resident memory for each connection.
    Idle {
        each: f64,
    },
    /// What the busiest thread has of the proxy's processor time: one half is even between two workers, one is all.
    Skew {
        busiest: f64,
    },
}

impl Extra {
    /// The share of the busiest thread, where it was measured.
    pub(crate) fn busiest(&self) -> Option<f64> {
        match *self {
            Self::Skew { busiest } => Some(busiest),
            Self::None | Self::Latency { .. } | Self::Idle { .. } => None,
        }
    }
}

/// What clients of a proxy share, made anew for each measurement.
pub(crate) fn target(running: &Running, site: &Arc<Site>) -> Rc<Target> {
    resting_target(running, site, Duration::ZERO)
}

/// The same for clients that rest between requests.
fn resting_target(running: &Running, site: &Arc<Site>, rest: Duration) -> Rc<Target> {
    Rc::new(Target {
        http: running.http,
        https: running.https,
        dialer: Dialer::new(&site.authority),
        site: Arc::clone(site),
        meter: Meter::default(),
        rest,
    })
}

/// Waits until a proxy answers as it must, and says how long it took.
pub(crate) async fn ready(running: &mut Running, site: &Arc<Site>) -> Result<Duration> {
    let started = Instant::now();
    let mut wrong = 0;
    loop {
        running.must_be_alive()?;
        let target = target(running, site);
        let fault = match timeout(Duration::from_secs(5), first(&target)).await {
            Ok(Ok(())) => return Ok(started.elapsed()),
            Ok(Err(fault)) => fault,
            Err(_) => anyhow::anyhow!("no answer within 5 s"),
        };
        wrong += u32::from(!is_refused(&fault));
        if started.elapsed() > START || wrong > WRONG {
            return Err(fault.context(format!("{} does not serve", running.peer.as_str())));
        }
        sleep(Duration::from_millis(10)).await;
    }
}

/// Whether nobody listens yet.
fn is_refused(fault: &anyhow::Error) -> bool {
    let cause = fault.root_cause().downcast_ref::<std::io::Error>();
    cause.is_some_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused)
}

async fn first(target: &Target) -> Result<()> {
    let small = Exchange { action: Action::Get, size: ANSWER };
    let mut client = Client::connect(target, Scheme::Http, site::MAIN, small).await?;
    let nonce = target.meter.nonce();
    let order = Order { place: Place::A, scheme: Scheme::Http, action: small.action, size: small.size, nonce };
    client.exchange(&order, site::MAIN).await
}

/// Puts a load on a proxy, and measures.
pub(crate) async fn under_load(load: Load, running: &Running, site: &Arc<Site>, timing: Timing) -> Result<Sample> {
    let target = target(running, site);
    let clients = load.start(&target);
    let measured = measure(&target, load.clients(), running, timing).await;
    finish(&target, clients).await?;
    measured
}

/// The same with clients that rest, so that a worker has as much to do as its connections ask of it: of workers that are
/// always busy, each would have the same share.
pub(crate) async fn skew(load: Load, running: &Running, site: &Arc<Site>, timing: Timing) -> Result<Sample> {
    let target = resting_target(running, site, rest(load));
    let clients = load.start(&target);
    let family = Family::of(running.id())?;
    let measured = async {
        warm_up(&target, load.clients(), timing.warm).await?;
        let before = family.threads()?;
        let sample = sample_of(&target, running, timing.measured).await?;
        let busiest = family.threads()?.busiest_since(&before).context("the proxy used no processor")?;
        anyhow::Ok(Sample { extra: Extra::Skew { busiest }, ..sample })
    }
    .await;
    finish(&target, clients).await?;
    measured
}

/// So long that all clients together ask [`RESTING_RATE`] times a second.
fn rest(load: Load) -> Duration {
    let streams = match load {
        Load::Http2 { connections, streams, .. } | Load::Grpc { connections, streams } => connections * streams,
        Load::Http1 { .. } | Load::Handshakes { .. } | Load::WebSocket { .. } | Load::Paced { .. } => load.clients(),
    };
    Duration::from_secs_f64(streams as f64 / RESTING_RATE)
}

/// Stops a load, waits for its clients, and says what was wrong.
async fn finish(target: &Target, clients: JoinSet<()>) -> Result<()> {
    target.meter.stop();
    let ended = end(clients).await;
    target.meter.verdict().map_err(anyhow::Error::msg)?;
    ended
}

async fn measure(target: &Target, clients: usize, running: &Running, timing: Timing) -> Result<Sample> {
    warm_up(target, clients, timing.warm).await?;
    sample_of(target, running, timing.measured).await
}

/// Waits until all clients are served, and a while more.
async fn warm_up(target: &Target, clients: usize, warm: Duration) -> Result<()> {
    let meter = &target.meter;
    let begun = Instant::now();
    while meter.ready() < clients {
        ensure!(!meter.is_stopped(), "a client failed");
        ensure!(begun.elapsed() < PATIENCE, "{} of {clients} clients are served after a minute", meter.ready());
        sleep(Duration::from_millis(1)).await;
    }
    sleep(warm).await;
    Ok(())
}

async fn sample_of(target: &Target, running: &Running, measured: Duration) -> Result<Sample> {
    let meter = &target.meter;
    meter.take_latencies();
    // No client takes a step while the usage is read, as they share this thread.
    let (before, completed, started) = (Usage::of(running.id())?, meter.completed(), Instant::now());
    sleep(measured).await;
    let (after, requests, elapsed) = (Usage::of(running.id())?, meter.completed() - completed, started.elapsed());
    if requests == 0 {
        bail!("no request was answered in {elapsed:?}");
    }
    let extra = latency(meter.take_latencies(), elapsed);
    Ok(sample(&before, &after, requests, elapsed, extra))
}

fn latency(mut latencies: Vec<u32>, elapsed: Duration) -> Extra {
    latencies.sort_unstable();
    let per_mille = |part: usize| latencies.get((latencies.len() * part / 1000).min(latencies.len() - 1)).copied();
    match latencies.len() {
        0 => Extra::None,
        count => Extra::Latency {
            rate: count as f64 / elapsed.as_secs_f64(),
            p50: per_mille(500).unwrap_or_default(),
            p99: per_mille(990).unwrap_or_default(),
            p999: per_mille(999).unwrap_or_default(),
        },
    }
}

/// Lets a load's clients go on for so many requests, and says how many were answered.
pub(crate) async fn so_many(load: Load, requests: u64, running: &Running, site: &Arc<Site>) -> Result<u64> {
    let target = target(running, site);
    target.meter.stop_after(requests);
    end(load.start(&target)).await?;
    target.meter.verdict().map_err(anyhow::Error::msg)?;
    Ok(target.meter.completed())
}

/// Opens connections over TLS, and measures what they cost while nothing happens on them.
pub(crate) async fn idle(connections: usize, running: &Running, site: &Arc<Site>) -> Result<Sample> {
    let target = target(running, site);
    let (before, started) = (Usage::of(running.id())?, Instant::now());
    let held = Held::open(&target, connections).await?;
    let elapsed = started.elapsed();
    sleep(Duration::from_secs(1)).await;
    let after = Usage::of(running.id())?;
    held.prove(&target).await?;
    let each = after.resident.saturating_sub(before.resident) as f64 / connections as f64;
    Ok(sample(&before, &after, connections as u64, elapsed, Extra::Idle { each }))
}

fn sample(before: &Usage, after: &Usage, requests: u64, elapsed: Duration, extra: Extra) -> Sample {
    let cpu = (after.time - before.time) as f64 / 1000.0 / requests as f64;
    let (user, system) = ((after.user - before.user) as f64, (after.system - before.system) as f64);
    let user_share = if user + system > 0.0 { user / (user + system) } else { 0.0 };
    Sample {
        requests,
        per_second: requests as f64 / elapsed.as_secs_f64(),
        cpu,
        user: cpu * user_share,
        system: cpu * (1.0 - user_share),
        resident: after.resident as f64 / 1024.0,
        extra,
    }
}

/// Waits for clients that were told to stop.
async fn end(mut clients: JoinSet<()>) -> Result<()> {
    let all = async {
        while let Some(ended) = clients.join_next().await {
            ended.context("a client panicked")?;
        }
        anyhow::Ok(())
    };
    timeout(PATIENCE, all).await.context("clients still wait for answers after a minute")?
}
