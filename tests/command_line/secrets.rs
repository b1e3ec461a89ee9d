//! The binary with keys in its hands, sound and broken in every way: nothing that it writes anywhere holds them.

#![expect(clippy::disallowed_methods, reason = "what processes write goes to files, and takes its time")]

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Instant;

use landfall::testing::certificates::{KeyPairPem, TestCa};
use landfall::testing::hello::{SERVER_NAME, client_hello, server_name};
use landfall::testing::leak;
use landfall::testing::raw::PATIENCE;
use tempfile::TempDir;

use super::{command, landfall, text};

/// A folder of objects with a key in every place where people put them by mistake.
struct Scene {
    folder: TempDir,
    pair: KeyPairPem,
}

impl Scene {
    fn new() -> Self {
        let ca = TestCa::new();
        let (pair, other) = (ca.issue_for(["a.test"]), ca.issue_for(["a.test"]));
        let folder = TempDir::new().expect("a folder");
        let (certificate, key) = (&pair.certificate_pem, &pair.key_pem);
        let cut: String = key.chars().take(key.len() * 2 / 3).collect();
        let secrets = [
            ("good", secret("good", certificate, key)),
            ("foreign", secret("foreign", &other.certificate_pem, key)),
            ("swapped", secret("swapped", key, certificate)),
            ("cut", secret("cut", certificate, &cut)),
            ("damaged", secret("damaged", certificate, &key.replace("-----END", "?\n-----END"))),
            ("both", secret("both", &format!("{certificate}{key}"), key)),
            // What cannot be read as an object at all is complained about as well.
            ("not-base64", secret("not-base64", certificate, key).replace("stringData", "data")),
            ("broken", secret("broken", certificate, key) + "\n  }: [\n"),
            ("a-list", format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: l}}\ndata: [{}]\n", quoted(key))),
            ("a-text", format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: t}}\ndata: {}\n", quoted(key))),
            ("a-key", format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: k}}\n? {}\n: x\n", quoted(key))),
            ("no-kind", key.clone()),
        ];
        for (name, content) in &secrets {
            write(folder.path(), name, content);
        }
        let names = ["good", "foreign", "swapped", "cut", "damaged", "both", "not-base64", "broken", "a-list"];
        for name in names {
            let host = if name == "good" { "a.test".to_owned() } else { format!("{name}.test") };
            write(folder.path(), &format!("ingress-{name}"), &ingress(name, &host));
        }
        Self { folder, pair }
    }

    fn path(&self) -> &str {
        text(self.folder.path())
    }

    fn check(&self, what: &str, output: &[u8]) {
        let found = leak::of_key(&self.pair, output);
        assert_eq!(found, None, "{what}: {}", String::from_utf8_lossy(output));
    }
}

fn write(folder: &Path, name: &str, content: &str) {
    fs::write(folder.join(format!("{name}.yaml")), content).expect("a file");
}

fn quoted(text: &str) -> String {
    format!("{text:?}")
}

fn secret(name: &str, certificate: &str, key: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Secret\ntype: kubernetes.io/tls\nmetadata: {{name: {name}, namespace: default}}\n\
         stringData: {{tls.crt: {}, tls.key: {}}}\n",
        quoted(certificate),
        quoted(key)
    )
}

fn ingress(name: &str, host: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\n\
         metadata: {{name: {name}, namespace: default, annotations: {{nginx.ingress.kubernetes.io/auth-secret: {name}, \
         nginx.ingress.kubernetes.io/auth-tls-secret: default/{name}}}}}\n\
         spec:\n  tls: [{{hosts: [{host}], secretName: {name}}}]\n  rules:\n  - host: {host}\n    http:\n      paths:\n      \
         - {{path: /, pathType: Prefix, backend: {{service: {{name: web, port: {{number: 80}}}}}}}}\n"
    )
}

#[test]
fn offline_commands_print_no_key() {
    let scene = Scene::new();
    let url = "https://a.test/x";
    for arguments in [
        &["check", scene.path()][..],
        &["check", "--output=json", scene.path()],
        &["explain", "--manifests", scene.path(), url],
        &["explain", "--output=json", "--manifests", scene.path(), url],
    ] {
        let output = landfall(arguments);
        assert!(!output.stdout.is_empty(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        scene.check("standard output", &output.stdout);
        scene.check("standard error", &output.stderr);
    }
}

#[test]
fn a_server_prints_no_key_at_any_verbosity_and_shows_none() {
    let scene = Scene::new();
    let outputs = TempDir::new().expect("a folder");
    let (out, log) = (outputs.path().join("out"), outputs.path().join("log"));
    let server = Server(
        command(&["run", "--manifests", scene.path(), "-v=5", "--enable-metrics"])
            .args(["--bind-address=127.0.0.1", "--healthz-host=127.0.0.1"])
            .args(["--http-port=0", "--https-port=0", "--healthz-port=0"])
            .env("RUST_LOG", "trace")
            .env("RUST_BACKTRACE", "full")
            .stdout(Stdio::from(File::create(&out).expect("a file")))
            .stderr(Stdio::from(File::create(&log).expect("a file")))
            .spawn()
            .expect("the binary runs"),
    );
    let line = wait_for(&log, " serving http=");
    let address = |name: &str| {
        let rest = line.split(&format!(" {name}=")).nth(1).unwrap_or_default();
        rest.split_whitespace().next().unwrap_or_default().to_owned()
    };
    for name in ["a.test", "cut.test", "swapped.test", "none.test"] {
        let content = server_name(name.as_bytes());
        let flight = ask(&address("https"), &client_hello(&[(SERVER_NAME, &content)]));
        scene.check("a handshake", &flight);
    }
    let get = |to: &str, host: &str, path: &str| {
        ask(to, format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").as_bytes())
    };
    for path in ["/metrics", "/config", "/explain?url=https://a.test/", "/explain?url=https://cut.test/", "/healthz"] {
        let page = get(&address("admin"), "admin", path);
        assert!(page.starts_with(b"HTTP/1.1 200 "), "{path}: {}", String::from_utf8_lossy(&page));
        scene.check(path, &page);
    }
    for host in ["a.test", "cut.test", "none.test"] {
        scene.check("an answer", &get(&address("http"), host, "/"));
    }
    // A change is reported again.
    write(scene.folder.path(), "cut", &secret("cut", &scene.pair.key_pem, &scene.pair.key_pem));
    write(scene.folder.path(), "ingress-late", &ingress("late", "late.test"));
    wait_for(&log, "ingress default/late");
    drop(server);
    scene.check("the log", &fs::read(&log).expect("the log is there"));
    scene.check("the access log", &fs::read(&out).expect("the access log is there"));
}

/// Killed if the test leaves it running.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// Sends octets and the end of them, and reads to the end.
fn ask(address: &str, octets: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.write_all(octets).expect("it reads");
    stream.shutdown(std::net::Shutdown::Write).expect("the connection is open");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("it answers");
    answer
}

/// The first line of a file that is being written that holds `said`.
fn wait_for(path: &Path, said: &str) -> String {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        let written = fs::read_to_string(path).expect("the file is there");
        if let Some(line) = written.lines().find(|line| line.to_lowercase().contains(said)) {
            return line.to_owned();
        }
        std::thread::yield_now();
    }
    panic!("{said:?} is not said");
}
