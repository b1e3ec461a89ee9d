//! The whole program, on an API server of ours: from a change until a request is answered by it.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use landfall::testing::origin::Asked;
use landfall::testing::{ApiServer, Origin, Raw};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::json;

use crate::population::{self, Kind, Population, host};
use crate::{Samples, load, resident};

/// The longest that anything may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// Changes of each kind, and the time between two, so that each is the first after idle.
const CHANGES: usize = 50;
const REST: Duration = Duration::from_millis(250);

pub(crate) async fn measure(population: &Population) {
    println!("== {} Ingresses, the whole program", population.size());
    let pods = [Origin::start("first").await, Origin::start("second").await];
    let settings = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "settings", "namespace": "default" },
        "data": { "ssl-redirect": "false", "keep-alive-requests": "1000000000" },
    });
    let looked_at = (0..load::HOSTS)
        .flat_map(|number| [population::service(number), at(number, &pods[0]), population::ingress(number, 0)]);
    let secrets = (0..load::HOSTS).map(|number| population.change(Kind::Certificate, number, 0));
    let objects = looked_at.chain(secrets).chain(population.objects(load::HOSTS)).chain([settings]);
    let cluster = ApiServer::start(objects).await;
    let began = Instant::now();
    let mut program = Program::start(&cluster.url()).await;
    println!("{:<40} {:>9.1?}", "start until ready", began.elapsed());
    for (what, series) in
        [("of which compiling", "landfall_compile_seconds"), ("of which publishing", "landfall_publish_seconds")]
    {
        println!("{what:<40} {:>9.1?}", Duration::from_secs_f64(program.metric(series).await));
    }
    program.print_resident("when ready");
    tokio::time::sleep(Duration::from_secs(1)).await;
    // What watches have been told is not to be looked through at every change.
    cluster.bookmark();
    cluster.forget_before(cluster.version());
    program.print_resident("then");
    for kind in Kind::ALL {
        let mut samples = Samples::default();
        for turn in 1..=CHANGES {
            tokio::time::sleep(REST).await;
            samples.0.push(program.change(&cluster, population, &pods, kind, turn).await);
        }
        samples.print(&format!("{} change, until it is served", kind.as_str()));
        let published = Duration::from_secs_f64(program.metric("landfall_publish_seconds").await);
        println!("{:<40} {published:>9.1?}", "of which in the program, the last time");
        cluster.forget_before(cluster.version());
    }
    cluster.apply(at(0, &pods[0]));
    load::measure(&cluster, population, program.http).await;
    program.print_resident("at the end");
}

/// The endpoints of a host, leading to a pod.
fn at(number: usize, pod: &Origin) -> serde_json::Value {
    population::slice(number, &[pod.address().ip().to_string()], pod.address().port())
}

/// The program, and connections to it.
struct Program {
    child: Child,
    client: Raw,
    asked: Raw,
    http: SocketAddr,
    https: SocketAddr,
    admin: SocketAddr,
}

impl Program {
    /// Starts the program and returns when it is ready.
    async fn start(cluster: &str) -> Self {
        let [http, https, admin] = [(); 3].map(|()| free_address());
        let mut child = Command::new(env!("CARGO_BIN_EXE_landfall"))
            .args(["run", "--watch-ingress-without-class", "--allow-loopback-endpoints", "--access-log=off"])
            .args(["--bind-address=127.0.0.1", "--healthz-host=127.0.0.1", "--enable-metrics", "--workers=1"])
            .args(["--update-status=false", "--configmap=default/settings"])
            .arg(format!("--apiserver-host={cluster}"))
            .arg(format!("--http-port={}", http.port()))
            .arg(format!("--https-port={}", https.port()))
            .arg(format!("--healthz-port={}", admin.port()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let began = Instant::now();
        while !is_ready(admin).await {
            assert!(began.elapsed() < PATIENCE, "it does not come to be ready");
            assert!(child.try_wait().unwrap().is_none(), "it has ended");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let (client, asked) = (Raw::connect(http).await, Raw::connect(admin).await);
        Self { child, client, asked, http, https, admin }
    }

    async fn metric(&self, series: &str) -> f64 {
        let mut client = Raw::connect(self.admin).await;
        client.send("GET /metrics HTTP/1.1\r\nHost: admin\r\n\r\n").await;
        let exposition = client.response().await;
        let value = exposition.text().lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok());
        value.unwrap_or_else(|| panic!("there is no {series}"))
    }

    fn print_resident(&self, when: &str) {
        println!("{:<40} {:>6.1} MB", format!("resident {when}"), resident(self.child.id()));
    }

    /// Changes the first host, and returns how long it takes until a request is served by that.
    async fn change(
        &mut self,
        cluster: &ApiServer,
        population: &Population,
        pods: &[Origin; 2],
        kind: Kind,
        turn: usize,
    ) -> Duration {
        let object = match kind {
            Kind::Endpoint => at(0, &pods[turn % 2]),
            Kind::Route | Kind::Certificate => population.change(kind, 0, turn),
        };
        self.client = Raw::connect(self.http).await;
        self.asked = Raw::connect(self.admin).await;
        let began = Instant::now();
        cluster.apply(object);
        while !self.is_served(population, kind, turn).await {
            assert!(began.elapsed() < PATIENCE, "a change of a {} is not served", kind.as_str());
        }
        began.elapsed()
    }

    async fn is_served(&mut self, population: &Population, kind: Kind, turn: usize) -> bool {
        match kind {
            Kind::Endpoint => {
                let name = ["first", "second"][turn % 2];
                self.ask("/").await.is_some_and(|origin| origin == name)
            }
            Kind::Route => self.route().await == turn % 2,
            Kind::Certificate => {
                let client = population.authority.client(&[]);
                let connection = Raw::connect_tls(self.https, &host(0), client).await.unwrap();
                let wanted = CertificateDer::from_pem_slice(population.pair(0, turn).certificate_pem.as_bytes());
                connection.peer_certificate() == wanted.unwrap().as_ref()
            }
        }
    }

    async fn ask(&mut self, path: &str) -> Option<String> {
        let client = &mut self.client;
        client.send(format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", host(0))).await;
        let answer = client.response().await;
        (answer.status() == 200).then(|| Asked::of(&answer.body).origin)
    }

    /// Which turn's second path there is, by what the program explains.
    async fn route(&mut self) -> usize {
        let target = format!("/explain?url=http://{}/api1", host(0));
        self.asked.send(format!("GET {target} HTTP/1.1\r\nHost: admin\r\n\r\n")).await;
        usize::from(self.asked.response().await.text().contains("prefix /api1"))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn is_ready(admin: SocketAddr) -> bool {
    let Ok(stream) = tokio::net::TcpStream::connect(admin).await else { return false };
    let mut client = Raw::over(landfall::testing::raw::Transport::Plain(stream));
    client.send("GET /readyz HTTP/1.1\r\nHost: admin\r\n\r\n").await;
    client.response().await.status() == 200
}

/// An address that nobody listens on now.
fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}
