//! A connection to an endpoint over HTTP/2, shared by the requests of one worker.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::answers::Answers;
use super::carrier::{Carrier, Driven};
use super::exchange::Exchange;
use super::fields::ANSWER_OCTETS;
use super::frame::Reason;
use super::inbound::Inbound;
use super::link::{Broken, Link, Role, Terms, Wrong};
use crate::ir::backend::KeepAlive;
use crate::proxy::buffer::ReadBuffer;
use crate::proxy::timer::IdleTimer;
use crate::proxy::wire::{Transport, Wire};

/// What we say to upstreams. They may send more before it is passed on than clients may: they are near and trusted with
/// memory.
const TERMS: Terms = Terms {
    role: Role::Client,
    stream_window: 256 * 1024,
    connection_window: 4 * 1024 * 1024,
    list_octets: ANSWER_OCTETS,
    streams: 0,
    unsent: 256 * 1024,
};

/// How long an upstream has to read what was said last.
const FAREWELL: Duration = Duration::from_secs(1);

/// An open connection. Its driver ends it once this and all its exchanges are dropped.
#[derive(Debug)]
pub(crate) struct SharedConnection {
    link: Rc<Link>,
    scheme: &'static [u8],
    streams: Rc<Cell<usize>>,
    requests: Cell<u32>,
    opened: Instant,
    /// Cleared when no more requests will come.
    wanted: Rc<Cell<bool>>,
}

impl Drop for SharedConnection {
    fn drop(&mut self) {
        self.wanted.set(false);
        self.link.wake();
    }
}

impl SharedConnection {
    /// Begins a connection over `transport`. What drives it is given to `spawn`, and ends with the connection.
    pub(crate) fn open<D: FnOnce(Driver)>(transport: Transport, now: Instant, spawn: D) -> Rc<Self> {
        let scheme: &[u8] = match &transport {
            Transport::Plain(_) => b"http",
            Transport::Tls(_) => b"https",
        };
        let link = Link::new(TERMS);
        let wanted = Rc::new(Cell::new(true));
        let inbound = Inbound::of_server(Answers);
        let carrier = Carrier::new(Rc::clone(&link), inbound, Wire::new(transport), ReadBuffer::default());
        spawn(Box::pin(drive(carrier, Rc::clone(&wanted))));
        Rc::new(Self { link, scheme, streams: Rc::default(), requests: Cell::new(0), opened: now, wanted })
    }

    /// Begins a request.
    pub(crate) fn exchange(&self) -> Exchange {
        self.requests.set(self.requests.get().saturating_add(1));
        Exchange::new(Rc::clone(&self.link), self.scheme, StreamCount::new(&self.streams))
    }

    /// Whether new requests may use it, its room apart.
    pub(crate) fn is_usable(&self, limits: &KeepAlive, now: Instant) -> bool {
        let age = now.saturating_duration_since(self.opened);
        !self.link.is_closed()
            && self.requests.get() < limits.requests
            && age < Duration::from_secs(u64::from(limits.lifetime_secs))
    }

    /// Whether the upstream allows one more stream.
    pub(crate) fn has_room(&self) -> bool {
        self.streams.get() < self.link.peer_streams()
    }

    pub(crate) fn streams(&self) -> usize {
        self.streams.get()
    }
}

/// What a connection needs to be driven.
pub(crate) type Driver = Pin<Box<dyn Future<Output = ()>>>;

/// Drives a connection until it has ended, or nobody wants it any more.
async fn drive(mut carrier: Carrier<Answers>, wanted: Rc<Cell<bool>>) {
    let ended = poll_fn(|cx| poll_drive(&mut carrier, &wanted, cx)).await;
    let why = match ended {
        Some(Driven::Over(kind)) => Broken::Connection(kind),
        Some(Driven::Wrong(wrong)) => {
            let (Wrong::Connection { reason, what, .. } | Wrong::Stream { reason, what, .. }) = wrong;
            tracing::debug!(?reason, what, "an upstream HTTP/2 connection is ended");
            carrier.link.go_away(0, reason, what);
            Broken::Malformed(what)
        }
        Some(Driven::Event(never)) => match never {},
        None => {
            carrier.link.go_away(0, Reason::NO_ERROR, "");
            Broken::Connection(io::ErrorKind::ConnectionAborted)
        }
    };
    carrier.link.end(why);
    let (mut dropped, mut timer) = (0, IdleTimer::default());
    timer.begin(FAREWELL);
    poll_fn(|cx| match carrier.poll_part(cx, &mut dropped) {
        Poll::Ready(()) => Poll::Ready(()),
        Poll::Pending => timer.poll_expired(cx),
    })
    .await;
}

/// Ready with `None` when nobody wants the connection any more.
fn poll_drive(
    carrier: &mut Carrier<Answers>,
    wanted: &Cell<bool>,
    cx: &mut Context<'_>,
) -> Poll<Option<Driven<std::convert::Infallible>>> {
    if let Poll::Ready(driven) = carrier.poll(cx) {
        return Poll::Ready(Some(driven));
    }
    let unwanted = !wanted.get() || carrier.link.is_closed();
    if unwanted && carrier.link.streams() == 0 { Poll::Ready(None) } else { Poll::Pending }
}

/// Counts a stream while it lasts.
#[derive(Debug)]
pub(super) struct StreamCount(Rc<Cell<usize>>);

impl StreamCount {
    fn new(streams: &Rc<Cell<usize>>) -> Self {
        streams.set(streams.get() + 1);
        Self(Rc::clone(streams))
    }
}

impl Drop for StreamCount {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}
