//! `/config`: the live state as JSON. Every part of a configuration appears, key material does not.

use serde_json::{Value, json};

use crate::ir::access::{Access, Networks};
use crate::ir::filter::{ForwardedPrefix, Rewrite, RewriteTarget, Template, TemplatePart};
use crate::ir::policy::{RoutePolicy, SslRedirect, Timeouts};
use crate::ir::route::RouteLabels;
use crate::ir::{Action, Backend, Config, Forward, Limit, Redirect, Refusal, Route, VirtualHost};
use crate::live::State;

/// The whole state.
pub(super) fn view(state: &State) -> Value {
    let State { generation, config, table: _, certificates, endpoints } = state;
    let mut endpoints: Vec<_> = endpoints.iter().collect();
    endpoints.sort_by_key(|(backend, _)| *backend);
    let addresses = |(backend, endpoints): (&_, &std::sync::Arc<[crate::ir::Endpoint]>)| {
        let list: Vec<_> = endpoints.iter().map(|endpoint| endpoint.address.to_string()).collect();
        json!({ "backend": backend_id(backend), "addresses": list })
    };
    json!({
        "generation": generation,
        "config": config_view(config),
        "endpoints": endpoints.into_iter().map(addresses).collect::<Vec<_>>(),
        "certificates": certificates.iter().map(|(host, certificate)| json!({
            "host": host.to_string(),
            "names": certificate.names().iter().map(ToString::to_string).collect::<Vec<_>>(),
            "fingerprint": certificate.fingerprint().to_string(),
            "not_before": certificate.not_before().0,
            "not_after": certificate.not_after().0,
        })).collect::<Vec<_>>(),
    })
}

fn config_view(config: &Config) -> Value {
    let Config { listener, hosts, fallback } = config;
    json!({
        "listener": listener_view(listener),
        "hosts": hosts.iter().map(|host| host_view(host)).collect::<Vec<_>>(),
        "fallback": fallback.as_deref().map(route_view),
    })
}

/// Settings whose values have no other form than their names are shown as the code names them.
fn listener_view(listener: &crate::ir::ListenerPolicy) -> Value {
    let crate::ir::ListenerPolicy { limits, client_address, underscores, tls, hsts, access_log } = listener;
    let limits: serde_json::Map<_, _> =
        Limit::ALL.iter().map(|limit| (limit.key.to_owned(), limit.value(limits).into())).collect();
    json!({
        "limits": limits,
        "client_address": format!("{client_address:?}"),
        "underscores": format!("{underscores:?}"),
        "tls": format!("{tls:?}"),
        "hsts": hsts.map(|hsts| format!("{hsts:?}")),
        "access_log": format!("{access_log:?}"),
    })
}

fn host_view(host: &VirtualHost) -> Value {
    let VirtualHost { pattern, tls, app_root, routes, fallback } = host;
    json!({
        "host": pattern.to_string(),
        "tls": format!("{tls:?}"),
        "app_root": app_root,
        "routes": routes.iter().map(|route| route_view(route)).collect::<Vec<_>>(),
        "fallback": fallback.as_deref().map(route_view),
    })
}

fn route_view(route: &Route) -> Value {
    let Route { matcher, action, policy, labels, provenance } = route;
    let RouteLabels { namespace, ingress, service, service_port, host: _, path: _ } = labels;
    json!({
        "match": matcher.to_string(),
        "namespace": **namespace,
        "ingress": **ingress,
        "service": **service,
        "service_port": **service_port,
        "provenance": provenance.to_string(),
        "action": action_view(action),
        "policy": policy_view(policy),
    })
}

fn action_view(action: &Action) -> Value {
    match action {
        Action::Forward(Forward { backend, rewrite, upstream_host, forwarded_prefix }) => json!({
            "forward": backend_view(backend),
            "rewrite": rewrite.as_ref().map(rewrite_view),
            "upstream_host": upstream_host,
            "forwarded_prefix": forwarded_prefix.as_ref().map(|ForwardedPrefix(prefix)| template(prefix)),
        }),
        Action::Redirect(Redirect { status, location }) => json!({ "redirect": status, "location": location }),
        Action::Refuse(Refusal { status, code, reason }) => json!({ "refuse": status, "code": code, "reason": reason }),
    }
}

fn backend_view(backend: &Backend) -> Value {
    let Backend { id, protocol, balance, keep_alive } = backend;
    json!({
        "backend": backend_id(id),
        "protocol": format!("{protocol:?}"),
        "balance": format!("{balance:?}"),
        "keep_alive": format!("{keep_alive:?}"),
    })
}

fn rewrite_view(rewrite: &Rewrite) -> Value {
    let Rewrite { pattern, target } = rewrite;
    let (kind, text) = match target {
        RewriteTarget::Path(path) => ("path", template(path)),
        RewriteTarget::Redirect(url) => ("redirect", template(url)),
    };
    json!({ "pattern": pattern.source(), "to": kind, "target": text })
}

/// A template as its author wrote it.
fn template(template: &Template) -> String {
    let piece = |part: &TemplatePart| match part {
        TemplatePart::Literal(text) => text.clone(),
        TemplatePart::Capture(number) => format!("${{{number}}}"),
    };
    template.parts.iter().map(piece).collect()
}

fn policy_view(policy: &RoutePolicy) -> Value {
    let RoutePolicy { ssl_redirect, body_limit, timeouts, retry, access, access_log } = policy;
    let Access { deny, allow } = access;
    let list = |networks: &Networks| networks.iter().map(ToString::to_string).collect::<Vec<_>>();
    let SslRedirect { when, status, trailing_slash } = ssl_redirect;
    let Timeouts { connect, read, send } = timeouts;
    json!({
        "ssl_redirect": { "when": format!("{when:?}"), "status": status, "slash": format!("{trailing_slash:?}") },
        "body_limit": body_limit,
        "access": { "deny": list(deny), "allow": allow.as_ref().map(list) },
        "timeout_seconds": {
            "connect": connect.as_secs_f64(), "read": read.as_secs_f64(), "send": send.as_secs_f64(),
        },
        "retry": format!("{retry:?}"),
        "access_log": access_log,
    })
}

/// `namespace/service:port`.
pub(super) fn backend_id(id: &crate::ir::BackendId) -> String {
    format!("{}/{}:{}", id.namespace, id.service, id.port)
}
