//! Listening sockets: one per worker and address, sharing their port. What is accepted is served here or handed over.

use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::coop::has_budget_remaining;

use super::handover::{Arrival, Handed, Inbox, Seat};
use super::worker::Worker;
use super::{connection, drain::Drain};
use crate::request::{Peer, Scheme};
use crate::telemetry::{Count, Listener};

/// Connections that the kernel keeps for us between accepts.
const BACKLOG: i32 = 4096;

/// The waits after failed accepts, doubling from the first to the last: file descriptors come back when connections
/// end, not by trying again at once.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(1));

/// The listening sockets of all workers for one role.
#[derive(Debug)]
pub(crate) struct Bound {
    /// One list per worker.
    pub(crate) sockets: Vec<Vec<std::net::TcpListener>>,
    pub(crate) addresses: Vec<SocketAddr>,
}

/// Binds `port` on every address, once per worker. No address means every address of both families; without IPv6 on
/// the machine, of IPv4. Port 0 takes a free port, the same for all workers and addresses.
pub(crate) fn bind(addresses: &[IpAddr], port: u16, workers: usize) -> io::Result<Bound> {
    let mut port = port;
    let mut bound = Bound { sockets: (0..workers).map(|_| Vec::new()).collect(), addresses: Vec::new() };
    let any = [IpAddr::V6(Ipv6Addr::UNSPECIFIED)];
    let listed = if addresses.is_empty() { &any[..] } else { addresses };
    for address in listed {
        let first = match socket(*address, port) {
            Err(error) if addresses.is_empty() && is_without_ipv6(&error) => {
                socket(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port)?
            }
            other => other?,
        };
        let local = first.local_addr()?;
        port = local.port();
        bound.addresses.push(local);
        let mut first = Some(first);
        for sockets in &mut bound.sockets {
            sockets.push(match first.take() {
                Some(socket) => socket,
                None => socket(local.ip(), port)?,
            });
        }
    }
    Ok(bound)
}

fn is_without_ipv6(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::AddrNotAvailable | io::ErrorKind::Unsupported)
        || error.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error())
}

fn socket(address: IpAddr, port: u16) -> io::Result<std::net::TcpListener> {
    let address = SocketAddr::new(address, port);
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    // Small writes shall not wait for acknowledgements. Connections inherit it, which spares each of them a system call.
    socket.set_tcp_nodelay(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// One worker's accept loop on one socket.
#[derive(Debug)]
pub(crate) struct Acceptor {
    socket: std::net::TcpListener,
    local: SocketAddr,
    role: Listener,
}

impl Acceptor {
    pub(crate) fn new(socket: std::net::TcpListener, role: Listener) -> io::Result<Self> {
        let local = socket.local_addr()?;
        Ok(Self { socket, local, role })
    }

    /// Accepts until draining begins; then takes what the kernel has already accepted for us, and closes the socket.
    pub(crate) async fn run(self, worker: Rc<Worker>) {
        let Self { socket, local, role } = self;
        let listener = match TcpListener::from_std(socket) {
            Ok(listener) => listener,
            Err(error) => {
                tracing::error!(%error, %local, "a listening socket cannot be used by its worker");
                return;
            }
        };
        let mut drain = worker.drain();
        let mut backoff = BACKOFF.0;
        loop {
            match next(&listener, &mut drain).await {
                Next::Accepted(stream, address) => {
                    backoff = BACKOFF.0;
                    arrive(&worker, stream, Arrival { address, local, role });
                }
                Next::Failed(error) if concerns_one_connection(&error) => {
                    worker.count(Count::AcceptFailed(role));
                }
                Next::Failed(error) => {
                    worker.count(Count::AcceptFailed(role));
                    tracing::warn!(%error, %local, wait = ?backoff, "accepting failed");
                    tokio::time::sleep(backoff).await;
                    backoff = (backoff * 2).min(BACKOFF.1);
                }
                Next::Drained => return,
            }
        }
    }
}

enum Next {
    Accepted(TcpStream, SocketAddr),
    Failed(io::Error),
    Drained,
}

async fn next(listener: &TcpListener, drain: &mut Drain) -> Next {
    poll_fn(|cx| match listener.poll_accept(cx) {
        Poll::Ready(Ok((stream, address))) => Poll::Ready(Next::Accepted(stream, address)),
        Poll::Ready(Err(error)) => Poll::Ready(Next::Failed(error)),
        Poll::Pending if has_budget_remaining() => drain.poll_draining(cx).map(|()| Next::Drained),
        // There may be more; the runtime has others run in between.
        Poll::Pending => Poll::Pending,
    })
    .await
}

/// Whether only the connection that was about to be accepted is lost, and the next can be tried at once.
fn concerns_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}

/// Serves what other workers hand over, until draining begins and nothing is on the way any more.
pub(crate) async fn take_over(mut inbox: Inbox, worker: Rc<Worker>) {
    let mut drain = worker.drain();
    while let Some(Handed { stream, arrival, seat }) = inbox.next(&mut drain).await {
        match TcpStream::from_std(stream) {
            Ok(stream) => start(&worker, stream, arrival, seat),
            Err(error) => lost(&worker, arrival, &error),
        }
    }
}

/// Serves a connection that was accepted here, or hands it over.
fn arrive(worker: &Rc<Worker>, stream: TcpStream, arrival: Arrival) {
    let Some(way) = worker.elsewhere() else {
        return start(worker, stream, arrival, worker.seat());
    };
    match stream.into_std() {
        Ok(stream) => {
            worker.count(Count::HandedOver(arrival.role));
            way.send(stream, arrival);
        }
        Err(error) => lost(worker, arrival, &error),
    }
}

/// A connection ends because a runtime cannot watch it, or cannot let it go: the system has no memory.
fn lost(worker: &Worker, arrival: Arrival, error: &io::Error) {
    worker.count(Count::AcceptFailed(arrival.role));
    tracing::warn!(%error, local = %arrival.local, "a connection cannot be handed over");
}

fn start(worker: &Rc<Worker>, stream: TcpStream, arrival: Arrival, seat: Seat) {
    let Arrival { address, local, role } = arrival;
    worker.count(Count::Accepted(role));
    let address = SocketAddr::new(address.ip().to_canonical(), address.port());
    let admitted = match worker.admit(address.ip(), &seat) {
        Ok(admitted) => admitted,
        Err(limit) => {
            worker.count(Count::Shed(role));
            return worker.limited_by(limit);
        }
    };
    let scheme = match role {
        Listener::Http => Scheme::Http,
        Listener::Https => Scheme::Https,
    };
    let peer = Peer { address, local, scheme };
    worker.spawn_connection(connection::serve(Rc::clone(worker), stream, peer, role, admitted, seat));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_inherit_that_small_writes_go_out_at_once() {
        let bound = bind(&[IpAddr::V4(Ipv4Addr::LOCALHOST)], 0, 1).unwrap();
        let _client = std::net::TcpStream::connect(bound.addresses[0]).unwrap();
        let listener = &bound.sockets[0][0];
        listener.set_nonblocking(false).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        assert!(accepted.nodelay().unwrap());
    }
}
