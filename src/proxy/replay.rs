//! A request body that is limited, and that can be read once more as long as it is small: what another attempt needs.

use std::task::{Context, Poll, ready};

use super::body::{Length, Piece, Source, SourceError, Unread};
use crate::request::Fields;

/// Octets kept for another attempt; with more read than this, the request cannot be sent again. nginx's
/// `client_body_buffer_size` (16k on 64-bit systems).
const KEPT: usize = 16 * 1024;

/// A body over `inner`.
#[derive(Debug)]
pub(crate) struct Replay<'a, B> {
    inner: &'a mut B,
    limit: Option<u64>,
    /// Octets taken from `inner` that the current attempt, too, has to get.
    kept: &'a mut Vec<u8>,
    /// How many of the kept octets the current attempt has got.
    position: usize,
    received: u64,
    keeping: Keeping,
}

/// Whether everything read so far is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keeping {
    All,
    TooMuch,
}

impl<'a, B: Source> Replay<'a, B> {
    /// `limit` is the largest body in octets.
    pub(crate) fn new(inner: &'a mut B, limit: Option<u64>, kept: &'a mut Vec<u8>) -> Self {
        kept.clear();
        Self { inner, limit, kept, position: 0, received: 0, keeping: Keeping::All }
    }

    /// Begins again at the first octet. `false` if that is no longer there.
    pub(crate) fn rewind(&mut self) -> bool {
        self.position = 0;
        self.keeping == Keeping::All
    }

    /// Whether [`rewind`](Self::rewind) would succeed.
    pub(crate) fn can_rewind(&self) -> bool {
        self.keeping == Keeping::All
    }

    /// Lifts the limit: what follows is no request body.
    pub(crate) fn unlimited(&mut self) {
        self.limit = None;
        self.commit();
    }

    /// Stops keeping octets: there will be no other attempt.
    pub(crate) fn commit(&mut self) {
        self.keeping = Keeping::TooMuch;
    }

    fn replayed(&self) -> &[u8] {
        self.kept.get(self.position..).unwrap_or_default()
    }

    /// Remembers the first `octets` of the inner piece before they are given up.
    fn keep(&mut self, octets: usize) {
        if self.keeping == Keeping::TooMuch {
            return;
        }
        if self.kept.len() + octets > KEPT {
            self.keeping = Keeping::TooMuch;
            return;
        }
        let piece = self.inner.piece();
        self.kept.extend_from_slice(piece.get(..octets).unwrap_or(piece));
        self.position = self.kept.len();
    }
}

impl<B: Source> Source for Replay<'_, B> {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Piece, SourceError>> {
        if !self.replayed().is_empty() {
            return Poll::Ready(Ok(Piece::Data));
        }
        let piece = ready!(self.inner.poll_piece(cx))?;
        let available = self.inner.piece().len() as u64;
        match self.limit {
            Some(limit) if self.received + available > limit => Poll::Ready(Err(SourceError::TooLarge(limit))),
            Some(_) | None => Poll::Ready(Ok(piece)),
        }
    }

    fn piece(&self) -> &[u8] {
        let replayed = self.replayed();
        if replayed.is_empty() { self.inner.piece() } else { replayed }
    }

    fn consume(&mut self, octets: usize) {
        if self.replayed().is_empty() {
            self.keep(octets);
            self.received += octets as u64;
            self.inner.consume(octets);
        } else {
            self.position += octets;
        }
    }

    fn limit_pieces(&mut self, octets: usize) {
        self.inner.limit_pieces(octets);
    }

    fn settle(&mut self) {
        self.inner.settle();
    }

    fn unread(&self) -> Option<Unread<'_>> {
        let is_kept = self.keeping == Keeping::All || !self.replayed().is_empty();
        let is_allowed = |unread: &Unread<'_>| self.limit.is_none_or(|limit| self.received + unread.octets <= limit);
        self.inner.unread().filter(|_| !is_kept).filter(is_allowed)
    }

    fn pass(&mut self, octets: usize) {
        self.received += octets as u64;
        self.inner.pass(octets);
    }

    fn trailers(&self) -> Option<&Fields> {
        self.inner.trailers()
    }

    fn length(&self) -> Length {
        self.inner.length()
    }

    fn wire_octets(&self) -> u64 {
        self.inner.wire_octets()
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    /// A body that is all there.
    #[derive(Debug)]
    struct Whole(Vec<u8>);

    impl Source for Whole {
        fn poll_piece(&mut self, _cx: &mut Context<'_>) -> Poll<Result<Piece, SourceError>> {
            Poll::Ready(Ok(if self.0.is_empty() { Piece::End } else { Piece::Data }))
        }
        fn piece(&self) -> &[u8] {
            &self.0
        }
        fn consume(&mut self, octets: usize) {
            self.0.drain(..octets);
        }
        fn trailers(&self) -> Option<&Fields> {
            None
        }
        fn length(&self) -> Length {
            Length::Unknown
        }
        fn wire_octets(&self) -> u64 {
            0
        }
    }

    fn read(body: &mut impl Source, octets: usize) -> Vec<u8> {
        let mut cx = Context::from_waker(Waker::noop());
        let mut all = Vec::new();
        while all.len() < octets {
            match body.poll_piece(&mut cx) {
                Poll::Ready(Ok(Piece::Data)) => {
                    let wanted = (octets - all.len()).min(body.piece().len());
                    all.extend_from_slice(&body.piece()[..wanted]);
                    body.consume(wanted);
                }
                _ => break,
            }
        }
        all
    }

    #[test]
    fn a_small_body_can_be_read_again_from_any_point() {
        let (mut inner, mut kept) = (Whole(b"hello world".to_vec()), Vec::new());
        let mut body = Replay::new(&mut inner, None, &mut kept);
        assert_eq!(read(&mut body, 5), b"hello");
        assert!(body.rewind());
        assert_eq!(read(&mut body, 7), b"hello w");
        assert!(body.rewind());
        assert_eq!(read(&mut body, 100), b"hello world");
    }

    #[test]
    fn a_large_body_cannot_be_read_again() {
        let (mut inner, mut kept) = (Whole(vec![7; KEPT + 1]), Vec::new());
        let mut body = Replay::new(&mut inner, None, &mut kept);
        assert_eq!(read(&mut body, KEPT + 1).len(), KEPT + 1);
        assert!(!body.rewind());
    }

    #[test]
    fn a_body_over_the_limit_is_an_error_before_the_octet_beyond_it_is_given_out() {
        let (mut inner, mut kept) = (Whole(vec![7; 11]), Vec::new());
        let mut body = Replay::new(&mut inner, Some(10), &mut kept);
        let mut cx = Context::from_waker(Waker::noop());
        assert!(matches!(body.poll_piece(&mut cx), Poll::Ready(Err(SourceError::TooLarge(10)))));
    }
}
