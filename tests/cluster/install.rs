//! What is installed is taken by the API server as it is, without a warning.

use std::path::Path;

use serde_json::{Value, json};

use crate::render::{self, path};
use crate::support::{Cluster, eventually, on_own_cluster};

/// Applies what a file holds as a user would. Gives kubectl's warnings; `None` where there is no kubectl.
fn apply(cluster: &Cluster, file: &Path, flags: &[&str]) -> Option<String> {
    let file = file.to_str().expect("the path is UTF-8");
    let output = cluster.kubectl(&[&["apply", "--server-side", "--filename", file][..], flags].concat())?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{file}: {said}");
    Some(said)
}

/// Has the server say whether it would take objects, once their namespaces are there.
async fn dry_run(cluster: &Cluster, objects: Vec<Value>) -> Option<String> {
    for object in &objects {
        let namespace = match object["kind"].as_str() {
            Some("Namespace") => &object["metadata"]["name"],
            _ => &object["metadata"]["namespace"],
        };
        if let Some(name) = namespace.as_str() {
            // So that the server says where a pod would be beyond the level `restricted`.
            let labels = json!({ "pod-security.kubernetes.io/warn": "restricted" });
            let metadata = json!({ "name": name, "labels": labels });
            cluster.apply(json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": metadata })).await;
        }
    }
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": objects });
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), list.to_string()).expect("it can be written");
    apply(cluster, file.path(), &["--dry-run=server"])
}

/// The kinds of the Prometheus operator, as far as the server must know them.
async fn know_monitors(cluster: &Cluster) {
    for (kind, plural) in
        [("PodMonitor", "podmonitors"), ("ServiceMonitor", "servicemonitors"), ("PrometheusRule", "prometheusrules")]
    {
        let schema = json!({ "openAPIV3Schema": { "type": "object", "x-kubernetes-preserve-unknown-fields": true } });
        let definition = json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": { "name": format!("{plural}.monitoring.coreos.com") },
            "spec": {
                "group": "monitoring.coreos.com", "scope": "Namespaced",
                "names": { "kind": kind, "plural": plural, "singular": kind.to_lowercase() },
                "versions": [{ "name": "v1", "served": true, "storage": true, "schema": schema }],
            },
        });
        cluster.apply(definition).await;
        let probe = json!({
            "apiVersion": "monitoring.coreos.com/v1", "kind": kind,
            "metadata": { "name": "probe", "namespace": "default" },
        });
        eventually("the kind is served", async || cluster.try_apply(&probe).await.is_ok()).await;
    }
}

#[test]
fn install_yaml_is_applied_without_a_warning_and_again_without_a_change() {
    on_own_cluster(async |cluster| {
        let file = path("manifests/install.yaml");
        let Some(warnings) = apply(&cluster, &file, &[]) else { return };
        assert_eq!(warnings, "");
        let daemon_set = json!({
            "apiVersion": "apps/v1", "kind": "DaemonSet",
            "metadata": { "name": "landfall", "namespace": "landfall" },
        });
        let before = cluster.read(&daemon_set).await;
        assert_eq!(apply(&cluster, &file, &[]).as_deref(), Some(""));
        assert_eq!(cluster.read(&daemon_set).await["metadata"]["generation"], before["metadata"]["generation"]);
    });
}

#[test]
fn every_kustomization_is_accepted_and_only_host_ports_are_beyond_the_level_restricted() {
    on_own_cluster(async |cluster| {
        know_monitors(&cluster).await;
        for folder in render::KUSTOMIZATIONS {
            let Some(objects) = render::kustomize(folder) else { return };
            let Some(warnings) = dry_run(&cluster, objects).await else { return };
            let host_ports = "Warning: would violate PodSecurity \"restricted:latest\": \
                hostPort (container \"landfall\" uses hostPorts 443, 80)";
            let expected = if folder.contains("edge") { host_ports } else { "" };
            assert_eq!(warnings.trim(), expected, "{folder}");
        }
    });
}

#[test]
fn the_chart_is_accepted_with_every_case_of_values() {
    on_own_cluster(async |cluster| {
        know_monitors(&cluster).await;
        for file in render::values("values") {
            let Some(chart) = render::chart(&file) else { return };
            let chart = chart.unwrap_or_else(|refused| panic!("{}: {refused}", file.display()));
            let source = file.display().to_string();
            let Some(warnings) = dry_run(&cluster, chart.objects).await else { return };
            if source.contains("default") {
                assert_eq!(warnings, "", "{source}");
            }
        }
    });
}
