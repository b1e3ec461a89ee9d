//! Flags as typed to settings as meant. Every value is read, so that every wrong one is reported.

use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::diagnostic::{Diagnostic, Severity};
use crate::ir::listener::AccessLog;
use crate::ir::{ObjectKind, ObjectRef};

use super::go::{parse_bool, parse_duration};
use super::{
    AccessLogTarget, Classes, Flags, Listen, LocalAddresses, LogForm, Logs, Objects, Settings, Shutdown, Source,
    Verbosity,
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
            shutdown: check.shutdown(flags),
        };
        check.ports_differ(&settings.listen);
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

/// What was wrong so far. Its methods read one value each; a wrong one is reported and something stands in for it, as
/// the settings are not used then.
struct Check {
    diagnostics: Vec<Diagnostic>,
}

impl Check {
    fn source(&mut self, flags: &Flags) -> Source {
        let cluster = Source::Cluster {
            kubeconfig: non_empty(&flags.kubeconfig).map(PathBuf::from),
            apiserver_host: non_empty(&flags.apiserver_host).map(str::to_owned),
        };
        let Some(folder) = &flags.manifests else { return cluster };
        for (flag, value) in [("--kubeconfig", &flags.kubeconfig), ("--apiserver-host", &flags.apiserver_host)] {
            if !value.is_empty() {
                self.error("conflicting-flags", flag, format!("{value:?} cannot be given together with --manifests"));
            }
        }
        Source::Manifests(folder.clone())
    }

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
            metrics: self.bool_of_source("--enable-metrics", flags.enable_metrics.as_deref(), flags),
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
mod tests {
    use super::*;

    fn read(flags: &[&str]) -> Result<(Settings, Vec<Diagnostic>), Vec<Diagnostic>> {
        Settings::from_flags(&Flags::parse(flags).unwrap())
    }

    fn settings(flags: &[&str]) -> Settings {
        read(flags).unwrap().0
    }

    /// The code and flag of each error.
    fn errors(flags: &[&str]) -> Vec<(&'static str, String)> {
        let diagnostics = read(flags).unwrap_err();
        let errors = diagnostics.into_iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
        errors.map(|diagnostic| (diagnostic.code, diagnostic.provenance.object.name)).collect()
    }

    #[test]
    fn the_arguments_of_the_stock_deployment_are_taken() {
        let (settings, diagnostics) = read(&[
            "--publish-service=ingress-nginx/ingress-nginx-controller",
            "--election-id=ingress-nginx-leader",
            "--controller-class=k8s.io/ingress-nginx",
            "--ingress-class=nginx",
            "--configmap=ingress-nginx/ingress-nginx-controller",
            "--validating-webhook=:8443",
            "--validating-webhook-certificate=/usr/local/certificates/cert",
            "--validating-webhook-key=/usr/local/certificates/key",
            "--default-ssl-certificate=ingress-nginx/wildcard",
            "--enable-metrics=true",
            "-v=2",
        ])
        .unwrap();
        assert_eq!(settings.source, Source::Cluster { kubeconfig: None, apiserver_host: None });
        assert_eq!(
            settings.objects.configmap,
            Some(ObjectRef::new(ObjectKind::ConfigMap, "ingress-nginx", "ingress-nginx-controller"))
        );
        assert_eq!(
            settings.objects.default_certificate,
            Some(ObjectRef::new(ObjectKind::Secret, "ingress-nginx", "wildcard"))
        );
        assert!(settings.listen.metrics);
        assert_eq!(settings.logs.verbosity, Verbosity::Info);
        let warned = diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Warning);
        let warned: Vec<_> = warned.map(|diagnostic| diagnostic.provenance.object.name.as_str()).collect();
        assert_eq!(warned, ["--publish-service", "--validating-webhook"]);
    }

    #[test]
    fn without_flags_the_defaults_of_ingress_nginx_hold() {
        let settings = settings(&[]);
        assert_eq!(settings.classes.ingress_class, "nginx");
        assert_eq!(settings.classes.controller_class, "k8s.io/ingress-nginx");
        assert!(!settings.classes.without_class && !settings.classes.by_name && !settings.listen.metrics);
        let listen = &settings.listen;
        assert_eq!((listen.http_port, listen.https_port, listen.healthz_port), (80, 443, 10254));
        assert_eq!(listen.health_path, "/healthz");
        assert_eq!(settings.objects.annotations_prefix, "nginx.ingress.kubernetes.io");
        assert_eq!(settings.objects.local_addresses, LocalAddresses::Refused);
        assert_eq!(settings.shutdown.grace, Duration::ZERO);
        assert_eq!(settings.shutdown.drain, Duration::from_secs(30));
    }

