//! One stream, as far as the connection keeps it.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::task::{Context, Waker};

use super::Reason;
use super::window::{Credit, TooWide, Window};
use crate::proxy::body::Length;
use crate::proxy::spare;
use crate::request::{Fields, ResponseHead};

/// What the memory of a spare head is shrunk to.
const KEPT_HEAD: usize = 4 * 1024;

thread_local! {
    static HEADS: RefCell<Vec<ResponseHead>> = const { RefCell::new(Vec::new()) };
}

/// A head to read an answer into.
pub(super) fn spare_head() -> ResponseHead {
    spare::take(&HEADS).unwrap_or_default()
}

/// Keeps a head for the next answer.
pub(super) fn keep_head(mut head: ResponseHead) {
    head.clear();
    head.fields.shrink_to(KEPT_HEAD);
    spare::keep(&HEADS, head);
}

/// Whether more arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Receiving {
    Open,
    Ended,
}

/// Which part of a message comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Awaiting {
    /// The final head of an answer.
    Head,
    /// The same of one to HEAD, which ends with it.
    HeadAlone,
    Body,
}

/// Whether more is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sending {
    Open,
    Ended,
}

/// Why a stream came to its end before both sides had ended it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::proxy::h2) enum Broken {
    /// The peer has reset it.
    Peer(Reason),
    /// It is beyond the last stream that the peer has looked at.
    Unprocessed,
    /// We have, or what arrived made us.
    Ours(Reason),
    /// What arrived is malformed.
    Malformed(&'static str),
    /// The connection has ended.
    Connection(io::ErrorKind),
}

/// What a head of an answer says beside its fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::proxy::h2) struct Answered {
    pub(in crate::proxy::h2) content_length: Option<u64>,
    /// What is to be read behind it. Content where none may be is left unread: a client of HTTP/1.1 would take it for the
    /// next answer.
    pub(in crate::proxy::h2) body: Length,
}

/// What the task of a stream waits for, beside its end.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wants {
    pub(super) data: bool,
    /// Room in the stream's own window.
    pub(super) room: bool,
}

#[derive(Debug)]
pub(super) struct Stream {
    pub(super) receiving: Receiving,
    pub(super) sending: Sending,
    pub(super) broken: Option<Broken>,
    /// It counts as open.
    pub(super) counted: bool,
    waker: Option<Waker>,
    pub(super) wants: Wants,
    /// It is among those that wait for what streams share.
    pub(super) queued: bool,
    /// What the peer allows to be sent.
    pub(super) window: Window,
    /// What we allow to be sent.
    pub(super) credit: Credit,
    /// What has arrived and was not taken.
    pub(super) data: Vec<u8>,
    /// What is missing of the stated length.
    pub(super) missing: Option<u64>,
    /// The trailers, or what is wrong with them.
    pub(super) trailers: Option<Result<Fields, &'static str>>,
    /// Heads of the answer that were not taken.
    pub(super) heads: VecDeque<(ResponseHead, Answered)>,
    pub(super) awaiting: Awaiting,
}

impl Stream {
    pub(super) const fn new(receiving: Receiving, awaiting: Awaiting, window: Window, credit: Credit) -> Self {
        Self {
            receiving,
            sending: Sending::Open,
            broken: None,
            counted: true,
            waker: None,
            wants: Wants { data: false, room: false },
            queued: false,
            window,
            credit,
            data: Vec::new(),
            missing: None,
            trailers: None,
            heads: VecDeque::new(),
            awaiting,
        }
    }

    pub(super) fn can_send(&self) -> bool {
        self.sending == Sending::Open && self.broken.is_none()
    }

    pub(super) fn is_receiving(&self) -> bool {
        self.receiving == Receiving::Open && self.broken.is_none()
    }

    /// Has the task woken that holds the stream.
    pub(super) fn register(&mut self, cx: &Context<'_>) {
        if !self.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            self.waker = Some(cx.waker().clone());
        }
    }

    pub(super) fn wake(&mut self) {
        self.wants = Wants::default();
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Something has arrived.
    pub(super) fn arrived(&mut self) {
        if self.wants.data {
            self.wake();
        }
    }

    /// Its own window changes.
    pub(super) fn widen(&mut self, by: i64) -> Result<(), TooWide> {
        self.window.change(by)?;
        if self.wants.room && self.window.available() > 0 {
            self.wake();
        }
        Ok(())
    }

    /// Nothing more comes of it. The first reason counts.
    pub(super) fn break_off(&mut self, why: Broken) {
        self.broken.get_or_insert(why);
        self.wake();
    }

    /// Whether it has just come to be closed, so that it counts as open no more.
    pub(super) fn close(&mut self) -> bool {
        let closed = self.broken.is_some() || (self.receiving == Receiving::Ended && self.sending == Sending::Ended);
        closed && std::mem::replace(&mut self.counted, false)
    }
}
