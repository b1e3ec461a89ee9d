//! What the annotations of one Ingress ask for, typed.

use crate::ir::backend::{Balance, Protocol};
use crate::ir::filter::{RewriteTarget, Template};
use crate::ir::policy::{RoutePolicy, SslRedirectWhen};
use crate::ir::{Redirect, Refusal};

use super::catalogue::Scope;

/// The ConfigMap's values, which annotations override.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defaults {
    /// The policy of a route without annotations; its `ssl_redirect.when` follows from the next field.
    pub route: RoutePolicy,
    pub https: HttpsDefaults,
    pub balance: Balance,
    pub endpoints: EndpointMode,
    /// Whether `proxy-next-upstream` always holds `non_idempotent` (`retry-non-idempotent`).
    pub retry_non_idempotent: bool,
}

impl Default for Defaults {
    /// ingress-nginx's defaults.
    fn default() -> Self {
        Self {
            route: RoutePolicy::default(),
            https: HttpsDefaults::default(),
            balance: Balance::default(),
            endpoints: EndpointMode::Pods,
            retry_non_idempotent: false,
        }
    }
}

/// The two switches that decide when plain HTTP is redirected; each has an annotation of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpsDefaults {
    /// `ssl-redirect`.
    pub redirect: bool,
    /// `force-ssl-redirect`.
    pub force: bool,
}

impl Default for HttpsDefaults {
    fn default() -> Self {
        Self { redirect: true, force: false }
    }
}

impl HttpsDefaults {
    /// What both switches together mean.
    #[must_use]
    pub const fn when(self) -> SslRedirectWhen {
        if self.force {
            SslRedirectWhen::Always
        } else if self.redirect {
            SslRedirectWhen::CertificateConfigured
        } else {
            SslRedirectWhen::Never
        }
    }
}

/// What the annotations of one Ingress ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngressPolicy {
    pub route: RoutePolicy,
    pub paths: PathSyntax,
    /// `rewrite-target`, with its text: on a path that equals it, it is not active.
    pub rewrite: Option<RewriteRule>,
    pub app_root: Option<String>,
    pub redirect: Option<Redirect>,
    pub forwarded_prefix: Option<Template>,
    pub upstream_host: Option<HostTemplate>,
    /// `None` leaves it to the Service port's `appProtocol`.
    pub protocol: Option<Protocol>,
    pub balance: Balance,
    pub endpoints: EndpointMode,
    pub role: Role,
    pub global_auth: GlobalAuth,
    /// Why routes are refused; empty for nearly every Ingress.
    pub refusals: Vec<Refused>,
}

impl IngressPolicy {
    /// The policy of an Ingress without annotations.
    #[must_use]
    pub fn from_defaults(defaults: &Defaults) -> Self {
        Self {
            route: defaults.route.clone(),
            paths: PathSyntax::Literal,
            rewrite: None,
            app_root: None,
            redirect: None,
            forwarded_prefix: None,
            upstream_host: None,
            protocol: None,
            balance: defaults.balance,
            endpoints: defaults.endpoints,
            role: Role::Primary,
            global_auth: GlobalAuth::Applies,
            refusals: Vec::new(),
        }
    }

    /// Adds a reason to refuse everything in `scope`.
    pub fn refuse(&mut self, scope: Scope, refusal: Refusal) {
        self.refusals.push(Refused { scope, refusal });
    }
}

/// Why routes are refused, and which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub scope: Scope,
    pub refusal: Refusal,
}

/// How the paths of an Ingress are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathSyntax {
    /// As Kubernetes has it, by path type.
    Literal,
    /// As regular expressions (`use-regex`).
    Regex,
}

/// A rewrite before it meets a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RewriteRule {
    /// The annotation's value.
    pub text: String,
    pub target: RewriteTarget,
}

/// The `Host` sent upstream, with the names that are known at compile time still to be filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostTemplate(pub Vec<HostPart>);

/// A piece of a [`HostTemplate`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostPart {
    Literal(String),
    /// `$namespace`.
    Namespace,
    /// `$ingress_name`.
    Ingress,
    /// `$service_name`.
    Service,
    /// `$service_port`.
    ServicePort,
}

/// What a backend's endpoints are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EndpointMode {
    /// The ready addresses behind the Service.
    Pods,
    /// The Service's cluster address alone (`service-upstream`).
    ClusterAddress,
}

/// Whether an Ingress serves by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Primary,
    /// `canary: "true"`: it only takes a share of another Ingress's requests.
    Canary,
}

/// Whether the ConfigMap's `global-auth-url` guards an Ingress (`enable-global-auth`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GlobalAuth {
    Applies,
    OptedOut,
}
