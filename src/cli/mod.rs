//! The command line: what is typed becomes one of a few commands, and its outcome an exit code.
//!
//! Exit codes: 0 for success and a graceful end; 1 for a failure, or a check that found what it looks for; 2 for a
//! command line that cannot be understood; 130 and 143 when a second SIGINT or SIGTERM has cut a graceful end short.

mod admin_client;
mod allocator;
mod check;
mod demo;
mod descriptors;
mod environment;
mod explain;
pub mod generate;
mod low_ports;
mod memory;
mod metrics;
mod offline;
mod output;
mod run;
pub mod server;
mod signals;
mod terminal;
mod wait_shutdown;

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::settings::{self, Flags};

pub use server::Server;

/// A Kubernetes ingress controller and L7 load balancer.
#[derive(Debug, Parser)]
#[command(name = "landfall", version, propagate_version = false)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves; the command that is meant when none is named.
    Run(Box<Flags>),
    /// Serves the examples on this machine, by sample origins inside the process.
    Demo(demo::DemoFlags),
    /// Compiles manifests offline and prints what would be reported.
    Check(Box<check::CheckFlags>),
    /// Says which route a request takes and why the others lost.
    Explain(Box<explain::ExplainFlags>),
    /// Prints texts made from the tables in the code.
    Generate(generate::GenerateFlags),
    /// Ends the server in this container and waits for its end, as a preStop hook of ingress-nginx does.
    WaitShutdown,
}

/// Runs the command line, its first element being the program's name.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let command = match CommandLine::try_parse_from(with_command(arguments)) {
        Ok(CommandLine { command }) => command,
        Err(error) => return refuse(&error),
    };
    let outcome = match command {
        Command::Run(flags) => run::run(&flags),
        Command::Demo(flags) => demo::run(&flags),
        Command::Check(flags) => Ok(check::run(&flags)),
        Command::Explain(flags) => explain::run(&flags),
        Command::Generate(flags) => Ok(generate::run(&flags)),
        Command::WaitShutdown => wait_shutdown::run(),
    };
    outcome.unwrap_or_else(|error| {
        terminal::complain(&format!("landfall: {error:#}\n"));
        ExitCode::FAILURE
    })
}

/// Prints what clap has to say: help and version to standard output, faults to standard error with exit code 2.
fn refuse(error: &clap::Error) -> ExitCode {
    if let Err(closed) = error.print() {
        tracing::debug!(error = %closed, "the terminal is closed");
    }
    if error.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS }
}

/// The arguments as clap takes them: normalised, and with a command where none is named: the one that the program's
/// name stands for, else `run`.
fn with_command(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments = settings::normalize_args(arguments).peekable();
    let program = arguments.next().unwrap_or_else(|| "landfall".into());
    let named = arguments.peek().is_some_and(|first| COMMANDS.iter().any(|command| first == *command));
    let command = (!named).then(|| OsString::from(command_of(&program)));
    std::iter::once(program).chain(command).chain(arguments).collect()
}

/// What is meant by the name that the program was called by. The image has it under those of ingress-nginx's programs.
fn command_of(program: &OsStr) -> &'static str {
    match Path::new(program).file_name().and_then(OsStr::to_str) {
        Some("wait-shutdown") => "wait-shutdown",
        _ => "run",
    }
}

/// What stands for itself as a first argument.
const COMMANDS: &[&str] =
    &["run", "demo", "check", "explain", "generate", "wait-shutdown", "help", "-h", "--help", "-V", "--version"];

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn arranged(arguments: &[&str]) -> Vec<String> {
        let arranged = with_command(arguments.iter().map(OsString::from));
        arranged.into_iter().map(|argument| argument.into_string().unwrap()).collect()
    }

    #[test]
    fn the_command_line_is_consistent() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn run_is_meant_when_no_command_is_named() {
        assert_eq!(arranged(&["landfall", "--http-port=80"]), ["landfall", "run", "--http-port=80"]);
        assert_eq!(arranged(&["landfall"]), ["landfall", "run"]);
        assert_eq!(arranged(&["landfall", "check", "a"]), ["landfall", "check", "a"]);
        assert_eq!(arranged(&["landfall", "--version"]), ["landfall", "--version"]);
    }

    #[test]
    fn the_path_of_another_program_is_passed_over() {
        let arguments = ["/landfall", "/nginx-ingress-controller", "--ingress-class=nginx"];
        assert_eq!(arranged(&arguments), ["/landfall", "run", "--ingress-class=nginx"]);
    }

    #[test]
    fn the_programs_of_ingress_nginx_are_known_by_their_names() {
        assert_eq!(arranged(&["/wait-shutdown"]), ["/wait-shutdown", "wait-shutdown"]);
        assert_eq!(arranged(&["/nginx-ingress-controller"]), ["/nginx-ingress-controller", "run"]);
        assert_eq!(arranged(&["/nginx-ingress-controller", "-v=2"]), ["/nginx-ingress-controller", "run", "-v=2"]);
    }

    #[test]
    fn every_command_is_known_as_one() {
        for command in CommandLine::command().get_subcommands() {
            assert!(COMMANDS.contains(&command.get_name()), "{}", command.get_name());
        }
    }
}
