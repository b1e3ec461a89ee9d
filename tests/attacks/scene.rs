//! A server under attack: honest clients beside it, its memory and its processor time before, during and after.

use std::future::Future;
use std::time::{Duration, Instant};

use landfall::testing::attack::{Attack, HOST, Made, Manner, Pace, Ports};
use landfall::testing::objects::service;
use landfall::testing::{Ingress, Origin};
use serde_json::{Map, Value, json};

use crate::ALONE;
use crate::honest::Honest;
use crate::process::Process;

/// What the server may keep when an attack is over, beside what it had: what allocators hold back.
const KEPT: u64 = 24 * 1024 * 1024;

/// How long the server has to end a connection that it must end, and to give memory back.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server, and an origin behind it.
struct Scene {
    process: Process,
    _origin: Origin,
}

impl Scene {
    async fn start(attack: &Attack) -> Self {
        let origin = Origin::start("web").await;
        let mut objects = service("web", &[origin.address()]);
        objects.push(Ingress::named("web").with("proxy-body-size", "0").route(HOST, "/", "web").build());
        objects.push(json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": { "namespace": "default", "name": "settings" },
            "data": timeouts(attack),
        }));
        Self { process: Process::start(&objects), _origin: origin }
    }

    fn ports(&self) -> Ports {
        Ports { http1: self.process.http, http2: self.process.http, tls: self.process.https }
    }
}

/// Timeouts of seconds for an attack that is to be over soon, the defaults for others.
fn timeouts(attack: &Attack) -> Map<String, Value> {
    let keys: &[&str] = match attack.manner {
        Manner::Hold | Manner::Trickle => &[
            "client-header-timeout",
            "client-body-timeout",
            "client-send-timeout",
            "tls-handshake-timeout",
            "keep-alive",
        ],
        Manner::Flood | Manner::Idle => &[],
    };
    let seconds = attack.timeout().as_secs().to_string();
    keys.iter().map(|key| ((*key).to_owned(), seconds.as_str().into())).collect()
}

/// Makes an attack on a server that may grow by so many octets a connection, and holds what must hold of every attack.
#[expect(clippy::print_stdout, reason = "what was measured is for whoever runs the attacks")]
pub(crate) async fn under_attack(attack: &Attack, bound: u64) -> Made {
    let _alone = ALONE.lock().await;
    let (mut scene, name) = (Scene::start(attack).await, attack.title);
    let calm = calm(&scene).await;
    let (before, ticks, began) = (scene.process.resident(), scene.process.ticks(), Instant::now());
    let honest = Honest::start(scene.process.http);
    let (made, peak) = watched(&scene, attack.make(scene.ports(), Pace::OneByOne, PATIENCE)).await;
    let (spent, lasted) = (scene.process.ticks() - ticks, began.elapsed());
    let latencies = honest.stop().await;
    assert!(scene.process.is_alive(), "{name}: the process has ended");
    let (growth, connections, octets) = (peak.saturating_sub(before), made.connections, made.octets);
    println!(
        "{name}: {connections} connections, {octets} octets in {lasted:.1?}; grew by {} KiB a connection; \
         {spent} hundredths of a second of processor; {} honest requests, p99 {:.1?} (calm: {calm:.1?})",
        growth / 1024 / connections,
        latencies.len(),
        percentile_99(&latencies),
    );
    assert!(growth <= bound * connections, "{name}: grew by {growth} for {connections} connections");
    gives_back(&scene, name, before).await;
    made
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
