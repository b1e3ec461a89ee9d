//! What the environment says of this process, by the variables that ingress-nginx reads.

#![expect(clippy::disallowed_methods, reason = "the environment is read here, and comes to the settings as a value")]

use std::env;

use crate::settings::reporting::Pod;

/// The pod that this process runs in. A variable that is empty is as good as none.
pub(super) fn pod() -> Pod {
    let variable = |name| env::var(name).ok().filter(|value| !value.is_empty());
    Pod { name: variable("POD_NAME"), namespace: variable("POD_NAMESPACE") }
}
