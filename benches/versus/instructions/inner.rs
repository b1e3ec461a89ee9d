//! The loops that run within this program: what a request costs before anything is sent.

use std::hint::black_box;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use landfall::proxy::h1::parse::{Limits, request_head};
use landfall::request::{CanonicalHost, Peer, RequestHead, Scheme, Scratch, plan};
use landfall::table::{RegexScratch, Table};
use landfall::testing::scan;

/// Look-ups in a run: so many that it does not show in one what building the table has cost, which the seed of its hash
/// changes by a million instructions from run to run.
const LOOKUPS: u64 = 200_000;

/// The loops, with how often each is run.
pub(super) const CASES: [(&str, u64); 4] =
    [("lookup-1", LOOKUPS), ("lookup-100000", LOOKUPS), ("plan", 10_000), ("head", 10_000)];

/// A prime: its multiples visit each host before any twice.
const STRIDE: usize = 72_173;

const HEAD: &[u8] = b"GET /api/v1/items/42?page=2 HTTP/1.1\r\nHost: shop-0.customers.example.com\r\n\
User-Agent: versus/1.0\r\nAccept: */*\r\nAccept-Encoding: gzip\r\nCookie: session=5b0f3c1d9e8a7b6c\r\n\r\n";

/// Runs the loop of a name so many times: `inner NAME TIMES`.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let [name, times] = arguments else { anyhow::bail!("inner NAME TIMES") };
    let times = times.parse().context("a number of times")?;
    match name.as_str() {
        "lookup-1" => lookup(1, times),
        "lookup-100000" => lookup(100_000, times),
        "plan" => plans(times),
        "head" => heads(times),
        other => anyhow::bail!("there is no loop {other}"),
    }
}

fn table(hosts: usize) -> Table {
    let paths = ["/", "/api", "/api/v1", "= /health"];
    let hosts = (0..hosts).map(|number| scan::virtual_host(&host_name(number), &paths));
    Table::new(Arc::new(scan::config(hosts)))
}

fn host_name(number: usize) -> String {
    format!("shop-{number}.customers.example.com")
}

fn lookup(hosts: usize, times: usize) -> Result<()> {
    let table = table(hosts);
    let names = (0..20_000).map(|turn: usize| host_name(turn * STRIDE % hosts));
    let names: Vec<_> = names.filter_map(|name| CanonicalHost::parse(name.as_bytes())).collect();
    let mut scratch = RegexScratch::default();
    for name in names.iter().cycle().take(times) {
        let found = table.lookup(black_box(name), black_box(b"/api/v1/items/42"), &mut scratch);
        ensure!(found.route.is_some(), "a host of the table is not found");
    }
    Ok(())
}

fn plans(times: usize) -> Result<()> {
    let table = table(1);
    let mut head = RequestHead::default();
    request_head(HEAD, &Limits::default(), &mut head).ok().context("the head is legal")?;
    let peer =
        Peer { address: ([127, 0, 0, 1], 4711).into(), local: ([127, 0, 0, 1], 80).into(), scheme: Scheme::Http };
    let mut scratch = Scratch::default();
    for _ in 0..times {
        let plan = plan(&table, black_box(&head), &peer, &mut scratch).ok().context("the request has a plan")?;
        ensure!(black_box(plan).route.is_some(), "the request has a route");
    }
    Ok(())
}

fn heads(times: usize) -> Result<()> {
    let limits = Limits::default();
    let mut head = RequestHead::default();
    for _ in 0..times {
        request_head(black_box(HEAD), &limits, &mut head).ok().context("the head is legal")?;
        black_box(&head);
    }
    Ok(())
}
