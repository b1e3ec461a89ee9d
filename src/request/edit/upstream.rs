//! The fields of requests, on their way upstream.
//!
//! A client cannot speak for us: the fields that say where a request came from are ours, and what an untrusted client
//! sends under their names, or under names that a backend may take for theirs (`_` for `-`), is dropped.

use smallvec::SmallVec;

use super::FieldSink;
use super::nominated::Nominated;
use super::own::OwnName;
use super::text::ShortText;
use crate::ir::ListenerPolicy;
use crate::ir::listener::{ClientAddress, ForwardedChain, UnderscoreNames};
use crate::request::client::{self, Client, Peer};
use crate::request::head::{Field, FieldName, RequestHead};
use crate::request::plan::ForwardPlan;

/// The longest request id of a client's that is kept.
const MAX_REQUEST_ID: usize = 128;

/// The `Host` or `:authority` that is sent upstream: the route's own, else the one received.
#[must_use]
pub fn upstream_host<'a>(plan: &ForwardPlan<'a>, received: &'a [u8]) -> &'a [u8] {
    match &plan.forward.upstream_host {
        Some(configured) => configured.as_bytes(),
        None => received,
    }
}

/// The id that a request carries from here on: the client's if it is 1 to 128 visible ASCII characters, else `made`.
#[must_use]
pub fn request_id<'a>(head: &'a RequestHead, made: &'a [u8]) -> &'a [u8] {
    let is_sane = |id: &&[u8]| (1..=MAX_REQUEST_ID).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic);
    head.fields.first(FieldName::XRequestId).filter(is_sane).unwrap_or(made)
}

/// Writes the fields of a request that is sent upstream: the client's end-to-end fields, then ours as ingress-nginx has
/// them. `host` is the authority as received and may be empty; `request_id` is what [`request_id`] chose.
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
    let prefix = plan.forwarded_prefix.as_deref();
    client_fields(head, client, policy, prefix, sink);
    sink.own(OwnName::X_REQUEST_ID, request_id);
    address_fields(head, client, policy, peer, sink);
    origin_fields(head, client, host, sink);
    if let Some(prefix) = prefix {
        sink.own(OwnName::X_FORWARDED_PREFIX, prefix);
    }
}

/// Passes the client's own fields on, less what is not theirs to say.
fn client_fields(
    head: &RequestHead,
    client: &Client,
    policy: &ListenerPolicy,
    own_prefix: Option<&[u8]>,
    sink: &mut impl FieldSink,
) {
    let nominated = Nominated::of(&head.fields);
    for field in head.fields.iter() {
        let keep = match fate(&field, policy.underscores) {
            Fate::Keep => true,
            Fate::Drop => false,
            Fate::KeepUnlessNominated => !nominated.contains(field.name),
            Fate::KeepFromTrusted => client.trusted,
            Fate::KeepPrefix => client.trusted && own_prefix.is_none(),
        };
        if keep {
            sink.relay(&field);
        }
    }
}

/// The client's address, and the chain it was forwarded through where that is asked for. The received chain is also
/// sent under a name of its own.
fn address_fields(
    head: &RequestHead,
    client: &Client,
    policy: &ListenerPolicy,
    peer: &Peer,
    sink: &mut impl FieldSink,
) {
    let address = ShortText::of_address(client.address);
    sink.own(OwnName::X_REAL_IP, address.as_bytes());
    match &policy.client_address {
        ClientAddress::Forwarded(trust) if client.trusted && trust.chain == ForwardedChain::Append => {
            sink.own(OwnName::X_FORWARDED_FOR, &appended_chain(head, peer));
        }
        ClientAddress::Peer | ClientAddress::Forwarded(_) => sink.own(OwnName::X_FORWARDED_FOR, address.as_bytes()),
    }
    let chain_name = match &policy.client_address {
        ClientAddress::Peer => "x-forwarded-for",
        ClientAddress::Forwarded(trust) => &trust.header,
    };
    for original in head.fields.iter().filter(|field| field.name.eq_ignore_ascii_case(chain_name.as_bytes())) {
        sink.own(OwnName::X_ORIGINAL_FORWARDED_FOR, original.value);
    }
}

/// The received `X-Forwarded-For` with the peer's own address behind it (nginx `$proxy_add_x_forwarded_for`).
fn appended_chain(head: &RequestHead, peer: &Peer) -> Vec<u8> {
    let mut chain = Vec::new();
    for received in head.fields.all(FieldName::XForwardedFor).filter(|value| !value.is_empty()) {
        chain.extend_from_slice(received);
        chain.extend_from_slice(b", ");
    }
    chain.extend_from_slice(ShortText::of_address(peer.address.ip()).as_bytes());
    chain
}

