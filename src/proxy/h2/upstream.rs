//! A connection to an endpoint over HTTP/2, shared by the requests of one worker.

use std::cell::Cell;
use std::future::Future;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::client::{Builder, SendRequest};
use http::uri::Scheme;

use super::stream::Exchange;
use super::{failure, sending};
use crate::ir::backend::KeepAlive;
use crate::proxy::sides::AnswerError;
use crate::proxy::wire::Transport;

/// What an upstream may send per stream, and per connection, before it is passed on. Larger than towards clients:
/// upstreams are near and trusted with memory.
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;
/// The largest field list of an answer.
const MAX_LIST: u32 = 32 * 1024;

/// An open connection.
#[derive(Debug)]
pub(crate) struct SharedConnection {
    send: SendRequest<Bytes>,
    scheme: Scheme,
    closed: Rc<Cell<bool>>,
    streams: Rc<Cell<usize>>,
    requests: Cell<u32>,
    opened: Instant,
}

impl SharedConnection {
    /// Opens a connection over `transport`. What drives it is given to `spawn`, and ends with the connection.
    pub(crate) async fn open<D: FnOnce(Driver)>(
        transport: Transport,
        now: Instant,
        spawn: D,
    ) -> Result<Rc<Self>, AnswerError> {
        let scheme = match &transport {
            Transport::Plain(_) => Scheme::HTTP,
            Transport::TlsServer(_) | Transport::TlsClient(_) => Scheme::HTTPS,
        };
        let (send, connection) = Builder::new()
            .enable_push(false)
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(MAX_LIST)
            .max_send_buffer_size(sending::MAX_BUFFERED)
            .handshake::<_, Bytes>(transport)
            .await
            .map_err(failure::of_answer)?;
        let closed = Rc::new(Cell::new(false));
        let ended = Rc::clone(&closed);
        spawn(Box::pin(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "an upstream HTTP/2 connection ended");
            }
            ended.set(true);
        }));
        let (streams, requests) = (Rc::default(), Cell::new(0));
        Ok(Rc::new(Self { send, scheme, closed, streams, requests, opened: now }))
    }

    /// Begins a request.
    pub(crate) fn exchange(&self) -> Exchange {
        self.requests.set(self.requests.get().saturating_add(1));
        Exchange::new(self.send.clone(), self.scheme.clone(), Rc::clone(&self.closed), StreamCount::new(&self.streams))
    }

    /// Whether new requests may use it, its room apart.
    pub(crate) fn is_usable(&self, limits: &KeepAlive, now: Instant) -> bool {
        let age = now.saturating_duration_since(self.opened);
        !self.closed.get()
            && self.requests.get() < limits.requests
            && age < Duration::from_secs(u64::from(limits.lifetime_secs))
    }

    /// Whether the upstream allows one more stream.
    pub(crate) fn has_room(&self) -> bool {
        self.streams.get() < self.send.current_max_send_streams()
    }

    pub(crate) fn streams(&self) -> usize {
        self.streams.get()
    }
}

/// What a connection needs to be driven.
pub(crate) type Driver = std::pin::Pin<Box<dyn Future<Output = ()>>>;

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
