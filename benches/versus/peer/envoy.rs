//! Envoy: a virtual host per host, a certificate per host chosen by server name.

use std::net::SocketAddr;
use std::process::Command;

use anyhow::Result;
use landfall::testing::attack;
use serde_json::{Value, json};

use super::{Log, STREAMS, Setup, Siege};
use crate::site;

pub(super) fn configure(command: &mut Command, setup: &Setup<'_>) -> Result<()> {
    let mut clusters = vec![
        cluster("a", setup.origin.a, false),
        cluster("b", setup.origin.b, false),
        cluster("grpc", setup.origin.grpc, true),
    ];
    let mut listeners = vec![
        listener("http", setup.http, &filter_chain(setup, None)),
        listener("https", setup.https, &filter_chain(setup, Some(transport_socket(setup)))),
    ];
    if let Some(siege) = setup.siege {
        clusters.push(cluster("besieged", siege.origin, false));
        listeners.push(listener("http2", setup.h2c, &filter_chain(setup, None)));
        for listener in &mut listeners {
            besiege(listener, siege);
        }
    }
    let config = json!({
        "static_resources": {
            "listeners": listeners,
            "clusters": clusters,
        },
    });
    let path = setup.write("envoy.json", config.to_string())?;
    command.arg("--concurrency").arg(setup.workers.to_string());
    command.args(["--disable-hot-restart", "--log-level", "error"]).arg("-c").arg(path);
    Ok(())
}

fn listener(name: &str, port: u16, chain: &Value) -> Value {
    json!({
        "name": name,
        "address": { "socket_address": { "address": "127.0.0.1", "port_value": port } },
        "tcp_backlog_size": 4096,
        "filter_chains": [chain],
    })
}

fn filter_chain(setup: &Setup<'_>, transport_socket: Option<Value>) -> Value {
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "web",
        "use_remote_address": true,
        // It would write an address of its own in the place of a loopback one.
        "skip_xff_append": true,
        "upgrade_configs": [{ "upgrade_type": "websocket" }],
        "access_log": access_log(setup),
        "route_config": {
            "name": "routes",
            "virtual_hosts": setup.site.all().map(|(name, _)| virtual_host(name)).collect::<Vec<_>>(),
            "request_headers_to_add": [
                field("X-Forwarded-For", "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"),
                field("X-Real-IP", "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"),
                field("X-Forwarded-Host", "%REQ(:AUTHORITY)%"),
                field("X-Forwarded-Port", "%DOWNSTREAM_LOCAL_PORT%"),
                field("X-Forwarded-Scheme", "%REQ(X-FORWARDED-PROTO)%"),
                field("X-Scheme", "%REQ(X-FORWARDED-PROTO)%"),
            ],
        },
        "http_filters": [{
            "name": "envoy.filters.http.router",
            "typed_config": { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
        }],
    });
    let mut chain = json!({
        "filters": [{ "name": "envoy.filters.network.http_connection_manager", "typed_config": manager }],
    });
    if let (Some(socket), Some(chain)) = (transport_socket, chain.as_object_mut()) {
        chain.insert("transport_socket".to_owned(), socket);
    }
    chain
}

/// What Envoy's documentation tells those to set who are exposed to the internet: timeouts, buffers, windows and streams.
fn besiege(listener: &mut Value, siege: Siege) {
    let seconds = format!("{}s", siege.seconds);
    listener["per_connection_buffer_limit_bytes"] = json!(32 * 1024);
    let chain = &mut listener["filter_chains"][0];
    chain["transport_socket_connect_timeout"] = json!(seconds);
    let manager = &mut chain["filters"][0]["typed_config"];
    manager["common_http_protocol_options"] = json!({ "idle_timeout": seconds });
    manager["stream_idle_timeout"] = json!(seconds);
    manager["request_headers_timeout"] = json!(seconds);
    manager["http2_protocol_options"] = json!({
        "max_concurrent_streams": STREAMS,
        "initial_stream_window_size": 64 * 1024,
        "initial_connection_window_size": 1024 * 1024,
    });
    let host = json!({
        "name": attack::HOST,
        "domains": [attack::HOST],
        "routes": [{ "match": { "prefix": "/" }, "route": { "cluster": "besieged", "timeout": "60s" } }],
    });
    if let Some(hosts) = manager["route_config"]["virtual_hosts"].as_array_mut() {
        hosts.push(host);
    }
}

fn field(name: &str, value: &str) -> Value {
    json!({ "header": { "key": name, "value": value }, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD" })
}

fn access_log(setup: &Setup<'_>) -> Value {
    match setup.log {
        Log::Off => json!([]),
        Log::On => json!([{
            "name": "envoy.access_loggers.file",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
                "path": setup.access_log(),
            },
        }]),
    }
}

fn virtual_host(name: &str) -> Value {
    let route = |prefix: &str, cluster: &str| json!({ "match": { "prefix": prefix }, "route": { "cluster": cluster, "timeout": "60s" } });
    let routes = match name {
        site::GRPC => vec![route("/", "grpc")],
        _ => vec![route("/a/", "a"), route("/b/", "b")],
    };
    json!({ "name": name, "domains": [name], "routes": routes })
}

fn transport_socket(setup: &Setup<'_>) -> Value {
    let certificates: Vec<_> = setup
        .site
        .all()
        .map(|(_, pair)| {
            json!({
                "certificate_chain": { "inline_string": pair.certificate_pem },
                "private_key": { "inline_string": pair.key_pem },
            })
        })
        .collect();
    json!({
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
            "common_tls_context": {
                "alpn_protocols": ["h2", "http/1.1"],
                "tls_params": {
                    "tls_minimum_protocol_version": "TLSv1_2",
                    "tls_maximum_protocol_version": "TLSv1_3",
                },
                "tls_certificates": certificates,
            },
        },
    })
}

fn cluster(name: &str, address: SocketAddr, http2: bool) -> Value {
    let protocol = if http2 { "http2_protocol_options" } else { "http_protocol_options" };
    let limit = 1_000_000;
    json!({
        "name": name,
        "type": "STATIC",
        "connect_timeout": "5s",
        "circuit_breakers": { "thresholds": [{
            "max_connections": limit, "max_pending_requests": limit, "max_requests": limit, "max_retries": limit,
        }] },
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": { protocol: {} },
            },
        },
        "load_assignment": { "cluster_name": name, "endpoints": [{ "lb_endpoints": [{ "endpoint": {
            "address": { "socket_address": { "address": address.ip(), "port_value": address.port() } },
        } }] }] },
    })
}
