//! One Ingress by itself: its rules with everything decided that does not depend on other Ingresses.
//!
//! Hosts and paths are read, backends looked up, annotations applied. What other Ingresses of the same host decide
//! (regular expressions or not, who claims a path, whether the host is refused) is left to `routes`.

mod action;
mod path;
mod tls;

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::networking::v1::{
    HTTPIngressPath, Ingress, IngressBackend, IngressRule, IngressSpec, IngressTLS,
};

use crate::annotations::{self, EndpointMode, IngressPolicy, PathSyntax, Role, Scope, Source};
use crate::diagnostic::Diagnostic;
use crate::ir::policy::{RoutePolicy, SslRedirectWhen};
use crate::ir::route::RouteLabels;
use crate::ir::{Action, BackendId, HostPattern, ObjectRef, Provenance, Refusal};
use crate::settings::Objects;
use crate::snapshot::Snapshot;

use super::age::Age;
use super::class;
use super::configmap::Live;

pub(super) use path::{PathKind, PathText};
pub(super) use tls::{TlsEntry, TlsSection};

/// The field of an Ingress's default backend.
const DEFAULT_BACKEND: &str = "spec.defaultBackend";

/// One Ingress, lowered.
#[derive(Debug)]
pub(super) struct Lowered {
    pub(super) ingress: ObjectRef,
    pub(super) age: Age,
    pub(super) app_root: Option<String>,
    /// The paths of its rules by host; a host without paths is one of its own too.
    pub(super) rules: Rules,
    /// For the paths of its own hosts that nothing claims.
    pub(super) default_backend: Option<Box<Fallback>>,
    /// For the hosts that nothing claims: the default backend of an Ingress without rules.
    pub(super) catch_all: Option<Box<Fallback>>,
    /// Why every route of its hosts is refused.
    pub(super) host_refusal: Option<Refusal>,
    pub(super) tls: TlsSection,
    /// The backends its routes refer to.
    pub(super) backends: Vec<(BackendId, EndpointMode)>,
    /// Paths that made nothing.
    pub(super) dropped: usize,
    pub(super) diagnostics: Vec<Diagnostic>,
}

impl Lowered {
    /// Its hosts, each once.
    pub(super) fn patterns(&self) -> impl Iterator<Item = &HostPattern> {
        self.rules.keys().chain(self.catch_all.iter().map(|_| &HostPattern::Any))
    }
}

/// Paths by host.
pub(super) type Rules = BTreeMap<HostPattern, Vec<Path>>;

/// One path of a rule, all but its matcher.
#[derive(Debug)]
pub(super) struct Path {
    pub(super) text: PathText,
    /// Whether the path is a regular expression on its own account, which makes all paths of the host be ones.
    pub(super) syntax: PathSyntax,
    pub(super) route: RouteParts,
}

/// A route before it has a matcher.
#[derive(Debug, Clone)]
pub(super) struct RouteParts {
    pub(super) action: Action,
    pub(super) policy: Arc<RoutePolicy>,
    pub(super) labels: RouteLabels,
    pub(super) provenance: Provenance,
}

/// A default backend.
#[derive(Debug)]
pub(super) struct Fallback {
    pub(super) route: RouteParts,
    pub(super) syntax: PathSyntax,
}

/// What lowering reads besides the Ingress.
#[derive(Clone, Copy)]
pub(super) struct Environment<'a> {
    pub(super) objects: &'a Objects,
    pub(super) live: &'a Live,
    pub(super) snapshot: &'a Snapshot,
}

/// Lowers one Ingress.
pub(super) fn lower(ingress: &Ingress, environment: Environment<'_>) -> Lowered {
    let reference = class::reference(ingress);
    let empty = BTreeMap::new();
    let (policy, diagnostics) = annotations::parse(&Source {
        annotations: ingress.metadata.annotations.as_ref().unwrap_or(&empty),
        prefix: &environment.objects.annotations_prefix,
        ingress: &reference,
        defaults: &environment.live.defaults,
    });
    let mut lowering = Lowering {
        age: Age::of(ingress),
        policies: Policies::new(&policy),
        environment,
        policy,
        backends: Vec::new(),
        dropped: 0,
        diagnostics,
        ingress: reference,
    };
    let nothing = IngressSpec::default();
    let IngressSpec { default_backend, ingress_class_name: _, rules, tls } = ingress.spec.as_ref().unwrap_or(&nothing);
    let parts = match lowering.policy.role {
        Role::Primary => lowering.parts(rules.as_deref().unwrap_or_default(), default_backend.as_ref()),
        Role::Canary => {
            lowering.dropped = rules.iter().flatten().map(path_count).sum();
            Parts::default()
        }
    };
    lowering.finish(parts, tls.as_deref().unwrap_or_default())
}

fn path_count(rule: &IngressRule) -> usize {
    rule.http.as_ref().map_or(0, |http| http.paths.len())
}

#[derive(Default)]
struct Parts {
    rules: Rules,
    default_backend: Option<Box<Fallback>>,
    catch_all: Option<Box<Fallback>>,
}

/// The state of lowering one Ingress.
struct Lowering<'a> {
    environment: Environment<'a>,
    ingress: ObjectRef,
    age: Age,
    policy: IngressPolicy,
    policies: Policies,
    backends: Vec<(BackendId, EndpointMode)>,
    dropped: usize,
    diagnostics: Vec<Diagnostic>,
}

/// The two policies that the routes of an Ingress share.
struct Policies {
    usual: Arc<RoutePolicy>,
    /// For paths that are never redirected to HTTPS.
    plain: Arc<RoutePolicy>,
}

