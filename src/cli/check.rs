//! `landfall check`: compiles manifests offline and prints what would be reported.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::offline::{self, Offline};
use super::output::Output;
use super::terminal::{self, Paint};
use crate::diagnostic::{Diagnostic, Severity};
use crate::settings::Flags;
use crate::snapshot::Counts;

/// What is checked, and what counts as failing.
#[derive(Debug, Args)]
pub(super) struct CheckFlags {
    /// Files, or folders that are read to the bottom.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Warnings fail the check too.
    #[arg(long)]
    strict: bool,
    #[arg(long, value_enum, default_value_t)]
    output: Output,
    #[command(flatten)]
    flags: Flags,
}

/// Prints every diagnostic. The exit code is 1 when one of them fails the check, else 0.
pub(super) fn run(flags: &CheckFlags) -> ExitCode {
    let CheckFlags { paths, strict, output, flags } = flags;
    let report = match offline::compile(paths, flags) {
        Ok(Offline { state: _, diagnostics, counts }) => Report { diagnostics, counts },
        Err(failure) => return failure.report(),
    };
    terminal::print(&match output {
        Output::Text => report.text(Paint::of_stdout()),
        Output::Json => format!("{:#}\n", report.json()),
    });
    let limit = if *strict { Severity::Warning } else { Severity::Error };
    let failed = report.diagnostics.iter().any(|diagnostic| diagnostic.severity >= limit);
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

#[derive(Debug)]
struct Report {
    diagnostics: Vec<Diagnostic>,
    counts: Counts,
}

impl Report {
    fn number(&self, severity: Severity) -> usize {
        self.diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count()
    }

    /// Worst first; below each heading its message.
    fn text(&self, paint: Paint) -> String {
        let mut sorted: Vec<_> = self.diagnostics.iter().collect();
        sorted.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.cmp(b)));
        let mut text = String::new();
        for Diagnostic { severity, code, provenance, message } in sorted {
            let label = paint.severity(*severity, &format!("{:<7}", severity.as_str()));
            let place = paint.heading(&provenance.to_string());
            let code = paint.faint(&format!("[{code}]"));
            writeln!(text, "{label}  {place} {code}\n         {message}").expect("a string takes any text");
        }
        text.push_str(&self.summary());
        text
    }

    fn summary(&self) -> String {
        let objects: usize = self.counts.by_kind().iter().map(|(_, number)| number).sum();
        format!(
            "{}, {}, {} in {}\n",
            counted(self.number(Severity::Error), "error"),
            counted(self.number(Severity::Warning), "warning"),
            counted(self.number(Severity::Info), "note"),
            counted(objects, "object"),
        )
    }

    fn json(&self) -> Value {
        let objects: serde_json::Map<String, Value> =
            self.counts.by_kind().into_iter().map(|(kind, number)| (kind.to_owned(), json!(number))).collect();
        json!({
            "diagnostics": self.diagnostics.iter().map(diagnostic_json).collect::<Vec<_>>(),
            "errors": self.number(Severity::Error),
            "warnings": self.number(Severity::Warning),
            "notes": self.number(Severity::Info),
            "objects": objects,
        })
    }
}

fn diagnostic_json(diagnostic: &Diagnostic) -> Value {
    let Diagnostic { severity, code, provenance, message } = diagnostic;
    json!({
        "severity": severity.as_str(),
        "code": code,
        "kind": provenance.object.kind.as_str(),
        "namespace": *provenance.object.namespace,
        "name": *provenance.object.name,
        "field": provenance.field,
        "message": message,
    })
}

/// `1 error`, `2 errors`.
fn counted(number: usize, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::{ObjectKind, ObjectRef};

    fn report() -> Report {
        let place = ObjectRef::new(ObjectKind::Ingress, "shop", "web").field("spec.tls[0]");
        Report {
            diagnostics: vec![
                Diagnostic::warning("expired-certificate", place.clone(), "It is over; it is served all the same."),
                Diagnostic::error("missing-secret", place, "There is no Secret shop/web; the default is served."),
            ],
            counts: Counts { ingresses: 1, ..Counts::default() },
        }
    }

    #[test]
    fn the_worst_is_printed_first_and_all_is_summed_up() {
        let text = report().text(Paint::Plain);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "error    Ingress shop/web spec.tls[0] [missing-secret]",
                "         There is no Secret shop/web; the default is served.",
                "warning  Ingress shop/web spec.tls[0] [expired-certificate]",
                "         It is over; it is served all the same.",
                "1 error, 1 warning, 0 notes in 1 object",
            ]
        );
    }

    #[test]
    fn json_names_object_and_field_apart() {
        let json = report().json();
        assert_eq!(json["errors"], 1);
        assert_eq!(json["diagnostics"][1]["code"], "missing-secret");
        assert_eq!(json["diagnostics"][1]["namespace"], "shop");
        assert_eq!(json["diagnostics"][1]["field"], "spec.tls[0]");
        assert_eq!(json["objects"]["Ingress"], 1);
    }
}
