//! What a request has come to, as logs and metrics read it: plain values, filled in by its [`Exchange`](super::Exchange).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use smallvec::SmallVec;

use crate::ir::route::RouteLabels;
use crate::request::RequestHead;
use crate::telemetry::{Listener, MethodLabel, RouteCounters, Sample, UpstreamSample};

/// One attempt at an endpoint.
#[derive(Debug, Clone)]
pub struct Attempt {
    pub address: SocketAddr,
    pub started: Instant,
    /// The status of its response, or what its failure amounts to (502, 504); `None` when it was given up first.
    pub status: Option<u16>,
    /// Octets of its response's body.
    pub response_octets: u64,
    /// From its start to a connection that can be written to.
    pub connect: Option<Duration>,
    /// From its start to its response head.
    pub header: Option<Duration>,
    /// From its start to its end.
    pub response: Option<Duration>,
}

/// What claims a request, and so what it is counted and logged under.
#[derive(Debug, Clone)]
pub enum Claim {
    /// It was refused before anything was matched.
    Unmatched,
    /// No route does.
    Nothing,
    Route(Arc<RouteCounters>),
}

/// What an exchange has come to, as logs and metrics read it.
#[derive(Debug)]
pub struct Record<'a> {
    pub received: Received<'a>,
    pub client: IpAddr,
    pub listener: Listener,
    pub started: Instant,
    /// 0 until a response head is sent.
    pub status: u16,
    /// Octets of the request's body as received.
    pub request_body_octets: u64,
    /// Octets of the response's head, interim responses included.
    pub head_octets: u64,
    /// Octets of the response's body.
    pub body_octets: u64,
    pub attempts: SmallVec<[Attempt; 2]>,
    /// The value of `X-Request-ID`; empty if there is none.
    pub request_id: SmallVec<[u8; 32]>,
    pub claim: Claim,
    /// Why the answer is an error of ours; stable, kebab-case.
    pub error: Option<&'static str>,
}

impl Record<'_> {
    /// What the request adds to its route's metrics.
    pub(super) fn sample(&self, elapsed: Duration) -> Sample {
        let method = match self.received {
            Received::Head(head) => MethodLabel::of(&head.method),
            Received::Malformed(_) => MethodLabel::Other,
        };
        let upstream = self.attempts.last().map(|attempt| UpstreamSample {
            connect: attempt.connect,
            header: attempt.header,
            response: attempt.response,
        });
        Sample {
            method,
            status: self.status,
            duration: elapsed,
            request_octets: self.request_octets(),
            sent_octets: self.head_octets + self.body_octets,
            upstream,
        }
    }

    /// nginx's `$request_length`: request line, fields and body. 0 for what is no request, as there.
    #[must_use]
    pub fn request_octets(&self) -> u64 {
        match self.received {
            Received::Head(head) => head.wire_octets + self.request_body_octets,
            Received::Malformed(_) => 0,
        }
    }

    /// nginx's `$proxy_upstream_name`; empty for a request that was refused before it was matched, as there.
    #[must_use]
    pub fn upstream_name(&self) -> &str {
        match &self.claim {
            Claim::Unmatched => "",
            Claim::Nothing => RouteCounters::DEFAULT_UPSTREAM,
            Claim::Route(route) => route.upstream_name(),
        }
    }

    /// The labels of the route that claims the request.
    #[must_use]
    pub fn labels(&self) -> Option<&RouteLabels> {
        match &self.claim {
            Claim::Unmatched | Claim::Nothing => None,
            Claim::Route(route) => Some(route.labels()),
        }
    }
}

/// What was received as a request.
#[derive(Debug, Clone, Copy)]
pub enum Received<'a> {
    Head(&'a RequestHead),
    /// Octets that are no request head: as much of the first line as there is, for the log.
    Malformed(&'a [u8]),
}
