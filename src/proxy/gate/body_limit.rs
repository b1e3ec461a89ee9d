//! `proxy-body-size`: a body that is announced too large is refused before the upstream hears of it. What is not
//! announced is counted while it streams (`replay`).

use crate::ir::RoutePolicy;
use crate::proxy::body::Length;
use crate::proxy::error::ProxyError;

pub(super) fn pass(policy: &RoutePolicy, announced: Length) -> Result<(), ProxyError> {
    match (policy.body_limit, announced) {
        (Some(limit), Length::Exact(octets)) if octets > limit => Err(ProxyError::BodyTooLarge(limit)),
        (Some(_) | None, Length::None | Length::Exact(_) | Length::Unknown) => Ok(()),
    }
}
