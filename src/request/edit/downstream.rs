//! The fields of responses, on their way to the client.

use std::fmt;

use super::FieldSink;
use super::nominated::Nominated;
use super::own::OwnName;
use super::text::ShortText;
use crate::ir::ListenerPolicy;
use crate::ir::listener::{Hsts, HstsPreload, HstsSubdomains};
use crate::request::client::{Client, Scheme};
use crate::request::head::{Field, FieldName, ResponseHead};

/// Writes the fields of an upstream's response that are for the client, and [`own_response_fields`]. The upstream's
/// `Server` is hidden (ingress-nginx's default); `Date` is passed on. An interim response gets none of our own.
pub fn downstream_fields(head: &ResponseHead, policy: &ListenerPolicy, client: &Client, sink: &mut impl FieldSink) {
    let nominated = Nominated::of(&head.fields);
    let own_hsts = hsts_of(policy, client);
    for field in head.fields.iter() {
        let keep = match fate(&field) {
            Fate::Keep => true,
            Fate::Drop => false,
            Fate::KeepUnlessNominated => !nominated.contains(field.name),
            Fate::KeepUnlessOurs => own_hsts.is_none(),
        };
        if keep {
            sink.relay(&field);
        }
    }
    if !head.is_informational() {
        own_response_fields(policy, client, sink);
    }
}

/// Writes the fields that every final response to the client carries, those that the proxy makes itself included:
/// `Strict-Transport-Security` on TLS connections (whatever the certificate, as ingress-nginx; not behind a proxy that
/// ended TLS, which speaks for itself).
pub fn own_response_fields(policy: &ListenerPolicy, client: &Client, sink: &mut impl FieldSink) {
    if let Some(hsts) = hsts_of(policy, client) {
        sink.own(OwnName::STRICT_TRANSPORT_SECURITY, ShortText::of(HstsValue(hsts)).as_bytes());
    }
}

fn hsts_of<'p>(policy: &'p ListenerPolicy, client: &Client) -> Option<&'p Hsts> {
    match client.connection_scheme {
        Scheme::Https => policy.hsts.as_ref(),
        Scheme::Http => None,
    }
}

/// What becomes of a response field.
enum Fate {
    Keep,
    Drop,
    KeepUnlessNominated,
    /// `Strict-Transport-Security`: ours replaces the upstream's.
    KeepUnlessOurs,
}

fn fate(field: &Field<'_>) -> Fate {
    match field.known {
        FieldName::Connection
        | FieldName::ContentLength
        | FieldName::Http2Settings
        | FieldName::KeepAlive
        | FieldName::ProxyAuthenticate
        | FieldName::ProxyAuthorization
        | FieldName::ProxyConnection
        | FieldName::Server
        | FieldName::Te
        | FieldName::Trailer
        | FieldName::TransferEncoding
        | FieldName::Upgrade => Fate::Drop,
        FieldName::ContentType | FieldName::Date | FieldName::Location | FieldName::SetCookie => Fate::Keep,
        FieldName::StrictTransportSecurity => Fate::KeepUnlessOurs,
        FieldName::Accept
        | FieldName::Authorization
        | FieldName::Cookie
        | FieldName::Expect
        | FieldName::Forwarded
        | FieldName::Host
        | FieldName::Proxy
        | FieldName::Referer
        | FieldName::UserAgent
        | FieldName::Via
        | FieldName::XForwardedFor
        | FieldName::XForwardedHost
        | FieldName::XForwardedPort
        | FieldName::XForwardedPrefix
        | FieldName::XForwardedProto
        | FieldName::XForwardedScheme
        | FieldName::XOriginalForwardedFor
        | FieldName::XOriginalForwardedHost
        | FieldName::XRealIp
        | FieldName::XRequestId
        | FieldName::XScheme
        | FieldName::Other => Fate::KeepUnlessNominated,
    }
}

/// The field value of an HSTS policy (RFC 6797 §6.1).
struct HstsValue<'p>(&'p Hsts);

impl fmt::Display for HstsValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Hsts { max_age_secs, subdomains, preload } = self.0;
        write!(f, "max-age={max_age_secs}")?;
        f.write_str(match subdomains {
            HstsSubdomains::Include => "; includeSubDomains",
            HstsSubdomains::Exclude => "",
        })?;
        f.write_str(match preload {
            HstsPreload::Yes => "; preload",
            HstsPreload::No => "",
        })
    }
}
