//! The flags that are acted on, as typed.
//!
//! Values stay text until [`Settings::from_flags`](super::Settings::from_flags) reads them, so that all wrong ones are
//! reported at once. Names and defaults are ingress-nginx's where it has the flag. As with Go's pflag, the last of a
//! repeated flag counts, and a boolean takes its value only after `=`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Command, FromArgMatches};

use super::reporting::ReportingFlags;
use super::without_effect::WithoutEffect;

/// What was typed.
#[derive(Debug, Clone, Args)]
#[command(args_override_self = true)]
pub struct Flags {
    /// Read objects from a folder of YAML, watched for changes; no cluster is needed.
    #[arg(long, value_name = "DIR")]
    pub manifests: Option<PathBuf>,
    /// Listen on this address; may be repeated. Without it, on every address of IPv4 and IPv6.
    #[arg(long, value_name = "ADDRESS")]
    pub bind_address: Vec<String>,
    /// The port for HTTP; 0 picks a free one.
    #[arg(long, value_name = "PORT", default_value = "80")]
    pub http_port: String,
    /// The port for HTTPS; 0 picks a free one.
    #[arg(long, value_name = "PORT", default_value = "443")]
    pub https_port: String,
    /// The port for health checks, metrics and the live configuration; 0 picks a free one.
    #[arg(long, value_name = "PORT", default_value = "10254")]
    pub healthz_port: String,
    /// The address for health checks, metrics and the live configuration; empty is every address.
    #[arg(long, value_name = "ADDRESS", default_value = "", hide_default_value = true)]
    pub healthz_host: String,
    /// The path of the health check.
    #[arg(long, value_name = "PATH", default_value = "/healthz")]
    pub health_check_path: String,
    /// Threads that serve requests; as many as there are cores without it.
    #[arg(long, value_name = "N")]
    pub workers: Option<String>,
    /// The memory that the process may hold, as 512Mi: new work is shed as it comes near. Without it, what the cgroup allows; 0 is no limit.
    #[arg(long, value_name = "SIZE", default_value = "", hide_default_value = true)]
    pub memory_limit: String,
    /// Seconds to go on serving after the signal to end, while no longer ready.
    #[arg(long, value_name = "SECONDS", default_value = "0")]
    pub shutdown_grace_period: String,
    /// The longest that requests in flight may take to end afterwards.
    #[arg(long, value_name = "DURATION", default_value = "30s")]
    pub drain_timeout: String,
    /// Where access log lines go: stdout, off, or a file to append to.
    #[arg(long, value_name = "WHERE", default_value = "stdout")]
    pub access_log: String,
    /// The form of access log lines: combined (ingress-nginx's line) or json.
    #[arg(long, value_name = "FORM", default_value = "combined")]
    pub access_log_format: String,
    /// The form of the process's own messages: text or json.
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub log_format: String,
    /// How much the process says of itself: up to 2 is information, 3 and 4 debugging, above that everything.
    #[arg(short = 'v', long = "v", value_name = "LEVEL", default_value = "0")]
    pub verbosity: String,
    /// Serve /metrics; without it, only where objects come from a folder.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub enable_metrics: Option<String>,
    /// Label request metrics by host.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "true")]
    pub metrics_per_host: String,
    /// Label request metrics by the class of the status (2xx) in place of the status.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false")]
    pub report_status_classes: String,
    /// Request metrics to leave out, by name; may be repeated, and each may be a list with commas.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub exclude_socket_metrics: Vec<String>,
    /// The upper bounds of the buckets of times, in seconds, with commas between them.
    #[arg(long, value_name = "SECONDS", default_value = "0.005,0.01,0.025,0.05,0.1,0.25,0.5,1,2.5,5,10")]
    pub time_buckets: String,
    /// The upper bounds of the buckets of request and response sizes, in octets.
    #[arg(long, value_name = "OCTETS", default_value = "10,20,30,40,50,60,70,80,90,100")]
    pub length_buckets: String,
    /// The upper bounds of the buckets of octets sent, in octets.
    #[arg(long, value_name = "OCTETS", default_value = "10,100,1000,10000,100000,1e+06,1e+07")]
    pub size_buckets: String,
    /// Let endpoints and ExternalName Services lead to loopback addresses; without it, only where objects come from a folder.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub allow_loopback_endpoints: Option<String>,
    /// The path of a kubeconfig file.
    #[arg(long, value_name = "FILE", default_value = "", hide_default_value = true)]
    pub kubeconfig: String,
    /// The address of the Kubernetes API server; without it and without --kubeconfig, that of the cluster this runs in.
    #[arg(long, value_name = "URL", default_value = "", hide_default_value = true)]
    pub apiserver_host: String,
    /// The file with the certificates of those who may vouch for the server at --apiserver-host.
    #[arg(long, value_name = "FILE", default_value = "", hide_default_value = true)]
    pub certificate_authority: String,
    /// The value of the annotation kubernetes.io/ingress.class that makes an Ingress ours.
    #[arg(long, value_name = "NAME", default_value = "nginx")]
    pub ingress_class: String,
    /// The controller of the IngressClasses that are ours.
    #[arg(long, value_name = "NAME", default_value = "k8s.io/ingress-nginx")]
    pub controller_class: String,
    /// Take the IngressClass named as --ingress-class for ours, whatever its controller.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false")]
    pub ingress_class_by_name: String,
    /// Take Ingresses without a class for ours; without it, only where objects come from a folder.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub watch_ingress_without_class: Option<String>,
    /// Use objects of this namespace alone; empty is all.
    #[arg(long, value_name = "NAMESPACE", default_value = "", hide_default_value = true)]
    pub watch_namespace: String,
    /// Use Ingresses of namespaces with these labels alone; empty is all.
    #[arg(long, value_name = "SELECTOR", default_value = "", hide_default_value = true)]
    pub watch_namespace_selector: String,
    /// List all objects again after so long; 0 is never, as changes are watched.
    #[arg(long, value_name = "DURATION", default_value = "0s")]
    pub sync_period: String,
    /// The ConfigMap of live settings.
    #[arg(long, value_name = "NAMESPACE/NAME", default_value = "", hide_default_value = true)]
    pub configmap: String,
    /// The Service that gets what no Ingress claims; without it, such requests get a plain 404.
    #[arg(long, value_name = "NAMESPACE/NAME", default_value = "", hide_default_value = true)]
    pub default_backend_service: String,
    /// The Secret of the certificate for names that no other is for; without it, one signed by itself is made at start.
    #[arg(long, value_name = "NAMESPACE/NAME", default_value = "", hide_default_value = true)]
    pub default_ssl_certificate: String,
    /// The prefix of annotations.
    #[arg(long, value_name = "PREFIX", default_value = "nginx.ingress.kubernetes.io")]
    pub annotations_prefix: String,
    /// Ignore Ingresses without a host.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false")]
    pub disable_catch_all: String,
    /// Do not serve Services of type ExternalName.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false")]
    pub disable_svc_external_name: String,
    #[command(flatten)]
    pub reporting: ReportingFlags,
    #[command(flatten)]
    pub without_effect: WithoutEffect,
}

