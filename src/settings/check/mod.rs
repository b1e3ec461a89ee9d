//! Flags as typed to settings as meant. Every value is read, so that every wrong one is reported.

mod reporting;
mod source;

use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::diagnostic::{Diagnostic, Severity};
use crate::ir::listener::AccessLog;
use crate::ir::{ObjectKind, ObjectRef};

use super::go::{parse_bool, parse_duration, parse_quantity};
use super::{
    AccessLogTarget, Classes, Flags, Listen, LocalAddresses, LogForm, Logs, MemoryLimit, MetricSettings, Objects,
    Settings, Shutdown, Verbosity,
};

impl Settings {
    /// Reads all flags. Gives the settings and notes about flags that do nothing, or else everything that is wrong:
    /// with one error the process must not start, as it would serve other than it was told to.
    ///
    /// Where objects come from a folder (`--manifests`), Ingresses without a class are ours, endpoints may be loopback
    /// addresses and `/metrics` is served, unless flags say otherwise.
    pub fn from_flags(flags: &Flags) -> Result<(Self, Vec<Diagnostic>), Vec<Diagnostic>> {
        let mut check = Check { diagnostics: flags.without_effect.diagnostics() };
        let settings = Self {
            source: check.source(flags),
            classes: check.classes(flags),
            objects: check.objects(flags),
            listen: check.listen(flags),
            logs: check.logs(flags),
            metrics: check.metrics(flags),
            shutdown: check.shutdown(flags),
            reporting: check.reporting(&flags.reporting),
        };
        check.ports_differ(&settings.listen);
        if flags.manifests.is_some() {
            check.reports_to_nobody(&flags.reporting);
        }
        let diagnostics = check.diagnostics;
        if diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
            return Err(diagnostics);
        }
        Ok((settings, diagnostics))
    }

    /// The settings of `--manifests DIR` and no other flag.
    #[must_use]
    pub fn for_manifests(folder: impl Into<PathBuf>) -> Self {
        let flags = Flags { manifests: Some(folder.into()), ..Flags::default() };
        let (settings, _) = Self::from_flags(&flags).expect("the defaults are sound");
        settings
    }
}

/// The names that ingress-nginx's metrics begin with, which may be left out where one is named.
const METRICS: &str = "nginx_ingress_controller_";
/// The most buckets of one histogram; each costs a series for each route, status and method.
const BUCKETS: usize = 100;

/// What was wrong so far. Its methods read one value each; a wrong one is reported and something stands in for it, as
/// the settings are not used then.
struct Check {
    diagnostics: Vec<Diagnostic>,
}

impl Check {
    fn classes(&mut self, flags: &Flags) -> Classes {
        Classes {
            ingress_class: flags.ingress_class.clone(),
            controller_class: flags.controller_class.clone(),
            by_name: self.bool("--ingress-class-by-name", &flags.ingress_class_by_name),
            without_class: self.bool_of_source(
                "--watch-ingress-without-class",
                flags.watch_ingress_without_class.as_deref(),
                flags,
            ),
        }
    }

    fn objects(&mut self, flags: &Flags) -> Objects {
        let loopback = flags.allow_loopback_endpoints.as_deref();
        let local_addresses = if self.bool_of_source("--allow-loopback-endpoints", loopback, flags) {
            LocalAddresses::LoopbackAllowed
        } else {
            LocalAddresses::Refused
        };
        Objects {
            namespace: non_empty(&flags.watch_namespace).map(str::to_owned),
            configmap: self.object("--configmap", ObjectKind::ConfigMap, &flags.configmap),
            default_backend: self.object(
                "--default-backend-service",
                ObjectKind::Service,
                &flags.default_backend_service,
            ),
            default_certificate: self.object(
                "--default-ssl-certificate",
                ObjectKind::Secret,
                &flags.default_ssl_certificate,
            ),
            annotations_prefix: self.prefix(&flags.annotations_prefix),
            disable_catch_all: self.bool("--disable-catch-all", &flags.disable_catch_all),
            disable_external_name: self.bool("--disable-svc-external-name", &flags.disable_svc_external_name),
            local_addresses,
        }
    }

