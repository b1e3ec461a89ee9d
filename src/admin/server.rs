//! The server's thread, its listeners and connections.
//!
//! At most [`CONNECTIONS`] connections are open; further ones wait in the kernel's queue, where none waits long, because
//! a request head must arrive within [`HEAD_PATIENCE`] and no connection lives beyond [`LIFETIME`].

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::{AdminState, pages};

const CONNECTIONS: usize = 256;
const HEAD_PATIENCE: Duration = Duration::from_secs(10);
/// Then the connection ends with the response that is under way.
const LIFETIME: Duration = Duration::from_secs(60);
/// How long a last response may take.
const LAST_RESPONSE: Duration = Duration::from_secs(10);
/// How long `accept` rests after an error such as EMFILE.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// A running admin server. Dropping it ends the server without waiting.
#[derive(Debug)]
pub struct AdminServer {
    addresses: Vec<SocketAddr>,
    stop: watch::Sender<bool>,
    ended: oneshot::Receiver<()>,
}

/// Binds every address (port 0 takes a free one) and serves on a thread of its own. Fails if an address cannot be bound
/// or the thread cannot be had; then nothing is served.
pub fn start(listen: &[SocketAddr], state: AdminState) -> io::Result<AdminServer> {
    let listeners = listen.iter().map(bind).collect::<io::Result<Vec<_>>>()?;
    let addresses = listeners.iter().map(std::net::TcpListener::local_addr).collect::<io::Result<_>>()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (stop, stopped) = watch::channel(false);
    let (end, ended) = oneshot::channel();
    thread::Builder::new().name("admin".to_owned()).spawn(move || {
        if let Err(error) = runtime.block_on(serve(listeners, Arc::new(state), stopped)) {
            tracing::error!(%error, "the admin server ended");
        }
        let _ = end.send(());
    })?;
    Ok(AdminServer { addresses, stop, ended })
}

impl AdminServer {
    /// The bound addresses, in the order they were asked for.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Takes no more connections, lets responses under way finish for some seconds, and returns when the thread's work
    /// has ended. Dropping the future leaves the server to end on its own.
    pub async fn shutdown(self) {
        let _ = self.stop.send(true);
        let _ = self.ended.await;
    }
}

fn bind(address: &SocketAddr) -> io::Result<std::net::TcpListener> {
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

async fn serve(
    listeners: Vec<std::net::TcpListener>,
    state: Arc<AdminState>,
    mut stopped: watch::Receiver<bool>,
) -> io::Result<()> {
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    let mut accepting = JoinSet::new();
    for listener in listeners {
        let listener = TcpListener::from_std(listener)?;
        accepting.spawn(accept(listener, Arc::clone(&slots), Arc::clone(&state), stopped.clone()));
    }
    told_to(&mut stopped).await;
    while accepting.join_next().await.is_some() {}
    Ok(())
}

/// Accepts until told to stop, then waits for the connections, which are told as well.
async fn accept(listener: TcpListener, slots: Arc<Semaphore>, state: Arc<AdminState>, stopped: watch::Receiver<bool>) {
    let mut stop = stopped.clone();
    let mut connections = JoinSet::new();
    loop {
        let next = async {
            let slot = Arc::clone(&slots).acquire_owned().await;
            (listener.accept().await, slot)
        };
        tokio::select! {
            () = told_to(&mut stop) => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            (accepted, slot) = next => match accepted {
                Ok((stream, _)) => {
                    let serving = converse(stream, Arc::clone(&state), stopped.clone());
                    connections.spawn(async move {
                        serving.await;
                        drop(slot);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "the admin server cannot accept");
                    sleep(ACCEPT_REST).await;
                }
            },
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Serves one connection to its end, which comes after [`LIFETIME`] at the latest, or soon after the server is stopped.
async fn converse(stream: TcpStream, state: Arc<AdminState>, mut stopped: watch::Receiver<bool>) {
    let service = service_fn(move |request| {
        let response = pages::respond(&state, &request);
        async move { Ok::<_, Infallible>(response) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .max_headers(64)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ending = async {
        let _ = timeout(LIFETIME, told_to(&mut stopped)).await;
    };
    if finished_before(connection.as_mut(), ending).await {
        return;
    }
    connection.as_mut().graceful_shutdown();
    let _ = timeout(LAST_RESPONSE, connection).await;
}

/// Returns when the server is to stop, or was dropped.
async fn told_to(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Whether `work` ended, well or not, before `end` came.
async fn finished_before(work: impl Future, end: impl Future) -> bool {
    tokio::select! {
        _ = work => true,
        _ = end => false,
    }
}
