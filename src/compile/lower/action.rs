//! What a path's requests get: the backend it names, and what the annotations make of it.

use std::sync::Arc;

use k8s_openapi::api::core::v1::TypedLocalObjectReference;
use k8s_openapi::api::networking::v1::{IngressBackend, IngressServiceBackend, ServiceBackendPort};

use crate::annotations::policy::HostPart;
use crate::annotations::{GlobalAuth, HostTemplate, pattern};
use crate::ir::filter::{ForwardedPrefix, Rewrite, RewriteTarget, Template, TemplatePart};
use crate::ir::policy::RoutePolicy;
use crate::ir::route::RouteLabels;
use crate::ir::{Action, Backend, BackendId, Forward, HostPattern, Protocol, Refusal};

use super::super::service;
use super::{DEFAULT_BACKEND, Lowering, PathText, RouteParts};

impl Lowering<'_> {
    /// The route of a path, or of a default backend. `None`, and reported, if the backend is none that is served.
    pub(super) fn route(
        &mut self,
        text: &PathText,
        host: &HostPattern,
        backend: &IngressBackend,
        field: &str,
    ) -> Option<RouteParts> {
        let id = self.backend_id(backend, field)?;
        let protocol = self.protocol(&id, field);
        let labels = RouteLabels {
            namespace: self.ingress.namespace.clone(),
            ingress: self.ingress.name.clone(),
            service: Arc::clone(&id.service),
            service_port: Arc::clone(&id.port),
            host: host.to_string().into(),
            path: text.raw().into(),
        };
        self.backends.push((id.clone(), self.policy.endpoints));
        let backend =
            Backend { id, protocol, balance: self.policy.balance, keep_alive: self.environment.live.keep_alive };
        let action = self.action(text, Arc::new(backend), field);
        Some(RouteParts { action, policy: self.policy_for(text), labels, provenance: self.ingress.field(field) })
    }

    fn backend_id(&mut self, backend: &IngressBackend, field: &str) -> Option<BackendId> {
        let IngressBackend { resource, service } = backend;
        match (service, resource) {
            (Some(service), None) => self.service_id(service, field),
            (Some(service), Some(_)) => {
                let message = "both a service and a resource are named; the service is used";
                self.error("ambiguous-backend", &backend_field(field), message);
                self.service_id(service, field)
            }
            (None, Some(resource)) => {
                let TypedLocalObjectReference { api_group: _, kind, name } = resource;
                let message = format!(
                    "{kind} {name:?}: resource backends are not served; the path answers 404 if nothing else claims it"
                );
                self.error("resource-backend", &format!("{}.resource", backend_field(field)), message);
                None
            }
            (None, None) => {
                self.error("missing-backend", &backend_field(field), "no backend is named; the path is not served");
                None
            }
        }
    }

    fn service_id(&mut self, service: &IngressServiceBackend, field: &str) -> Option<BackendId> {
        let IngressServiceBackend { name, port } = service;
        let ServiceBackendPort { name: port_name, number } = port.clone().unwrap_or_default();
        let port = match (number, port_name.filter(|name| !name.is_empty())) {
            (Some(number), None) => number.to_string(),
            (None, Some(name)) => name,
            (Some(number), Some(_)) => {
                let message = format!("both a number and a name are given; the number {number} is used");
                self.error("ambiguous-backend", &format!("{}.service.port", backend_field(field)), message);
                number.to_string()
            }
            (None, None) => {
                let message = format!("no port of Service {name:?} is named; the path is not served");
                self.error("missing-backend", &format!("{}.service.port", backend_field(field)), message);
                return None;
            }
        };
        Some(BackendId {
            namespace: Arc::clone(&self.ingress.namespace),
            service: name.as_str().into(),
            port: port.into(),
        })
    }

    /// What is spoken to the backend: the annotation decides, else the Service port's `appProtocol`.
    fn protocol(&mut self, id: &BackendId, field: &str) -> Protocol {
        let Some(found) = self.environment.snapshot.services.get(&id.namespace, &id.service) else {
            let message = format!("there is no Service {}/{}; requests answer 503", id.namespace, id.service);
            self.error("missing-service", &format!("{}.service.name", backend_field(field)), message);
            return self.policy.protocol.unwrap_or_default();
        };
        let by_service = || service::find_port(found, &id.port).and_then(service::app_protocol);
        self.policy.protocol.or_else(by_service).unwrap_or_default()
    }

    fn policy_for(&self, text: &PathText) -> Arc<RoutePolicy> {
        let exempt = self.environment.live.no_tls_redirect.iter().any(|start| text.raw().starts_with(start.as_str()));
        Arc::clone(if exempt { &self.policies.plain } else { &self.policies.usual })
    }

    fn action(&mut self, text: &PathText, backend: Arc<Backend>, field: &str) -> Action {
        if let Some(refusal) = self.refusal(text) {
            return Action::Refuse(refusal);
        }
        if let Some(redirect) = &self.policy.redirect {
            return Action::Redirect(redirect.clone());
        }
        let upstream_host = match self.upstream_host(&backend.id) {
            Ok(host) => host,
            Err(refusal) => return Action::Refuse(refusal),
        };
        let rewrite = match self.rewrite(text, field) {
            Ok(rewrite) => rewrite,
            Err(refusal) => return Action::Refuse(refusal),
        };
        let prefix = self.policy.forwarded_prefix.clone().filter(|_| rewrite.is_some());
        Action::Forward(Forward { backend, rewrite, upstream_host, forwarded_prefix: prefix.map(ForwardedPrefix) })
    }

    /// Why this path is refused, if it is: by its own annotations or by the ConfigMap.
    fn refusal(&self, text: &PathText) -> Option<Refusal> {
        let guards = &self.environment.live.guards;
        let open = || guards.no_auth.iter().any(|start| text.raw().starts_with(start.as_str()));
        let authentication = || match self.policy.global_auth {
            GlobalAuth::Applies if !open() => guards.authentication.as_ref(),
            GlobalAuth::Applies | GlobalAuth::OptedOut => None,
        };
        let own = self.policy.refusals.first().map(|refused| &refused.refusal);
        own.or(guards.everything.as_ref()).or_else(authentication).cloned()
    }

    fn rewrite(&mut self, text: &PathText, field: &str) -> Result<Option<Rewrite>, Refusal> {
        let Some(rule) = self.policy.rewrite.clone().filter(|rule| rule.text != text.raw()) else { return Ok(None) };
        match pattern::rewrite(text.raw()) {
            Ok(pattern) => {
                self.check_captures(&rule.target, &pattern, field);
                Ok(Some(Rewrite { pattern, target: rule.target }))
            }
            // The matcher has the same trouble, and reports it.
            Err(error) => Err(Refusal { status: 503, code: error.code(), reason: error.to_string() }),
        }
    }

    /// Reports captures that the path has no group for; they are empty, as in nginx.
    fn check_captures(&mut self, target: &RewriteTarget, pattern: &crate::ir::Pattern, field: &str) {
        let (RewriteTarget::Path(template) | RewriteTarget::Redirect(template)) = target;
        let groups = pattern.regex().group_info().group_len(regex_automata::PatternID::ZERO).saturating_sub(1);
        if let Some(missing) = highest_capture(template).filter(|highest| usize::from(*highest) > groups) {
            let message =
                format!("rewrite-target uses ${missing}, but the path has {groups} groups; it is filled in empty");
            self.warn("missing-capture", &format!("{field}.path"), message);
        }
    }

    fn upstream_host(&self, id: &BackendId) -> Result<Option<String>, Refusal> {
        let Some(HostTemplate(parts)) = &self.policy.upstream_host else { return Ok(None) };
        let mut host = String::new();
        for part in parts {
            host.push_str(match part {
                HostPart::Literal(text) => text,
                HostPart::Namespace => &self.ingress.namespace,
                HostPart::Ingress => &self.ingress.name,
                HostPart::Service => &id.service,
                HostPart::ServicePort => &id.port,
            });
        }
        let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'[' | b']');
        if !host.is_empty() && host.bytes().all(legal) {
            return Ok(Some(host));
        }
        let reason = format!("upstream-vhost gives {host:?}, which is no host name");
        Err(Refusal { status: 503, code: "invalid-upstream-vhost", reason })
    }
}

/// The field of the backend of a path, or of a default backend, which is one itself.
fn backend_field(field: &str) -> String {
    if field == DEFAULT_BACKEND { field.to_owned() } else { format!("{field}.backend") }
}

fn highest_capture(template: &Template) -> Option<u8> {
    let captures = template.parts.iter().filter_map(|part| match part {
        TemplatePart::Capture(number) => Some(*number),
        TemplatePart::Literal(_) => None,
    });
    captures.max()
}
