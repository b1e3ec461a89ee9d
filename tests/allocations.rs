//! A keep-alive exchange allocates nothing once its connections are warm.
//!
//! Allocations of the whole process are counted: client and origin are threads that work in fixed memory, and what the
//! worker does beside its exchanges, ten times a second, falls into few of the windows looked at.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failure fails the test")]

use std::alloc::System;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use cap::Cap;
use landfall::testing::objects::{Ingress, service, settings};
use landfall::testing::server::TestServer;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

const REQUEST: &[u8] = b"GET /cart?item=1 HTTP/1.1\r\nHost: shop.test\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello";
/// The end of every answer: the body is the last that is written.
const LAST: &[u8] = b"hello";

const WARM_UP: usize = 200;
const WINDOWS: usize = 50;
const EXCHANGES: usize = 20;

#[test]
fn a_keep_alive_exchange_allocates_nothing() {
    let mut objects = service("shop", &[origin()]);
    objects.push(Ingress::named("shop").route("shop.test", "/", "shop").build());
    objects.push(settings([("disable-access-log", "true")]));
    let server = TestServer::start(1, objects);
    let mut client = TcpStream::connect(server.http()).unwrap();
    exchange(&mut client, WARM_UP);
    let allocated = (0..WINDOWS).map(|_| {
        let before = ALLOCATOR.total_allocated();
        exchange(&mut client, EXCHANGES);
        ALLOCATOR.total_allocated() - before
    });
    assert_eq!(allocated.min(), Some(0), "octets allocated for {EXCHANGES} exchanges, at least");
}

/// Sends so many requests and reads their answers.
fn exchange(connection: &mut TcpStream, times: usize) {
    for _ in 0..times {
        connection.write_all(REQUEST).unwrap();
        read_until(connection, LAST);
    }
}

/// Answers every request of every connection. Its threads end with the test.
fn origin() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            thread::spawn(move || {
                while read_until(&mut connection, b"\r\n\r\n") {
                    connection.write_all(ANSWER).unwrap();
                }
            });
        }
    });
    address
}

/// Reads until what was read ends so. `false` at the end of the stream.
fn read_until(connection: &mut TcpStream, end: &[u8]) -> bool {
    let mut read = [0; 4096];
    let mut length = 0;
    while !read[..length].ends_with(end) {
        match connection.read(&mut read[length..]).unwrap() {
            0 => return false,
            octets => length += octets,
        }
    }
    true
}
