//! What happens to a request, and why: the data plane's own plan, with every candidate that lost beside it.
//!
//! A pure function of the live state and the request; the admin server and the command line both call it, the latter
//! with a state made from a folder.

mod asked;
mod text;

pub use asked::{AskError, ExplainRequest};
pub use text::{Colour, render_text};

use std::net::IpAddr;

use serde::Serialize;

use super::config::backend_id;
use crate::ir::access::{Access, Denial, Networks};
use crate::ir::{HostPattern, Route};
use crate::live::State;
use crate::request::{self, Client, ForwardPlan, Outcome, Plan, Target};
use crate::table;

/// What happens to a request.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// The generation that answers; 0 before anything is published.
    pub generation: u64,
    /// `GET http://host/path`, as it was asked about.
    pub request: String,
    /// How host and path are matched; `None` for a request that is refused before.
    pub matching: Option<table::Explanation>,
    pub client: Option<ClientFacts>,
    pub route: Option<RouteFacts>,
    pub outcome: Answer,
    /// The certificate that a client gets which asks for this host; `None` if there is none at all.
    pub certificate: Option<CertificateFacts>,
}

/// Who the request is taken to come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClientFacts {
    pub address: String,
    pub scheme: &'static str,
    pub port: u16,
    /// Whether forwarded headers of this peer are believed.
    pub forwarded_headers: Trust,
}

/// Whether a peer's forwarded headers count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trust {
    Believed,
    Replaced,
}

/// The route that claims the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RouteFacts {
    pub namespace: String,
    pub ingress: String,
    pub host: String,
    pub path: String,
    pub provenance: String,
}

/// How the request is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Answer {
    /// It is malformed, or its method is not served.
    Rejected {
        status: u16,
        code: &'static str,
    },
    /// Nothing claims it.
    NotFound {
        status: u16,
    },
    /// Its route cannot be honoured as configured.
    Refused {
        status: u16,
        code: &'static str,
        reason: String,
    },
    Redirected {
        status: u16,
        location: String,
    },
    Forwarded(Forwarding),
}

/// How a request is passed on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Forwarding {
    /// `namespace/service:port`.
    pub backend: String,
    pub protocol: String,
    pub balance: String,
    /// The `Host` that the backend sees.
    pub host: String,
    /// The request target that the backend sees.
    pub target: String,
    pub rewrite: RewriteOutcome,
    pub forwarded_prefix: Option<String>,
    /// What the route's access lists say of this client; `None` without lists.
    pub access: Option<AccessFacts>,
    /// Without any, the answer is 503.
    pub endpoints: Vec<String>,
}

/// What access lists say of a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AccessFacts {
    pub verdict: Verdict,
    pub deny: Vec<String>,
    /// `None` lets everyone in that is not denied.
    pub allow: Option<Vec<String>>,
}

/// Whether a client is let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Admitted,
    /// 403: on the list of those that are denied.
    Denied,
    /// 403: not on the list of those that are allowed.
    NotAllowed,
}

/// Where the forwarded target comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RewriteOutcome {
    /// The client's, octet for octet.
    AsReceived,
    /// The route's rewrite.
    Rewritten,
    /// There is no rewrite, but the client's has dot segments and is forwarded in canonical form.
    Canonical,
}

/// The certificate for a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CertificateFacts {
    /// The pattern that it is served for; `*` for the default certificate.
    pub served_for: String,
    pub names: Vec<String>,
    pub issuer: String,
    /// In seconds since 1970.
    pub not_before: i64,
    /// In seconds since 1970.
    pub not_after: i64,
    pub fingerprint: String,
}

/// Explains `asked` against a state.
#[must_use]
pub fn explain(state: &State, asked: &ExplainRequest) -> Explanation {
    let mut scratch = request::Scratch::default();
    let planned = request::plan(&state.table, asked.head(), &asked.peer(), &mut scratch);
    let mut explanation = Explanation {
        generation: state.generation,
        request: asked.to_string(),
        matching: None,
        client: None,
        route: None,
        outcome: Answer::NotFound { status: 404 },
        certificate: certificate(state, asked.server_name()),
    };
    match planned {
        Err(rejected) => {
            explanation.outcome = Answer::Rejected { status: rejected.status, code: rejected.code };
        }
        Ok(plan) => {
            explanation.matching = Some(table::explain(&state.table, &plan.host, scratch.path()));
            explanation.client = Some(client_facts(plan.client));
            explanation.route = plan.route.map(|route| route_facts(route));
            explanation.outcome = outcome(state, asked, &plan);
        }
    }
    explanation
}

