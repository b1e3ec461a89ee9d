//! The whole server on a folder: what changes on disk is served, what breaks on disk is not.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::Path;

use landfall::cli::Server;
use landfall::settings::{AccessLogTarget, Settings};
use landfall::testing::objects::{service, tls_secret};
use landfall::testing::origin::Asked;
use landfall::testing::raw::PATIENCE;
use landfall::testing::{Ingress, Message, Origin, Raw};
use serde_json::Value;
use tempfile::TempDir;

use crate::fixtures::get;

async fn serve(workers: usize, folder: &Path) -> Server {
    let mut settings = Settings::for_manifests(folder);
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0)).ip();
    settings.listen.addresses = vec![loopback];
    settings.listen.healthz_address = Some(loopback);
    (settings.listen.http_port, settings.listen.https_port, settings.listen.healthz_port) = (0, 0, 0);
    settings.listen.workers = NonZeroUsize::new(workers);
    settings.logs.access = AccessLogTarget::Off;
    Server::start(settings).await.unwrap()
}

/// Writes objects as one file, whole at once.
fn write(folder: &Path, name: &str, objects: &[Value]) {
    let list = serde_json::json!({ "apiVersion": "v1", "kind": "List", "items": objects });
    let partial = folder.join(format!(".{name}.partial"));
    std::fs::write(&partial, list.to_string()).unwrap();
    std::fs::rename(partial, folder.join(name)).unwrap();
}

/// A folder that sends `a.test` to an origin.
fn folder_of_one(origin: &Origin) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "service.json", &service("web", &[origin.address()]));
    write(folder.path(), "ingress.json", &[Ingress::named("web").route("a.test", "/", "web").build()]);
    folder
}

async fn ask(address: SocketAddr, host: &str, target: &str) -> Message {
    let mut client = Raw::connect(address).await;
    client.send(get(host, target)).await;
    client.response().await
}

