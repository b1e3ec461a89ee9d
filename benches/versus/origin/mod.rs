//! The origin behind every proxy: fast, and strict about what it must receive.
//!
//! It runs in the thread of the load, as both share a core anyway and one thread spares the switches between two.

mod demand;
mod grpc;
mod http1;
mod websocket;

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Result;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;

use super::order::Place;

/// What an origin demands of the requests that reach it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Demand {
    /// Those of this place alone, with the fields that an ingress adds.
    Forwarded(Place),
    /// Whatever a relay of octets brings.
    Anything,
}

/// Where the origin listens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Addresses {
    pub a: SocketAddr,
    pub b: SocketAddr,
    /// HTTP/2 without TLS, for gRPC.
    pub grpc: SocketAddr,
    /// Without checks of header fields, for the relay.
    pub bare: SocketAddr,
}

/// The running origin. Dropping it closes it.
#[derive(Debug)]
pub(crate) struct Origin {
    pub addresses: Addresses,
    _tasks: JoinSet<()>,
}

impl Origin {
    pub(crate) fn start() -> Result<Self> {
        let mut tasks = JoinSet::new();
        let a = http1(Demand::Forwarded(Place::A), &mut tasks)?;
        let b = http1(Demand::Forwarded(Place::B), &mut tasks)?;
        let bare = http1(Demand::Anything, &mut tasks)?;
        let (listener, grpc) = listen()?;
        tasks.spawn_local(accept(listener, grpc::serve));
        Ok(Self { addresses: Addresses { a, b, grpc, bare }, _tasks: tasks })
    }
}

fn http1(demand: Demand, tasks: &mut JoinSet<()>) -> Result<SocketAddr> {
    let (listener, address) = listen()?;
    tasks.spawn_local(accept(listener, move |stream| http1::serve(stream, demand)));
    Ok(address)
}

fn listen() -> Result<(TcpListener, SocketAddr)> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    let listener = socket.listen(4096)?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Serves every connection until the task is dropped. What goes wrong on one shows at its client, which fails the case.
async fn accept<F: Future<Output = Result<()>> + 'static>(listener: TcpListener, serve: impl Fn(TcpStream) -> F) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_ended) = connections.join_next() => continue,
        };
        let Ok((stream, _)) = accepted else { continue };
        // Small writes must not wait for acknowledgements.
        if stream.set_nodelay(true).is_ok() {
            connections.spawn_local(serve(stream));
        }
    }
}
