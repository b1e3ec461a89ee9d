//! Trouble with the API server: what is known goes on being served, and what was missed arrives afterwards.

use std::pin::pin;

use landfall::cli::Server;
use landfall::testing::apiserver::{Request, Trouble};
use landfall::testing::{ApiServer, Origin};

use super::{admin, ingress, metric, objects_of_one, serve_one, settings, status, until_metric, until_status};

const UP: &str = "landfall_watch_up{kind=\"Ingress\"}";

fn interruptions(reason: &str) -> String {
    format!("landfall_watch_interruptions_total{{kind=\"Ingress\",reason=\"{reason}\"}}")
}

/// Nothing of what is served has changed, and the probes are content.
async fn assert_served(server: &Server) {
    assert_eq!(status(server, "a.test").await, 200);
    assert_eq!(admin(server, "/readyz").await.status(), 200);
    assert_eq!(admin(server, "/healthz").await.status(), 200);
}

#[tokio::test]
async fn a_server_that_is_gone_and_comes_back_costs_nothing_and_hides_nothing() {
    let origin = Origin::start("web").await;
    let (mut cluster, server) = serve_one(&origin).await;
    cluster.apply(ingress("old", "old.test"));
    until_status(&server, "old.test", 404, 200).await;
    cluster.go_down().await;
    until_metric(&server, UP, 0.0).await;
    assert_served(&server).await;
    cluster.apply(ingress("new", "new.test"));
    cluster.delete(&ingress("old", "old.test"));
    cluster.go_up().await;
    until_status(&server, "new.test", 404, 200).await;
    until_status(&server, "old.test", 200, 404).await;
    until_metric(&server, UP, 1.0).await;
    assert_served(&server).await;
    server.shutdown().await;
}

#[tokio::test]
async fn a_deletion_is_seen_though_the_server_has_forgotten_it() {
    let origin = Origin::start("web").await;
    let (mut cluster, server) = serve_one(&origin).await;
    cluster.apply(ingress("old", "old.test"));
    until_status(&server, "old.test", 404, 200).await;
    cluster.go_down().await;
    cluster.delete(&ingress("old", "old.test"));
    cluster.apply(ingress("new", "new.test"));
    cluster.compact();
    cluster.go_up().await;
    until_status(&server, "old.test", 200, 404).await;
    assert_eq!(status(&server, "new.test").await, 200);
    assert_served(&server).await;
    server.shutdown().await;
}

#[tokio::test]
async fn a_version_that_is_forgotten_is_an_interruption_of_its_own() {
    let origin = Origin::start("web").await;
    let (cluster, server) = serve_one(&origin).await;
    cluster.compact();
    cluster.end_watches();
    until_metric(&server, &interruptions("expired"), 1.0).await;
    until_metric(&server, UP, 1.0).await;
    assert_served(&server).await;
    server.shutdown().await;
}

/// A bookmark moves a quiet watch past what is forgotten: it goes on without a list.
#[tokio::test]
async fn bookmarks_save_quiet_kinds_from_listing_again() {
    let origin = Origin::start("web").await;
    let (cluster, server) = serve_one(&origin).await;
    cluster.apply(ingress("more", "b.test"));
    until_status(&server, "b.test", 404, 200).await;
    cluster.forget_requests();
    cluster.bookmark();
    cluster.forget_before(cluster.version());
    cluster.end_watches();
    for watched in ["ingresses", "services", "endpointslices", "secrets", "configmaps", "ingressclasses"] {
        cluster.until_asked(|asked| asked.watch && asked.resource == watched).await;
    }
    assert!(!cluster.requests().iter().any(Request::is_list), "{:?}", cluster.requests());
    server.shutdown().await;
}