/// Asks until the answer has this status: the change is live. Every answer until then is the old one.
async fn until_answered(server: &Server, host: &str, old: u16, new: u16) {
    let asking = async {
        loop {
            let status = ask(server.http_addresses()[0], host, "/").await.status();
            if status == new {
                return;
            }
            assert_eq!(status, old, "neither the old answer nor the new");
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.expect("the change comes to be served");
}

on_workers! {
    async fn files_that_are_written_and_deleted_are_served_and_withdrawn(workers) {
        let origin = Origin::start("web").await;
        let folder = folder_of_one(&origin);
        let server = serve(workers, folder.path()).await;
        assert_eq!(ask(server.http_addresses()[0], "a.test", "/").await.status(), 200);
        let mut steady = Raw::connect(server.http_addresses()[0]).await;
        write(folder.path(), "more.json", &[Ingress::named("more").route("b.test", "/", "web").build()]);
        until_answered(&server, "b.test", 404, 200).await;
        steady.send(get("a.test", "/")).await;
        assert_eq!(steady.response().await.status(), 200);
        std::fs::remove_file(folder.path().join("more.json")).unwrap();
        until_answered(&server, "b.test", 200, 404).await;
        steady.send(get("a.test", "/")).await;
        assert_eq!(steady.response().await.status(), 200);
        server.shutdown().await;
    }

    async fn a_file_that_breaks_keeps_what_it_held(workers) {
        let origin = Origin::start("web").await;
        let folder = folder_of_one(&origin);
        let server = serve(workers, folder.path()).await;
        std::fs::write(folder.path().join("ingress.json"), "{ \"kind\": \"Ingr").unwrap();
        // Another file's change shows that the broken one has been looked at.
        write(folder.path(), "more.json", &[Ingress::named("more").route("b.test", "/", "web").build()]);
        until_answered(&server, "b.test", 404, 200).await;
        assert_eq!(ask(server.http_addresses()[0], "a.test", "/").await.status(), 200);
        write(folder.path(), "ingress.json", &[Ingress::named("web").route("c.test", "/", "web").build()]);
        until_answered(&server, "c.test", 404, 200).await;
        assert_eq!(ask(server.http_addresses()[0], "a.test", "/").await.status(), 404);
        server.shutdown().await;
    }

    async fn a_volume_that_swaps_its_symbolic_link_is_followed(workers) {
        // The way a kubelet updates ConfigMap volumes: names link through `..data`, which is replaced as one.
        let origin = Origin::start("web").await;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        for (version, host) in [("..v1", "a.test"), ("..v2", "b.test")] {
            std::fs::create_dir(path.join(version)).unwrap();
            let mut objects = service("web", &[origin.address()]);
            objects.push(Ingress::named("web").route(host, "/", "web").build());
            write(&path.join(version), "all.json", &objects);
        }
        std::os::unix::fs::symlink("..v1", path.join("..data")).unwrap();
        std::os::unix::fs::symlink("..data/all.json", path.join("all.json")).unwrap();
        let server = serve(workers, path).await;
        assert_eq!(ask(server.http_addresses()[0], "a.test", "/").await.status(), 200);
        std::os::unix::fs::symlink("..v2", path.join("..data_tmp")).unwrap();
        std::fs::rename(path.join("..data_tmp"), path.join("..data")).unwrap();
        until_answered(&server, "b.test", 404, 200).await;
        assert_eq!(ask(server.http_addresses()[0], "a.test", "/").await.status(), 404);
        server.shutdown().await;
    }

    async fn a_certificate_changed_on_disk_is_served_on_the_next_handshake(workers) {
        let ca = landfall::testing::certificates::TestCa::new();
        let origin = Origin::start("web").await;
        let folder = tempfile::tempdir().unwrap();
        let mut objects = service("web", &[origin.address()]);
        objects.push(Ingress::named("web").route("a.test", "/", "web").tls("a.test", "cert").build());
        write(folder.path(), "all.json", &objects);
        write(folder.path(), "cert.json", &[tls_secret("cert", &ca.issue_for(["a.test"]))]);
        let server = serve(workers, folder.path()).await;
        let address = server.https_addresses()[0];
        let first = Raw::connect_tls(address, "a.test", ca.client(&[])).await.unwrap().peer_certificate();
        write(folder.path(), "cert.json", &[tls_secret("cert", &ca.issue_for(["a.test"]))]);
        let changing = async {
            while Raw::connect_tls(address, "a.test", ca.client(&[])).await.unwrap().peer_certificate() == first {}
        };
        tokio::time::timeout(PATIENCE, changing).await.expect("the change comes to be served");
        server.shutdown().await;
    }

    async fn a_service_may_be_the_name_of_something_outside(workers) {
        let origin = Origin::start("outside").await;
        let folder = tempfile::tempdir().unwrap();
        let port = origin.address().port();
        let service = serde_json::json!({
            "apiVersion": "v1", "kind": "Service", "metadata": { "name": "outside", "namespace": "default" },
            "spec": { "type": "ExternalName", "externalName": "localhost", "ports": [{ "port": 80, "targetPort": port }] },
        });
        write(folder.path(), "all.json", &[service, Ingress::named("web").route("a.test", "/", "outside").build()]);
        let server = serve(workers, folder.path()).await;
        // The name also has an address on which nobody listens; what cannot be connected to is tried elsewhere.
        for _ in 0..4 {
            let answer = ask(server.http_addresses()[0], "a.test", "/").await;
            assert_eq!(Asked::of(&answer.body).origin, "outside");
        }
        server.shutdown().await;
    }

    async fn the_admin_server_sees_what_is_served(workers) {
        let origin = Origin::start("web").await;
        let folder = folder_of_one(&origin);
        let server = serve(workers, folder.path()).await;
        let admin = server.admin_addresses()[0];
        for (target, status) in [("/healthz", 200), ("/livez", 200), ("/readyz", 200), ("/config", 200), ("/nothing", 404)] {
            assert_eq!(ask(admin, "localhost", target).await.status(), status, "{target}");
        }
        let answer = ask(server.http_addresses()[0], "a.test", "/x").await;
        assert_eq!(Asked::of(&answer.body).target, "/x");
        let counted = async {
            loop {
                let metrics = ask(admin, "localhost", "/metrics").await;
                let counted = metrics.text().lines().any(|line| {
                    line.starts_with("nginx_ingress_controller_requests{") && line.contains("ingress=\"web\"") && line.ends_with(" 1")
                });
                if counted {
                    return;
                }
            }
        };
        tokio::time::timeout(PATIENCE, counted).await.expect("the request is counted");
        let explained = ask(admin, "localhost", "/explain?url=http://a.test/x").await;
        assert!(explained.status() == 200 && explained.text().contains("web"), "{explained:?}");
        server.shutdown().await;
    }
}
