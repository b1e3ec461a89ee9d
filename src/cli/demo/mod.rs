//! `landfall demo`: the examples, served on this machine by sample origins inside the process.

mod folder;
mod instructions;
mod origin;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;

use self::folder::Folder;
use self::instructions::Scene;
use self::origin::Origin;
use super::descriptors;
use super::run::control_runtime;
use super::server::{self, End};
use super::signals::Signals;
use super::terminal;
use crate::settings::{Flags, Settings};
use crate::telemetry::trace::{self, TraceFormat};

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
pub(super) fn run(flags: &DemoFlags) -> anyhow::Result<ExitCode> {
    trace::init(TraceFormat::default(), 0);
    descriptors::raise_limit();
    let end = control_runtime()?.block_on(serve(flags))?;
    Ok(end.leave())
}

async fn serve(flags: &DemoFlags) -> anyhow::Result<End> {
    let mut signals = Signals::listen().context("cannot take over the signals")?;
    let mut origins = Vec::new();
    for name in ["alpaca", "bandicoot", "be-default"] {
        origins.push(Origin::start(name).await.context("cannot start a sample origin")?);
    }
    let path = std::env::temp_dir().join(format!("landfall-demo-{}", std::process::id()));
    let folder = Folder::create(path, &origins)?;
    let Some(server) = server::start_unless_signalled(flags.settings(&folder)?, &mut signals).await? else {
        return Ok(End::Graceful);
    };
    let scene = Scene {
        http: first(server.http_addresses())?,
        https: first(server.https_addresses())?,
        admin: first(server.admin_addresses())?,
        folder: folder.path(),
        certificate: &folder.certificate(),
    };
    terminal::print(&scene.text());
    Ok(server::serve_until_signalled(server, &mut signals).await)
}

fn first(addresses: &[SocketAddr]) -> anyhow::Result<SocketAddr> {
    addresses.first().copied().context("nothing is listened on")
}

impl DemoFlags {
    /// What `landfall run` makes of the same ports and the demo's folder.
    fn settings(&self, folder: &Folder) -> anyhow::Result<Settings> {
        let address = self.bind_address.to_string();
        let flags = Flags {
            manifests: Some(folder.path().to_owned()),
            bind_address: vec![address.clone()],
            http_port: self.http_port.to_string(),
            https_port: self.https_port.to_string(),
            healthz_host: address,
            healthz_port: self.healthz_port.to_string(),
            ..Flags::default()
        };
        let (settings, _) = Settings::from_flags(&flags).map_err(|faults| {
            let messages: Vec<_> = faults.into_iter().map(|fault| fault.message).collect();
            anyhow::anyhow!("{}", messages.join("; "))
        })?;
        Ok(settings)
    }
}
