//! What the process says of its own doings, on standard error; the access log goes elsewhere.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

/// The form of the lines (`--log-format`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TraceFormat {
    /// For people; coloured on a terminal.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Installs the process's one subscriber. `RUST_LOG` decides what is said where it is set and legal, else `verbosity`
/// does, as klog's `-v` counts: 0 to 2 are what operators need, 3 and 4 add decisions, 5 and up add everything.
/// A second call changes nothing.
pub fn init(format: TraceFormat, verbosity: u8) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(directives(verbosity)));
    // The Kubernetes client logs answers that it cannot read as a whole, Secrets among them. What goes wrong there is
    // said by those who asked.
    let filter = filter.add_directive("kube_client=off".parse().expect("this is a directive"));
    let lines = fmt().with_env_filter(filter).with_writer(io::stderr);
    let outcome = match format {
        TraceFormat::Text => lines.with_ansi(io::stderr().is_terminal()).with_target(false).try_init(),
        TraceFormat::Json => lines.json().flatten_event(true).with_current_span(false).try_init(),
    };
    if outcome.is_err() {
        tracing::debug!("tracing is already set up");
    }
}

fn directives(verbosity: u8) -> &'static str {
    match verbosity {
        0..=2 => "info",
        3..=4 => "info,landfall=debug",
        5.. => "debug,landfall=trace",
    }
}
