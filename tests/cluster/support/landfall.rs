//! The binary under test, run as it is in a cluster.

#![expect(clippy::disallowed_methods, reason = "the kernel tells of a process in files")]

use std::net::SocketAddr;
use std::path::Path;

use landfall::testing::origin::Asked;
use landfall::testing::{Message, Raw};
use rustix::process::Signal;
use tokio::net::TcpStream;

use super::cluster::{Cluster, User};
use super::log::{Log, PATIENCE};
use super::process::Process;

/// A running Landfall. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Landfall {
    process: Process,
    pub(crate) http: SocketAddr,
    pub(crate) https: SocketAddr,
    pub(crate) admin: SocketAddr,
}

impl Landfall {
    /// Starts the binary with the rights of a user and these flags beside those for addresses, and returns when it
    /// serves.
    pub(crate) async fn serve(cluster: &Cluster, user: &User, flags: &[&str]) -> Self {
        let landfall = Self::start(cluster, user, flags);
        landfall.until("it is ready", async || landfall.is_ready().await).await;
        landfall
    }

    /// As [`Landfall::serve`], without waiting for anything.
    pub(crate) fn start(cluster: &Cluster, user: &User, flags: &[&str]) -> Self {
        Self::start_with(cluster, user, flags, &[])
    }

    /// As [`Landfall::start`], with variables of the environment.
    pub(crate) fn start_with(cluster: &Cluster, user: &User, flags: &[&str], variables: &[(&str, &str)]) -> Self {
        let sandbox = &cluster.plane().sandbox;
        let [http, https, admin] = [(); 3].map(|()| SocketAddr::from(([127, 0, 0, 1], sandbox.port())));
        let mut command = sandbox.command(Path::new(env!("CARGO_BIN_EXE_landfall")));
        command
            .arg(format!("--kubeconfig={}", user.kubeconfig.display()))
            .args(["--bind-address=127.0.0.1", "--healthz-host=127.0.0.1", "--access-log=off", "--workers=1"])
            .arg("--enable-metrics")
            .arg(format!("--http-port={}", http.port()))
            .arg(format!("--https-port={}", https.port()))
            .arg(format!("--healthz-port={}", admin.port()))
            .args(flags)
            .env_remove("RUST_LOG")
            .envs(variables.iter().copied());
        Self { process: Process::start("landfall", command), http, https, admin }
    }

    /// What it says.
    pub(crate) fn log(&self) -> &Log {
        self.process.log()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Sends it the signal to end, and waits for it to have ended well.
    pub(crate) async fn stop(mut self) {
        self.signal(Signal::TERM);
        let ended = tokio::task::spawn_blocking(move || self.process.exit_code()).await;
        assert_eq!(ended.expect("waiting does not panic"), Some(0));
    }

    /// The octets of memory that it holds (`VmRSS` of proc_pid_status(5)).
    pub(crate) fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("the kernel tells");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
    }

    /// The content of a page of the admin server, with its status; `None` while nobody listens.
    pub(crate) async fn page(&self, path: &str) -> Option<Message> {
        let stream = TcpStream::connect(self.admin).await.ok()?;
        let mut connection = Raw::over(landfall::testing::raw::Transport::Plain(stream));
        let request = format!("GET {path} HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n");
        connection.try_send(request).await.ok()?;
        Some(connection.response().await)
    }

    /// Whether `/readyz` says so.
    pub(crate) async fn is_ready(&self) -> bool {
        self.page("/readyz").await.is_some_and(|answer| answer.status() == 200)
    }

    /// Whether `/livez` says so.
    pub(crate) async fn is_alive(&self) -> bool {
        self.page("/livez").await.is_some_and(|answer| answer.status() == 200)
    }

    /// The value of the one sample of a metric whose labels hold all of `labels`, such as `kind="Ingress"`.
    pub(crate) async fn metric(&self, name: &str, labels: &[&str]) -> Option<f64> {
        let page = self.page("/metrics").await?;
        let mut found = page.text().lines().filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            let (family, rest) = series.split_once('{').unwrap_or((series, ""));
            (family == name && labels.iter().all(|label| rest.contains(label))).then(|| value.parse().ok())?
        });
        let one = found.next();
        assert!(found.next().is_none(), "several samples of {name} have {labels:?}");
        one
    }

    /// How many configurations it has published.
    pub(crate) async fn publications(&self) -> usize {
        let count = self.metric("nginx_ingress_controller_success", &[]).await.expect("it tells its metrics");
        count.to_string().parse().expect("a count is a whole number")
    }

    /// The answer to one GET over HTTP, on a connection of its own.
    pub(crate) async fn get(&self, host: &str, path: &str) -> Message {
        let mut connection = Raw::connect(self.http).await;
        connection.send(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")).await;
        connection.response().await
    }

    /// Which pod answers, or the status if it is not 200.
    pub(crate) async fn answer(&self, host: &str, path: &str) -> Result<String, u16> {
        let answer = self.get(host, path).await;
        match answer.status() {
            200 => Ok(Asked::of(&answer.body).origin),
            status => Err(status),
        }
    }

    /// Returns when the pod of that name answers for a path.
    pub(crate) async fn until_answer(&self, host: &str, path: &str, pod: &str) {
        let what = format!("{host}{path} is answered by {pod}");
        self.until(&what, async || self.answer(host, path).await.as_deref() == Ok(pod)).await;
    }

    /// Returns when a path is answered with that status.
    pub(crate) async fn until_status(&self, host: &str, path: &str, status: u16) {
        let what = format!("{host}{path} is answered {status}");
        self.until(&what, async || self.get(host, path).await.status() == status).await;
    }

    /// Asks whenever Landfall has said something, and from time to time besides, until the answer is yes.
    pub(crate) async fn until(&self, what: &str, mut asked: impl AsyncFnMut() -> bool) {
        let mut changes = self.log().changes();
        let asking = async {
            while !asked().await {
                let _another_line = tokio::time::timeout(std::time::Duration::from_millis(50), changes.next()).await;
            }
        };
        assert!(tokio::time::timeout(PATIENCE, asking).await.is_ok(), "in vain: {what}");
    }
}
