//! A request head as the `h2` crate gives it, made into ours.

use http::request::Parts;

use super::fields::{self, FieldsError, entry_size};
use crate::proxy::h1::parse::Limits as HeadLimits;
use crate::proxy::sides::{Demand, InterimResponses, TrailersWanted};
use crate::request::{FieldName, RequestHead, Version};

/// Fills `head`, which is cleared first. What [`FieldsError::Malformed`] says is to be answered by a reset
/// (RFC 9113 §8.1.1), [`FieldsError::Refused`] by the status in it.
pub(super) fn read(parts: &Parts, limits: &HeadLimits, head: &mut RequestHead) -> Result<(), FieldsError> {
    head.clear();
    head.version = Version::Http2;
    head.method.push_str(parts.method.as_str());
    let target = parts.uri.path_and_query().map_or("", |path| path.as_str());
    head.target.extend_from_slice(target.as_bytes());
    head.authority = parts.uri.authority().map(|authority| authority.as_str().to_owned());
    let authority = head.authority.as_ref().map_or(0, String::len);
    head.wire_octets = fields::list_size(&parts.headers)
        + entry_size(":method".len(), head.method.len())
        + entry_size(":scheme".len(), parts.uri.scheme_str().map_or(0, str::len))
        + entry_size(":path".len(), target.len())
        + entry_size(":authority".len(), authority);
    if parts.uri.scheme_str() == Some("") {
        return Err(FieldsError::Malformed("empty-scheme"));
    }
    if target.len() > limits.target_octets {
        return Err(FieldsError::Refused { status: 414, code: "target-too-long" });
    }
    if head.wire_octets > limits.head_octets as u64 {
        return Err(FieldsError::Refused { status: 431, code: "head-too-large" });
    }
    fields::read(&parts.headers, limits.fields, &mut head.fields)
}

/// What the request asks of the pipeline. HTTP/2 has no upgrades (RFC 9113 §8.6).
pub(super) fn demand(head: &RequestHead) -> Demand<'static> {
    let trailers = head.fields.all(FieldName::Te).any(|value| value.eq_ignore_ascii_case(b"trailers"));
    Demand {
        upgrade: None,
        trailers: if trailers { TrailersWanted::Stated } else { TrailersWanted::Unstated },
        interim: InterimResponses::Understood,
    }
}
