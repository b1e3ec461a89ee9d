//! Requests, without and with a stream of changes beside them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use landfall::testing::{ApiServer, Raw};

use crate::Samples;
use crate::population::{Kind, Population, host};

/// Hosts that requests are for.
pub(crate) const HOSTS: usize = 64;
/// Connections that ask at once, one request at a time each.
const CONNECTIONS: usize = 8;
/// How long each of the two is measured.
const LONG: Duration = Duration::from_secs(5);
/// Time between two changes.
const BETWEEN: Duration = Duration::from_millis(10);

pub(crate) async fn measure(cluster: &ApiServer, population: &Population, http: SocketAddr) {
    requests(http).await.print("requests, nothing changes");
    let stopped = AtomicBool::new(false);
    let asking = async {
        let samples = requests(http).await;
        stopped.store(true, Ordering::Relaxed);
        samples
    };
    let (samples, changes) = tokio::join!(asking, changes(cluster, population, &stopped));
    samples.print(&format!("requests, {:.0} changes a second", changes as f64 / LONG.as_secs_f64()));
}

async fn requests(http: SocketAddr) -> Samples {
    let deadline = Instant::now() + LONG;
    let hosts: Arc<[String]> = (0..HOSTS).map(host).collect();
    let clients: Vec<_> = (0..CONNECTIONS)
        .map(|client| {
            let hosts = Arc::clone(&hosts);
            tokio::spawn(async move {
                let mut connection = Raw::connect(http).await;
                let mut samples = Vec::new();
                for host in hosts.iter().cycle().skip(client * 7) {
                    let began = Instant::now();
                    if began >= deadline {
                        break;
                    }
                    connection.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
                    let answer = connection.response().await;
                    samples.push(began.elapsed());
                    assert_eq!(answer.status(), 200, "{answer:?}");
                }
                samples
            })
        })
        .collect();
    let mut samples = Samples::default();
    for client in clients {
        samples.0.extend(client.await.unwrap());
    }
    samples
}

/// Changes of every kind, of hosts that nobody asks for. Returns how many there were.
async fn changes(cluster: &ApiServer, population: &Population, stopped: &AtomicBool) -> usize {
    let mut ticks = tokio::time::interval(BETWEEN);
    let mut count = 0;
    while !stopped.load(Ordering::Relaxed) {
        ticks.tick().await;
        let number = HOSTS + count % (100 - HOSTS);
        cluster.apply(population.change(Kind::ALL[count % 3], number, count / 100));
        count += 1;
        if count.is_multiple_of(100) {
            cluster.forget_before(cluster.version() - 50);
        }
    }
    count
}
