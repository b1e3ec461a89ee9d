//! The data plane, serving what objects say, inside the test's process.
//!
//! Objects go the whole way: read as manifests are, compiled, published, served over real sockets. Only the watching of
//! a folder is left out, so that a change is live when [`TestServer::apply`] returns and no test waits for it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use crate::compile::Compiler;
use crate::diagnostic::Diagnostic;
use crate::ir::{EndpointSource, ObjectKind, ObjectRef, UnixTime};
use crate::live::{self, Endpoints, Publication, Publisher};
use crate::proxy::{Memory, Proxy, ProxyOptions};
use crate::settings::Settings;
use crate::snapshot::Snapshot;
use crate::snapshot::manifest::document::Format;
use crate::snapshot::manifest::parse::parse;
use crate::telemetry::{AccessLog, Metrics, ReportCell};

/// A moment at which test certificates are valid.
const NOW: UnixTime = UnixTime(1_800_000_000);

/// A running data plane. Dropping it ends it in the background.
#[derive(Debug)]
pub struct TestServer {
    snapshot: Snapshot,
    compiler: Compiler,
    publisher: Publisher,
    proxy: Option<Proxy>,
    http: SocketAddr,
    https: SocketAddr,
    metrics: Arc<Metrics>,
    access_log: AccessLog,
    lines: Lines,
    diagnostics: Vec<Diagnostic>,
    memory: Arc<Memory>,
}

impl TestServer {
    /// Serves these objects with so many workers, on free ports of the loopback address.
    #[must_use]
    pub fn start(workers: usize, objects: impl IntoIterator<Item = Value>) -> Self {
        let settings = settings();
        let metrics = Metrics::new();
        let lines = Lines::default();
        let memory = Arc::new(Memory::new(Some(1000)));
        let access_log = AccessLog::to_writer(lines.clone(), &metrics).expect("a thread can be started");
        let (publisher, reader) = live::channel();
        let proxy = Proxy::start(&ProxyOptions {
            addresses: vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
            http_port: 0,
            https_port: 0,
            workers: NonZeroUsize::new(workers).expect("there is a worker"),
            drain: super::raw::PATIENCE,
            memory: Arc::clone(&memory),
            reader,
            metrics: Arc::clone(&metrics),
            access_log: Some(access_log.clone()),
        })
        .expect("there are free ports");
        let first = |addresses: &[SocketAddr]| *addresses.first().expect("an address is bound");
        let mut server = Self {
            snapshot: Snapshot::default(),
            compiler: Compiler::new(&settings),
            publisher,
            http: first(proxy.http_addresses()),
            https: first(proxy.https_addresses()),
            proxy: Some(proxy),
            metrics,
            access_log,
            lines,
            diagnostics: Vec::new(),
            memory,
        };
        server.apply(objects);
        server
    }

    /// Where plain HTTP is served.
    #[must_use]
    pub fn http(&self) -> SocketAddr {
        self.http
    }

    /// Where HTTPS is served.
    #[must_use]
    pub fn https(&self) -> SocketAddr {
        self.https
    }

    /// Adds or replaces objects. The next request is served by the result.
    pub fn apply(&mut self, objects: impl IntoIterator<Item = Value>) {
        for object in objects {
            let contents = parse(Format::Json, object.to_string().as_bytes());
            assert!(contents.refused.is_empty() && contents.malformed.is_empty(), "{contents:?}");
            for placed in contents.objects {
                self.snapshot.insert(placed.object);
            }
        }
        self.publish();
    }

    /// Removes an Ingress of the namespace `default`.
    pub fn remove_ingress(&mut self, name: &str) {
        assert!(self.snapshot.ingresses.remove("default", name).is_some(), "there is no Ingress {name}");
        self.publish();
    }

    fn publish(&mut self) {
        let compiled = self.compiler.update(&self.snapshot, NOW);
        let endpoints: Endpoints = compiled
            .endpoints
            .iter()
            .filter_map(|(backend, source)| match source {
                EndpointSource::Addresses(addresses) => Some((backend.clone(), Arc::clone(addresses))),
                // Names are the controller's to resolve.
                EndpointSource::Name { .. } => None,
            })
            .collect();
        self.diagnostics = compiled.diagnostics.iter().map(|diagnostic| Diagnostic::clone(diagnostic)).collect();
        self.publisher.publish(Publication {
            config: compiled.config,
            table: compiled.table,
            certificates: compiled.certificates,
            endpoints: Arc::new(endpoints),
        });
    }

    /// Has the process seem to hold so many thousandths of the memory that it may hold.
    pub fn holds_memory(&self, thousandths: u64) {
        self.memory.holds(thousandths);
    }

    /// What the newest compile had to report.
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// Begins to drain. The result is ready when every worker has ended.
    #[must_use = "the end of draining is what shows that it worked"]
    pub fn drain(mut self) -> tokio::task::JoinHandle<()> {
        let proxy = self.proxy.take();
        tokio::task::spawn_blocking(move || proxy.into_iter().for_each(Proxy::drain))
    }

    /// The lines of the access log so far. Lines of answers that a client has read may still be on their way.
    #[must_use]
    pub fn access_log(&self) -> String {
        let _ = self.access_log.flush(super::raw::PATIENCE);
        let lines = self.lines.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&lines).into_owned()
    }

    /// Every metric, as Prometheus reads them.
    #[must_use]
    pub fn metrics(&self) -> String {
        self.metrics.exposition(&ReportCell::default(), Vec::new()).collect()
    }

    /// Waits until a metric without labels has this value.
    pub async fn counted(&self, metric: &str, value: u64) {
        let line = format!("{metric} {value}\n");
        let waiting = async {
            while !self.metrics.exposition(&ReportCell::default(), Vec::new()).any(|family| family.contains(&line)) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(super::raw::PATIENCE, waiting).await.expect("it comes to be counted");
    }

    /// Waits until the access log holds so many lines.
    pub async fn access_log_of(&self, count: usize) -> Vec<String> {
        let waiting = async {
            loop {
                let log = self.access_log();
                if log.lines().count() >= count {
                    return log.lines().map(str::to_owned).collect();
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(super::raw::PATIENCE, waiting).await.expect("the lines are written")
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        if let Some(proxy) = self.proxy.take() {
            // Draining waits for connections that the test may still hold; they end with the process at the latest.
            std::thread::spawn(move || proxy.drain());
        }
    }
}

fn settings() -> Settings {
    let mut settings = Settings::for_manifests("");
    settings.objects.configmap = Some(ObjectRef::new(ObjectKind::ConfigMap, "default", "settings"));
    settings
}

/// The written lines of an access log.
#[derive(Debug, Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
