//! A server under attack: honest clients beside it, its memory and its processor time before, during and after.

use std::future::Future;
use std::time::{Duration, Instant};

use landfall::testing::objects::service;
use landfall::testing::{Ingress, Origin, Raw};
use serde_json::{Map, json};

use crate::ALONE;
use crate::honest::Honest;
use crate::process::Process;

/// What the server may keep when an attack is over, beside what it had: what allocators hold back.
const KEPT: u64 = 24 * 1024 * 1024;

/// How long the server has to give memory back.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server, and an origin behind it.
pub(crate) struct Scene {
    pub(crate) process: Process,
    _origin: Origin,
}

/// What an attack has done.
pub(crate) struct Attack {
    pub(crate) connections: u64,
    /// Octets sent.
    pub(crate) octets: u64,
    /// How much the server may grow for each connection.
    pub(crate) growth: u64,
}

impl Scene {
    async fn start(limits: &[(&'static str, &'static str)]) -> Self {
        let origin = Origin::start("web").await;
        let mut objects = service("web", &[origin.address()]);
        objects.push(Ingress::named("web").with("proxy-body-size", "0").route("a.test", "/", "web").build());
        let limits: Map<_, _> = limits.iter().map(|(key, value)| ((*key).to_owned(), (*value).into())).collect();
        objects.push(json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": { "namespace": "default", "name": "settings" },
            "data": limits,
        }));
        Self { process: Process::start(&objects), _origin: origin }
    }

    /// A client of the plain port.
    pub(crate) async fn connect(&self) -> Raw {
        Raw::connect(self.process.http).await
    }
}

/// Makes an attack on a server with these limits, the defaults beside them, and holds what must hold of every attack.
#[expect(clippy::print_stdout, reason = "what was measured is for whoever runs the attacks")]
pub(crate) async fn under_attack<F>(name: &str, limits: &[(&'static str, &'static str)], attack: F)
where
    F: AsyncFnOnce(&Scene) -> Attack,
{
    let _alone = ALONE.lock().await;
    let mut scene = Scene::start(limits).await;
    let calm = calm(&scene).await;
    let (before, ticks, began) = (scene.process.resident(), scene.process.ticks(), Instant::now());
    let honest = Honest::start(scene.process.http);
    let (Attack { connections, octets, growth: bound }, peak) = watched(&scene, attack(&scene)).await;
    let (spent, lasted) = (scene.process.ticks() - ticks, began.elapsed());
    let latencies = honest.stop().await;
    assert!(scene.process.is_alive(), "{name}: the process has ended");
    let growth = peak.saturating_sub(before);
    println!(
        "{name}: {connections} connections, {octets} octets in {lasted:.1?}; grew by {} KiB a connection; \
         {spent} hundredths of a second of processor; {} honest requests, p99 {:.1?} (calm: {calm:.1?})",
        growth / 1024 / connections,
        latencies.len(),
        percentile_99(&latencies),
    );
    assert!(growth <= bound * connections, "{name}: grew by {growth} for {connections} connections");
    gives_back(&scene, name, before).await;
}

/// What the honest are used to: the 99th of a hundred latencies without an attack. What a server allocates once is
/// allocated by then.
async fn calm(scene: &Scene) -> Duration {
    let honest = Honest::start(scene.process.http);
    tokio::time::sleep(Duration::from_millis(500)).await;
    percentile_99(&honest.stop().await)
}

fn percentile_99(sorted: &[Duration]) -> Duration {
    sorted.get(sorted.len() * 99 / 100).copied().unwrap_or_default()
}

/// Runs an attack, and watches how large the server becomes.
async fn watched<T>(scene: &Scene, attack: impl Future<Output = T>) -> (T, u64) {
    let mut peak = 0;
    let mut attack = std::pin::pin!(attack);
    let mut looks = tokio::time::interval(Duration::from_millis(20));
    loop {
        tokio::select! {
            done = &mut attack => return (done, peak.max(scene.process.resident())),
            _ = looks.tick() => peak = peak.max(scene.process.resident()),
        }
    }
}

async fn gives_back(scene: &Scene, name: &str, before: u64) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        // Allocators give back while they are used.
        calm(scene).await;
        let kept = scene.process.resident().saturating_sub(before);
        if kept <= KEPT {
            return;
        }
        assert!(Instant::now() < deadline, "{name}: {kept} octets were not given back");
    }
}
