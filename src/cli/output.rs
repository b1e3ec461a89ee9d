//! `--output`: for people or for programs.

use clap::ValueEnum;

/// The form of what a command prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum Output {
    #[default]
    Text,
    Json,
}
