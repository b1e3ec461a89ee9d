//! A client connection from accept to its protocol: TLS where the listener has it, then HTTP/1.1 or HTTP/2.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, ready};

use tokio::net::TcpStream;

use super::admission::Admitted;
use super::buffer::ReadBuffer;
use super::handover::Seat;
use super::handshake::{Accepted, Alpn, TlsFailure};
use super::overload::Standing;
use super::timer::IdleTimer;
use super::wire::{Transport, Wire};
use super::worker::Worker;
use super::{h1, h2};
use crate::ir::Limit;
use crate::request::Peer;
use crate::telemetry::{Count, HandshakeOutcome, Level, Listener};

/// Serves one connection to its end.
pub(crate) async fn serve(
    worker: Rc<Worker>,
    stream: TcpStream,
    peer: Peer,
    role: Listener,
    admitted: Admitted,
    seat: Seat,
) {
    let _open = worker.hold(Level::Connections(role));
    // Whoever reads that the level has sunk can rely on there being room.
    let (admitted, _seat) = (admitted, seat);
    let standing = admitted.standing;
    match role {
        Listener::Http => serve_plain(Rc::clone(&worker), stream, peer, standing).await,
        Listener::Https => serve_tls(Rc::clone(&worker), stream, peer, standing).await,
    }
    worker.count(Count::Handled(role));
}

async fn serve_plain(worker: Rc<Worker>, stream: TcpStream, peer: Peer, standing: Standing) {
    let wire = Wire::new(Transport::Plain(stream));
    let mut buffer = ReadBuffer::default();
    match sniff(&worker, &wire, &mut buffer).await {
        Some(Spoken::Http1) => h1::downstream::serve(worker, peer, standing, wire, buffer).await,
        Some(Spoken::Http2) => {
            Box::pin(h2::downstream::serve(worker, peer, standing, wire.into_transport(), buffer)).await;
        }
        None => {}
    }
}

async fn serve_tls(worker: Rc<Worker>, stream: TcpStream, peer: Peer, standing: Standing) {
    let Some(accepted) = handshake(&worker, stream, &peer).await else { return };
    let transport = Transport::Tls(accepted.stream);
    let buffer = ReadBuffer::default();
    match accepted.alpn {
        Alpn::H1 => h1::downstream::serve(worker, peer, standing, Wire::new(transport), buffer).await,
        Alpn::H2 => Box::pin(h2::downstream::serve(worker, peer, standing, transport, buffer)).await,
    }
}

/// Accepts a client's handshake, and counts what came of it.
async fn handshake(worker: &Worker, stream: TcpStream, peer: &Peer) -> Option<Accepted> {
    let most = worker.pin().listener().limits.handshakes;
    // Boxed, as HTTP/2 is above: an idle HTTP/1.1 connection holds no room for either.
    let accepting = Box::pin(worker.tls.accept(stream));
    let failure = match worker.handshakes.run(most, accepting).await {
        Ok(Ok(accepted)) => {
            let outcome = if accepted.resumed { HandshakeOutcome::Resumed } else { HandshakeOutcome::Full };
            worker.count(Count::Handshake(outcome));
            return Some(accepted);
        }
        Ok(Err(failure)) => failure,
        Err(displaced) => displaced.into(),
    };
    handshake_failed(worker, peer, &failure);
    None
}

fn handshake_failed(worker: &Worker, peer: &Peer, failure: &TlsFailure) {
    let (outcome, limit) = match failure {
        TlsFailure::Timeout => (HandshakeOutcome::TimedOut, Some(&Limit::HANDSHAKE_TIMEOUT)),
        TlsFailure::Displaced => (HandshakeOutcome::Displaced, Some(&Limit::HANDSHAKES)),
        TlsFailure::Closed | TlsFailure::PlainHttp | TlsFailure::Refused(_) | TlsFailure::Io(_) => {
            (HandshakeOutcome::Failed, None)
        }
    };
    worker.count(Count::Handshake(outcome));
    if let Some(limit) = limit {
        worker.limited(limit);
    }
    tracing::debug!(%failure, peer = %peer.address, "TLS handshake failed");
}

enum Spoken {
    Http1,
    Http2,
}

/// Reads until the first octets tell the protocol. `None` if the client says nothing in time.
async fn sniff(worker: &Worker, wire: &Wire, buffer: &mut ReadBuffer) -> Option<Spoken> {
    let mut timer = IdleTimer::default();
    timer.begin(worker.pin().listener().limits.header_timeout);
    let mut drain = worker.drain();
    poll_fn(|cx| {
        loop {
            let read = buffer.filled();
            let compared = read.len().min(h2::PREFACE.len());
            if read.get(..compared) != h2::PREFACE.get(..compared) {
                return Poll::Ready(Some(Spoken::Http1));
            }
            if compared == h2::PREFACE.len() {
                return Poll::Ready(Some(Spoken::Http2));
            }
            match buffer.poll_fill(cx, wire) {
                Poll::Ready(Ok(octets)) if octets > 0 => {}
                Poll::Ready(Ok(_) | Err(_)) => return Poll::Ready(None),
                Poll::Pending => {
                    if buffer.is_empty() && drain.poll_draining(cx).is_ready() {
                        return Poll::Ready(None);
                    }
                    ready!(timer.poll_expired(cx));
                    worker.limited(&Limit::HEADER_TIMEOUT);
                    return Poll::Ready(None);
                }
            }
        }
    })
    .await
}