    fn listen(&mut self, flags: &Flags) -> Listen {
        let workers = flags
            .workers
            .as_deref()
            .and_then(|value| self.parsed::<NonZeroUsize>("--workers", value, "is not a whole number from 1 up"));
        Listen {
            addresses: flags.bind_address.iter().filter_map(|value| self.address("--bind-address", value)).collect(),
            http_port: self.port("--http-port", &flags.http_port),
            https_port: self.port("--https-port", &flags.https_port),
            healthz_address: non_empty(&flags.healthz_host).and_then(|host| self.address("--healthz-host", host)),
            healthz_port: self.port("--healthz-port", &flags.healthz_port),
            health_path: self.path("--health-check-path", &flags.health_check_path),
            workers,
            memory_limit: self.memory_limit(&flags.memory_limit),
            metrics: self.bool_of_source("--enable-metrics", flags.enable_metrics.as_deref(), flags),
        }
    }

    fn memory_limit(&mut self, value: &str) -> MemoryLimit {
        match parse_quantity(value) {
            _ if value.is_empty() => MemoryLimit::Cgroup,
            Some(0) => MemoryLimit::Off,
            Some(octets) => MemoryLimit::Octets(octets),
            None => {
                self.wrong("--memory-limit", value, "is not a size such as 512Mi");
                MemoryLimit::Off
            }
        }
    }

    fn logs(&mut self, flags: &Flags) -> Logs {
        let level: Option<u8> = self.parsed("-v", &flags.verbosity, "is not a whole number from 0 to 255");
        Logs {
            access: match flags.access_log.as_str() {
                "off" | "" => AccessLogTarget::Off,
                "stdout" | "-" => AccessLogTarget::Stdout,
                path => AccessLogTarget::File(path.into()),
            },
            access_form: self.either(
                "--access-log-format",
                &flags.access_log_format,
                [("combined", AccessLog::Combined), ("json", AccessLog::Json)],
            ),
            form: self.either("--log-format", &flags.log_format, [("text", LogForm::Text), ("json", LogForm::Json)]),
            verbosity: match level.unwrap_or_default() {
                0..=2 => Verbosity::Info,
                3 | 4 => Verbosity::Debug,
                5.. => Verbosity::Trace,
            },
        }
    }

    fn metrics(&mut self, flags: &Flags) -> MetricSettings {
        let names = flags.exclude_socket_metrics.iter().map(|name| name.trim()).filter(|name| !name.is_empty());
        MetricSettings {
            per_host: self.bool("--metrics-per-host", &flags.metrics_per_host),
            status_classes: self.bool("--report-status-classes", &flags.report_status_classes),
            excluded: names.map(|name| format!("{METRICS}{}", name.strip_prefix(METRICS).unwrap_or(name))).collect(),
            time_buckets: self.buckets("--time-buckets", &flags.time_buckets),
            length_buckets: self.buckets("--length-buckets", &flags.length_buckets),
            size_buckets: self.buckets("--size-buckets", &flags.size_buckets),
        }
    }

    /// Upper bounds of buckets; one that is infinite says nothing, as there is always such a bucket.
    fn buckets(&mut self, flag: &str, value: &str) -> Vec<f64> {
        let bounds: Option<Vec<f64>> = value.split(',').map(|bound| bound.trim().parse().ok()).collect();
        let sound = |bounds: &[f64]| {
            let ascending = bounds.is_sorted_by(|bound, next| bound < next);
            ascending && bounds.len() <= BUCKETS && bounds.iter().all(|bound| *bound >= 0.0)
        };
        match bounds {
            Some(bounds) if sound(&bounds) => bounds,
            Some(_) | None => {
                self.wrong(flag, value, &format!("is not a list of at most {BUCKETS} ascending numbers from 0 up"));
                Vec::new()
            }
        }
    }

