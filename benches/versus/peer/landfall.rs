//! Landfall, from a folder of manifests, with all that is on by default.

use std::net::SocketAddr;
use std::process::Command;

use anyhow::Result;
use landfall::testing::{Ingress, attack, objects};
use serde_json::{Value, json};

use super::{Log, Setup, Siege};
use crate::site;

/// Documents per file.
const PER_FILE: usize = 1000;

pub(super) fn configure(command: &mut Command, setup: &Setup<'_>) -> Result<()> {
    let folder = setup.folder.join("manifests");
    std::fs::create_dir(&folder)?;
    for (number, objects) in objects(setup).chunks(PER_FILE).enumerate() {
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": objects });
        std::fs::write(folder.join(format!("{number}.json")), list.to_string())?;
    }
    let access_log = match setup.log {
        Log::Off => "off".into(),
        Log::On => setup.access_log(),
    };
    command
        .arg("run")
        .args(["--bind-address=127.0.0.1", "--healthz-host=127.0.0.1", "--healthz-port=0"])
        .args(["--configmap=default/settings"])
        .arg(format!("--workers={}", setup.workers))
        .arg("--manifests")
        .arg(folder)
        .arg(format!("--http-port={}", setup.http))
        .arg(format!("--https-port={}", setup.https))
        .arg("--access-log")
        .arg(access_log);
    Ok(())
}

fn objects(setup: &Setup<'_>) -> Vec<Value> {
    let mut all = match setup.siege {
        None => vec![settings(&[("keep-alive-requests", "1000000000")])],
        Some(siege) => besieged(siege),
    };
    for (name, address) in [("a", setup.origin.a), ("b", setup.origin.b), ("grpc", setup.origin.grpc)] {
        all.extend(service(name, address));
    }
    for (name, pair) in setup.site.all() {
        let secret = name.replace('.', "-");
        all.push(objects::tls_secret(&secret, pair));
        all.push(ingress(name, &secret));
    }
    all
}

fn settings(others: &[(&str, &str)]) -> Value {
    let mut settings = objects::settings([
        ("upstream-keepalive-requests", "1000000000"),
        ("upstream-keepalive-connections", "1024"),
        ("proxy-body-size", "0"),
        ("ssl-redirect", "false"),
    ]);
    for (key, value) in others {
        settings["data"][key] = (*value).into();
    }
    settings
}

/// What is different if there are attackers. Requests per connection are as many as by default.
fn besieged(siege: Siege) -> Vec<Value> {
    let Siege { origin, seconds } = siege;
    let seconds = seconds.to_string();
    let timeouts =
        ["client-header-timeout", "client-body-timeout", "client-send-timeout", "tls-handshake-timeout", "keep-alive"];
    let mut all = vec![settings(&timeouts.map(|key| (key, seconds.as_str())))];
    all.extend(service("besieged", origin));
    all.push(Ingress::named("besieged").route(attack::HOST, "/", "besieged").build());
    all
}

fn service(name: &str, address: SocketAddr) -> Vec<Value> {
    objects::service(name, &[address])
}

fn ingress(host: &str, secret: &str) -> Value {
    let path = |path: &str, service: &str| {
        json!({
            "path": path, "pathType": "Prefix",
            "backend": { "service": { "name": service, "port": { "number": 80 } } },
        })
    };
    let (annotations, paths) = match host {
        site::GRPC => (json!({ "nginx.ingress.kubernetes.io/backend-protocol": "GRPC" }), vec![path("/", "grpc")]),
        _ => (json!({}), vec![path("/a", "a"), path("/b", "b")]),
    };
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": { "name": secret, "namespace": "default", "annotations": annotations },
        "spec": {
            "tls": [{ "hosts": [host], "secretName": secret }],
            "rules": [{ "host": host, "http": { "paths": paths } }],
        },
    })
}
