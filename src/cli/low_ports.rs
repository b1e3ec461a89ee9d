//! Ports below 1024 for a process that is not root.
//!
//! ingress-nginx's manifests have a user that is not root listen on 80 and 443, and grant the capability
//! `NET_BIND_SERVICE`. The kernel hands it over to such a user only through the program's file. Landfall's image marks
//! its file as permitted to have it, not as having it: a file so marked also starts where the capability is dropped, as
//! Landfall's own manifests do. What is permitted is taken up here.

use std::io;

use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities};

/// Takes up the capability where it is permitted. It holds for this thread and those that it starts later.
pub(super) fn take_up_capability() {
    match take_up() {
        Ok(true) => tracing::debug!("listening on ports below 1024 is permitted"),
        Ok(false) => {}
        Err(error) => tracing::warn!(%error, "the capability NET_BIND_SERVICE is permitted and could not be taken up"),
    }
}

fn take_up() -> io::Result<bool> {
    let held = capabilities(None)?;
    let wanted = CapabilitySet::NET_BIND_SERVICE;
    if !held.permitted.contains(wanted) || held.effective.contains(wanted) {
        return Ok(false);
    }
    set_capabilities(None, CapabilitySets { effective: held.effective | wanted, ..held })?;
    Ok(true)
}
