//! `landfall generate`: texts made from the tables in the code, so that they cannot say anything else.

use std::fmt::Write as _;
use std::io;
use std::process::ExitCode;

use clap::{Args, Command, CommandFactory, Subcommand};
use clap_complete::Shell;

use super::CommandLine;
use super::terminal;
use crate::annotations;
use crate::compile::{configmap_table, limit_table};

/// What is made.
#[derive(Debug, Args)]
pub(super) struct GenerateFlags {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The table of annotations and how far each is supported, in Markdown.
    Annotations,
    /// The flags of `landfall run` that are acted on, in Markdown.
    Flags,
    /// The keys of the ConfigMap and how far each is supported, in Markdown.
    Configmap,
    /// The limits on clients, in Markdown.
    Limits,
    /// The completions of a shell.
    Completions { shell: Shell },
}

/// Prints one text.
pub(super) fn run(flags: &GenerateFlags) -> ExitCode {
    match flags.what {
        What::Annotations => terminal::print(&annotations::support_table()),
        What::Flags => terminal::print(&flag_table()),
        What::Configmap => terminal::print(&configmap_table()),
        What::Limits => terminal::print(&limit_table()),
        What::Completions { shell } => {
            clap_complete::generate(shell, &mut CommandLine::command(), "landfall", &mut io::stdout());
        }
    }
    ExitCode::SUCCESS
}

/// The flags of `run` that are acted on, one row each.
#[must_use]
pub fn flag_table() -> String {
    let command = CommandLine::command();
    let run = command.find_subcommand("run").expect("`run` is a command");
    let mut table = "| flag | default | what it does |\n|---|---|---|\n".to_owned();
    for (name, default, help) in flags_of(run) {
        writeln!(table, "| `--{name}` | {default} | {help} |").expect("a string takes any text");
    }
    table
}

fn flags_of(command: &Command) -> Vec<(String, String, String)> {
    let mut rows: Vec<_> = command
        .get_arguments()
        .filter(|argument| !argument.is_hide_set() && argument.get_help_heading().is_none())
        .filter_map(|argument| {
            let name = argument.get_long()?.to_owned();
            let default =
                argument.get_default_values().first().map(|value| value.to_string_lossy()).unwrap_or_default();
            let default = if default.is_empty() { String::new() } else { format!("`{default}`") };
            let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
            Some((name, default, help.replace('\n', " ").replace('|', "\\|")))
        })
        .collect();
    rows.sort();
    rows
}
