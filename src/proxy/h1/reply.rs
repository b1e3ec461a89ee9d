//! The reply to one request over HTTP/1.1: its head, its body, and what they say of the connection's future.
//!
//! What is here decides whether the connection closes; closing it is the connection's business, see
//! [`super::downstream`].

use std::cell::Cell;
use std::task::{Context, Poll};

use super::encode;
use super::framing::{Expectation, Persistence};
use super::outgoing::{Delimiting, Outgoing};
use crate::proxy::body::{Sink, SinkError, Source};
use crate::proxy::sides::{Reply, ReplyBody, Sent};
use crate::proxy::wire::Wire;
use crate::proxy::worker::Worker;
use crate::request::{Fields, Version};

/// What body and reply of one exchange tell each other.
pub(super) struct Shared<'a> {
    worker: &'a Worker,
    persistence: Persistence,
    /// `100 Continue` is owed to the client before its body is read.
    pub(super) owes_continue: Cell<bool>,
    /// The final response has begun.
    pub(super) begun: Cell<bool>,
    /// The response says that the connection closes.
    pub(super) closing: Cell<bool>,
    pub(super) aborted: Cell<bool>,
    pub(super) tunnelled: Cell<bool>,
}

impl<'a> Shared<'a> {
    pub(super) fn new(worker: &'a Worker, persistence: Persistence, expect: Expectation) -> Self {
        Self {
            worker,
            persistence,
            owes_continue: Cell::new(expect == Expectation::Continue),
            begun: Cell::new(false),
            closing: Cell::new(false),
            aborted: Cell::new(false),
            tunnelled: Cell::new(false),
        }
    }
}

/// The response.
pub(super) struct H1Reply<'a> {
    wire: &'a Wire,
    outgoing: &'a mut Outgoing,
    shared: &'a Shared<'a>,
    version: Version,
}

impl<'a> H1Reply<'a> {
    pub(super) fn new(wire: &'a Wire, outgoing: &'a mut Outgoing, shared: &'a Shared<'a>, version: Version) -> Self {
        Self { wire, outgoing, shared, version }
    }

    /// What the response says of the connection's future.
    fn connection_field(&mut self, delimited_by_close: bool) {
        let last = self.shared.persistence == Persistence::Close || self.shared.closing.get();
        if last || delimited_by_close || self.shared.worker.is_leaving() {
            self.shared.closing.set(true);
            encode::connection_close(self.outgoing.buffer());
        } else if self.version == Version::Http10 {
            encode::connection_keep_alive(self.outgoing.buffer());
        }
    }
}

impl Sink for H1Reply<'_> {
    fn poll_move(&mut self, cx: &mut Context<'_>, source: &mut impl Source) -> Poll<Result<usize, SinkError>> {
        self.outgoing.poll_move(cx, self.wire, source)
    }

    fn unwritten(&self) -> Option<&Wire> {
        self.outgoing.unwritten(self.wire)
    }

    fn pass(&mut self, octets: usize) {
        self.outgoing.pass(octets);
    }

    fn finish(&mut self, trailers: Option<&Fields>) {
        self.outgoing.finish(trailers);
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SinkError>> {
        self.outgoing.poll_flush(cx, self.wire)
    }
}

impl Reply for H1Reply<'_> {
    type Fields<'a>
        = encode::FieldLines<'a>
    where
        Self: 'a;

    fn begin_interim(&mut self, status: u16) -> Self::Fields<'_> {
        let buffer = self.outgoing.buffer();
        encode::status_line(buffer, status);
        encode::FieldLines(buffer)
    }

    fn end_interim(&mut self, _status: u16) {
        encode::end_of_head(self.outgoing.buffer());
    }

    fn begin(&mut self, status: u16) -> Self::Fields<'_> {
        self.shared.begun.set(true);
        self.begin_interim(status)
    }

    fn end(&mut self, body: ReplyBody) {
        let mut delimited_by_close = false;
        match body {
            ReplyBody::Absent { stated: None } => {}
            ReplyBody::Absent { stated: Some(octets) } | ReplyBody::Exact(octets) => {
                encode::content_length(self.outgoing.buffer(), octets);
            }
            ReplyBody::Unknown if self.version == Version::Http10 => delimited_by_close = true,
            ReplyBody::Unknown => {
                encode::field(self.outgoing.buffer(), b"Transfer-Encoding", b"chunked");
                self.outgoing.delimit(Delimiting::Chunked { open: 0 });
            }
        }
        // The client may hold back its body for good once it has the answer: what follows cannot be told apart.
        let unread = self.shared.owes_continue.get();
        self.connection_field(delimited_by_close || unread);
        encode::end_of_head(self.outgoing.buffer());
    }

    fn end_upgraded(&mut self, protocol: &[u8]) {
        let buffer = self.outgoing.buffer();
        encode::connection_upgrade(buffer, protocol);
        encode::end_of_head(buffer);
        self.outgoing.delimit(Delimiting::Raw);
        self.shared.tunnelled.set(true);
    }

    fn close_after(&mut self) {
        self.shared.closing.set(true);
    }

    fn has_begun(&self) -> bool {
        self.shared.begun.get()
    }

    fn abort(&mut self) {
        self.shared.aborted.set(true);
    }

    fn sent(&self) -> Sent {
        let (total, body) = self.outgoing.counts();
        Sent { total, body }
    }
}
