//! A Kubernetes API server as far as following objects needs one, and with every trouble that one can make.
//!
//! Lists in pages, watches with versions and bookmarks, selectors by label and name. What a real server does beyond
//! that (validation, admission, permissions) it does not; tests against a real one show that this one is like it where
//! it matters.

mod answer;
mod state;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::raw::PATIENCE;
use answer::answer;
use state::{Shared, State};

pub use state::{Request, Trouble};

/// A running API server. Dropping it closes it and every connection.
#[derive(Debug)]
pub struct ApiServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    running: Option<JoinSet<()>>,
}

impl ApiServer {
    /// Starts a server with these objects on a free port of the loopback address.
    pub async fn start(objects: impl IntoIterator<Item = Value>) -> Self {
        let shared = Arc::new(Shared::default());
        let mut server = Self { address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), shared, running: None };
        objects.into_iter().for_each(|object| server.apply(object));
        server.go_up().await;
        server
    }

    /// What `--apiserver-host` is to say.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Creates an object, or replaces the one of its name.
    pub fn apply(&self, object: Value) {
        self.shared.change(|state| state.apply(object));
    }

    /// Deletes the object that has this one's kind and name.
    pub fn delete(&self, object: &Value) {
        self.shared.change(|state| state.delete(object));
    }

    /// Tells every watch the version that is reached.
    pub fn bookmark(&self) {
        self.shared.change(State::bookmark);
    }

    /// The version of the newest change.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.shared.state().version
    }

    /// Forgets what changed up to a version, as compaction does: nobody can watch from a version before it.
    pub fn forget_before(&self, version: u64) {
        self.shared.change(|state| state.forget_before(version));
    }

    /// Forgets every change, and that there were none: nobody can watch from any version that was told of.
    pub fn compact(&self) {
        self.shared.change(|state| {
            state.version += 1;
            state.forget_before(state.version);
        });
    }

    /// From now on lists are what they would be without the newest change, and of that version. `false` ends that.
    pub fn lists_are_stale(&self, stale: bool) {
        self.shared.change(|state| state.stale = stale);
    }

    /// Decides from now on, request by request, what is wrong.
    pub fn trouble(&self, decide: impl Fn(&Request) -> Option<Trouble> + Send + 'static) {
        self.shared.change(|state| state.trouble = Box::new(decide));
    }

    /// From now on nothing is wrong.
    pub fn no_trouble(&self) {
        self.trouble(|_| None);
    }

    /// Ends every watch, as a server does that is asked to go.
    pub fn end_watches(&self) {
        self.shared.change(|state| state.watches_end += 1);
    }

    /// Closes the port and breaks every connection.
    pub async fn go_down(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.shutdown().await;
        }
    }

    /// Opens the port again, with the same objects.
    pub async fn go_up(&mut self) {
        let listener = TcpListener::bind(self.address).await.expect("the port is free");
        self.address = listener.local_addr().expect("a listener has an address");
        let mut running = JoinSet::new();
        running.spawn(serve(listener, Arc::clone(&self.shared)));
        self.running = Some(running);
    }

    /// Every request so far.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.shared.state().requests.clone()
    }

    /// Waits until a request has come that is `wanted`, those before this included. Gives the first back.
    pub async fn until_asked(&self, wanted: impl Fn(&Request) -> bool) -> Request {
        self.until_asked_times(1, wanted).await
    }

    /// Waits until so many requests have come that are `wanted`. Gives the last of them back.
    pub async fn until_asked_times(&self, times: usize, wanted: impl Fn(&Request) -> bool) -> Request {
        let mut changes = self.shared.changes();
        let waiting = async {
            loop {
                if let Some(found) = self.requests().into_iter().filter(&wanted).nth(times - 1) {
                    return found;
                }
                changes.changed().await.expect("the state is kept as long as the server");
            }
        };
        let outcome = timeout(PATIENCE, waiting).await;
        outcome.unwrap_or_else(|_| panic!("was not asked; it was asked {:#?}", self.requests()))
    }

    /// Forgets the requests so far.
    pub fn forget_requests(&self) {
        self.shared.state().requests.clear();
    }
}

/// Serves connections until it is dropped, and they with it.
async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let shared = Arc::clone(&shared);
                connections.spawn(async move {
                    let respond = service_fn(|request| answer(&shared, request.uri().clone()));
                    let connection = hyper::server::conn::http1::Builder::new();
                    // A connection that the test breaks is no failure.
                    let _ = connection.serve_connection(TokioIo::new(stream), respond).await;
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}
