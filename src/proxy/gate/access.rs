//! `allowlist-source-range` and `denylist-source-range`: by the address of the client, which a trusted proxy in front of us
//! may tell.

use std::net::IpAddr;

use crate::ir::RoutePolicy;
use crate::proxy::error::ProxyError;

pub(super) fn pass(policy: &RoutePolicy, client: IpAddr) -> Result<(), ProxyError> {
    policy.access.admit(client).map_err(ProxyError::AddressRefused)
}
