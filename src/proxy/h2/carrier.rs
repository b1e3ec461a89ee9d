//! The octets of one connection: read and given to its [`Inbound`], and sent from its [`Link`].

use std::io;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::inbound::{Inbound, Side};
use super::link::{Link, Wrong};
use crate::proxy::buffer::ReadBuffer;
use crate::proxy::wire::Wire;

/// What came of driving a connection.
#[derive(Debug)]
pub(super) enum Driven<E> {
    Event(E),
    /// What arrived cannot be gone on from.
    Wrong(Wrong),
    /// The transport has ended.
    Over(io::ErrorKind),
}

/// The transport of a connection, and its reading.
#[derive(Debug)]
pub(super) struct Carrier<S> {
    pub(super) link: Rc<Link>,
    pub(super) inbound: Inbound<S>,
    wire: Wire,
    buffer: ReadBuffer,
}

impl<S: Side> Carrier<S> {
    pub(super) fn new(link: Rc<Link>, inbound: Inbound<S>, wire: Wire, buffer: ReadBuffer) -> Self {
        Self { link, inbound, wire, buffer }
    }

    /// Takes what has arrived until something comes of it, then sends what there is to send. Has the task woken when
    /// there is more of either.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Driven<S::Event>> {
        loop {
            if let Poll::Ready(driven) = self.poll_take(cx) {
                return Poll::Ready(driven);
            }
            // Who does not take what it has asked for is not read from until it has.
            let is_clogged = self.link.is_clogged();
            match self.link.poll_send(cx, &self.wire) {
                Poll::Ready(Err(error)) => return Poll::Ready(Driven::Over(error.kind())),
                Poll::Ready(Ok(())) if is_clogged => {}
                Poll::Ready(Ok(())) | Poll::Pending => {
                    self.link.drive(cx);
                    return Poll::Pending;
                }
            }
        }
    }

    fn poll_take(&mut self, cx: &mut Context<'_>) -> Poll<Driven<S::Event>> {
        loop {
            loop {
                match self.inbound.take(&self.link, self.buffer.filled()) {
                    Ok((0, _)) => break,
                    Ok((octets, event)) => {
                        self.buffer.consume(octets);
                        if let Some(event) = event {
                            return Poll::Ready(Driven::Event(event));
                        }
                    }
                    Err(wrong) => return Poll::Ready(Driven::Wrong(wrong)),
                }
            }
            if self.link.is_clogged() {
                self.buffer.settle();
                return Poll::Pending;
            }
            match self.buffer.poll_fill(cx, &self.wire) {
                Poll::Ready(Ok(0)) => {
                    self.wire.part();
                    return Poll::Ready(Driven::Over(io::ErrorKind::UnexpectedEof));
                }
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Driven::Over(error.kind())),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Sends what is left, ends our direction, and drops what still comes: a peer that is cut off while it sends may
    /// never see what was said last. Ready when the peer has ended its direction, or has sent more than is worth reading.
    pub(super) fn poll_part(&mut self, cx: &mut Context<'_>, dropped: &mut usize) -> Poll<()> {
        match self.link.poll_send(cx, &self.wire) {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(_)) => return Poll::Ready(()),
            Poll::Pending => return Poll::Pending,
        }
        if let Poll::Ready(Err(_)) = self.wire.poll_shutdown(cx) {
            return Poll::Ready(());
        }
        loop {
            self.buffer.consume(usize::MAX);
            match self.buffer.poll_fill(cx, &self.wire) {
                Poll::Ready(Ok(octets)) if octets > 0 => {
                    *dropped += octets;
                    if *dropped > MOST_DROPPED {
                        return Poll::Ready(());
                    }
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

/// What is read of a peer that was said goodbye to.
const MOST_DROPPED: usize = 256 * 1024;
