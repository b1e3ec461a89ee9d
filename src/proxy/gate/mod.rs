//! What may stop a request before it is forwarded: one file per gate, in the order of the phases.

mod body_limit;

use super::body::Length;
use super::error::ProxyError;
use crate::ir::RoutePolicy;

/// Passes every gate, or says which error answers the request.
pub(crate) fn pass(policy: &RoutePolicy, announced: Length) -> Result<(), ProxyError> {
    body_limit::pass(policy, announced)
}
