//! What finding a request's route costs, by the number of hosts.
//!
//! Requests go to hosts in a scattered order, so that the caches of the processor hold what a busy edge's would.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use landfall::table::{CanonicalHost, RegexScratch, Table};
use landfall::testing::scan;

/// A prime larger than half of every number of hosts: its multiples visit each host before any twice.
const STRIDE: usize = 72_173;
const HOSTS: [usize; 3] = [1, 1_000, 100_000];

fn host_name(number: usize) -> String {
    format!("shop-{number}.customers.example.com")
}

fn table(hosts: usize) -> Table {
    let paths = ["/", "/api", "/api/v1", "= /health"];
    Table::new(Arc::new(scan::config((0..hosts).map(|number| scan::virtual_host(&host_name(number), &paths)))))
}

fn scattered(hosts: usize) -> Vec<CanonicalHost> {
    let name = |turn: usize| host_name(turn.wrapping_mul(STRIDE) % hosts);
    (0..hosts).filter_map(|turn| CanonicalHost::parse(name(turn).as_bytes())).collect()
}

fn lookups(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("lookup");
    for hosts in HOSTS {
        let table = table(hosts);
        let names = scattered(hosts);
        let mut scratch = RegexScratch::default();
        let mut turn = names.iter().cycle();
        group.bench_function(BenchmarkId::new("hosts", hosts), |bencher| {
            bencher.iter(|| {
                let host = turn.next().expect("a cycle of at least one host does not end");
                black_box(table.lookup(host, black_box(b"/api/v1/items/42"), &mut scratch).route.is_some())
            });
        });
    }
    group.finish();
}

fn many_paths(criterion: &mut Criterion) {
    let paths: Vec<_> = (0..1_000).map(|number| format!("/service-{number}")).collect();
    let paths: Vec<_> = paths.iter().map(String::as_str).collect();
    let table = Table::new(Arc::new(scan::config([scan::virtual_host("shop.example.com", &paths)])));
    let host = CanonicalHost::parse(b"shop.example.com").unwrap_or_default();
    let mut scratch = RegexScratch::default();
    criterion.bench_function("lookup/1000 prefixes of one host", |bencher| {
        bencher.iter(|| table.lookup(&host, black_box(b"/service-567/items/42"), &mut scratch).route.is_some());
    });
}

criterion_group!(benches, lookups, many_paths);
criterion_main!(benches);
