//! A stream, as whoever serves it has it.

use std::rc::Rc;
use std::task::{Context, Poll};

use super::stream::{Answered, Awaiting, Broken, Receiving, Stream, Wants, keep_head};
use super::{Gone, Life, Link, MOST, Place, Pseudo, Reason};
use crate::proxy::h2::fields::Draft;
use crate::request::{Fields, ResponseHead};

/// A stream, held by whoever serves it. Dropping it resets the stream unless both sides have ended it.
#[derive(Debug)]
pub(in crate::proxy::h2) struct Handle {
    pub(super) link: Rc<Link>,
    pub(super) id: u32,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.link.state().drop_stream(self.id);
    }
}

impl Handle {
    /// Opens a stream of ours. Nothing was sent if there is none to be had.
    pub(in crate::proxy::h2) fn open(
        link: &Rc<Link>,
        pseudo: &Pseudo<'_>,
        draft: &Draft,
        end: bool,
        is_head: bool,
    ) -> Result<Self, Gone> {
        let mut state = link.state();
        let id = state.next;
        if state.life != Life::Open || id > MOST || state.open >= state.peer_streams {
            return Err(Gone);
        }
        state.next += 2;
        state.begin(id, Receiving::Open, if is_head { Awaiting::HeadAlone } else { Awaiting::Head });
        state.send_section(id, pseudo, draft, end);
        drop(state);
        Ok(Self { link: Rc::clone(link), id })
    }

    /// Whether nothing more comes of the stream.
    pub(in crate::proxy::h2) fn is_broken(&self) -> bool {
        self.link.state().streams.get(&self.id).is_none_or(|stream| stream.broken.is_some())
    }

    /// Ready once the stream was reset or its connection is gone.
    pub(in crate::proxy::h2) fn poll_gone(&self, cx: &Context<'_>) -> Poll<()> {
        match self.link.state().streams.get_mut(&self.id) {
            Some(stream) if stream.broken.is_none() => {
                stream.register(cx);
                Poll::Pending
            }
            Some(_) | None => Poll::Ready(()),
        }
    }

    pub(in crate::proxy::h2) fn reset(&self, reason: Reason) {
        let mut state = self.link.state();
        if state.streams.get(&self.id).is_some_and(|stream| stream.broken.is_none()) {
            state.reset(self.id, reason);
        }
    }

    /// Sends a head, interim or final.
    pub(in crate::proxy::h2) fn send_head(&self, pseudo: &Pseudo<'_>, draft: &Draft, end: bool) -> Result<(), Gone> {
        let mut state = self.link.state();
        if !state.streams.get(&self.id).is_some_and(Stream::can_send) {
            return Err(Gone);
        }
        state.send_section(self.id, pseudo, draft, end);
        Ok(())
    }

    /// Ready with how many octets of a body can be sent as one piece, at least one.
    pub(in crate::proxy::h2) fn poll_room(&self, cx: &Context<'_>) -> Poll<Result<usize, Gone>> {
        match self.link.state().room(self.id, cx) {
            Ok(0) => Poll::Pending,
            room => Poll::Ready(room),
        }
    }

    /// Sends a piece of a body that there is room for. Where its frame stands, until something else is waited for; nowhere
    /// if the stream was reset.
    pub(in crate::proxy::h2) fn send_data(&self, piece: &[u8]) -> Option<Place> {
        self.link.state().send_data(self.id, piece)
    }

    /// Has the frame that was sent last end the stream.
    pub(in crate::proxy::h2) fn end_at(&self, place: Option<Place>) {
        if let Some(place) = place {
            self.link.state().end_at(self.id, place);
        }
    }

    /// Fills `into`, which is empty, with what has arrived of a body; `false` at its end.
    pub(in crate::proxy::h2) fn poll_data(&self, cx: &Context<'_>, into: &mut Vec<u8>) -> Poll<Result<bool, Broken>> {
        let mut state = self.link.state();
        let Some(stream) = state.streams.get_mut(&self.id) else {
            return Poll::Ready(Err(Broken::Ours(Reason::STREAM_CLOSED)));
        };
        if !stream.data.is_empty() {
            std::mem::swap(into, &mut stream.data);
            return Poll::Ready(Ok(true));
        }
        match (stream.receiving, stream.broken) {
            (Receiving::Ended, _) => match &stream.trailers {
                Some(Err(what)) => Poll::Ready(Err(Broken::Malformed(what))),
                Some(Ok(_)) | None => Poll::Ready(Ok(false)),
            },
            (Receiving::Open, Some(broken)) => Poll::Ready(Err(broken)),
            (Receiving::Open, None) => {
                stream.register(cx);
                stream.wants = Wants { data: true, ..stream.wants };
                Poll::Pending
            }
        }
    }

    /// The trailers that arrived, once the body has ended.
    pub(in crate::proxy::h2) fn take_trailers(&self) -> Option<Fields> {
        self.link.state().streams.get_mut(&self.id)?.trailers.take()?.ok()
    }

    /// Octets that arrived have gone on: as many more may come.
    pub(in crate::proxy::h2) fn release(&self, octets: usize) {
        self.link.state().release_stream(self.id, octets);
    }

    /// The next head of an answer.
    pub(in crate::proxy::h2) fn poll_answer(
        &self,
        cx: &Context<'_>,
        head: &mut ResponseHead,
    ) -> Poll<Result<Answered, Broken>> {
        let mut state = self.link.state();
        let Some(stream) = state.streams.get_mut(&self.id) else {
            return Poll::Ready(Err(Broken::Ours(Reason::STREAM_CLOSED)));
        };
        if let Some((mut next, answer)) = stream.heads.pop_front() {
            std::mem::swap(head, &mut next);
            keep_head(next);
            return Poll::Ready(Ok(answer));
        }
        if let Some(broken) = stream.broken {
            return Poll::Ready(Err(broken));
        }
        stream.register(cx);
        stream.wants.data = true;
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::h2::link::{Role, Terms};

    const TERMS: Terms = Terms {
        role: Role::Server,
        stream_window: 100_000,
        connection_window: 1_000_000,
        list_octets: 1000,
        streams: 2,
        unsent: 1000,
    };

    fn unsent(link: &Link) -> usize {
        link.state().outbox.unsent()
    }

    #[test]
    fn nothing_is_sent_on_a_stream_that_was_reset() {
        let link = Link::new(TERMS);
        let stream = link.accept(1, true, None);
        link.take_reset(1, Reason::CANCEL).unwrap();
        let before = unsent(&link);
        assert!(stream.send_head(&Pseudo::Status(200), &Draft::new(), true).is_err());
        stream.end_at(stream.send_data(b"late"));
        stream.end_at(stream.send_data(&[]));
        stream.reset(Reason::INTERNAL_ERROR);
        drop(stream);
        assert_eq!(unsent(&link), before);
    }

    #[test]
    fn a_stream_counts_as_open_until_both_sides_have_ended_it() {
        let link = Link::new(TERMS);
        let streams = [link.accept(1, true, None), link.accept(3, false, None)];
        assert!(link.is_crowded());
        for stream in &streams {
            stream.end_at(stream.send_data(&[]));
        }
        assert_eq!(link.state().open, 1, "the second may still send");
        drop(streams);
        assert_eq!(link.state().open, 0);
        assert_eq!(link.streams(), 0);
    }
}
