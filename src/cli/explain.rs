//! `landfall explain`
use clap::Args;
use std::process::ExitCode;
#[derive(Debug, Args)]
pub(super) struct ExplainFlags {}
pub(super) fn run(flags: ExplainFlags) -> anyhow::Result<ExitCode> {
    anyhow::bail!("{flags:?}")
}
