//! Start-up settings: flags as typed, then as meant, checked once.
//!
//! [`Flags`] holds what was typed; every flag of ingress-nginx is known. [`Settings::from_flags`] reads all values, and
//! reports every wrong one rather than the first. Flags that nothing here acts on are in a table of their own, with
//! the reason, and give a note ([`without_effect`]).

mod check;
pub mod flags;
mod go;
mod local;
pub mod reporting;
mod selector;
pub mod without_effect;

use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use crate::ir::ObjectRef;
use crate::ir::listener::AccessLog;

pub use flags::{Flags, normalize_args};
pub use reporting::Reporting;

/// The settings of one process, as meant. Live settings are objects (the ConfigMap) and not here.
#[derive(Debug, Clone)]
pub struct Settings {
    pub source: Source,
    pub classes: Classes,
    pub objects: Objects,
    pub listen: Listen,
    pub logs: Logs,
    pub metrics: MetricSettings,
    pub shutdown: Shutdown,
    pub reporting: Reporting,
}

/// Where objects come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// `--manifests DIR`.
    Manifests(PathBuf),
    /// A cluster.
    Cluster(Cluster),
}

/// How a cluster's API server is reached, and what is asked of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cluster {
    /// `--kubeconfig`; without it and without an address, the pod's own service account is used.
    pub kubeconfig: Option<PathBuf>,
    /// `--apiserver-host`, as a URL: the address to use instead of the kubeconfig's. Without a kubeconfig nobody logs in.
    pub apiserver_host: Option<String>,
    /// `--certificate-authority`: whom to trust at `--apiserver-host`.
    pub certificate_authority: Option<PathBuf>,
    /// `--watch-namespace-selector`: only Ingresses of namespaces with such labels count; `None` is all.
    pub namespace_selector: Option<String>,
    /// `--sync-period`: everything is listed again after so long; `None` is never without a reason.
    pub sync_period: Option<Duration>,
}

/// Which Ingresses are ours.
#[derive(Debug, Clone)]
pub struct Classes {
    /// `--ingress-class`: the value of the old annotation.
    pub ingress_class: String,
    /// `--controller-class`: `spec.controller` of our IngressClasses.
    pub controller_class: String,
    /// `--ingress-class-by-name`: an IngressClass named as `--ingress-class` is ours whatever its controller.
    pub by_name: bool,
    /// `--watch-ingress-without-class`.
    pub without_class: bool,
}

/// Which objects count, and the names of special ones.
#[derive(Debug, Clone)]
pub struct Objects {
    /// `--watch-namespace`; `None` is all.
    pub namespace: Option<String>,
    /// `--configmap` (`namespace/name`).
    pub configmap: Option<ObjectRef>,
    /// `--default-backend-service`.
    pub default_backend: Option<ObjectRef>,
    /// `--default-ssl-certificate`.
    pub default_certificate: Option<ObjectRef>,
    /// `--annotations-prefix`, `nginx.ingress.kubernetes.io` by default.
    pub annotations_prefix: String,
    /// `--disable-catch-all`: Ingresses without host and default backends are ignored.
    pub disable_catch_all: bool,
    /// `--disable-svc-external-name`.
    pub disable_external_name: bool,
    /// Whether ExternalName may lead to loopback, link-local and metadata addresses, and endpoints be loopback.
    pub local_addresses: LocalAddresses,
}

/// Whether endpoints may be loopback, link-local or metadata addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LocalAddresses {
    Refused,
    /// Loopback only: what `--manifests` allows.
    LoopbackAllowed,
}

/// Where the process listens.
#[derive(Debug, Clone)]
pub struct Listen {
    /// `--bind-address`, repeatable; empty is dual-stack any.
    pub addresses: Vec<IpAddr>,
    /// 0 picks a free port.
    pub http_port: u16,
    pub https_port: u16,
    /// `--healthz-host`; `None` is dual-stack any.
    pub healthz_address: Option<IpAddr>,
    pub healthz_port: u16,
    /// `--health-check-path`: where the health check answers.
    pub health_path: String,
    /// `--workers`; `None` is one per core.
    pub workers: Option<NonZeroUsize>,
    /// `--memory-limit`.
    pub memory_limit: MemoryLimit,
    /// Whether `/metrics` is served (`--enable-metrics`).
    pub metrics: bool,
}

/// How much memory the process may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemoryLimit {
    /// What its cgroup allows, if that has a limit.
    Cgroup,
    Octets(u64),
    Off,
}

/// What is logged, where and how.
#[derive(Debug, Clone)]
pub struct Logs {
    pub access: AccessLogTarget,
    /// `--access-log-format`: the form that holds unless the ConfigMap says otherwise.
    pub access_form: AccessLog,
    /// `--log-format`: the form of the process's own messages.
    pub form: LogForm,
    pub verbosity: Verbosity,
}

/// How requests are counted. Whether `/metrics` is served at all is in [`Listen`].
#[derive(Debug, Clone, PartialEq)]
pub struct MetricSettings {
    /// `--metrics-per-host`.
    pub per_host: bool,
    /// `--report-status-classes`.
    pub status_classes: bool,
    /// `--exclude-socket-metrics`: whole names.
    pub excluded: Vec<String>,
    /// `--time-buckets`, in seconds. Like the other two, ascending, from 0 up.
    pub time_buckets: Vec<f64>,
    /// `--length-buckets`, in octets.
    pub length_buckets: Vec<f64>,
    /// `--size-buckets`, in octets.
    pub size_buckets: Vec<f64>,
}

/// `--access-log`: where access log lines go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccessLogTarget {
    Off,
    Stdout,
    /// Lines are appended.
    File(PathBuf),
}

/// The form of the process's own messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogForm {
    Text,
    Json,
}

/// How much the process says of itself: klog's `-v` of 0 to 2, of 3 and 4, and above.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    Info,
    Debug,
    Trace,
}

/// How the process ends.
#[derive(Debug, Clone, Copy)]
pub struct Shutdown {
    /// `--shutdown-grace-period`: still serving, not ready.
    pub grace: Duration,
    /// `--drain-timeout`: for requests in flight.
    pub drain: Duration,
}
