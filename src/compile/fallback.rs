//! `--default-backend-service`: what requests get that no host and no path claims.

use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::ir::route::RouteLabels;
use crate::ir::{Action, Backend, BackendId, Forward, ObjectKind, ObjectRef, PathMatcher, Route};
use crate::snapshot::Snapshot;

use super::configmap::Live;
use super::service;

/// The route of the default backend, on the Service's first port. `None` answers 404.
pub(super) fn route(
    default_backend: Option<&ObjectRef>,
    live: &Live,
    snapshot: &Snapshot,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Route> {
    let reference = default_backend?;
    let setting = ObjectRef::new(ObjectKind::Setting, "", "--default-backend-service").field("");
    let ObjectRef { kind: _, namespace, name } = reference;
    let found = snapshot.services.get(namespace, name);
    let Some(port) = found.and_then(|found| service::first_port(found)) else {
        let message = format!("there is no Service {namespace}/{name} with a TCP port; 404 is answered instead");
        diagnostics.push(Diagnostic::error("missing-service", setting, message));
        return None;
    };
    let backend = Backend {
        id: BackendId {
            namespace: Arc::clone(namespace),
            service: Arc::clone(name),
            port: port.port.to_string().into(),
        },
        protocol: service::app_protocol(port).unwrap_or_default(),
        balance: live.defaults.balance,
        keep_alive: live.keep_alive,
    };
    let guarded = live.guards.everything.as_ref().or(live.guards.authentication.as_ref());
    let action = match guarded {
        Some(refusal) => Action::Refuse(refusal.clone()),
        None => Action::Forward(Forward {
            backend: Arc::new(backend),
            rewrite: None,
            upstream_host: None,
            forwarded_prefix: None,
        }),
    };
    Some(Route {
        matcher: PathMatcher::Prefix(String::from("/")),
        action,
        policy: Arc::new(live.defaults.route.clone()),
        labels: RouteLabels::default(),
        provenance: setting,
    })
}

/// The backend that a route forwards to.
pub(super) fn backend_of(route: &Route) -> Option<&BackendId> {
    match &route.action {
        Action::Forward(forward) => Some(&forward.backend.id),
        Action::Redirect(_) | Action::Refuse(_) => None,
    }
}