/// The host, port and scheme that the client used.
fn origin_fields(head: &RequestHead, client: &Client, host: &[u8], sink: &mut impl FieldSink) {
    let host = client::forwarded_authority(head, client).unwrap_or(host);
    if !host.is_empty() {
        sink.own(OwnName::X_FORWARDED_HOST, host);
    }
    let scheme = client.scheme.as_str().as_bytes();
    sink.own(OwnName::X_FORWARDED_PORT, itoa::Buffer::new().format(client.port).as_bytes());
    sink.own(OwnName::X_FORWARDED_PROTO, scheme);
    sink.own(OwnName::X_FORWARDED_SCHEME, scheme);
    sink.own(OwnName::X_SCHEME, scheme);
    for original in head.fields.all(FieldName::XForwardedHost) {
        sink.own(OwnName::X_ORIGINAL_FORWARDED_HOST, original);
    }
}

/// What becomes of a request field.
#[derive(Debug, Clone, Copy)]
enum Fate {
    /// End-to-end, and nothing that a `Connection` field could take away.
    Keep,
    Drop,
    KeepUnlessNominated,
    /// Believed from a proxy in front of us only.
    KeepFromTrusted,
    /// `X-Forwarded-Prefix`: as above, and ours replaces it.
    KeepPrefix,
}

fn fate(field: &Field<'_>, underscores: UnderscoreNames) -> Fate {
    match field.known {
        FieldName::Other => fate_of_other(field.name, underscores),
        known => fate_of_known(known),
    }
}

fn fate_of_known(known: FieldName) -> Fate {
    match known {
        FieldName::Connection
        | FieldName::ContentLength
        | FieldName::Expect
        | FieldName::Host
        | FieldName::Http2Settings
        | FieldName::KeepAlive
        | FieldName::Proxy
        | FieldName::ProxyAuthenticate
        | FieldName::ProxyAuthorization
        | FieldName::ProxyConnection
        | FieldName::Te
        | FieldName::Trailer
        | FieldName::TransferEncoding
        | FieldName::Upgrade
        | FieldName::XForwardedFor
        | FieldName::XForwardedHost
        | FieldName::XForwardedPort
        | FieldName::XForwardedProto
        | FieldName::XForwardedScheme
        | FieldName::XOriginalForwardedFor
        | FieldName::XOriginalForwardedHost
        | FieldName::XRealIp
        | FieldName::XRequestId
        | FieldName::XScheme => Fate::Drop,
        FieldName::Authorization | FieldName::ContentType | FieldName::Cookie => Fate::Keep,
        FieldName::Forwarded => Fate::KeepFromTrusted,
        FieldName::XForwardedPrefix => Fate::KeepPrefix,
        FieldName::Accept
        | FieldName::Date
        | FieldName::Location
        | FieldName::Referer
        | FieldName::Server
        | FieldName::SetCookie
        | FieldName::StrictTransportSecurity
        | FieldName::UserAgent
        | FieldName::Via
        | FieldName::Other => Fate::KeepUnlessNominated,
    }
}

/// The names of one kind of character each: letters, digits and `-` pass; `_` is the policy's question; a name with
/// any other character is dropped, as nginx does (`ignore_invalid_headers`).
fn fate_of_other(name: &[u8], underscores: UnderscoreNames) -> Fate {
    match name.iter().find(|octet| !octet.is_ascii_alphanumeric() && **octet != b'-') {
        None => fate_of_plain(name),
        Some(_) if name.iter().any(|octet| !octet.is_ascii_alphanumeric() && !matches!(octet, b'-' | b'_')) => {
            Fate::Drop
        }
        Some(_) => match underscores {
            UnderscoreNames::Drop => Fate::Drop,
            UnderscoreNames::Keep => fate_of_underscored(name),
        },
    }
}

/// A backend may read `_` as `-`: what would be the twin of a name that means something to us or to it is dropped.
fn fate_of_underscored(name: &[u8]) -> Fate {
    let twin: SmallVec<[u8; 64]> = name.iter().map(|octet| if *octet == b'_' { b'-' } else { *octet }).collect();
    match FieldName::of(&twin) {
        FieldName::Other if !is_reserved(&twin) => Fate::KeepUnlessNominated,
        _ => Fate::Drop,
    }
}

fn fate_of_plain(name: &[u8]) -> Fate {
    if is_client_certificate(name) {
        Fate::Drop
    } else if is_reserved(name) {
        Fate::KeepFromTrusted
    } else {
        Fate::KeepUnlessNominated
    }
}

/// Names by which backends learn what a proxy decided, besides those known by number.
fn is_reserved(name: &[u8]) -> bool {
    const RESERVED: [&[u8]; 3] = [b"x-original-url", b"x-original-uri", b"x-rewrite-url"];
    is_client_certificate(name) || RESERVED.iter().any(|reserved| name.eq_ignore_ascii_case(reserved))
}

/// `ssl-client-cert`, `ssl-client-verify` and such: only the proxy that verified the certificate may say so.
fn is_client_certificate(name: &[u8]) -> bool {
    const PREFIX: &[u8] = b"ssl-client-";
    name.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
}
