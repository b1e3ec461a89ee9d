//! The demo's folder of manifests: the examples that the binary carries, the sample origins' addresses, and a key pair
//! made for the occasion.
//!
//! It is a real folder, private to the user and removed at the end, so that editing a file in it shows a live reload.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use serde_json::json;

use super::origin::Origin;

/// The examples, by file name.
const EXAMPLES: &[(&str, &str)] = &[
    ("class.yaml", include_str!("../../../examples/class.yaml")),
    ("default-backend.yaml", include_str!("../../../examples/default-backend.yaml")),
    ("hosts.yaml", include_str!("../../../examples/hosts.yaml")),
    ("paths.yaml", include_str!("../../../examples/paths.yaml")),
    ("rewrite.yaml", include_str!("../../../examples/rewrite.yaml")),
    ("services.yaml", include_str!("../../../examples/services.yaml")),
    ("tls.yaml", include_str!("../../../examples/tls.yaml")),
];

/// The namespace and the names that `examples/` gives its objects.
const NAMESPACE: &str = "demo";
const TLS_HOST: &str = "secure.example.com";
const TLS_SECRET: &str = "secure-example-com";

/// A folder that is removed when it is dropped.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Writes the folder, which must not exist yet.
    pub(super) fn create(path: PathBuf, origins: &[Origin]) -> anyhow::Result<Self> {
        DirBuilder::new().mode(0o700).create(&path).with_context(|| format!("cannot make {}", path.display()))?;
        let folder = Self { path };
        for (name, text) in EXAMPLES {
            folder.write(name, text)?;
        }
        let slices: Vec<_> = origins.iter().map(endpoint_slice).collect();
        let slices = json!({ "apiVersion": "v1", "kind": "List", "items": slices });
        folder.write("endpoints.json", &format!("{slices:#}"))?;
        folder.write_key_pair()?;
        Ok(folder)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The certificate, as `curl --cacert` takes it.
    pub(super) fn certificate(&self) -> PathBuf {
        self.path.join("certificate.pem")
    }

    /// A self-signed key pair for the example's TLS host, as the Secret that the example names.
    fn write_key_pair(&self) -> anyhow::Result<()> {
        let (certificate, key) = key_pair().context("cannot make a certificate")?;
        let secret = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": { "name": TLS_SECRET, "namespace": NAMESPACE },
            "type": "kubernetes.io/tls",
            "stringData": { "tls.crt": certificate, "tls.key": key },
        });
        self.write("secret.json", &format!("{secret:#}"))?;
        self.write("certificate.pem", &certificate)
    }

    fn write(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let path = self.path.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "the demo's folder could not be removed");
        }
    }
}

/// A certificate for the example's TLS host that is its own issuer, and its key, both as PEM.
fn key_pair() -> Result<(String, String), rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut wanted = CertificateParams::new([TLS_HOST.to_owned()])?;
    wanted.distinguished_name = DistinguishedName::new();
    wanted.distinguished_name.push(DnType::CommonName, TLS_HOST);
    Ok((wanted.self_signed(&key)?.pem(), key.serialize_pem()))
}

/// The address of an origin, as an object of its Service.
fn endpoint_slice(origin: &Origin) -> serde_json::Value {
    json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": origin.name,
            "namespace": NAMESPACE,
            "labels": { "kubernetes.io/service-name": origin.name },
        },
        "addressType": "IPv4",
        "endpoints": [{ "addresses": [origin.address.ip().to_string()], "conditions": { "ready": true } }],
        "ports": [{ "name": "http", "port": origin.address.port(), "protocol": "TCP" }],
    })
}
