//! What following a cluster costs, measured against a real API server at two sizes: start-up and memory, from an event
//! to the first request that is served by it, and requests to the API server while nothing changes.
//!
//! ```text
//! LANDFALL_TEST_CLUSTER="$(tests/cluster/build)" cargo bench --bench cluster
//! ```
//!
//! Everything runs on this machine at once: API server, etcd, Landfall and the client share its cores. A change is timed
//! from when the test begins to write it, and from when the API server has acknowledged it; a change can be served
//! before it is acknowledged, which counts as 0.

#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a program that measures and prints")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "it fails as tests do")]
#![expect(dead_code, unused_imports, reason = "tests use more of what is shared with them")]

mod changes;
mod population;
#[path = "../../tests/cluster/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use population::Population;
use support::{Cluster, Landfall, on_own_cluster};

/// Ingresses in the cluster; there are as many Secrets and Services, and three times as many endpoints.
const SIZES: [usize; 2] = [100, 5_000];

/// How long nothing happens while requests are counted.
const IDLE: Duration = Duration::from_secs(120);

fn main() {
    for size in SIZES {
        on_own_cluster(async move |cluster: Cluster| measure(&cluster, size).await);
    }
}

async fn measure(cluster: &Cluster, size: usize) {
    println!("== {size} Ingresses, {size} Secrets, {} endpoints", size * 3);
    let population = Population::create(cluster, size).await;
    let user = cluster.new_user();
    let all = serde_json::json!([{ "apiGroups": ["*"], "resources": ["*"], "verbs": ["*"] }]);
    cluster.grant(&user, all).await;
    support::eventually("the grant is known", async || {
        let request = http::Request::get("/api/v1/secrets?limit=1").body(Vec::new()).unwrap();
        cluster.client_of(&user).await.request_text(request).await.is_ok()
    })
    .await;

    let began = Instant::now();
    let landfall = Landfall::serve(cluster, &user, &["--update-status=false"]).await;
    println!("start to ready         {:>9.0?}", began.elapsed());
    population.assert_served(&landfall).await;
    println!("resident when ready    {:>9}", mebibytes(landfall.resident()));

    changes::measure(cluster, &landfall, &population).await;

    let before = cluster.asked_by(&user).len();
    tokio::time::sleep(IDLE).await;
    let requests = cluster.asked_by(&user).len() - before;
    println!("requests while idle    {:>9.1} a minute", requests as f64 * 60.0 / IDLE.as_secs_f64());
    println!("resident at the end    {:>9}", mebibytes(landfall.resident()));
}

fn mebibytes(octets: u64) -> String {
    format!("{:.1} MiB", octets as f64 / f64::from(1 << 20))
}