fn outcome(state: &State, asked: &ExplainRequest, plan: &Plan<'_>) -> Answer {
    match &plan.outcome {
        Outcome::NotFound => Answer::NotFound { status: 404 },
        Outcome::Refuse(refusal) => {
            Answer::Refused { status: refusal.status, code: refusal.code, reason: refusal.reason.clone() }
        }
        Outcome::Redirect { status, location } => Answer::Redirected { status: *status, location: lossy(location) },
        Outcome::Forward(forward) => Answer::Forwarded(forwarding(state, asked, forward, plan.client.address)),
    }
}

fn forwarding(state: &State, asked: &ExplainRequest, plan: &ForwardPlan<'_>, client: IpAddr) -> Forwarding {
    let backend = &plan.forward.backend;
    let received = asked.head().effective_authority().unwrap_or_default();
    let (target, rewrite) = match (&plan.target, &plan.forward.rewrite) {
        (Target::Raw, _) => (asked.head().target.as_slice(), RewriteOutcome::AsReceived),
        (Target::Replaced(target), Some(_)) => (target.as_slice(), RewriteOutcome::Rewritten),
        (Target::Replaced(target), None) => (target.as_slice(), RewriteOutcome::Canonical),
    };
    let endpoints = state.endpoints.get(&backend.id);
    Forwarding {
        backend: backend_id(&backend.id),
        protocol: format!("{:?}", backend.protocol),
        balance: format!("{:?}", backend.balance),
        host: lossy(plan.forward.upstream_host.as_ref().map_or(received, |host| host.as_bytes())),
        target: lossy(target),
        rewrite,
        forwarded_prefix: plan.forwarded_prefix.as_deref().map(lossy),
        access: access_facts(&plan.route.policy.access, client),
        endpoints: endpoints.iter().flat_map(|list| list.iter()).map(|endpoint| endpoint.address.to_string()).collect(),
    }
}

fn access_facts(access: &Access, client: IpAddr) -> Option<AccessFacts> {
    let list = |networks: &Networks| networks.iter().map(ToString::to_string).collect::<Vec<_>>();
    let verdict = match access.admit(client) {
        Ok(()) => Verdict::Admitted,
        Err(Denial::Denied) => Verdict::Denied,
        Err(Denial::NotAllowed) => Verdict::NotAllowed,
    };
    let facts = AccessFacts { verdict, deny: list(&access.deny), allow: access.allow.as_ref().map(list) };
    (*access != Access::default()).then_some(facts)
}

fn client_facts(client: Client) -> ClientFacts {
    ClientFacts {
        address: client.address.to_string(),
        scheme: client.scheme.as_str(),
        port: client.port,
        forwarded_headers: if client.trusted { Trust::Believed } else { Trust::Replaced },
    }
}

fn route_facts(route: &Route) -> RouteFacts {
    RouteFacts {
        namespace: route.labels.namespace.to_string(),
        ingress: route.labels.ingress.to_string(),
        host: route.labels.host.to_string(),
        path: route.labels.path.to_string(),
        provenance: route.provenance.to_string(),
    }
}

fn certificate(state: &State, server_name: &str) -> Option<CertificateFacts> {
    let chosen = state.certificates.resolve(Some(server_name))?;
    let claims = |pattern: &HostPattern| match pattern {
        HostPattern::Exact(name) => name.as_str() == server_name,
        HostPattern::Wildcard(parent) => server_name.split_once('.').is_some_and(|(_, rest)| rest == parent.as_str()),
        HostPattern::Any => true,
    };
    let served_for = state.certificates.iter().map(|(pattern, _)| pattern).find(claims);
    Some(CertificateFacts {
        served_for: served_for.map_or_else(|| "*".to_owned(), |pattern| pattern.to_string()),
        names: chosen.names().iter().map(ToString::to_string).collect(),
        issuer: chosen.issuer_common_name().to_owned(),
        not_before: chosen.not_before().0,
        not_after: chosen.not_after().0,
        fingerprint: chosen.fingerprint().to_string(),
    })
}

fn lossy(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}
