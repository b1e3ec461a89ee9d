//! How long a change takes from the API server to a request.

use std::time::{Duration, Instant};

use landfall::testing::Raw;
use landfall::testing::origin::Asked;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::Value;

use crate::population::{Population, host};
use crate::support::{Cluster, Landfall};

/// Changes of each kind.
const SAMPLES: usize = 200;

/// Time between two changes, so that each is the first after idle.
const REST: Duration = Duration::from_millis(300);

/// Times each kind of change and prints the percentiles.
pub(crate) async fn measure(cluster: &Cluster, landfall: &Landfall, population: &Population) {
    let mut endpoint = Samples::default();
    for number in 1..=SAMPLES {
        let pod = number % 2;
        let name = ["first", "second"][pod];
        endpoint
            .add(one(cluster, population.endpoints("first", pod), async || answered_by(landfall, name).await).await);
    }
    endpoint.print("endpoint");
    // Back to where each Service leads to its own pod.
    cluster.apply(population.endpoints("first", 0)).await;
    landfall.until_answer(&host(0), "/", "first").await;
    let mut route = Samples::default();
    for number in 1..=SAMPLES {
        let name = ["first", "second"][number % 2];
        route.add(one(cluster, population.ingress(name), async || answered_by(landfall, name).await).await);
    }
    route.print("route");
    let mut certificate = Samples::default();
    for number in 1..=SAMPLES {
        let pair = &population.pairs[number % 2].certificate_pem;
        let wanted = CertificateDer::from_pem_slice(pair.as_bytes()).unwrap();
        let secret = population.secret(number % 2);
        certificate.add(one(cluster, secret, async || shown(landfall, population, &wanted).await).await);
    }
    certificate.print("certificate");
}

/// From the beginning of a write, and from its end, until it is seen.
struct Sample {
    written: Duration,
    acknowledged: Duration,
}

async fn one(cluster: &Cluster, object: Value, seen: impl AsyncFn() -> bool) -> Sample {
    tokio::time::sleep(REST).await;
    let began = Instant::now();
    let writing = async {
        cluster.apply(object).await;
        began.elapsed()
    };
    let watching = async {
        while !seen().await {}
        began.elapsed()
    };
    let (acknowledged, served) = tokio::join!(writing, watching);
    Sample { written: served, acknowledged: served.saturating_sub(acknowledged) }
}

async fn answered_by(landfall: &Landfall, pod: &str) -> bool {
    let mut connection = Raw::connect(landfall.http).await;
    connection.send(format!("GET / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", host(0))).await;
    let answer = connection.response().await;
    assert_eq!(answer.status(), 200, "{answer:?}");
    Asked::of(&answer.body).origin == pod
}

async fn shown(landfall: &Landfall, population: &Population, wanted: &CertificateDer<'_>) -> bool {
    let client = population.authority.client(&[]);
    let connection = Raw::connect_tls(landfall.https, &host(0), client).await.unwrap();
    connection.peer_certificate() == wanted.as_ref()
}

#[derive(Default)]
struct Samples(Vec<Sample>);

impl Samples {
    fn add(&mut self, sample: Sample) {
        self.0.push(sample);
    }

    fn print(&self, change: &str) {
        let percentiles = |of: fn(&Sample) -> Duration| {
            let mut times: Vec<Duration> = self.0.iter().map(of).collect();
            times.sort_unstable();
            let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)];
            format!("p50 {:>8.1?} p99 {:>8.1?}", at(50), at(99))
        };
        println!(
            "{change:<12} to served   {} from the write, {} from its acknowledgement",
            percentiles(|sample| sample.written),
            percentiles(|sample| sample.acknowledged)
        );
    }
}
