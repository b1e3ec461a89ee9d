//! `backend-protocol`, `upstream-vhost`, `load-balance` and `service-upstream`: how a backend is spoken to.

use crate::ir::Refusal;
use crate::ir::backend::{Balance, Protocol};

use super::catalogue::{Annotation, Class, Idle, Scope, Support};
use super::policy::{EndpointMode, HostPart, HostTemplate, IngressPolicy};
use super::{Family, Values};

pub(super) struct Backends;

impl Family for Backends {
    fn title(&self) -> &'static str {
        "Backends"
    }

    fn annotations(&self) -> &'static [Annotation] {
        ROWS
    }

    fn apply(&self, values: &mut Values<'_>, policy: &mut IngressPolicy) {
        backend_protocol(values, policy);
        upstream_vhost(values, policy);
        load_balance(values, policy);
        match values.boolean("service-upstream") {
            Some(true) => policy.endpoints = EndpointMode::ClusterAddress,
            Some(false) => policy.endpoints = EndpointMode::Pods,
            None => {}
        }
    }
}

const ROWS: &[Annotation] = &[
    Annotation::new(
        "backend-protocol",
        Class::A,
        Scope::Route,
        "HTTP",
        Support::Supported,
        "HTTP, HTTPS, GRPC or GRPCS; certificates are not verified; AUTO_HTTP and FCGI answer 503",
    ),
    Annotation::new(
        "upstream-vhost",
        Class::B,
        Scope::Route,
        "",
        Support::Supported,
        "The Host header sent upstream; `$namespace`, `$ingress_name`, `$service_name` and `$service_port` are filled in",
    ),
    Annotation::new("load-balance", Class::B, Scope::Route, "round_robin", Support::Supported, "round_robin or ewma"),
    Annotation::new(
        "service-upstream",
        Class::B,
        Scope::Route,
        "false",
        Support::Supported,
        "Requests go to the Service's cluster address instead of its endpoints",
    ),
    Annotation::new(
        "proxy-http-version",
        Class::C,
        Scope::Route,
        "1.1",
        Support::Missing(Idle::Word("1.1")),
        "The HTTP version spoken to the backend, which is 1.1 here",
    ),
    Annotation::new(
        "connection-proxy-header",
        Class::C,
        Scope::Route,
        "",
        Support::Missing(Idle::Word("keep-alive")),
        "The Connection header sent upstream",
    ),
];

fn backend_protocol(values: &mut Values<'_>, policy: &mut IngressPolicy) {
    const NAME: &str = "backend-protocol";
    const CODE: &str = "unsupported-backend-protocol";
    let Some(text) = values.text(NAME) else { return };
    match text.to_ascii_uppercase().as_str() {
        "HTTP" => policy.protocol = Some(Protocol::Http1),
        "HTTPS" => policy.protocol = Some(Protocol::Http1Tls),
        "GRPC" => policy.protocol = Some(Protocol::Http2),
        "GRPCS" => policy.protocol = Some(Protocol::Http2Tls),
        "AUTO_HTTP" | "FCGI" => {
            let message =
                format!("{text} is not supported: this Ingress's routes answer 503; use HTTP, HTTPS, GRPC or GRPCS");
            values.error(NAME, CODE, message);
            let reason = format!("backend protocol {text} is not supported");
            policy.refuse(Scope::Route, Refusal { status: 503, code: CODE, reason });
        }
        _ => values.invalid(NAME, "is none of HTTP, HTTPS, GRPC and GRPCS"),
    }
}

fn load_balance(values: &mut Values<'_>, policy: &mut IngressPolicy) {
    const NAME: &str = "load-balance";
    let Some(text) = values.text(NAME) else { return };
    match parse_balance(text) {
        Some(balance) => policy.balance = balance,
        None => values.invalid(NAME, "is neither round_robin nor ewma"),
    }
}

/// Reads a balancing algorithm by ingress-nginx's name.
#[must_use]
pub fn parse_balance(text: &str) -> Option<Balance> {
    match text {
        "round_robin" => Some(Balance::RoundRobin),
        "ewma" => Some(Balance::Ewma),
        _ => None,
    }
}

fn upstream_vhost(values: &mut Values<'_>, policy: &mut IngressPolicy) {
    const NAME: &str = "upstream-vhost";
    const CODE: &str = "invalid-upstream-vhost";
    let Some(text) = values.text(NAME) else { return };
    match parse_host(text) {
        Ok(host) => policy.upstream_host = host,
        Err(why) => {
            let message = format!("{text:?} {why}; this Ingress's routes answer 503 rather than ask for another host");
            values.error(NAME, CODE, message);
            let reason = format!("{} {why}", values.key(NAME));
            policy.refuse(Scope::Route, Refusal { status: 503, code: CODE, reason });
        }
    }
}

/// Reads a `Host` value with variables. `$host` and `$http_host` alone mean the client's, which is `None`.
fn parse_host(text: &str) -> Result<Option<HostTemplate>, String> {
    if matches!(text, "$host" | "$http_host" | "$best_http_host") {
        return Ok(None);
    }
    let mut pieces = text.split('$');
    let mut parts = Vec::new();
    push_literal(&mut parts, pieces.next().unwrap_or_default())?;
    for piece in pieces {
        let piece = piece.replace(['{', '}'], "");
        let length = piece.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
        let (name, literal) = piece.split_at_checked(length).unwrap_or((piece.as_str(), ""));
        parts.push(match name {
            "namespace" => HostPart::Namespace,
            "ingress_name" => HostPart::Ingress,
            "service_name" => HostPart::Service,
            "service_port" => HostPart::ServicePort,
            other => return Err(format!("holds the variable ${other}, which is not filled in")),
        });
        push_literal(&mut parts, literal)?;
    }
    Ok(Some(HostTemplate(parts)))
}

fn push_literal(parts: &mut Vec<HostPart>, literal: &str) -> Result<(), String> {
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'[' | b']');
    if !literal.bytes().all(legal) {
        return Err(String::from("is not a host name with an optional port"));
    }
    if !literal.is_empty() {
        parts.push(HostPart::Literal(literal.to_owned()));
    }
    Ok(())
}
