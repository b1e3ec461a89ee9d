//! What may stop a request before it is forwarded: one file per gate, in the order of the phases.

mod access;
mod body_limit;

use std::net::IpAddr;

use super::body::Length;
use super::error::ProxyError;
use crate::ir::RoutePolicy;

/// Passes every gate, or says which error answers the request.
pub(crate) fn pass(policy: &RoutePolicy, client: IpAddr, announced: Length) -> Result<(), ProxyError> {
    access::pass(policy, client)?;
    body_limit::pass(policy, announced)
}
