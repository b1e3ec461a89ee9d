//! Manifests of documentations and of the ingress conformance suite, served: each case is a file of objects and a file of
//! requests, each with what must become of it.
//!
//! `cases/NAME/input.yaml` holds objects. Every Service gets an origin that is called by its name, unless it says with
//! the annotation `origins` how many (then they are called `NAME-0` and so on). A Secret whose `tls.crt` is `@NAME` gets
//! a certificate for that name.
//!
//! `cases/NAME/requests.txt` holds a request a line, and what it comes to:
//!
//! ```text
//! GET http://shop.example.com/cart    200 cart /cart     the Service that answers, and the target that it sees
//! GET https://shop.example.com/       200 web            over TLS; the certificate must be for the name
//! GET https://other.example.com/      untrusted          over TLS; the certificate is not for the name
//! GET http://shop.example.com/old     301 https://…      the location
//! GET http://other.example.com/       404
//! ```
//!
//! Lines that begin with `#` are remarks. Every case runs with one worker and with two.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "cases are files")]

mod line;
mod scene;

use std::path::{Path, PathBuf};

use landfall::testing::raw::PATIENCE;

use line::Line;
use scene::Scene;

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/served/cases");
    let mut cases: Vec<PathBuf> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    cases
}

async fn run(case: &Path, workers: usize) {
    let name = case.file_name().unwrap().display();
    let scene = Scene::set(case, workers).await;
    for line in Line::read(&case.join("requests.txt")) {
        let outcome = tokio::time::timeout(PATIENCE, scene.play(&line)).await;
        let outcome = outcome.unwrap_or_else(|_| panic!("{name}: {line} is not answered"));
        assert_eq!(outcome, line.wanted, "{name}, {workers} workers: {line}");
    }
}

#[tokio::test]
async fn every_case_is_served_as_it_says_on_one_worker() {
    for case in cases() {
        run(&case, 1).await;
    }
}

#[tokio::test]
async fn every_case_is_served_as_it_says_on_two_workers() {
    for case in cases() {
        run(&case, 2).await;
    }
}

#[tokio::test]
async fn all_endpoints_of_a_service_take_their_turns() {
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/served/cases/conformance-load-balancing");
    for workers in [1, 2] {
        let scene = Scene::set(&case, workers).await;
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..100 {
            let line = Line::parse("GET http://load-balancing/ 200").unwrap();
            seen.insert(scene.play(&line).await.by.unwrap());
        }
        assert_eq!(seen.len(), 10, "{seen:?}");
    }
}

#[test]
fn the_conformance_suite_is_here_in_whole() {
    let mut cases = cases();
    cases.retain(|case| case.file_name().unwrap().to_string_lossy().starts_with("conformance-"));
    let scenarios: Vec<usize> = cases.iter().map(|case| Line::read(&case.join("requests.txt")).len()).collect();
    // Default backend (one scenario of six requests), hosts, classes, load balancing, paths.
    assert_eq!(scenarios, [6, 6, 1, 1, 16]);
}
