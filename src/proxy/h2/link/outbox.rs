//! What a connection has to send: frames of all its streams, one behind the other, that go out with one write.

use std::cell::RefCell;
use std::io;
use std::task::{Context, Poll, Waker, ready};

use crate::proxy::spare;
use crate::proxy::wire::Wire;

/// The largest buffer whose memory is kept for the next connection that sends.
const KEPT: usize = 128 * 1024;
/// What was sent of the buffer is cut off from it when it is so much.
const CUT: usize = 64 * 1024;

thread_local! {
    static BUFFERS: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// Octets to be sent, and who sends them.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    octets: Vec<u8>,
    /// So many of them were sent.
    sent: usize,
    /// Octets sent over the life of the connection.
    written: u64,
    /// The transport took nothing more when it was last asked to.
    blocked: bool,
    driver: Option<Waker>,
}

impl Outbox {
    /// Has the task of `cx` woken when there is something to send.
    pub(super) fn drive(&mut self, cx: &Context<'_>) {
        if !self.driver.as_ref().is_some_and(|driver| driver.will_wake(cx.waker())) {
            self.driver = Some(cx.waker().clone());
        }
    }

    pub(super) fn wake(&mut self) {
        if let Some(driver) = self.driver.take() {
            driver.wake();
        }
    }

    /// The buffer to write frames into; the driver will send them.
    pub(super) fn buffer(&mut self) -> &mut Vec<u8> {
        self.wake();
        if self.octets.capacity() == 0 {
            self.octets = spare::take(&BUFFERS).unwrap_or_default();
        }
        &mut self.octets
    }

    /// Where the next octet will stand, until something is sent.
    pub(super) const fn end(&self) -> usize {
        self.octets.len()
    }

    pub(super) const fn unsent(&self) -> usize {
        self.octets.len() - self.sent
    }

    pub(super) const fn written(&self) -> u64 {
        self.written
    }

    pub(super) const fn is_blocked(&self) -> bool {
        self.blocked
    }

    /// Sends what there is to send. Ready when nothing is left.
    pub(super) fn poll_send(&mut self, cx: &mut Context<'_>, wire: &Wire) -> Poll<io::Result<()>> {
        self.blocked = true;
        while let Some(rest) = self.octets.get(self.sent..).filter(|rest| !rest.is_empty()) {
            let Poll::Ready(taken) = wire.poll_write(cx, rest, &[]) else {
                self.cut();
                return Poll::Pending;
            };
            let taken = taken?;
            if taken == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += taken;
            self.written += taken as u64;
        }
        self.give_back();
        ready!(wire.poll_flush(cx))?;
        self.blocked = false;
        Poll::Ready(Ok(()))
    }

    fn cut(&mut self) {
        if self.sent > CUT {
            self.octets.drain(..self.sent);
            self.sent = 0;
        }
    }

    /// Everything was sent: others can have the memory.
    fn give_back(&mut self) {
        self.sent = 0;
        let mut octets = std::mem::take(&mut self.octets);
        if octets.capacity() > 0 && octets.capacity() <= KEPT {
            octets.clear();
            spare::keep(&BUFFERS, octets);
        }
    }
}
