//! Answers of our own: redirects and errors.

use std::future::poll_fn;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};

use super::body::{Deadlines, Length, Piece, Pump, PumpError, Source, SourceError};
use super::h1::encode;
use super::sides::{Reply, ReplyBody};
use super::timer::IdleTimer;
use super::worker::Worker;
use crate::ir::{Limit, ListenerPolicy};
use crate::request::edit::{self, FieldSink, OwnName};
use crate::request::{Client, Fields};

/// The methods that are passed on, as far as they have names; of others the backend decides.
const SERVED_METHODS: &[u8] = b"GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS";

/// Seconds after which a client may try again where there was too much to do: connections end within them.
const RETRY_AFTER: &str = "5";

/// An answer that no backend gives.
#[derive(Debug)]
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    location: Option<&'a [u8]>,
    /// `Retry-After`, in seconds.
    retry_after: Option<&'static str>,
}

impl<'a> Answer<'a> {
    pub(crate) const fn error(status: u16) -> Self {
        Self { status, location: None, retry_after: None }
    }

    /// `location` is a legal field value.
    pub(crate) const fn redirect(status: u16, location: &'a [u8]) -> Self {
        Self { status, location: Some(location), retry_after: None }
    }

    /// Says that there is too much to do, and when to come again.
    pub(crate) const fn overloaded() -> Self {
        Self { status: 503, location: None, retry_after: Some(RETRY_AFTER) }
    }
}

/// What an answer is written for.
#[derive(Clone, Copy)]
pub(crate) struct Asker<'a> {
    pub(crate) worker: &'a Worker,
    pub(crate) policy: &'a ListenerPolicy,
    pub(crate) client: &'a Client,
    /// Tells whether a body may follow.
    pub(crate) method: &'a str,
}

/// Sends an answer: a short page, as nginx does. Ends early if the client takes nothing.
pub(crate) async fn send<R: Reply>(asker: Asker<'_>, answer: &Answer<'_>, reply: &mut R, timer: &mut IdleTimer) {
    let status = answer.status;
    let reason = encode::reason(status);
    let page = format!(
        "<html>\r\n<head><title>{status} {reason}</title></head>\r\n\
         <body>\r\n<h1>{status} {reason}</h1>\r\n</body>\r\n</html>\r\n"
    );
    let mut fields = reply.begin(status);
    fields.own(OwnName::DATE, asker.worker.date().as_bytes());
    fields.own(OwnName::CONTENT_TYPE, b"text/html");
    if status == 405 {
        // RFC 9110 §15.5.6.
        fields.own(OwnName::ALLOW, SERVED_METHODS);
    }
    if let Some(seconds) = answer.retry_after {
        fields.own(OwnName::RETRY_AFTER, seconds.as_bytes());
    }
    if let Some(location) = answer.location {
        fields.own(OwnName::LOCATION, location);
    }
    edit::own_response_fields(asker.policy, asker.client, &mut fields);
    drop(fields);
    let length = page.len() as u64;
    let mut body = if asker.method == "HEAD" {
        reply.end(ReplyBody::Absent { stated: Some(length) });
        Page::default()
    } else {
        reply.end(ReplyBody::Exact(length));
        Page(page.into())
    };
    let limits = &asker.policy.limits;
    let mut pump = Pump::new(Deadlines::to_client(limits));
    match poll_fn(|cx| pump.poll(cx, &mut body, reply, timer)).await {
        Ok(()) => {}
        Err(error) => {
            if matches!(error, PumpError::SinkStalled) {
                asker.worker.limited(&Limit::SEND_TIMEOUT);
            }
            reply.abort();
        }
    }
}

/// A body of our own.
#[derive(Debug, Default)]
struct Page(Bytes);

impl Source for Page {
    fn poll_piece(&mut self, _cx: &mut Context<'_>) -> Poll<Result<Piece, SourceError>> {
        Poll::Ready(Ok(if self.0.is_empty() { Piece::End } else { Piece::Data }))
    }

    fn piece(&self) -> &[u8] {
        &self.0
    }

    fn consume(&mut self, octets: usize) {
        self.0.advance(octets.min(self.0.len()));
    }

    fn trailers(&self) -> Option<&Fields> {
        None
    }

    fn length(&self) -> Length {
        Length::Exact(self.0.len() as u64)
    }

    fn wire_octets(&self) -> u64 {
        0
    }
}

/// A request id as nginx makes them: 32 hexadecimal digits, 128 random bits. Not a secret.
pub(crate) fn make_request_id() -> [u8; 32] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut random = fastrand::u128(..);
    let mut id = [b'0'; 32];
    for digit in &mut id {
        *digit = DIGITS.get((random & 0xf) as usize).copied().unwrap_or(b'0');
        random >>= 4;
    }
    id
}
