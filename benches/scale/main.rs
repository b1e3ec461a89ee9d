//! What 10,000 Ingresses cost, each with a host, two paths, a certificate and three endpoints of its own: compiling all
//! of them, one change among them, memory, and what requests notice of a stream of changes.
//!
//! ```text
//! cargo bench --bench scale
//! ```
//!
//! First the compiler by itself, from objects in memory to the published state. Then the whole program as a process of
//! its own, on an API server of ours: from a change there until a request is answered by it. Everything runs on this
//! machine at once.

#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a program that measures and prints")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "it fails as tests do")]

mod inside;
mod load;
mod outside;
mod population;

use std::time::Duration;

use population::Population;
use tikv_jemallocator::Jemalloc;

/// That of the program.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// Ingresses; there are as many Services and Secrets, and three times as many endpoints.
const INGRESSES: usize = 10_000;

fn main() {
    let population = Population::new(INGRESSES);
    inside::measure(&population);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(outside::measure(&population));
}

/// What a process has resident, in megabytes.
fn resident(process: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let kibibytes: f64 = line.trim().trim_end_matches(" kB").parse().unwrap();
    kibibytes * 1024.0 / 1e6
}

/// How long something took, again and again.
#[derive(Debug, Default)]
struct Samples(Vec<Duration>);

impl Samples {
    fn print(mut self, what: &str) {
        self.0.sort_unstable();
        let at = |per_mille: usize| self.0[(self.0.len() * per_mille / 1000).min(self.0.len() - 1)];
        let (half, most, all) = (at(500), at(990), at(1000));
        println!("{what:<40} p50 {half:>9.1?}  p99 {most:>9.1?}  max {all:>9.1?}  ({} times)", self.0.len());
    }
}