#[tokio::test]
async fn permissions_that_are_revoked_withdraw_nothing_and_count_once() {
    let origin = Origin::start("web").await;
    let (cluster, server) = serve_one(&origin).await;
    cluster.forget_requests();
    cluster.trouble(|_| Some(Trouble::Refuse(403, None)));
    cluster.end_watches();
    until_metric(&server, UP, 0.0).await;
    cluster.until_asked_times(3, |asked| asked.resource == "ingresses").await;
    assert!((metric(&server, &interruptions("forbidden")).await - 1.0).abs() < 0.1);
    assert_served(&server).await;
    cluster.apply(ingress("more", "b.test"));
    cluster.no_trouble();
    until_status(&server, "b.test", 404, 200).await;
    until_metric(&server, UP, 1.0).await;
    assert!((metric(&server, &interruptions("forbidden")).await - 1.0).abs() < 0.1);
    server.shutdown().await;
}

#[tokio::test]
async fn whatever_a_server_answers_what_is_known_is_served() {
    let origin = Origin::start("web").await;
    for (trouble, reason) in [
        (Trouble::Refuse(500, None), "refused"),
        (Trouble::Refuse(401, None), "forbidden"),
        (Trouble::Refuse(429, Some(1)), "throttled"),
        (Trouble::Refuse(410, None), "expired"),
        (Trouble::TellStatus(500), "refused"),
        (Trouble::HangUp, "connection"),
        (Trouble::Rubbish, "unreadable"),
    ] {
        let (cluster, server) = serve_one(&origin).await;
        cluster.trouble(move |_| Some(trouble));
        cluster.end_watches();
        until_metric(&server, &interruptions(reason), 1.0).await;
        assert_served(&server).await;
        cluster.apply(ingress("more", "b.test"));
        cluster.no_trouble();
        until_status(&server, "b.test", 404, 200).await;
        until_metric(&server, UP, 1.0).await;
        server.shutdown().await;
    }
}

/// A server that lags behind after another one, newer, has answered.
#[tokio::test]
async fn a_list_that_is_older_than_what_is_known_is_not_believed() {
    let origin = Origin::start("web").await;
    let (cluster, server) = serve_one(&origin).await;
    cluster.apply(ingress("more", "b.test"));
    until_status(&server, "b.test", 404, 200).await;
    cluster.lists_are_stale(true);
    cluster.trouble(|asked| asked.watch.then_some(Trouble::Refuse(410, None)));
    cluster.end_watches();
    cluster.forget_requests();
    cluster.until_asked_times(2, |asked| asked.resource == "ingresses" && asked.is_list()).await;
    assert_eq!(status(&server, "b.test").await, 200);
    cluster.lists_are_stale(false);
    cluster.no_trouble();
    until_metric(&server, UP, 1.0).await;
    assert_eq!(status(&server, "b.test").await, 200);
    server.shutdown().await;
}

/// A connection that breaks is no reason to list: the watch goes on from where it was.
#[tokio::test]
async fn a_watch_goes_on_from_where_it_broke_off() {
    let origin = Origin::start("web").await;
    let (mut cluster, server) = serve_one(&origin).await;
    cluster.forget_requests();
    cluster.go_down().await;
    cluster.apply(ingress("more", "b.test"));
    cluster.go_up().await;
    until_status(&server, "b.test", 404, 200).await;
    assert!(!cluster.requests().iter().any(Request::is_list), "{:?}", cluster.requests());
    server.shutdown().await;
}

#[tokio::test]
async fn the_end_does_not_wait_for_a_server_that_does_not_answer() {
    let origin = Origin::start("web").await;
    let (cluster, server) = serve_one(&origin).await;
    cluster.trouble(|_| Some(Trouble::Hang));
    cluster.end_watches();
    cluster.apply(ingress("more", "b.test"));
    tokio::time::timeout(landfall::testing::raw::PATIENCE, server.shutdown()).await.expect("it ends");
}

#[tokio::test]
async fn a_server_that_is_down_at_first_is_waited_for() {
    let origin = Origin::start("web").await;
    let mut cluster = ApiServer::start(objects_of_one(&origin)).await;
    cluster.go_down().await;
    let mut starting = pin!(Server::start(settings(&cluster, &[])));
    assert!(futures_util::poll!(&mut starting).is_pending());
    cluster.go_up().await;
    let server = starting.await.unwrap();
    assert_served(&server).await;
    server.shutdown().await;
}
