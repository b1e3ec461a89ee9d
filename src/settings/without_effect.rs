//! The flags of ingress-nginx that are accepted and do nothing: one table, from which parsing, help, notes and the
//! reference page come.
//!
//! A drop-in replacement must start with the arguments it is given. A flag that only tuned nginx is noted; one whose
//! work is not done is warned of; one that cannot be left undone safely is refused.

use clap::{Arg, ArgMatches, Args, Command, Error, FromArgMatches};

use crate::diagnostic::{Diagnostic, Severity};
use crate::ir::{ObjectKind, ObjectRef};

use super::go::parse_bool;

/// One flag.
#[derive(Debug)]
pub struct Row {
    pub name: &'static str,
    pub form: Form,
    /// ingress-nginx's default. It asks for nothing, so giving it is never worse than a note.
    pub default: &'static str,
    /// How bad it is that nothing is done: [`Severity::Error`] refuses to start.
    pub severity: Severity,
    /// Completes "has no effect: …".
    pub reason: &'static str,
}

/// How a flag takes its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Alone, or after `=`.
    Bool,
    /// After `=` or as the next argument.
    Value,
}

const LOGS: &str = "messages go to stderr, in the form of --log-format";
const NGINX: &str = "it is about a part of nginx that does not exist here";
const NATIVE: &str =
    "histograms have the buckets of --time-buckets and the like alone, as Prometheus's text format has no others";
const WEBHOOK: &str =
    "there is no admission webhook yet; remove its ValidatingWebhookConfiguration, or writing Ingresses may fail";
const PROFILER: &str = "there is no profiler";
const GEOIP: &str = "there are no GeoIP databases";
const UNDEFINED_HOSTS: &str = "requests that no Ingress claims are counted together, without their host, as clients could make up hosts without end";

/// Every flag of ingress-nginx that nothing acts on, by name.
pub const TABLE: &[Row] = &[
    note("add_dir_header", Form::Bool, "false", LOGS),
    note("alsologtostderr", Form::Bool, "false", LOGS),
    lost("bucket-factor", Form::Value, "0", NATIVE),
    note("deep-inspect", Form::Bool, "true", "no value can reach into a configuration file, as there is none"),
    note("default-server-port", Form::Value, "8181", NGINX),
    note("disable-full-test", Form::Bool, "false", "there is no configuration file to test"),
    note("dynamic-configuration-retries", Form::Value, "15", NGINX),
    note("enable-annotation-validation", Form::Bool, "true", "annotations are always validated"),
    lost("enable-ssl-chain-completion", Form::Bool, "false", "chains are served as the Secret has them"),
    lost("enable-ssl-passthrough", Form::Bool, "false", "hosts with ssl-passthrough answer 503"),
    lost("enable-topology-aware-routing", Form::Bool, "false", "endpoints of all zones are used alike"),
    note("health-check-timeout", Form::Value, "10", "the health check asks no other process"),
    note("internal-logger-address", Form::Value, "127.0.0.1:11514", NGINX),
    note("log_backtrace_at", Form::Value, ":0", LOGS),
    note("log_dir", Form::Value, "", LOGS),
    note("log_file", Form::Value, "", LOGS),
    note("log_file_max_size", Form::Value, "1800", LOGS),
    note("logtostderr", Form::Bool, "true", LOGS),
    note("max-buckets", Form::Value, "100", NATIVE),
    note("maxmind-edition-ids", Form::Value, "GeoLite2-City,GeoLite2-ASN", GEOIP),
    lost("maxmind-license-key", Form::Value, "", GEOIP),
    lost("maxmind-mirror", Form::Value, "", GEOIP),
    note("maxmind-retries-count", Form::Value, "1", GEOIP),
    note("maxmind-retries-timeout", Form::Value, "0s", GEOIP),
    lost("metrics-per-undefined-host", Form::Bool, "false", UNDEFINED_HOSTS),
    note("monitor-max-batch-size", Form::Value, "10000", NGINX),
    note("one_output", Form::Bool, "false", LOGS),
    note("post-shutdown-grace-period", Form::Value, "10", "the process ends when its requests have ended"),
    note("profiler-address", Form::Value, "127.0.0.1", PROFILER),
    note("profiler-port", Form::Value, "10245", PROFILER),
    note("profiling", Form::Bool, "true", PROFILER),
    note("skip_headers", Form::Bool, "false", LOGS),
    note("skip_log_headers", Form::Bool, "false", LOGS),
    note("ssl-passthrough-proxy-port", Form::Value, "442", NGINX),
    note("status-port", Form::Value, "10246", NGINX),
    note("stderrthreshold", Form::Value, "2", LOGS),
    note("stream-port", Form::Value, "10247", NGINX),
    note("sync-rate-limit", Form::Value, "0.3", "a change is live at once, at a cost that needs no limit"),
    lost("tcp-services-configmap", Form::Value, "", "TCP services are not served"),
    lost("udp-services-configmap", Form::Value, "", "UDP services are not served"),
    lost("validating-webhook", Form::Value, "", WEBHOOK),
    note("validating-webhook-certificate", Form::Value, "", WEBHOOK),
    note("validating-webhook-key", Form::Value, "", WEBHOOK),
    note("vmodule", Form::Value, "", LOGS),
];

