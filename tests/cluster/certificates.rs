//! Secrets: certificates are rotated, and only what is referred to is kept.

use landfall::testing::Raw;
use landfall::testing::certificates::{KeyPairPem, TestCa};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};

use crate::scene::Scene;
use crate::support::objects::{ingress, tls_secret};
use crate::support::{Landfall, on_shared_cluster};

/// Whether a handshake for a name shows this certificate. `false` if it fails, as it does with one of another authority.
async fn shows(landfall: &Landfall, authority: &TestCa, name: &str, pair: &KeyPairPem) -> bool {
    let connected = Raw::connect_tls(landfall.https, name, authority.client(&[])).await;
    let wanted = CertificateDer::from_pem_slice(pair.certificate_pem.as_bytes()).unwrap();
    connected.is_ok_and(|connection| connection.peer_certificate() == wanted.as_ref())
}

/// How many Secrets it holds.
async fn kept(landfall: &Landfall) -> Option<f64> {
    landfall.metric("landfall_objects", &["kind=\"Secret\""]).await
}

fn with_tls(mut ingress: Value, host: &str, secret: &str) -> Value {
    ingress["spec"]["tls"] = json!([{ "hosts": [host], "secretName": secret }]);
    ingress
}

#[test]
fn a_certificate_is_rotated_under_its_name() {
    on_shared_cluster(async |cluster| {
        let (scene, authority) = (Scene::of_one(&cluster).await, TestCa::new());
        let [first, second] = [(); 2].map(|()| authority.issue_for(["a.test"]));
        cluster.apply(tls_secret(&scene.namespace, "a", &first)).await;
        cluster.apply(with_tls(ingress(&scene.namespace, "web", "a.test", "/", "web"), "a.test", "a")).await;
        let landfall = &scene.landfall;
        landfall.until("it has a certificate", async || shows(landfall, &authority, "a.test", &first).await).await;
        let mut kept = Raw::connect_tls(landfall.https, "a.test", authority.client(&[])).await.unwrap();
        cluster.apply(tls_secret(&scene.namespace, "a", &second)).await;
        landfall.until("it has the next", async || shows(landfall, &authority, "a.test", &second).await).await;
        kept.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
        assert_eq!(kept.response().await.status(), 200, "a connection from before goes on");
    });
}

#[test]
fn a_secret_is_kept_while_it_is_referred_to() {
    on_shared_cluster(async |cluster| {
        let (scene, authority) = (Scene::of_one(&cluster).await, TestCa::new());
        let pair = authority.issue_for(["a.test"]);
        let landfall = &scene.landfall;
        for name in ["a", "unrelated"] {
            cluster.apply(tls_secret(&scene.namespace, name, &pair)).await;
        }
        // Both were there long before one is referred to: the list at the start and the watch have passed them by.
        assert_eq!(kept(landfall).await, Some(0.0));
        let plain = ingress(&scene.namespace, "web", "a.test", "/", "web");
        cluster.apply(with_tls(plain.clone(), "a.test", "a")).await;
        landfall.until("it has a certificate", async || shows(landfall, &authority, "a.test", &pair).await).await;
        landfall.until("one is kept", async || kept(landfall).await == Some(1.0)).await;
        cluster.apply(plain).await;
        landfall.until("nothing is kept any more", async || kept(landfall).await == Some(0.0)).await;
    });
}

#[test]
fn a_secret_of_any_type_is_found_by_its_name() {
    on_shared_cluster(async |cluster| {
        let (scene, authority) = (Scene::of_one(&cluster).await, TestCa::new());
        let pair = authority.issue_for(["a.test"]);
        let mut secret = tls_secret(&scene.namespace, "opaque", &pair);
        secret["type"] = json!("Opaque");
        cluster.apply(with_tls(ingress(&scene.namespace, "web", "a.test", "/", "web"), "a.test", "opaque")).await;
        cluster.apply(secret.clone()).await;
        let landfall = &scene.landfall;
        landfall.until("it has a certificate", async || shows(landfall, &authority, "a.test", &pair).await).await;
        cluster.delete(&secret).await;
        landfall.until("it is gone", async || !shows(landfall, &authority, "a.test", &pair).await).await;
    });
}

/// Octets of Secrets that nothing refers to, in all and of one.
const UNRELATED: u64 = 64 << 20;
const ONE: u64 = 64 << 10;

#[test]
fn secrets_that_nothing_refers_to_take_no_memory() {
    on_shared_cluster(async |cluster| {
        let namespace = cluster.namespace("unrelated").await;
        let content = "x".repeat(usize::try_from(ONE).unwrap());
        let secret = |number: u64| {
            json!({
                "apiVersion": "v1", "kind": "Secret", "metadata": {
                    "name": format!("large-{number}"), "namespace": namespace,
                },
                "stringData": { "content": content },
            })
        };
        let watched = format!("--watch-namespace={namespace}");
        let before = Landfall::serve(&cluster, &cluster.admin_user(), &[&watched]).await;
        let small = before.resident();
        cluster.create_all((0..UNRELATED / ONE).map(secret)).await;
        let after = Landfall::serve(&cluster, &cluster.admin_user(), &[&watched]).await;
        after.until("it says what it holds", async || kept(&after).await.is_some()).await;
        assert_eq!(kept(&after).await, Some(0.0));
        let (watched, listed) = (before.resident(), after.resident());
        assert!(watched < small + UNRELATED / 2, "{small} octets before the Secrets, {watched} after");
        assert!(listed < small + UNRELATED / 2, "{small} octets without the Secrets, {listed} with them");
    });
}
