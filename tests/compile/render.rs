//! A compiled configuration as text, for people to read and for goldens to compare. Defaults are left out.

use std::fmt::Write as _;

use landfall::compile::{Compiled, IngressStatus};
use landfall::ir::backend::KeepAlive;
use landfall::ir::filter::{ForwardedPrefix, Rewrite, RewriteTarget, Template, TemplatePart};
use landfall::ir::host::HostTls;
use landfall::ir::policy::RoutePolicy;
use landfall::ir::{
    Action, Balance, Config, EndpointSource, Forward, HostPattern, ListenerPolicy, PathMatcher, Protocol, Redirect,
    Refusal, Route, VirtualHost,
};

pub(crate) fn compiled(compiled: &Compiled) -> String {
    let mut text = config(&compiled.config);
    text.push_str("\nENDPOINTS\n");
    for (id, source) in compiled.endpoints.iter() {
        let source = match source {
            EndpointSource::Addresses(endpoints) if endpoints.is_empty() => String::from("none"),
            EndpointSource::Addresses(endpoints) => {
                endpoints.iter().map(|endpoint| endpoint.address.to_string()).collect::<Vec<_>>().join(" ")
            }
            EndpointSource::Name { host, port } => format!("name {host} port {port}"),
        };
        let _ = writeln!(text, "{}/{}:{} = {source}", id.namespace, id.service, id.port);
    }
    text.push_str("\nCERTIFICATES\n");
    for (pattern, certificate) in compiled.certificates.iter() {
        let names: Vec<String> = certificate.names().iter().map(ToString::to_string).collect();
        let kind = if pattern == HostPattern::Any { "default" } else { &pattern.to_string() };
        let _ = writeln!(text, "{kind} = {}", names.join(" "));
    }
    text.push_str("\nSTATUSES\n");
    compiled.statuses.iter().for_each(|status| text.push_str(&status_line(status)));
    text.push_str("\nDIAGNOSTICS\n");
    for diagnostic in compiled.diagnostics.iter() {
        let _ = writeln!(text, "{diagnostic}");
    }
    text
}

fn status_line(status: &IngressStatus) -> String {
    let IngressStatus { ingress, verdict, hosts, served, refused, dropped } = status;
    let hosts = if hosts.is_empty() { String::new() } else { format!(" on {}", hosts.join(" ")) };
    format!("{ingress}: {verdict}{hosts} (served {served}, refused {refused}, dropped {dropped})\n")
}

fn config(config: &Config) -> String {
    let mut text = String::from("CONFIG\n");
    if config.listener != ListenerPolicy::default() {
        let _ = writeln!(text, "listener {:#?}", config.listener);
    }
    config.hosts.iter().for_each(|host| text.push_str(&virtual_host(host)));
    if let Some(fallback) = &config.fallback {
        let _ = writeln!(text, "fallback {}", route(fallback));
    }
    text
}

fn virtual_host(host: &VirtualHost) -> String {
    let VirtualHost { pattern, tls, app_root, routes, fallback } = host;
    let tls = if *tls == HostTls::Configured { " tls" } else { "" };
    let mut text = format!("host {pattern}{tls}\n");
    if let Some(root) = app_root {
        let _ = writeln!(text, "  app-root {root}");
    }
    for claimed in routes {
        assert_eq!(*claimed.labels.host, *pattern.to_string(), "labels name the host");
        let _ = writeln!(text, "  {}", route(claimed));
    }
    if let Some(fallback) = fallback {
        let _ = writeln!(text, "  fallback {}", route(fallback));
    }
    text
}

fn route(route: &Route) -> String {
    let matcher = match &route.matcher {
        PathMatcher::Exact(_) | PathMatcher::Prefix(_) => route.matcher.to_string(),
        PathMatcher::Regex { path, pattern } => format!("regex {path} as {}", pattern.source()),
    };
    let action = match &route.action {
        Action::Forward(to) => forward(to),
        Action::Redirect(Redirect { status, location }) => format!("redirect {status} {location}"),
        Action::Refuse(Refusal { status, code, reason }) => format!("refuse {status} [{code}] {reason}"),
    };
    format!("{matcher} -> {action}{}  # {}", policy(&route.policy), route.provenance)
}

fn forward(forward: &Forward) -> String {
    let Forward { backend, rewrite, upstream_host, forwarded_prefix } = forward;
    let id = &backend.id;
    let mut text = format!("{}/{}:{}", id.namespace, id.service, id.port);
    match backend.protocol {
        Protocol::Http1 => {}
        Protocol::Http1Tls | Protocol::Http2 | Protocol::Http2Tls => {
            let _ = write!(text, " by {:?}", backend.protocol);
        }
    }
    if backend.balance != Balance::RoundRobin {
        let _ = write!(text, " {:?}", backend.balance);
    }
    if backend.keep_alive != KeepAlive::default() {
        let _ = write!(text, " {:?}", backend.keep_alive);
    }
    if let Some(Rewrite { pattern, target }) = rewrite {
        let target = match target {
            RewriteTarget::Path(to) => template(to),
            RewriteTarget::Redirect(to) => format!("302 {}", template(to)),
        };
        let _ = write!(text, " rewrite {} to {target}", pattern.source());
    }
    if let Some(ForwardedPrefix(prefix)) = forwarded_prefix {
        let _ = write!(text, " prefix {}", template(prefix));
    }
    if let Some(host) = upstream_host {
        let _ = write!(text, " host {host}");
    }
    text
}

fn template(template: &Template) -> String {
    let parts = template.parts.iter().map(|part| match part {
        TemplatePart::Literal(text) => text.clone(),
        TemplatePart::Capture(number) => format!("<{number}>"),
    });
    parts.collect()
}

fn policy(policy: &RoutePolicy) -> String {
    let RoutePolicy { ssl_redirect, body_limit, timeouts, retry, access, access_log } = policy;
    let default = RoutePolicy::default();
    let mut text = String::new();
    if *ssl_redirect != default.ssl_redirect {
        let _ = write!(text, " {ssl_redirect:?}");
    }
    for (word, networks) in [("deny", Some(&access.deny)), ("allow", access.allow.as_ref())] {
        if let Some(networks) = networks.filter(|networks| !networks.is_empty()) {
            let list: Vec<_> = networks.iter().map(ToString::to_string).collect();
            let _ = write!(text, " {word} {}", list.join(","));
        }
    }
    if *body_limit != default.body_limit {
        let _ = write!(text, " body {body_limit:?}");
    }
    if *timeouts != default.timeouts {
        let _ = write!(text, " {timeouts:?}");
    }
    if *retry != default.retry {
        let _ = write!(text, " {retry:?}");
    }
    if !access_log {
        text.push_str(" unlogged");
    }
    text
}