    fn shutdown(&mut self, flags: &Flags) -> Shutdown {
        let grace = &flags.shutdown_grace_period;
        let grace: Option<u32> = self.parsed("--shutdown-grace-period", grace, "is not a whole number of seconds");
        let drain = parse_duration(&flags.drain_timeout);
        if drain.is_none() {
            self.wrong("--drain-timeout", &flags.drain_timeout, "is not a duration such as 30s or 1m30s");
        }
        Shutdown { grace: Duration::from_secs(grace.unwrap_or_default().into()), drain: drain.unwrap_or_default() }
    }

    /// Two listeners cannot share a port; 0 is a free one each.
    fn ports_differ(&mut self, listen: &Listen) {
        let ports = [
            ("--http-port", listen.http_port),
            ("--https-port", listen.https_port),
            ("--healthz-port", listen.healthz_port),
        ];
        for (at, (flag, port)) in ports.iter().enumerate() {
            let earlier = ports.iter().take(at).find(|(_, other)| other == port && *port != 0);
            if let Some((other, _)) = earlier {
                self.error("conflicting-flags", flag, format!("port {port} is already that of {other}"));
            }
        }
    }

    fn bool(&mut self, flag: &str, value: &str) -> bool {
        parse_bool(value).unwrap_or_else(|| {
            self.wrong(flag, value, "is neither true nor false");
            false
        })
    }

    /// A boolean that defaults to whether objects come from a folder.
    fn bool_of_source(&mut self, flag: &str, value: Option<&str>, flags: &Flags) -> bool {
        value.map_or(flags.manifests.is_some(), |value| self.bool(flag, value))
    }

    fn port(&mut self, flag: &str, value: &str) -> u16 {
        self.parsed(flag, value, "is not a port from 0 to 65535").unwrap_or_default()
    }

    /// IPv6 addresses may be in brackets.
    fn address(&mut self, flag: &str, value: &str) -> Option<IpAddr> {
        let bare = value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(value);
        let address = bare.parse().ok();
        if address.is_none() {
            self.wrong(flag, value, "is not an IPv4 or IPv6 address");
        }
        address
    }

    fn path(&mut self, flag: &str, value: &str) -> String {
        if !value.starts_with('/') {
            self.wrong(flag, value, "is not a path that starts with /");
        }
        value.to_owned()
    }

    fn prefix(&mut self, value: &str) -> String {
        let prefix = value.trim_end_matches('/');
        if prefix.is_empty() {
            self.wrong("--annotations-prefix", value, "is not a prefix");
        }
        prefix.to_owned()
    }

    /// `namespace/name`; empty is none.
    fn object(&mut self, flag: &str, kind: ObjectKind, value: &str) -> Option<ObjectRef> {
        let value = non_empty(value)?;
        match value.split_once('/') {
            Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() && !name.contains('/') => {
                Some(ObjectRef::new(kind, namespace, name))
            }
            Some(_) | None => {
                self.wrong(flag, value, &format!("does not name a {} as namespace/name", kind.as_str()));
                None
            }
        }
    }

    /// One of two words; the first stands in for a wrong one.
    fn either<T>(&mut self, flag: &str, value: &str, words: [(&str, T); 2]) -> T {
        let [(first, choice), (second, other)] = words;
        if value == second {
            return other;
        }
        if value != first {
            self.wrong(flag, value, &format!("is neither {first} nor {second}"));
        }
        choice
    }

    fn parsed<T: FromStr>(&mut self, flag: &str, value: &str, wrong: &str) -> Option<T> {
        let parsed = value.parse().ok();
        if parsed.is_none() {
            self.wrong(flag, value, wrong);
        }
        parsed
    }

    fn wrong(&mut self, flag: &str, value: &str, what: &str) {
        self.error("invalid-flag-value", flag, format!("{value:?} {what}"));
    }

    fn error(&mut self, code: &'static str, flag: &str, message: String) {
        let provenance = ObjectRef::new(ObjectKind::Setting, "", flag).field("");
        self.diagnostics.push(Diagnostic::error(code, provenance, message));
    }
}

fn non_empty(value: &str) -> Option<&str> {
    (!value.is_empty()).then_some(value)
}

#[cfg(test)]
mod tests;
