//! The data plane: listeners, workers, and the pipeline that takes a request to a backend and its answer back.
//!
//! It knows no Kubernetes: everything that decides about a request is in the live state. Each worker is a thread of its
//! own with its own sockets, pools and view of the state; the request path crosses no thread. A connection that was just
//! accepted may, by [`handover`].

pub mod access_log;
mod admission;
mod balance;
mod body;
mod buffer;
mod clock;
mod connection;
mod drain;
mod error;
pub mod exchange;
mod forward;
mod gate;
pub mod h1;
mod h2;
mod handover;
mod handshake;
mod kit;
mod listener;
mod overload;
mod replay;
mod respond;
mod retry;
mod service;
mod sides;
mod spare;
mod splice;
mod timer;
mod tunnel;
mod upstream;
mod wire;
mod worker;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::watch;

use self::access_log::WorkerLog;
use self::admission::Admission;
use self::drain::Phase;
use self::exchange::Recorder;
use self::handover::{Inbox, Post, posts};
use self::handshake::TlsAcceptor;
use self::listener::{Acceptor, bind};
pub use self::overload::Memory;
use self::worker::Worker;
use crate::live::Reader;
use crate::telemetry::{AccessLog, Listener, Metrics};

/// What the data plane runs with.
#[derive(Debug)]
pub struct ProxyOptions {
    /// Each is listened on, on both ports; none is dual-stack any.
    pub addresses: Vec<IpAddr>,
    /// 0 picks a free port.
    pub http_port: u16,
    pub https_port: u16,
    /// Worker threads, at least one.
    pub workers: NonZeroUsize,
    /// How long requests in flight may take once draining has begun.
    pub drain: Duration,
    /// How much memory there is, and how much is held.
    pub memory: Arc<Memory>,
    pub reader: Reader,
    pub metrics: Arc<Metrics>,
    pub access_log: Option<AccessLog>,
}

/// The running data plane. Dropping it without [`drain`](Self::drain) leaves the workers to the end of the process.
#[derive(Debug)]
pub struct Proxy {
    http: Vec<SocketAddr>,
    https: Vec<SocketAddr>,
    phase: watch::Sender<Phase>,
    workers: Vec<JoinHandle<()>>,
}

impl Proxy {
    /// Binds the listeners and starts the workers. Requests are answered 404 until a state is published.
    ///
    /// # Errors
    /// When an address cannot be bound or a thread cannot be started.
    pub fn start(options: &ProxyOptions) -> io::Result<Self> {
        let workers = options.workers.get();
        let http = bind(&options.addresses, options.http_port, workers)?;
        let https = bind(&options.addresses, options.https_port, workers)?;
        let (phase, watched) = watch::channel(Phase::Serving);
        let tls = TlsAcceptor::new(options.reader.clone());
        let admission = Arc::<Admission>::default();
        let mut threads = Vec::with_capacity(workers);
        let sockets = http.sockets.into_iter().zip(https.sockets);
        for (number, ((http, https), (post, inbox))) in sockets.zip(posts(workers)).enumerate() {
            let plain = http.into_iter().map(|socket| Acceptor::new(socket, Listener::Http));
            let secure = https.into_iter().map(|socket| Acceptor::new(socket, Listener::Https));
            let acceptors = plain.chain(secure).collect::<io::Result<Vec<_>>>()?;
            let start = WorkerStart {
                acceptors,
                post,
                inbox,
                phase: watched.clone(),
                drain: options.drain,
                reader: options.reader.clone(),
                tls: tls.clone(),
                admission: Arc::clone(&admission),
                memory: Arc::clone(&options.memory),
                metrics: Arc::clone(&options.metrics),
                access_log: options.access_log.clone(),
            };
            let name = format!("worker-{number}");
            threads.push(std::thread::Builder::new().name(name).spawn(move || start.run())?);
        }
        Ok(Self { http: http.addresses, https: https.addresses, phase, workers: threads })
    }

    /// Where plain HTTP is served.
    #[must_use]
    pub fn http_addresses(&self) -> &[SocketAddr] {
        &self.http
    }

    /// Where HTTPS is served.
    #[must_use]
    pub fn https_addresses(&self) -> &[SocketAddr] {
        &self.https
    }

    /// Empties the accept queues, closes the listeners, lets requests in flight finish within the drain time, ends the
    /// rest, and returns when every worker has ended. Blocks.
    pub fn drain(self) {
        // Workers that have ended already need no signal.
        let _told = self.phase.send(Phase::Draining);
        for worker in self.workers {
            if worker.join().is_err() {
                tracing::error!("a worker thread panicked");
            }
        }
    }
}

/// What a worker's thread begins with.
struct WorkerStart {
    acceptors: Vec<Acceptor>,
    post: Post,
    inbox: Inbox,
    phase: watch::Receiver<Phase>,
    drain: Duration,
    reader: Reader,
    tls: TlsAcceptor,
    admission: Arc<Admission>,
    memory: Arc<Memory>,
    metrics: Arc<Metrics>,
    access_log: Option<AccessLog>,
}

impl WorkerStart {
    fn run(self) {
        let runtime = match Builder::new_current_thread().enable_all().build_local(LocalOptions::default()) {
            Ok(runtime) => runtime,
            Err(error) => {
                tracing::error!(%error, "a worker cannot start its runtime");
                return;
            }
        };
        runtime.block_on(self.serve());
    }

    async fn serve(self) {
        let log = self.access_log.map_or_else(WorkerLog::off, WorkerLog::new);
        let recorder = Recorder::new(self.metrics.worker(), log);
        let worker = Worker::new(&self.reader, recorder, self.tls, self.post, self.admission, self.memory);
        let mut ending = self.phase.clone();
        let limit = async {
            // A sender that is gone is the end of the process.
            let _changed = ending.wait_for(|phase| *phase == Phase::Draining).await;
            tokio::time::sleep(self.drain).await;
        };
        tokio::select! {
            () = std::rc::Rc::clone(&worker).run(self.acceptors, self.inbox, self.phase) => {}
            () = limit => {
                tracing::warn!(limit = ?self.drain, "requests still in flight at the end of the drain time were ended");
            }
        }
        worker.end().await;
    }
}
