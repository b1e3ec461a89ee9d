//! Secrets and ConfigMaps: only what something refers to is asked for by itself and kept, and it is there at once.

use landfall::cli::Server;
use landfall::testing::apiserver::{Request, Trouble};
use landfall::testing::certificates::{KeyPairPem, TestCa};
use landfall::testing::objects::{settings as config_map, tls_secret};
use landfall::testing::raw::PATIENCE;
use landfall::testing::{ApiServer, Ingress, Origin, Raw};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{ingress, objects_of_one, serve, serve_one, status, until_status};

pub(super) fn leaf(pair: &KeyPairPem) -> Vec<u8> {
    CertificateDer::from_pem_slice(pair.certificate_pem.as_bytes()).unwrap().to_vec()
}

/// The certificate that a client is given.
pub(super) async fn presented(server: &Server, name: &str) -> Vec<u8> {
    let mut client = landfall::tls::client::unverified(landfall::tls::client::UpstreamAlpn::Http1);
    client.enable_sni = true;
    Raw::connect_tls(server.https_addresses()[0], name, client).await.unwrap().peer_certificate()
}

async fn until_presented(server: &Server, name: &str, pair: &KeyPairPem) {
    let wanted = leaf(pair);
    let asking = async { while presented(server, name).await != wanted {} };
    timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("{name} does not come to present its certificate"));
}

/// As API servers have it: values encoded.
pub(super) fn secret(name: &str, type_: &str, pair: &KeyPairPem) -> Value {
    use base64::Engine as _;
    let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let mut object = tls_secret(name, pair);
    object["type"] = json!(type_);
    object["data"] = json!({ "tls.crt": encode(&pair.certificate_pem), "tls.key": encode(&pair.key_pem) });
    object.as_object_mut().unwrap().remove("stringData");
    object
}

fn with_tls(name: &str, host: &str, secret: &str) -> Value {
    Ingress::named(name).route(host, "/", "web").tls(host, secret).build()
}

/// Whether the Secret is asked for by itself.
fn is_read_of_cert(asked: &Request) -> bool {
    asked.resource == "secrets" && asked.parameter("fieldSelector").starts_with("metadata.name=cert")
}

#[tokio::test]
async fn a_certificate_is_served_from_the_start_and_its_renewal_at_once() {
    let (origin, ca) = (Origin::start("web").await, TestCa::new());
    let (first, renewed) = (ca.issue_for(["b.test"]), ca.issue_for(["b.test"]));
    let more = [with_tls("more", "b.test", "cert"), secret("cert", "kubernetes.io/tls", &first)];
    let cluster = ApiServer::start(objects_of_one(&origin).into_iter().chain(more)).await;
    let server = serve(&cluster, &[]).await;
    assert_eq!(presented(&server, "b.test").await, leaf(&first));
    cluster.apply(secret("cert", "kubernetes.io/tls", &renewed));
    until_presented(&server, "b.test", &renewed).await;
    server.shutdown().await;
}

#[tokio::test]
async fn a_secret_that_was_there_long_before_its_ingress_is_served_with_it() {
    let (origin, ca) = (Origin::start("web").await, TestCa::new());
    let pair = ca.issue_for(["b.test"]);
    let cluster = ApiServer::start(objects_of_one(&origin)).await;
    cluster.apply(secret("cert", "Opaque", &pair));
    let server = serve(&cluster, &[]).await;
    assert!(!cluster.requests().iter().any(is_read_of_cert), "nobody refers to it");
    cluster.apply(with_tls("more", "b.test", "cert"));
    // TLS hosts redirect: from their first answer on, their certificate is the right one.
    until_status(&server, "b.test", 404, 308).await;
    assert_eq!(presented(&server, "b.test").await, leaf(&pair));
    cluster.until_asked(is_read_of_cert).await;
    server.shutdown().await;
}

#[tokio::test]
async fn a_secret_of_an_unusual_type_is_served() {
    let (origin, ca) = (Origin::start("web").await, TestCa::new());
    let pair = ca.issue_for(["b.test"]);
    let more = [with_tls("more", "b.test", "cert"), secret("cert", "example.com/anything", &pair)];
    let cluster = ApiServer::start(objects_of_one(&origin).into_iter().chain(more)).await;
    let server = serve(&cluster, &[]).await;
    assert_eq!(presented(&server, "b.test").await, leaf(&pair));
    server.shutdown().await;
}

#[tokio::test]
async fn a_secret_that_comes_after_its_ingress_is_served() {
    let (origin, ca) = (Origin::start("web").await, TestCa::new());
    let pair = ca.issue_for(["b.test"]);
    let (cluster, server) = serve_one(&origin).await;
    cluster.apply(with_tls("more", "b.test", "cert"));
    until_status(&server, "b.test", 404, 308).await;
    cluster.apply(secret("cert", "kubernetes.io/tls", &pair));
    until_presented(&server, "b.test", &pair).await;
    server.shutdown().await;
}

/// While the read of a newly referenced Secret is refused, other changes go on, and the Secret comes when it may.
#[tokio::test]
async fn a_secret_that_cannot_be_read_at_first_is_read_later() {
    let (origin, ca) = (Origin::start("web").await, TestCa::new());
    let pair = ca.issue_for(["b.test"]);
    let (cluster, server) = serve_one(&origin).await;
    cluster.apply(secret("cert", "kubernetes.io/tls", &pair));
    cluster.trouble(|asked| is_read_of_cert(asked).then_some(Trouble::Refuse(500, None)));
    cluster.apply(with_tls("more", "b.test", "cert"));
    until_status(&server, "b.test", 404, 308).await;
    cluster.apply(ingress("another", "c.test"));
    until_status(&server, "c.test", 404, 200).await;
    cluster.no_trouble();
    until_presented(&server, "b.test", &pair).await;
    server.shutdown().await;
}

#[tokio::test]
async fn the_default_certificate_is_that_of_its_flag() {
    let (origin, ca) = (Origin::start("web").await, TestCa::new());
    let pair = ca.issue_for(["fallback.test"]);
    let objects = objects_of_one(&origin).into_iter().chain([secret("fallback", "kubernetes.io/tls", &pair)]);
    let cluster = ApiServer::start(objects).await;
    let server = serve(&cluster, &["--default-ssl-certificate=default/fallback"]).await;
    assert_eq!(presented(&server, "unknown.test").await, leaf(&pair));
    server.shutdown().await;
}

#[tokio::test]
async fn the_config_map_of_its_flag_is_followed() {
    let origin = Origin::start("web").await;
    let cluster = ApiServer::start(objects_of_one(&origin)).await;
    let server = serve(&cluster, &["--configmap=default/settings"]).await;
    assert_eq!(status(&server, "a.test").await, 200);
    cluster.apply(config_map([("force-ssl-redirect", "true")]));
    until_status(&server, "a.test", 200, 308).await;
    cluster.delete(&config_map([]));
    until_status(&server, "a.test", 308, 200).await;
    server.shutdown().await;
}

#[tokio::test]
async fn secrets_are_asked_for_without_the_records_of_helm() {
    let origin = Origin::start("web").await;
    let (cluster, server) = serve_one(&origin).await;
    for watch in [false, true] {
        let asked = cluster.until_asked(|asked| asked.resource == "secrets" && asked.watch == watch).await;
        assert_eq!(asked.parameter("fieldSelector"), "type!=helm.sh/release.v1");
    }
    server.shutdown().await;
}
