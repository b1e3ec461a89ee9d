//! Time from saving a file to the first request that is served by it.
//!
//! `cargo bench --bench reload` prints a table: how often out of fifty saves the change was live within what time, for a
//! file beside none and beside many others, written in place and renamed into place, after idle and one after another.
//! Every save brings a host that was not there; a client asks for it without a pause until it is answered 200.

#![expect(clippy::unwrap_used, reason = "a measurement that fails panics")]
#![expect(clippy::print_stdout, reason = "the table is the result")]
#![expect(clippy::disallowed_methods, reason = "how long it takes is what is measured")]

use std::fmt::Write as _;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::{Duration, Instant};

use landfall::cli::Server;
use landfall::settings::{AccessLogTarget, Settings};
use landfall::testing::objects::service;
use landfall::testing::{Ingress, Origin, Raw};

const SAVES: usize = 50;
/// Longer than changes wait for one another.
const IDLE: Duration = Duration::from_millis(300);

/// How a file is saved.
#[derive(Clone, Copy)]
enum Saving {
    InPlace,
    ByRename,
}

/// What comes before a save.
#[derive(Clone, Copy)]
enum Pace {
    AfterIdle,
    AtOnce,
}

#[tokio::main]
async fn main() {
    println!("{:<10} {:<10} {:<11} {:>9} {:>9} {:>9}", "ingresses", "saved", "pace", "p50", "p99", "longest");
    for others in [0, 1_000] {
        for saving in [Saving::InPlace, Saving::ByRename] {
            for pace in [Pace::AfterIdle, Pace::AtOnce] {
                println!("{}", row(others, saving, pace, &measure(others, saving, pace).await));
            }
        }
    }
}

fn row(others: usize, saving: Saving, pace: Pace, sorted: &[Duration]) -> String {
    let saved = match saving {
        Saving::InPlace => "in place",
        Saving::ByRename => "by rename",
    };
    let paced = match pace {
        Pace::AfterIdle => "after idle",
        Pace::AtOnce => "at once",
    };
    let mut row = format!("{others:<10} {saved:<10} {paced:<11}");
    for rank in [SAVES / 2, SAVES * 99 / 100, SAVES - 1] {
        let milliseconds = sorted.get(rank).unwrap().as_secs_f64() * 1e3;
        write!(row, " {milliseconds:>6.1} ms").unwrap();
    }
    row
}

/// The times of all saves, sorted.
async fn measure(others: usize, saving: Saving, pace: Pace) -> Vec<Duration> {
    let origin = Origin::start("web").await;
    let folder = tempfile::tempdir().unwrap();
    let mut objects = service("web", &[origin.address()]);
    objects.extend((0..others).map(|number| {
        Ingress::named(&format!("other-{number}")).route(&format!("other-{number}.test"), "/", "web").build()
    }));
    save(folder.path(), Saving::ByRename, "base", &objects);
    let server = Server::start(settings(folder.path())).await.unwrap();
    let address = *server.http_addresses().first().unwrap();
    let mut client = Raw::connect(address).await;
    let mut times = Vec::with_capacity(SAVES);
    for number in 0..SAVES {
        if let Pace::AfterIdle = pace {
            tokio::time::sleep(IDLE).await;
        }
        let host = format!("new-{number}.test");
        let ingress = Ingress::named("changing").route(&host, "/status-200", "web").build();
        let began = Instant::now();
        save(folder.path(), saving, "changing", &[ingress]);
        while !is_served(&mut client, address, &host).await {}
        times.push(began.elapsed());
    }
    server.shutdown().await;
    times.sort_unstable();
    times
}

/// Asks once, over a connection that is replaced when it has carried as many requests as it may.
async fn is_served(client: &mut Raw, address: SocketAddr, host: &str) -> bool {
    client.send(format!("GET /status-200 HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
    let answer = client.response().await;
    if answer.one("connection").is_some() {
        *client = Raw::connect(address).await;
    }
    answer.status() == 200
}

fn save(folder: &Path, saving: Saving, name: &str, objects: &[serde_json::Value]) {
    let list = serde_json::json!({ "apiVersion": "v1", "kind": "List", "items": objects }).to_string();
    let path = folder.join(format!("{name}.json"));
    match saving {
        Saving::InPlace => fs::write(path, list).unwrap(),
        Saving::ByRename => {
            let partial = folder.join(format!(".{name}.partial"));
            fs::write(&partial, list).unwrap();
            fs::rename(partial, path).unwrap();
        }
    }
}

fn settings(folder: &Path) -> Settings {
    let mut settings = Settings::for_manifests(folder);
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    settings.listen.addresses = vec![loopback];
    settings.listen.healthz_address = Some(loopback);
    (settings.listen.http_port, settings.listen.https_port, settings.listen.healthz_port) = (0, 0, 0);
    settings.listen.workers = NonZeroUsize::new(1);
    settings.logs.access = AccessLogTarget::Off;
    settings
}