/// A flag that may be passed over in silence, almost.
const fn note(name: &'static str, form: Form, default: &'static str, reason: &'static str) -> Row {
    Row { name, form, default, severity: Severity::Info, reason }
}

/// A flag whose work is not done.
const fn lost(name: &'static str, form: Form, default: &'static str, reason: &'static str) -> Row {
    Row { name, form, default, severity: Severity::Warning, reason }
}

/// The flags of [`TABLE`] that were typed.
#[derive(Debug, Clone, Default)]
pub struct WithoutEffect {
    typed: Vec<(&'static Row, String)>,
}

impl WithoutEffect {
    /// One diagnostic for each flag typed.
    #[must_use]
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        self.typed.iter().map(|(row, value)| diagnostic(row, value)).collect()
    }
}

impl FromArgMatches for WithoutEffect {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut read = Self::default();
        read.update_from_arg_matches(matches)?;
        Ok(read)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        let typed = |row: &'static Row| Some((row, matches.get_one::<String>(row.name)?.clone()));
        self.typed = TABLE.iter().filter_map(typed).collect();
        Ok(())
    }
}

impl Args for WithoutEffect {
    fn augment_args(command: Command) -> Command {
        TABLE.iter().fold(command, |command, row| command.arg(argument(row)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn argument(row: &Row) -> Arg {
    let argument = Arg::new(row.name)
        .long(row.name)
        .help(format!("No effect: {}", row.reason))
        .help_heading("Flags of ingress-nginx without effect");
    match row.form {
        Form::Value => argument.value_name("VALUE"),
        Form::Bool => argument.value_name("BOOL").num_args(0..=1).require_equals(true).default_missing_value("true"),
    }
}

fn diagnostic(row: &Row, value: &str) -> Diagnostic {
    let Row { name, form, default, severity, reason } = row;
    let provenance = ObjectRef::new(ObjectKind::Setting, "", format!("--{name}")).field("");
    let asks_for_nothing = match form {
        Form::Value => value == *default,
        Form::Bool => parse_bool(value) == parse_bool(default),
    };
    let severity = if asks_for_nothing { Severity::Info } else { *severity };
    let (code, message) = match severity {
        Severity::Info | Severity::Warning => ("flag-without-effect", format!("{value:?} has no effect: {reason}")),
        Severity::Error => ("flag-not-supported", format!("{value:?} cannot be honoured: {reason}")),
    };
    Diagnostic { severity, code, provenance, message }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Flags;

    fn diagnostics(flags: &[&str]) -> Vec<Diagnostic> {
        Flags::parse(flags).unwrap().without_effect.diagnostics()
    }

    #[test]
    fn rows_are_sorted_and_unique() {
        assert!(TABLE.is_sorted_by(|one, next| one.name < next.name));
    }

    #[test]
    fn the_default_of_a_boolean_is_a_boolean() {
        for row in TABLE.iter().filter(|row| row.form == Form::Bool) {
            assert!(parse_bool(row.default).is_some(), "{}", row.name);
        }
    }

    #[test]
    fn what_is_not_typed_is_not_noted() {
        assert_eq!(diagnostics(&[]), []);
    }

    #[test]
    fn a_flag_whose_work_is_not_done_is_warned_of_unless_it_asks_for_nothing() {
        let severity = |flag: &str| diagnostics(&[flag])[0].severity;
        assert_eq!(severity("--enable-ssl-passthrough"), Severity::Warning);
        assert_eq!(severity("--enable-ssl-passthrough=0"), Severity::Info);
        assert_eq!(severity("--tcp-services-configmap=a/b"), Severity::Warning);
        assert_eq!(severity("--tcp-services-configmap="), Severity::Info);
        assert_eq!(severity("--profiling=false"), Severity::Info);
    }

    #[test]
    fn a_note_names_flag_value_and_reason() {
        assert_eq!(
            diagnostics(&["--sync-rate-limit=1"])[0].to_string(),
            "info[flag-without-effect] Setting --sync-rate-limit: \"1\" has no effect: \
             a change is live at once, at a cost that needs no limit"
        );
    }
}
