//! `landfall explain`: which route a request takes and why the others lost, by the code that serves requests.
//!
//! Of manifests, or of a running instance through its admin server.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::admin_client;
use super::offline;
use super::output::Output;
use super::terminal::{self, Paint};
use crate::admin::explain::{Colour, ExplainRequest, explain, render_text};
use crate::settings::Flags;

/// What is asked about, and of whom.
#[derive(Debug, Args)]
pub(super) struct ExplainFlags {
    /// The request's URL, such as shop.example.com/cart; http is meant unless it says https.
    #[arg(value_name = "URL")]
    url: String,
    /// A header line as curl takes it; may be repeated.
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// The method.
    #[arg(short = 'X', long = "request", value_name = "METHOD", default_value = "GET")]
    method: String,
    /// Ask the running instance whose admin server is there, such as 127.0.0.1:10254.
    #[arg(long, value_name = "URL", conflicts_with = "manifests", required_unless_present = "manifests")]
    admin: Option<String>,
    #[arg(long, value_enum, default_value_t)]
    output: Output,
    #[command(flatten)]
    flags: Flags,
}

/// Prints the explanation.
pub(super) fn run(flags: &ExplainFlags) -> anyhow::Result<ExitCode> {
    let ExplainFlags { url, headers, method, admin, output, flags } = flags;
    if let Some(admin) = admin {
        terminal::print(&admin_client::explain(admin, url, method, headers, *output)?);
        return Ok(ExitCode::SUCCESS);
    }
    let asked = ExplainRequest::parse(url, method, headers.iter().map(String::as_str))?;
    let folder: Vec<PathBuf> = flags.manifests.iter().cloned().collect();
    let state = match offline::compile(&folder, flags) {
        Ok(offline) => offline.state,
        Err(failure) => return Ok(failure.report()),
    };
    let explanation = explain(&state, &asked);
    terminal::print(&match output {
        Output::Text => render_text(&explanation, colour()),
        Output::Json => format!("{}\n", serde_json::to_string_pretty(&explanation)?),
    });
    Ok(ExitCode::SUCCESS)
}

fn colour() -> Colour {
    match Paint::of_stdout() {
        Paint::Plain => Colour::Off,
        Paint::Coloured => Colour::On,
    }
}
