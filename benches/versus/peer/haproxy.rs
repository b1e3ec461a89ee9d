//! HAProxy: connections to the origin shared by all clients, routes in a map.

use std::fmt::Write as _;
use std::process::Command;

use anyhow::Result;
use landfall::testing::attack;

use super::{Log, STREAMS, Setup, Siege};
use crate::site;

pub(super) fn configure(command: &mut Command, setup: &Setup<'_>) -> Result<()> {
    let mut certificates = String::new();
    let mut routes = String::new();
    for (name, pair) in setup.site.all() {
        let path = setup.write(&format!("{name}.pem"), format!("{}{}", pair.certificate_pem, pair.key_pem))?;
        writeln!(certificates, "{} {name}", path.display())?;
        match name {
            site::GRPC => writeln!(routes, "{name}/ grpc")?,
            _ => writeln!(routes, "{name}/a/ a\n{name}/b/ b")?,
        }
    }
    if setup.siege.is_some() {
        writeln!(routes, "{}/ besieged", attack::HOST)?;
    }
    let certificates = setup.write("certificates.list", certificates)?;
    let routes = setup.write("routes.map", routes)?;
    let (log, line) = match setup.log {
        Log::Off => ("", ""),
        // The one that starts it lets standard output be the file.
        Log::On => ("log stdout format raw local0", "log global\n  option httplog"),
    };
    let Parts { global, timeouts, bind, backend } = Parts::of(setup);
    let text = format!(
        "global
  nbthread {workers}
  maxconn 15000
  no strict-limits
  {log}
  {global}
  ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
  mode http
  {line}
  timeout connect 5s
  {timeouts}
  timeout server 60s
  timeout tunnel 60s
  http-reuse always
frontend web
  bind 127.0.0.1:{http} backlog 4096
  {bind}
  bind 127.0.0.1:{https} backlog 4096 ssl crt-list {certificates} alpn h2,http/1.1
  http-request set-header X-Request-ID %[uuid()]
  http-request set-header X-Real-IP %[src]
  http-request set-header X-Forwarded-For %[src]
  http-request set-header X-Forwarded-Host %[req.hdr(Host)]
  http-request set-header X-Forwarded-Port %[dst_port]
  http-request set-header X-Forwarded-Proto %[ssl_fc,iif(https,http)]
  http-request set-header X-Forwarded-Scheme %[ssl_fc,iif(https,http)]
  http-request set-header X-Scheme %[ssl_fc,iif(https,http)]
  use_backend %[base,map_beg({routes})]
backend a
  server a {a} maxconn 2000 pool-max-conn 1024
backend b
  server b {b} maxconn 2000 pool-max-conn 1024
backend grpc
  server grpc {grpc} proto h2 maxconn 2000 pool-max-conn 1024
{backend}",
        workers = setup.workers,
        http = setup.http,
        https = setup.https,
        certificates = certificates.display(),
        routes = routes.display(),
        a = setup.origin.a,
        b = setup.origin.b,
        grpc = setup.origin.grpc,
    );
    let path = setup.write("haproxy.cfg", text)?;
    command.arg("-db").arg("-f").arg(path);
    Ok(())
}

/// What depends on whether there are attackers.
struct Parts {
    global: String,
    timeouts: String,
    bind: String,
    backend: String,
}

impl Parts {
    fn of(setup: &Setup<'_>) -> Self {
        match setup.siege {
            None => Self {
                global: String::new(),
                timeouts: "timeout client 60s".to_owned(),
                bind: String::new(),
                backend: String::new(),
            },
            Some(Siege { origin, seconds }) => Self {
                global: format!("tune.h2.max-concurrent-streams {STREAMS}"),
                timeouts: format!(
                    "timeout client {seconds}s\n  timeout http-request {seconds}s\n  timeout http-keep-alive {seconds}s"
                ),
                bind: format!("bind 127.0.0.1:{} backlog 4096 proto h2", setup.h2c),
                backend: format!("backend besieged\n  server besieged {origin} maxconn 2000 pool-max-conn 1024\n"),
            },
        }
    }
}
