//! The API server is down, slow, forgetful or mute; requests are served all the same.

use std::collections::BTreeSet;

use serde_json::json;

use crate::load::Load;
use crate::scene::{Scene, objects};
use crate::support::objects::{ingress, slice};
use crate::support::{Landfall, eventually, on_own_cluster};

/// Lines that say that a kind is not followed.
const LOST: &str = "cannot follow the objects";
/// Lines that say that it is again.
const FOUND: &str = "follows the objects again";

/// The kinds that are followed, as far as the log says so.
async fn up(landfall: &Landfall, kind: &str) -> bool {
    landfall.metric("landfall_watch_up", &[&format!("kind=\"{kind}\"")]).await == Some(1.0)
}

/// Returns when every kind is followed.
async fn until_following(landfall: &Landfall) {
    for kind in ["Ingress", "IngressClass", "Service", "EndpointSlice", "Secret"] {
        landfall.until(&format!("{kind} is followed"), async || up(landfall, kind).await).await;
    }
}

/// Returns when no kind is followed any more.
async fn until_lost(landfall: &Landfall) {
    for kind in ["Ingress", "IngressClass", "Service", "EndpointSlice", "Secret"] {
        landfall.until(&format!("{kind} is lost"), async || !up(landfall, kind).await).await;
    }
}

/// One interruption is told once for each reason that it had, and its end is.
fn assert_told_once(landfall: &Landfall, kind: &str) {
    let of_kind = |text| {
        let mut lines = landfall.log().with(text);
        lines.retain(|line| line.contains(&format!("kind=\"{kind}\"")));
        lines
    };
    let lost = of_kind(LOST);
    let reasons: BTreeSet<&str> = lost.iter().filter_map(|line| line.split("reason=").nth(1)).collect();
    let told = !lost.is_empty() && lost.len() == reasons.len() && of_kind(FOUND).len() == 1;
    assert!(told, "{}", landfall.log().last(40));
}

#[test]
fn an_api_server_that_is_killed_and_comes_back_costs_no_request_and_no_change() {
    on_own_cluster(async |cluster| {
        let scene = Scene::of_one(&cluster).await;
        let landfall = &scene.landfall;
        let load = Load::on(landfall.http, "a.test");
        cluster.plane().kill_apiserver();
        until_lost(landfall).await;
        assert!(landfall.is_ready().await && landfall.is_alive().await);
        cluster.plane().start_apiserver();
        cluster.ready().await;
        // What changes before the watches are back is not missed.
        let pod = cluster.pod("web-2").await;
        cluster.apply(slice(&scene.namespace, "web", "web-1", &[pod.address()])).await;
        cluster.apply(ingress(&scene.namespace, "late", "late.test", "/", "web")).await;
        landfall.until_answer("late.test", "/", "web-2").await;
        landfall.until_answer("a.test", "/", "web-2").await;
        until_following(landfall).await;
        load.end().await.assert_flawless();
        for kind in ["Ingress", "Service", "Secret"] {
            assert_told_once(landfall, kind);
        }
    });
}

#[test]
fn an_api_server_that_hangs_costs_no_request() {
    on_own_cluster(async |cluster| {
        let scene = Scene::of_one(&cluster).await;
        let landfall = &scene.landfall;
        let load = Load::on(landfall.http, "a.test");
        cluster.plane().freeze_apiserver();
        assert!(landfall.is_ready().await);
        assert_eq!(landfall.answer("a.test", "/").await.unwrap(), "web-1");
        cluster.plane().thaw_apiserver();
        cluster.apply(ingress(&scene.namespace, "late", "late.test", "/", "web")).await;
        landfall.until_answer("late.test", "/", "web-1").await;
        load.end().await.assert_flawless();
        assert!(landfall.log().with(LOST).is_empty(), "{}", landfall.log().last(40));
    });
}

#[test]
fn an_api_server_that_answers_errors_costs_no_request() {
    on_own_cluster(async |cluster| {
        let scene = Scene::of_one(&cluster).await;
        let landfall = &scene.landfall;
        let load = Load::on(landfall.http, "a.test");
        // Without etcd the API server is up and fails; a restarted one cannot even list from its cache.
        cluster.plane().kill_etcd();
        cluster.plane().kill_apiserver();
        cluster.plane().start_apiserver();
        until_lost(landfall).await;
        assert!(landfall.is_ready().await);
        cluster.plane().start_etcd();
        cluster.ready().await;
        cluster.apply(ingress(&scene.namespace, "late", "late.test", "/", "web")).await;
        landfall.until_answer("late.test", "/", "web-1").await;
        until_following(landfall).await;
        load.end().await.assert_flawless();
    });
}

