//! What the command line writes: plain text, aligned, coloured only on a terminal.
//!
//! `NO_COLOR` and `TERM=dumb` are honoured. A reader that has gone away (`| head`) is not an error.

#![expect(clippy::disallowed_methods, reason = "whether to colour is for the environment to say")]

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use crate::diagnostic::{Diagnostic, Severity};

/// Whether text is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paint {
    Plain,
    Coloured,
}

impl Paint {
    /// As standard output deserves.
    pub(super) fn of_stdout() -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        if io::stdout().is_terminal() && !refused && !dumb { Self::Coloured } else { Self::Plain }
    }

    /// In the colour of a severity.
    pub(super) fn severity(self, severity: Severity, text: &str) -> String {
        match severity {
            Severity::Error => self.wrap("1;31", text),
            Severity::Warning => self.wrap("1;33", text),
            Severity::Info => self.wrap("36", text),
        }
    }

    /// For what names the thing that follows.
    pub(super) fn heading(self, text: &str) -> String {
        self.wrap("1", text)
    }

    /// For what matters less.
    pub(super) fn faint(self, text: &str) -> String {
        self.wrap("2", text)
    }

    fn wrap(self, code: &str, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Coloured => format!("\x1b[{code}m{text}\x1b[0m"),
        }
    }
}

/// Writes text to standard output.
pub(super) fn print(text: &str) {
    let mut out = io::stdout().lock();
    if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        tracing::debug!(%error, "standard output is closed");
    }
}

/// Writes text to standard error.
pub(super) fn complain(text: &str) {
    if let Err(error) = io::stderr().lock().write_all(text.as_bytes()) {
        tracing::debug!(%error, "standard error is closed");
    }
}

/// Says what is wrong with the flags; the exit code is that of a command line that cannot be understood.
pub(super) fn refuse_flags(faults: &[Diagnostic]) -> ExitCode {
    let wrong = faults.iter().filter(|fault| fault.severity == Severity::Error);
    let lines = wrong.map(|fault| format!("landfall: {}: {}\n", fault.provenance.object.name, fault.message));
    complain(&lines.collect::<String>());
    ExitCode::from(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_carries_no_escapes() {
        assert_eq!(Paint::Plain.severity(Severity::Error, "error"), "error");
        assert_eq!(Paint::Coloured.severity(Severity::Error, "error"), "\x1b[1;31merror\x1b[0m");
    }
}
