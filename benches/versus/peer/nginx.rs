//! nginx, configured as ingress-nginx does where it matters, and for speed elsewhere.

use std::fmt::Write as _;
use std::process::Command;

use anyhow::Result;
use landfall::testing::attack;

use super::{Log, Setup, Siege};
use crate::site;

pub(super) fn configure(command: &mut Command, setup: &Setup<'_>) -> Result<()> {
    let folder = setup.folder.display();
    let mut servers = String::new();
    for (name, pair) in setup.site.all() {
        let chain = setup.write(&format!("{name}.crt"), &pair.certificate_pem)?;
        let key = setup.write(&format!("{name}.key"), &pair.key_pem)?;
        let (http, https) = (setup.http, setup.https);
        let locations = match name {
            site::GRPC => "location / { grpc_pass grpc://grpc; }",
            _ => "location /a/ { proxy_pass http://a; }\n    location /b/ { proxy_pass http://b; }",
        };
        // Only the first server may say how to listen.
        let backlog = if name == site::MAIN { " backlog=4096 reuseport" } else { "" };
        write!(
            servers,
            "
  server {{
    listen 127.0.0.1:{http}{backlog};
    listen 127.0.0.1:{https} ssl http2{backlog};
    server_name {name};
    ssl_certificate {};
    ssl_certificate_key {};
    {locations}
  }}",
            chain.display(),
            key.display(),
        )?;
    }
    servers.push_str(&besieged(setup));
    let text = format!("{}\n{}{servers}\n}}\n", main(setup), http(setup));
    let path = setup.write("nginx.conf", text)?;
    command.arg("-c").arg(path).arg("-p").arg(setup.folder).arg("-e").arg(format!("{folder}/error.log"));
    Ok(())
}

/// The server of the attackers' host, if there are attackers. Without TLS, nginx cannot tell the versions of HTTP apart.
fn besieged(setup: &Setup<'_>) -> String {
    let Some(Siege { origin, .. }) = setup.siege else { return String::new() };
    let (http, h2c) = (setup.http, setup.h2c);
    format!(
        "
  upstream besieged {{ server {origin}; keepalive 1024; keepalive_requests 1000000000; keepalive_timeout 60s; }}
  server {{
    listen 127.0.0.1:{http};
    listen 127.0.0.1:{h2c} http2 backlog=4096;
    server_name {};
    location / {{ proxy_pass http://besieged; }}
  }}",
        attack::HOST,
    )
}

/// How long clients may take, and how many requests they may make over a connection: under siege as many as by default.
fn patience(setup: &Setup<'_>) -> String {
    match setup.siege {
        None => "keepalive_timeout 75s;\n  keepalive_requests 1000000000;".to_owned(),
        Some(Siege { seconds, .. }) => format!(
            "client_header_timeout {seconds}s;\n  client_body_timeout {seconds}s;\n  send_timeout {seconds}s;\n  \
             keepalive_timeout {seconds}s;"
        ),
    }
}

fn main(setup: &Setup<'_>) -> String {
    let folder = setup.folder.display();
    format!(
        "daemon off;
user root;
worker_processes {};
pid {folder}/nginx.pid;
error_log {folder}/error.log error;
events {{ worker_connections 18000; }}",
        setup.workers
    )
}

/// The block of HTTP, without its end. The fields, `Connection` and the log's format are ingress-nginx's. Its log is
/// not buffered; this one is, which is to nginx's advantage.
fn http(setup: &Setup<'_>) -> String {
    let (folder, patience) = (setup.folder.display(), patience(setup));
    let log = match setup.log {
        Log::Off => "access_log off;".to_owned(),
        Log::On => format!("access_log {} upstreaminfo buffer=64k flush=1s;", setup.access_log().display()),
    };
    let fields: String = FIELDS.iter().fold(String::new(), |mut text, (name, value)| {
        for kind in ["proxy", "grpc"] {
            // Writing into memory does not fail.
            let _ = writeln!(text, "  {kind}_set_header {name} {value};");
        }
        text
    });
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("  {kind}_temp_path {folder}/{kind};\n"))
        .concat();
    let upstreams: String = [("a", setup.origin.a), ("b", setup.origin.b), ("grpc", setup.origin.grpc)]
        .map(|(name, address)| {
            format!(
                "  upstream {name} {{ server {address}; keepalive 1024; keepalive_requests 1000000000; \
                 keepalive_timeout 60s; }}\n"
            )
        })
        .concat();
    format!(
        "http {{
  log_format upstreaminfo '$remote_addr - $remote_user [$time_local] \"$request\" $status $body_bytes_sent \
         \"$http_referer\" \"$http_user_agent\" $request_length $request_time [$proxy_host] [] $upstream_addr \
         $upstream_response_length $upstream_response_time $upstream_status $request_id';
  {log}
{temporary}  server_names_hash_max_size 65536;
  server_names_hash_bucket_size 128;
  {patience}
  http2_max_concurrent_streams 128;
  client_max_body_size 0;
  proxy_http_version 1.1;
  proxy_request_buffering off;
  proxy_buffers 16 32k;
  proxy_busy_buffers_size 64k;
  proxy_max_temp_file_size 0;
  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_session_cache off;
  ssl_session_tickets on;
  map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
  proxy_set_header Upgrade $http_upgrade;
  proxy_set_header Connection $connection_upgrade;
{fields}{upstreams}"
    )
}

/// What ingress-nginx sets on every request to a backend.
const FIELDS: [(&str, &str); 9] = [
    ("Host", "$http_host"),
    ("X-Request-ID", "$request_id"),
    ("X-Real-IP", "$remote_addr"),
    ("X-Forwarded-For", "$remote_addr"),
    ("X-Forwarded-Host", "$http_host"),
    ("X-Forwarded-Port", "$server_port"),
    ("X-Forwarded-Proto", "$scheme"),
    ("X-Forwarded-Scheme", "$scheme"),
    ("X-Scheme", "$scheme"),
];