impl Policies {
    fn new(policy: &IngressPolicy) -> Self {
        let usual = Arc::new(policy.route.clone());
        let mut plain = policy.route.clone();
        plain.ssl_redirect.when = SslRedirectWhen::Never;
        Self { plain: if plain == *usual { Arc::clone(&usual) } else { Arc::new(plain) }, usual }
    }
}

impl Lowering<'_> {
    fn parts(&mut self, rules: &[IngressRule], default_backend: Option<&IngressBackend>) -> Parts {
        if rules.is_empty() && default_backend.is_none() {
            let message = "it has neither rules nor a default backend; nothing of it is served";
            self.error("empty-ingress", "spec", message);
        }
        let mut parts = Parts::default();
        if let Some(backend) = default_backend {
            if rules.is_empty() {
                parts.catch_all = self.catch_all(backend);
            } else {
                parts.default_backend = self.default_backend(backend);
            }
        }
        for (index, rule) in rules.iter().enumerate() {
            if let Some(host) = self.host(index, rule) {
                let paths = self.paths(index, rule, &host);
                parts.rules.entry(host).or_default().extend(paths);
            }
        }
        parts
    }

    /// An Ingress without rules. Its rewrite and its redirect do not apply, as in ingress-nginx: they were not meant
    /// for every host there is.
    fn catch_all(&mut self, backend: &IngressBackend) -> Option<Box<Fallback>> {
        if self.environment.objects.disable_catch_all {
            let message = "--disable-catch-all is set; an Ingress without rules is not served";
            self.warn("catch-all-disabled", DEFAULT_BACKEND, message);
            self.dropped += 1;
            return None;
        }
        self.policy.rewrite = None;
        self.policy.redirect = None;
        self.default_backend(backend)
    }

    fn default_backend(&mut self, backend: &IngressBackend) -> Option<Box<Fallback>> {
        let text = PathText::root();
        let route = self.route(&text, &HostPattern::Any, backend, DEFAULT_BACKEND)?;
        Some(Box::new(Fallback { route, syntax: self.syntax_of(&text) }))
    }

    /// The host of a rule; `None`, and reported, if the rule is not served.
    fn host(&mut self, index: usize, rule: &IngressRule) -> Option<HostPattern> {
        let written = rule.host.as_deref().unwrap_or_default();
        let Some(host) = HostPattern::parse(written) else {
            let message = format!("{written:?} is neither a host name nor *. and one; the rule is not served");
            self.error("invalid-host", &format!("spec.rules[{index}].host"), message);
            self.dropped += path_count(rule);
            return None;
        };
        if host == HostPattern::Any && self.environment.objects.disable_catch_all {
            let message = "--disable-catch-all is set; a rule without host is not served";
            self.warn("catch-all-disabled", &format!("spec.rules[{index}]"), message);
            self.dropped += path_count(rule);
            return None;
        }
        Some(host)
    }

    fn paths(&mut self, index: usize, rule: &IngressRule, host: &HostPattern) -> Vec<Path> {
        let IngressRule { host: _, http } = rule;
        let paths = http.as_ref().map(|http| http.paths.as_slice()).unwrap_or_default();
        let lowered = paths.iter().enumerate().filter_map(|(at, path)| {
            let lowered = self.path(host, path, &format!("spec.rules[{index}].http.paths[{at}]"));
            self.dropped += usize::from(lowered.is_none());
            lowered
        });
        lowered.collect()
    }

    fn path(&mut self, host: &HostPattern, path: &HTTPIngressPath, field: &str) -> Option<Path> {
        let HTTPIngressPath { backend, path, path_type } = path;
        let text = match PathText::read(path.as_deref().unwrap_or_default(), path_type) {
            Ok(text) => text,
            Err(why) => {
                self.error(
                    "invalid-path",
                    &format!("{field}.{}", why.field()),
                    format!("{why}; the path is not served"),
                );
                return None;
            }
        };
        let route = self.route(&text, host, backend, field)?;
        Some(Path { syntax: self.syntax_of(&text), text, route })
    }

    /// Whether this path makes its host one of regular expressions: by `use-regex`, or by a rewrite that is active.
    fn syntax_of(&self, text: &PathText) -> PathSyntax {
        let rewritten = self.policy.rewrite.as_ref().is_some_and(|rewrite| rewrite.text != text.raw());
        if rewritten { PathSyntax::Regex } else { self.policy.paths }
    }

    fn error(&mut self, code: &'static str, field: &str, message: impl Into<String>) {
        self.diagnostics.push(Diagnostic::error(code, self.ingress.field(field), message));
    }

    fn warn(&mut self, code: &'static str, field: &str, message: impl Into<String>) {
        self.diagnostics.push(Diagnostic::warning(code, self.ingress.field(field), message));
    }

    fn finish(mut self, mut parts: Parts, tls: &[IngressTLS]) -> Lowered {
        let tls = self.tls_section(tls, &parts.rules);
        self.backends.sort();
        self.backends.dedup();
        // What is kept for as long as the Ingress is has no spare room.
        self.backends.shrink_to_fit();
        self.diagnostics.shrink_to_fit();
        parts.rules.values_mut().for_each(Vec::shrink_to_fit);
        let host_refusal = self.policy.refusals.iter().find(|refused| refused.scope == Scope::Host);
        Lowered {
            age: self.age,
            app_root: self.policy.app_root.take(),
            rules: parts.rules,
            default_backend: parts.default_backend,
            catch_all: parts.catch_all,
            host_refusal: host_refusal.map(|refused| refused.refusal.clone()),
            tls,
            backends: self.backends,
            dropped: self.dropped,
            diagnostics: self.diagnostics,
            ingress: self.ingress,
        }
    }
}
