//! Running out of file descriptors: accepting waits for them without spinning, and goes on by itself.

#![expect(clippy::disallowed_methods, reason = "how long things take is what is tested")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::running::Running;
use super::{GOOD, folder};

/// Few, but enough to start with.
const FILES: usize = 96;

/// A listener doubles its waits from 5 ms on: so many failures take the sum of all waits but the last.
const FAILURES: u64 = 9;
const WAITS: Duration = Duration::from_millis(5 * ((1 << (FAILURES - 1)) - 1));

/// Connections are idle for a second at most.
const IMPATIENT: &str = "
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: shop}
data: {keep-alive: \"1\"}
";

/// A connection to the admin server that was made in time.
struct Watch(TcpStream);

impl Watch {
    /// How often accepting has failed on the plain port.
    fn failures(&mut self) -> u64 {
        let metrics = self.ask("/metrics");
        let line = metrics.lines().find(|line| line.starts_with("landfall_accept_errors_total{listener=\"http\""));
        let value = line.and_then(|line| line.rsplit(' ').next()).expect("the metric is there");
        value.parse().expect("a count")
    }

    /// An answer, by chunk or by length.
    fn ask(&mut self, path: &str) -> String {
        write!(self.0, "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("it reads");
        let mut answer = Vec::new();
        let mut octets = [0; 16 * 1024];
        while !answer.ends_with(b"\r\n0\r\n\r\n") {
            let length = self.0.read(&mut octets).expect("it answers");
            assert!(length > 0, "the admin server hangs up");
            answer.extend_from_slice(octets.get(..length).unwrap_or_default());
        }
        String::from_utf8(answer).expect("the metrics are text")
    }
}

#[test]
fn a_server_without_file_descriptors_waits_for_them_and_goes_on() {
    let folder = folder(&format!("{GOOD}---\n{IMPATIENT}"));
    let server = Running::start_with_files(FILES, &folder, &["--workers=1", "--configmap=shop/settings"]);
    let mut watch = Watch(TcpStream::connect(&server.admin).expect("it listens"));
    assert_eq!(watch.failures(), 0);
    let began = Instant::now();
    // The kernel connects them all; only some can be accepted.
    let flood: Vec<_> = (0..2 * FILES).map(|_| TcpStream::connect(&server.http).expect("the kernel listens")).collect();
    let mut seen = 0;
    while seen < FAILURES {
        seen = watch.failures();
    }
    assert!(began.elapsed() >= WAITS, "{seen} failures within {:?}", began.elapsed());
    serve_without_spinning(&server, &flood[0]);
    drop(flood);
    assert!(Running::get(&server.http, "/").starts_with("HTTP/1.1 404 "));
}

/// A connection that was accepted is served, and while the server has nothing else to do, it does nothing.
fn serve_without_spinning(server: &Running, mut client: &TcpStream) {
    let (began, before) = (Instant::now(), server.ticks());
    write!(client, "GET / HTTP/1.1\r\nHost: none.example\r\n\r\n").expect("it reads");
    let mut answer = String::new();
    client.read_to_string(&mut answer).expect("it answers, and closes when the connection has been idle");
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    let used = Duration::from_millis(10 * (server.ticks() - before));
    assert!(used * 2 < began.elapsed(), "{used:?} of processor time in {:?}", began.elapsed());
}