impl Flags {
    /// Reads flags alone, without the name of a program before them.
    pub fn parse<T: Into<OsString> + Clone>(flags: impl IntoIterator<Item = T>) -> Result<Self, clap::Error> {
        let command = Self::augment_args(Command::new("landfall").no_binary_name(true));
        Self::from_arg_matches(&command.try_get_matches_from(flags)?)
    }
}

impl Default for Flags {
    /// No flag typed.
    fn default() -> Self {
        Self::parse(std::iter::empty::<OsString>()).expect("no flag is required")
    }
}

/// Drops a first argument `/nginx-ingress-controller`, which ingress-nginx's manifests start their list with. `args`
/// begins with the name of the program.
pub fn normalize_args(args: impl IntoIterator<Item = OsString>) -> impl Iterator<Item = OsString> {
    args.into_iter().enumerate().filter(|(at, arg)| *at != 1 || arg != "/nginx-ingress-controller").map(|(_, arg)| arg)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::without_effect::TABLE;

    /// Every flag that `pkg/flags/flags.go` of ingress-nginx 1.12 declares, and those that klog adds. `--version`
    /// belongs to the command line.
    const INGRESS_NGINX: &str = "annotations-prefix apiserver-host bucket-factor certificate-authority configmap \
        controller-class deep-inspect default-backend-service default-server-port default-ssl-certificate \
        disable-catch-all disable-full-test disable-leader-election disable-svc-external-name disable-sync-events \
        dynamic-configuration-retries election-id election-ttl enable-annotation-validation enable-metrics \
        enable-ssl-chain-completion enable-ssl-passthrough enable-topology-aware-routing exclude-socket-metrics \
        health-check-path health-check-timeout healthz-host healthz-port http-port https-port ingress-class \
        ingress-class-by-name internal-logger-address kubeconfig length-buckets max-buckets maxmind-edition-ids \
        maxmind-license-key maxmind-mirror maxmind-retries-count maxmind-retries-timeout metrics-per-host \
        metrics-per-undefined-host monitor-max-batch-size post-shutdown-grace-period profiler-address profiler-port \
        profiling publish-service publish-status-address report-node-internal-ip-address report-status-classes \
        shutdown-grace-period size-buckets ssl-passthrough-proxy-port status-port status-update-interval stream-port \
        sync-period sync-rate-limit tcp-services-configmap time-buckets udp-services-configmap update-status \
        update-status-on-shutdown v validating-webhook validating-webhook-certificate validating-webhook-key \
        watch-ingress-without-class watch-namespace watch-namespace-selector \
        add_dir_header alsologtostderr log_backtrace_at log_dir log_file log_file_max_size logtostderr one_output \
        skip_headers skip_log_headers stderrthreshold vmodule";

    #[test]
    fn every_flag_of_ingress_nginx_is_known() {
        for name in INGRESS_NGINX.split_whitespace() {
            let parsed = Flags::parse([format!("--{name}=1")]);
            assert!(parsed.is_ok(), "{name}: {parsed:?}");
        }
    }

    #[test]
    fn no_other_flag_is_in_the_table_of_those_without_effect() {
        let known: Vec<_> = INGRESS_NGINX.split_whitespace().collect();
        let unknown: Vec<_> = TABLE.iter().map(|row| row.name).filter(|name| !known.contains(name)).collect();
        assert_eq!(unknown, Vec::<&str>::new());
    }

    #[test]
    fn a_flag_that_nobody_has_is_an_error() {
        assert!(Flags::parse(["--worker-processes=4"]).is_err());
    }

    #[test]
    fn values_follow_an_equals_sign_or_a_space() {
        for typed in [&["--http-port=81", "-v=3"][..], &["--http-port", "81", "-v", "3"], &["--http-port=81", "--v=3"]]
        {
            let flags = Flags::parse(typed).unwrap();
            assert_eq!((flags.http_port.as_str(), flags.verbosity.as_str()), ("81", "3"), "{typed:?}");
        }
    }

    #[test]
    fn booleans_stand_alone_or_before_an_equals_sign() {
        assert_eq!(Flags::parse(["--disable-catch-all"]).unwrap().disable_catch_all, "true");
        assert_eq!(Flags::parse(["--disable-catch-all=false"]).unwrap().disable_catch_all, "false");
        assert!(Flags::parse(["--disable-catch-all", "false"]).is_err());
    }

    #[test]
    fn the_last_of_a_repeated_flag_counts() {
        assert_eq!(Flags::parse(["--http-port=1", "--http-port=2"]).unwrap().http_port, "2");
        let flags = Flags::parse(["--bind-address=::1", "--bind-address=::2"]).unwrap();
        assert_eq!(flags.bind_address, ["::1", "::2"], "addresses add up");
    }

    #[test]
    fn the_name_of_the_old_binary_is_passed_over_in_first_place_alone() {
        let normalized = |args: &[&str]| -> Vec<OsString> { normalize_args(args.iter().map(OsString::from)).collect() };
        assert_eq!(normalized(&["landfall", "/nginx-ingress-controller", "-v=2"]), ["landfall", "-v=2"]);
        assert_eq!(normalized(&["landfall", "-v=2"]), ["landfall", "-v=2"]);
        assert_eq!(
            normalized(&["landfall", "--access-log", "/nginx-ingress-controller"]),
            ["landfall", "--access-log", "/nginx-ingress-controller"]
        );
    }
}
