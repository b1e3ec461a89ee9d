//! What it costs to read a message head: the part of a request that is paid before anything is decided.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use landfall::proxy::h1::parse::{Limits, request_head, response_head};
use landfall::request::{RequestHead, ResponseHead};

const CURL: &[u8] = b"GET /path HTTP/1.1\r\nHost: example.com\r\nUser-Agent: curl/8.9.1\r\nAccept: */*\r\n\r\n";

const BROWSER: &[u8] = b"GET /assets/app.js?v=41f0 HTTP/1.1\r\n\
Host: shop.example.com\r\n\
User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\
Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n\
Accept-Language: en-GB,en;q=0.5\r\n\
Accept-Encoding: gzip, deflate, br, zstd\r\n\
Referer: https://shop.example.com/basket\r\n\
Connection: keep-alive\r\n\
Cookie: session=5b0f3c1d9e8a7b6c5d4e3f2a1b0c9d8e; theme=dark; consent=1\r\n\
Upgrade-Insecure-Requests: 1\r\n\
Sec-Fetch-Dest: document\r\n\
Sec-Fetch-Mode: navigate\r\n\
Sec-Fetch-Site: same-origin\r\n\
If-None-Match: \"33a64df551425fcc55e4d42a148795d9f25f89d4\"\r\n\
Priority: u=0, i\r\n\r\n";

const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\n\
Date: Fri, 07 Aug 2026 09:00:00 GMT\r\n\
Content-Type: application/json\r\n\
Content-Length: 128\r\n\
Cache-Control: no-store\r\n\
Server: origin\r\n\r\n";

fn requests(criterion: &mut Criterion) {
    let limits = Limits::default();
    let mut group = criterion.benchmark_group("request head");
    for (name, input) in [("curl, 3 fields", CURL), ("browser, 14 fields", BROWSER)] {
        let mut head = RequestHead::default();
        group.throughput(Throughput::Bytes(input.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| request_head(black_box(input), &limits, &mut head).expect("the head is legal"));
        });
    }
    group.finish();
}

fn responses(criterion: &mut Criterion) {
    let limits = Limits::default();
    let mut head = ResponseHead::default();
    let mut group = criterion.benchmark_group("response head");
    group.throughput(Throughput::Bytes(RESPONSE.len() as u64));
    group.bench_function("5 fields", |bencher| {
        bencher.iter(|| response_head(black_box(RESPONSE), &limits, "GET", &mut head).expect("the head is legal"));
    });
    group.finish();
}

criterion_group!(benches, requests, responses);
criterion_main!(benches);
