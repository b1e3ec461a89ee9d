//! A server with the objects of a case, and its origins.

use std::path::Path;

use landfall::snapshot::manifest::document::{Format, documents};
use landfall::testing::certificates::TestCa;
use landfall::testing::origin::Asked;
use landfall::testing::{Origin, Raw, TestServer};
use serde_json::{Value, json};

use crate::line::{Line, Outcome, Scheme};

pub(crate) struct Scene {
    server: TestServer,
    ca: TestCa,
    _origins: Vec<Origin>,
}

impl Scene {
    /// Serves the objects of a case.
    pub(crate) async fn set(case: &Path, workers: usize) -> Self {
        let text = std::fs::read(case.join("input.yaml")).unwrap();
        let mut objects: Vec<Value> =
            documents(Format::Yaml, &text).into_iter().map(|one| one.value.unwrap()).collect();
        let ca = TestCa::new();
        let (mut origins, mut slices) = (Vec::new(), Vec::new());
        for object in &mut objects {
            match object["kind"].as_str() {
                Some("Secret") => fill(object, &ca),
                Some("Service") => slices.extend(slices_of(object, &mut origins).await),
                _ => {}
            }
        }
        objects.extend(slices);
        Self { server: TestServer::start(workers, objects), ca, _origins: origins }
    }

    /// Makes a request on a connection of its own.
    pub(crate) async fn play(&self, line: &Line) -> Outcome {
        let Some(mut client) = self.connect(line).await else { return Outcome::default() };
        let Line { method, host, target, .. } = line;
        client.send(format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n")).await;
        let answer = client.response().await;
        let asked = (answer.status() == 200).then(|| Asked::of(&answer.body));
        Outcome {
            status: Some(answer.status()),
            by: asked.as_ref().map(|asked| asked.origin.clone()),
            target: asked.map(|asked| asked.target),
            location: answer.one("location").map(str::to_owned),
        }
    }

    /// A connection; `None` if the certificate is not for the host.
    async fn connect(&self, line: &Line) -> Option<Raw> {
        match line.scheme {
            Scheme::Http => Some(Raw::connect(self.server.http()).await),
            Scheme::Https => {
                let config = self.ca.client(&[b"http/1.1"]);
                Raw::connect_tls(self.server.https(), &line.host, config).await.ok()
            }
        }
    }
}

/// Puts a certificate into a Secret that asks for one.
fn fill(secret: &mut Value, ca: &TestCa) {
    let wanted = secret["stringData"]["tls.crt"].as_str().and_then(|text| text.strip_prefix('@')).map(str::to_owned);
    if let Some(name) = wanted {
        let pair = ca.issue_for([name.as_str()]);
        secret["stringData"] = json!({ "tls.crt": pair.certificate_pem, "tls.key": pair.key_pem });
    }
}

/// Starts the origins of a Service; their EndpointSlices.
async fn slices_of(service: &Value, origins: &mut Vec<Origin>) -> Vec<Value> {
    let name = service["metadata"]["name"].as_str().unwrap();
    let count = service["metadata"]["annotations"]["origins"].as_str().map(|count| count.parse::<usize>().unwrap());
    let names = match count {
        None => vec![name.to_owned()],
        Some(count) => (0..count).map(|number| format!("{name}-{number}")).collect(),
    };
    let mut slices = Vec::new();
    for origin_name in names {
        let origin = Origin::start(&origin_name).await;
        let port = origin.address().port();
        let ports = service["spec"]["ports"].as_array().into_iter().flatten();
        let ports: Vec<Value> =
            ports.map(|one| json!({ "name": one["name"], "port": port, "protocol": "TCP" })).collect();
        slices.push(json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {
                "name": format!("{origin_name}-slice"), "namespace": service["metadata"]["namespace"],
                "labels": { "kubernetes.io/service-name": name },
            },
            "addressType": "IPv4",
            "ports": ports,
            "endpoints": [{ "addresses": [origin.address().ip().to_string()], "conditions": { "ready": true } }],
        }));
        origins.push(origin);
    }
    slices
}
