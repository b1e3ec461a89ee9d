//! `landfall demo`: the examples, served on this machine by sample origins inside the process.

mod folder;
mod instructions;
mod origin;

use std::net::{IpAddr, Ipv4Addr};
use std::process::ExitCode;

use clap::Args;

use self::folder::Folder;
use self::instructions::Scene;
use self::origin::Origin;
use super::server::{self, Server};
use super::signals::Signals;
use super::terminal;
use crate::settings::{Flags, Settings};

/// Where the demo listens.
#[derive(Debug, Args)]
pub(super) struct DemoFlags {
    /// The port for HTTP; 0 picks a free one.
    #[arg(long, default_value_t = 8080)]
    http_port: u16,
    /// The port for HTTPS; 0 picks a free one.
    #[arg(long, default_value_t = 8443)]
    https_port: u16,
    /// The port for health, metrics and explain; 0 picks a free one.
    #[arg(long, default_value_t = 10254)]
    healthz_port: u16,
    /// The address to listen on.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    bind_address: IpAddr,
}

/// Runs until a signal ends it.
pub(super) async fn run(flags: DemoFlags) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::listen()?;
    let mut origins = Vec::new();
    for name in ["alpaca", "bandicoot", "be-default"] {
        origins.push(Origin::start(name).await?);
    }
    let path = std::env::temp_dir().join(format!("landfall-demo-{}", std::process::id()));
    let folder = Folder::create(path, &origins)?;
    let server = Server::start(settings(&flags, &folder)?).await?;
    server.ready().await;
    let scene = Scene {
        http: server.http_address(),
        https: server.https_address(),
        admin: server.admin_address(),
        folder: folder.path(),
        certificate: &folder.certificate(),
    };
    terminal::print(&scene.text());
    let end = server::serve_until_signalled(server, &mut signals).await;
    drop(folder);
    Ok(end.leave())
}
