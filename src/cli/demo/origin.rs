//! A sample origin: a small HTTP server on a loopback port that answers with its name and what it received.
//!
//! HTTP/1.1 and HTTP/2 with prior knowledge. It lives as long as its handle; dropping the handle ends it and the
//! connections it has.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// A running origin.
#[derive(Debug)]
pub(super) struct Origin {
    pub(super) name: &'static str,
    pub(super) address: SocketAddr,
    _accepting: JoinSet<()>,
}

impl Origin {
    /// Starts an origin on a free port of 127.0.0.1.
    pub(super) async fn start(name: &'static str) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(name, listener));
        Ok(Self { name, address, _accepting: accepting })
    }
}

/// Accepts until dropped. The connections end with it, since it owns them.
async fn accept(name: &'static str, listener: TcpListener) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(async move {
                        let service = service_fn(move |request| async move { Ok::<_, Infallible>(answer(name, &request)) });
                        let serving = auto::Builder::new(TokioExecutor::new())
                            .serve_connection(TokioIo::new(stream), service)
                            .await;
                        if let Err(error) = serving {
                            tracing::debug!(origin = name, %error, "a connection of a sample origin ended early");
                        }
                    });
                }
                Err(error) => {
                    tracing::warn!(origin = name, %error, "a sample origin cannot accept");
                    tokio::task::yield_now().await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// The origin's name, then the request as it arrived.
fn answer(name: &str, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    let mut text = format!("{name}\n\n{} {target} {:?}\n", request.method(), request.version());
    for (field, value) in request.headers() {
        let value = String::from_utf8_lossy(value.as_bytes());
        writeln!(text, "{field}: {value}").expect("a string takes any text");
    }
    Response::builder()
        .header("content-type", "text/plain; charset=utf-8")
        .header("x-origin", name)
        .body(Full::new(Bytes::from(text)))
        .expect("the fields are legal")
}