    #[test]
    fn a_folder_of_manifests_changes_defaults_but_not_what_is_typed() {
        let folder = settings(&["--manifests", "dir"]);
        assert_eq!(folder.source, Source::Manifests("dir".into()));
        assert!(folder.classes.without_class && folder.listen.metrics);
        assert_eq!(folder.objects.local_addresses, LocalAddresses::LoopbackAllowed);
        let typed = settings(&[
            "--manifests=dir",
            "--watch-ingress-without-class=false",
            "--enable-metrics=false",
            "--allow-loopback-endpoints=false",
        ]);
        assert!(!typed.classes.without_class && !typed.listen.metrics);
        assert_eq!(typed.objects.local_addresses, LocalAddresses::Refused);
    }

    #[test]
    fn every_wrong_value_is_reported_with_its_flag() {
        let found = errors(&[
            "--http-port=65536",
            "--https-port=https",
            "--workers=0",
            "--bind-address=localhost",
            "--configmap=name-alone",
            "--default-backend-service=a/b/c",
            "--default-ssl-certificate=/name",
            "--annotations-prefix=/",
            "--disable-catch-all=yes",
            "--drain-timeout=30",
            "--shutdown-grace-period=1m",
            "--access-log-format=xml",
            "--health-check-path=healthz",
            "-v=many",
        ]);
        assert!(found.iter().all(|(code, _)| *code == "invalid-flag-value"), "{found:?}");
        let flags: Vec<_> = found.iter().map(|(_, flag)| flag.as_str()).collect();
        let wanted = [
            "--disable-catch-all",
            "--configmap",
            "--default-backend-service",
            "--default-ssl-certificate",
            "--annotations-prefix",
            "--bind-address",
            "--http-port",
            "--https-port",
            "--health-check-path",
            "--workers",
            "-v",
            "--access-log-format",
            "--shutdown-grace-period",
            "--drain-timeout",
        ];
        for flag in wanted {
            assert!(flags.contains(&flag), "{flag} is not among {flags:?}");
        }
        assert_eq!(flags.len(), wanted.len());
    }

    #[test]
    fn the_message_of_a_wrong_value_names_it() {
        let diagnostics = read(&["--http-port=eighty"]).unwrap_err();
        assert_eq!(diagnostics.len(), 1);
        assert_eq!(
            diagnostics[0].to_string(),
            "error[invalid-flag-value] Setting --http-port: \"eighty\" is not a port from 0 to 65535"
        );
    }

    #[test]
    fn two_listeners_do_not_share_a_port_unless_it_is_any() {
        assert_eq!(
            errors(&["--https-port=80", "--healthz-port=80"]),
            [("conflicting-flags", "--https-port".to_owned()), ("conflicting-flags", "--healthz-port".to_owned())]
        );
        let free = settings(&["--http-port=0", "--https-port=0", "--healthz-port=0"]);
        assert_eq!(free.listen.http_port, 0);
    }

    #[test]
    fn objects_come_from_one_source() {
        let found = errors(&["--manifests=dir", "--kubeconfig=file", "--apiserver-host=https://api"]);
        assert_eq!(
            found,
            [("conflicting-flags", "--kubeconfig".to_owned()), ("conflicting-flags", "--apiserver-host".to_owned())]
        );
    }

    #[test]
    fn empty_values_are_as_if_not_typed() {
        let settings = settings(&["--watch-namespace=", "--configmap=", "--healthz-host=", "--kubeconfig="]);
        assert_eq!(settings.objects.namespace, None);
        assert_eq!(settings.objects.configmap, None);
        assert_eq!(settings.listen.healthz_address, None);
        assert_eq!(settings.source, Source::Cluster { kubeconfig: None, apiserver_host: None });
    }

    #[test]
    fn addresses_of_both_families_are_listened_on_as_typed() {
        let settings = settings(&["--bind-address=127.0.0.1", "--bind-address", "[::1]", "--bind-address=::"]);
        let wanted: [IpAddr; 3] = ["127.0.0.1".parse().unwrap(), "::1".parse().unwrap(), "::".parse().unwrap()];
        assert_eq!(settings.listen.addresses, wanted);
    }

    #[test]
    fn access_lines_go_where_they_are_sent() {
        assert_eq!(settings(&[]).logs.access, AccessLogTarget::Stdout);
        assert_eq!(settings(&["--access-log=off"]).logs.access, AccessLogTarget::Off);
        let json = settings(&["--access-log=/var/log/access", "--access-log-format=json"]).logs;
        assert_eq!(json.access, AccessLogTarget::File("/var/log/access".into()));
        assert_eq!(json.access_form, AccessLog::Json);
    }

    #[test]
    fn a_flag_that_would_widen_what_is_served_is_refused() {
        assert_eq!(
            errors(&["--watch-namespace-selector=team=a"]),
            [("flag-not-supported", "--watch-namespace-selector".to_owned())]
        );
        assert!(read(&["--watch-namespace-selector="]).is_ok());
    }
}
