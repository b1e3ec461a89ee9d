//! `allowlist-source-range` and `denylist-source-range`: by the address of the client, which a trusted proxy in front of us
//! may tell.

use std::net::IpAddr;

use crate::ir::RoutePolicy;
use crate::ir::access::Admission;
use crate::proxy::error::ProxyError;

pub(super) fn pass(policy: &RoutePolicy, client: IpAddr) -> Result<(), ProxyError> {
    match policy.access.of(client) {
        Admission::Admitted => Ok(()),
        denied @ (Admission::Denied | Admission::NotAllowed) => Err(ProxyError::AddressRefused(denied)),
    }
}