#[test]
fn a_process_that_starts_without_an_api_server_is_alive_and_not_ready_until_there_is_one() {
    on_own_cluster(async |cluster| {
        let (namespace, pod) = (cluster.namespace("fresh").await, cluster.pod("web-1").await);
        cluster.apply_all(objects(&namespace, &pod)).await;
        cluster.plane().kill_apiserver();
        let landfall = Landfall::start(&cluster, &cluster.admin_user(), &[]);
        landfall.log().wait_for(LOST).await;
        landfall.until("it is alive", async || landfall.is_alive().await).await;
        assert!(!landfall.is_ready().await);
        cluster.plane().start_apiserver();
        landfall.until("it is ready", async || landfall.is_ready().await).await;
        assert_eq!(landfall.answer("a.test", "/").await.unwrap(), "web-1");
    });
}

#[test]
fn versions_that_were_compacted_away_are_listed_again() {
    on_own_cluster(async |cluster| {
        let scene = Scene::of_one(&cluster).await;
        let landfall = &scene.landfall;
        let load = Load::on(landfall.http, "a.test");
        landfall.signal(rustix::process::Signal::STOP);
        cluster.plane().kill_apiserver();
        cluster.plane().start_apiserver();
        cluster.ready().await;
        cluster.delete(&ingress(&scene.namespace, "web", "", "/", "web")).await;
        cluster.apply(ingress(&scene.namespace, "late", "late.test", "/", "web")).await;
        compact().await;
        // The server's memory of what changed begins when it starts: it has forgotten the versions that were known.
        cluster.plane().kill_apiserver();
        cluster.plane().start_apiserver();
        cluster.ready().await;
        landfall.signal(rustix::process::Signal::CONT);
        landfall.until_answer("late.test", "/", "web-1").await;
        landfall.until_status("a.test", "/", 404).await;
        let expired = landfall.log().with(LOST).iter().any(|line| line.contains("expired"));
        assert!(expired, "no version was refused: {}", landfall.log().last(40));
        drop(load);
    });
}

/// Has etcd forget everything but what there is now.
async fn compact() {
    let ask = async |path: &str, body: serde_json::Value| {
        let body = body.to_string();
        let mut connection = landfall::testing::Raw::connect(([127, 0, 0, 1], 2379).into()).await;
        let length = body.len();
        let head =
            format!("POST {path} HTTP/1.1\r\nHost: etcd\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
        connection.send(head + &body).await;
        let answer = connection.response().await;
        assert_eq!(answer.status(), 200, "{answer:?}");
        answer.json()
    };
    let range = ask("/v3/kv/range", json!({ "key": "AA==" })).await;
    let revision = range["header"]["revision"].as_str().unwrap();
    ask("/v3/kv/compaction", json!({ "revision": revision, "physical": true })).await;
}

#[test]
fn permissions_that_are_revoked_cost_no_request_and_come_back() {
    on_own_cluster(async |cluster| {
        let (namespace, pod) = (cluster.namespace("revoked").await, cluster.pod("web-1").await);
        cluster.apply_all(objects(&namespace, &pod)).await;
        let user = cluster.new_user();
        let all = json!([{ "apiGroups": ["*"], "resources": ["*"], "verbs": ["*"] }]);
        cluster.grant(&user, all.clone()).await;
        let landfall = Landfall::serve(&cluster, &user, &[]).await;
        landfall.until_answer("a.test", "/", "web-1").await;
        let load = Load::on(landfall.http, "a.test");
        cluster.grant(&user, json!([])).await;
        // What is being watched goes on until the connection ends.
        let client = cluster.client_of(&user).await;
        eventually("the grant is gone", async || {
            let request = http::Request::get("/api/v1/secrets").body(Vec::new()).unwrap();
            client.request_text(request).await.is_err()
        })
        .await;
        cluster.plane().kill_apiserver();
        cluster.plane().start_apiserver();
        cluster.ready().await;
        until_lost(&landfall).await;
        landfall.until("it is told that it may not", async || !landfall.log().with("forbidden").is_empty()).await;
        assert!(landfall.is_ready().await);
        cluster.apply(ingress(&namespace, "late", "late.test", "/", "web")).await;
        cluster.grant(&user, all).await;
        landfall.until_answer("late.test", "/", "web-1").await;
        load.end().await.assert_flawless();
    });
}
