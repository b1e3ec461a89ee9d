//! The binary as users run it: exit codes, what is printed where, and signals.

mod files;
mod running;
mod secrets;

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use rustix::process::Signal;
use tempfile::TempDir;

use running::Running;

const GOOD: &str = "
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: shop}
spec:
  rules:
    - host: shop.example
      http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {ports: [{port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{port: 8080}]
endpoints: [{addresses: [10.0.0.1], conditions: {ready: true}}]
";

fn landfall(arguments: &[&str]) -> Output {
    command(arguments).output().expect("the binary runs")
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_landfall"));
    command.args(arguments).env_remove("RUST_LOG").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn folder(manifests: &str) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("objects.yaml"), manifests).expect("a file");
    folder
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the folder's name is UTF-8")
}

#[test]
fn check_accepts_manifests_without_errors() {
    let folder = folder(GOOD);
    let output = landfall(&["check", text(folder.path())]);
    assert_eq!(output.status.code(), Some(0));
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(printed.ends_with("0 errors, 0 warnings, 0 notes in 3 objects\n"), "{printed}");
}

#[test]
fn check_fails_on_an_error_and_names_its_code() {
    let folder = folder(&GOOD.replace("kind: Service", "kind: NoService"));
    let output = landfall(&["check", "--output", "json", text(folder.path())]);
    assert_eq!(output.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let codes: Vec<_> =
        report["diagnostics"].as_array().expect("a list").iter().filter_map(|one| one["code"].as_str()).collect();
    assert!(codes.contains(&"missing-service"), "{codes:?}");
}

#[test]
fn warnings_fail_a_strict_check_alone() {
    let folder = folder(GOOD.split("---\napiVersion: discovery").next().expect("the first two objects"));
    assert_eq!(landfall(&["check", text(folder.path())]).status.code(), Some(0));
    assert_eq!(landfall(&["check", "--strict", text(folder.path())]).status.code(), Some(1));
}

#[test]
fn a_command_line_that_cannot_be_followed_exits_with_2() {
    for arguments in [
        &["check"][..],
        &["check", "/nonexistent"],
        &["explain", "http://a.example/"],
        &["--no-such-flag"],
        &["run", "--http-port=eighty"],
        &["demo", "--http-port", "x"],
    ] {
        let output = landfall(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!output.stderr.is_empty() && output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn explain_names_the_route_and_its_endpoints() {
    let folder = folder(GOOD);
    let output = landfall(&["explain", "http://shop.example/cart", "--manifests", text(folder.path())]);
    assert_eq!(output.status.code(), Some(0));
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(printed.contains("Ingress shop/web spec.rules[0].http.paths[0]"), "{printed}");
    assert!(printed.contains("10.0.0.1:8080"), "{printed}");
    assert!(!printed.contains('\x1b'), "colours without a terminal: {printed}");
}

#[test]
fn the_first_sigterm_ends_gracefully() {
    let folder = folder(GOOD);
    let mut server = Running::start(&folder, &[]);
    assert!(server.get_admin("/readyz").starts_with("HTTP/1.1 200 "));
    server.signal(Signal::TERM);
    assert_eq!(server.exit_code(), Some(0));
}

#[test]
fn while_the_grace_period_lasts_it_serves_but_is_not_ready_and_a_second_signal_ends_it() {
    let folder = folder(GOOD);
    let mut server = Running::start(&folder, &["--shutdown-grace-period=600"]);
    server.signal(Signal::TERM);
    server.wait_for("shutting down");
    server.wait_until_not_ready();
    assert!(Running::get(&server.http, "/").starts_with("HTTP/1.1 404 "));
    server.signal(Signal::TERM);
    assert_eq!(server.exit_code(), Some(143));
}

#[test]
fn explain_asks_a_running_instance() {
    let folder = folder(GOOD);
    let server = Running::start(&folder, &[]);
    let admin = format!("http://{}", server.admin);
    let output = landfall(&["explain", "http://shop.example/a?b=c d", "-H", "X-A: é", "--admin", &admin]);
    assert_eq!(output.status.code(), Some(1), "a target with a space is refused");
    let output = landfall(&["explain", "http://shop.example/a?b=c", "-X", "POST", "--admin", &admin]);
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(printed.contains("POST http://shop.example/a?b=c"), "{printed}");
}

#[test]
fn a_port_that_is_taken_is_named() {
    let folder = folder(GOOD);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let flags = ["run", "--manifests", text(folder.path()), "--bind-address=127.0.0.1", "--healthz-port=0"];
    let output = landfall(&[&flags[..], &["--https-port=0", "--http-port", &port]].concat());
    assert_eq!(output.status.code(), Some(1));
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(complaint.contains(&port) && complaint.contains("--http-port"), "{complaint}");
}

/// Nobody listens where the API server should be, or somebody who never answers.
#[test]
fn without_an_api_server_the_process_is_alive_and_not_ready_until_it_is_told_to_end() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let addresses = [&silent, &closed].map(|listener| listener.local_addr().expect("an address"));
    drop(closed);
    for address in addresses {
        let mut server = Running::start_on_cluster(&format!("http://{address}"));
        assert!(server.get_admin("/livez").starts_with("HTTP/1.1 200 "));
        assert!(server.get_admin("/healthz").starts_with("HTTP/1.1 500 "));
        assert!(server.get_admin("/readyz").starts_with("HTTP/1.1 503 "));
        server.signal(Signal::TERM);
        server.wait_for("ended before anything was served");
        assert_eq!(server.exit_code(), Some(0));
    }
}

#[test]
fn a_way_to_no_cluster_ends_the_process_with_what_to_do_instead() {
    let outside = command(&["run", "--healthz-port=0"]).env_remove("KUBERNETES_SERVICE_HOST").output();
    let outside = outside.expect("the binary runs");
    assert_eq!(outside.status.code(), Some(1));
    let complaint = String::from_utf8_lossy(&outside.stderr);
    assert!(complaint.contains("--kubeconfig") && complaint.contains("--manifests"), "{complaint}");
    let missing = landfall(&["run", "--healthz-port=0", "--kubeconfig=/nowhere/kubeconfig"]);
    assert_eq!(missing.status.code(), Some(1));
    let complaint = String::from_utf8_lossy(&missing.stderr);
    assert!(complaint.contains("/nowhere/kubeconfig"), "{complaint}");
}
