//! Flags read to settings: defaults, overrides, and every way to be wrong.

use super::*;
use crate::settings::{Cluster, Source};

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
    errors.map(|diagnostic| (diagnostic.code, diagnostic.provenance.object.name.to_string())).collect()
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
    assert_eq!(settings.source, Source::Cluster(Cluster::default()));
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
    let warned: Vec<_> = warned.map(|diagnostic| &*diagnostic.provenance.object.name).collect();
    assert_eq!(warned, ["--validating-webhook"]);
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
    assert_eq!(settings.source, Source::Cluster(Cluster::default()));
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

fn cluster(flags: &[&str]) -> Cluster {
    match settings(flags).source {
        Source::Cluster(cluster) => cluster,
        Source::Manifests(folder) => panic!("objects come from {}", folder.display()),
    }
}

#[test]
fn an_api_server_without_a_scheme_is_asked_as_kubernetes_clients_ask() {
    let host = |flags: &[&str]| cluster(flags).apiserver_host.unwrap();
    assert_eq!(host(&["--apiserver-host=https://10.0.0.1:6443"]), "https://10.0.0.1:6443");
    assert_eq!(host(&["--apiserver-host=localhost:8080"]), "http://localhost:8080");
    assert_eq!(host(&["--apiserver-host=[::1]:6443", "--certificate-authority=ca.crt"]), "https://[::1]:6443");
}

#[test]
fn an_api_server_that_is_no_url_is_refused() {
    for written in ["ftp://a", "http://", "a b", "https://a:port"] {
        let flag = format!("--apiserver-host={written}");
        assert_eq!(errors(&[&flag]), [("invalid-flag-value", "--apiserver-host".to_owned())], "{written}");
    }
}

#[test]
fn a_certificate_authority_for_no_server_is_noted() {
    let (_, notes) = read(&["--certificate-authority=ca.crt"]).unwrap();
    let found: Vec<_> = notes.iter().map(|note| (note.code, &*note.provenance.object.name)).collect();
    assert_eq!(found, [("flag-without-effect", "--certificate-authority")]);
}

#[test]
fn namespaces_are_selected_by_label_or_by_name_but_not_both() {
    let selector = |flags: &[&str]| cluster(flags).namespace_selector;
    assert_eq!(selector(&["--watch-namespace-selector=team in (a,b)"]).as_deref(), Some("team in (a,b)"));
    assert_eq!(selector(&["--watch-namespace-selector="]), None);
    let flag = "--watch-namespace-selector".to_owned();
    let both = errors(&["--watch-namespace-selector=a", "--watch-namespace=b"]);
    assert_eq!(both, [("conflicting-flags", flag.clone())]);
    assert_eq!(errors(&["--watch-namespace-selector=a in b"]), [("invalid-flag-value", flag)]);
}

#[test]
fn objects_are_listed_again_only_after_a_period_that_is_given() {
    assert_eq!(cluster(&[]).sync_period, None);
    assert_eq!(cluster(&["--sync-period=30m"]).sync_period, Some(Duration::from_secs(1800)));
    assert_eq!(errors(&["--sync-period=often"]), [("invalid-flag-value", "--sync-period".to_owned())]);
}

#[test]
fn metrics_are_counted_as_flags_say() {
    let default = settings(&[]).metrics;
    assert!(default.per_host && !default.status_classes && default.excluded.is_empty());
    assert_eq!((default.time_buckets.len(), default.length_buckets.len(), default.size_buckets.len()), (11, 10, 7));
    let chosen = settings(&[
        "--metrics-per-host=false",
        "--report-status-classes",
        "--exclude-socket-metrics=request_size,nginx_ingress_controller_bytes_sent",
        "--time-buckets=0.1, 1,+Inf",
        "--size-buckets=1e3",
    ])
    .metrics;
    assert!(!chosen.per_host && chosen.status_classes);
    assert_eq!(chosen.excluded, ["nginx_ingress_controller_request_size", "nginx_ingress_controller_bytes_sent"]);
    assert_eq!((chosen.time_buckets, chosen.size_buckets), (vec![0.1, 1.0, f64::INFINITY], vec![1_000.0]));
}

#[test]
fn buckets_without_an_order_are_refused() {
    let many = (0..=100).map(|bound| bound.to_string()).collect::<Vec<_>>().join(",");
    for buckets in ["", "1,1", "2,1", "a", "1,,2", "-1,1", "NaN", &many] {
        let flag = format!("--time-buckets={buckets}");
        assert_eq!(errors(&[&flag]), [("invalid-flag-value", "--time-buckets".to_owned())], "{buckets:?}");
    }
}
