//! Diagnostics as Events, told once and shown by kubectl.

use landfall::testing::certificates::TestCa;
use landfall::testing::leak;
use serde_json::{Value, json};

use crate::reporting::Edge;
use crate::support::objects::{class, ingress, tls_secret};
use crate::support::{Landfall, on_shared_cluster};

/// Creates an Ingress of ours with a certificate in Secret `tls`.
async fn with_tls(edge: &Edge, name: &str) -> Value {
    let mut object = ingress(&edge.namespace, name, "a.test", "/", "web");
    object["spec"]["tls"] = json!([{ "hosts": ["a.test"], "secretName": "tls" }]);
    edge.cluster.apply(object.clone()).await;
    object
}

/// The only Event of that reason, once there is one with that count.
async fn only(edge: &Edge, landfall: &Landfall, reason: &str, count: i64) -> Value {
    let what = format!("{reason} is told {count} times");
    landfall.until(&what, async || edge.events(reason).await.iter().any(|event| event["count"] == count)).await;
    let events = edge.events(reason).await;
    assert_eq!(events.len(), 1, "{events:#?}");
    events[0].clone()
}

#[test]
fn describe_says_what_is_wrong_and_what_was_done_instead() {
    on_shared_cluster(async |cluster| {
        let edge = Edge::new(cluster).await;
        with_tls(&edge, "web").await;
        let landfall = edge.landfall("one", &[]).await;
        let event = only(&edge, &landfall, "MissingSecret", 1).await;
        assert_eq!((&event["type"], &event["reportingInstance"]), (&json!("Warning"), &json!("one")));
        let Some(output) = edge.cluster.kubectl(&["describe", "ingress", "web", "-n", &edge.namespace]) else { return };
        let text = String::from_utf8(output.stdout).unwrap();
        let line = text.lines().find(|line| line.contains("MissingSecret")).unwrap_or_else(|| panic!("{text}"));
        assert!(line.contains("Warning") && line.contains("landfall"), "{line}");
        assert!(line.contains("spec.tls[0].secretName") && line.contains("default certificate"), "{line}");
    });
}

#[test]
fn an_event_about_a_key_repeats_none_of_it() {
    on_shared_cluster(async |cluster| {
        let edge = Edge::new(cluster).await;
        let pair = TestCa::new().issue_for(["a.test"]);
        let mut swapped = tls_secret(&edge.namespace, "tls", &pair);
        swapped["type"] = json!("Opaque");
        swapped["stringData"] = json!({ "tls.crt": pair.key_pem, "tls.key": pair.certificate_pem });
        edge.cluster.apply(swapped).await;
        with_tls(&edge, "web").await;
        let landfall = edge.landfall("one", &[]).await;
        let event = only(&edge, &landfall, "InvalidCertificate", 1).await;
        let said = format!("{event} {}", landfall.log().with("").join(" "));
        assert_eq!(leak::of_key(&pair, said.as_bytes()), None, "{said}");
    });
}

#[test]
fn a_diagnostic_is_one_event_while_it_lasts_and_counted_when_it_comes_back() {
    on_shared_cluster(async |cluster| {
        let edge = Edge::new(cluster).await;
        with_tls(&edge, "web").await;
        let landfall = edge.landfall("one", &[]).await;
        only(&edge, &landfall, "MissingSecret", 1).await;
        for number in 0..20 {
            let published = landfall.publications().await;
            edge.ingress(&format!("other-{number}")).await;
            landfall.until("it is compiled", async || landfall.publications().await > published).await;
        }
        only(&edge, &landfall, "MissingSecret", 1).await;
        let secret = tls_secret(&edge.namespace, "tls", &TestCa::new().issue_for(["a.test"]));
        edge.cluster.apply(secret.clone()).await;
        landfall.log().wait_for("no longer the case code=\"missing-secret\"").await;
        // What comes and goes within a second is not told; the Event of something else says that it has passed.
        with_tls(&edge, "later").await;
        let mut broken = ingress(&edge.namespace, "broken", "b.test", "/", "web");
        broken["spec"]["tls"] = json!([{ "hosts": ["b.test"], "secretName": "another" }]);
        edge.cluster.apply(broken.clone()).await;
        landfall.until("it is told", async || edge.events("MissingSecret").await.len() == 2).await;
        edge.cluster.delete(&secret).await;
        landfall
            .until("it is told again", async || {
                let events = edge.events("MissingSecret").await;
                events.iter().any(|event| event["count"] == 2 && event["involvedObject"]["name"] == "web")
            })
            .await;
    });
}

#[test]
fn the_next_leader_goes_on_with_the_events_of_the_last() {
    on_shared_cluster(async |cluster| {
        let edge = Edge::new(cluster).await;
        with_tls(&edge, "web").await;
        let one = edge.landfall("one", &[]).await;
        only(&edge, &one, "MissingSecret", 1).await;
        let other = edge.landfall("other", &[]).await;
        other.log().wait_for("follows").await;
        one.stop().await;
        let written = async || other.metric("landfall_events_total", &["outcome=\"written\""]).await;
        other.until("it has reported", async || written().await >= Some(1.0)).await;
        only(&edge, &other, "MissingSecret", 1).await;
    });
}

#[test]
fn others_ingresses_get_no_events_and_none_holds_what_is_in_a_secret() {
    on_shared_cluster(async |cluster| {
        let edge = Edge::new(cluster).await;
        edge.cluster.apply(class("theirs", "example.com/other")).await;
        let mut theirs = ingress(&edge.namespace, "theirs", "theirs.test", "/", "missing");
        theirs["spec"]["ingressClassName"] = json!("theirs");
        edge.cluster.apply(theirs).await;
        let mut secret = tls_secret(&edge.namespace, "tls", &TestCa::new().issue_for(["a.test"]));
        secret["stringData"]["tls.key"] = json!("hunter2");
        edge.cluster.apply(secret).await;
        with_tls(&edge, "web").await;
        let landfall = edge.landfall("one", &[]).await;
        only(&edge, &landfall, "InvalidCertificate", 1).await;
        let request = http::Request::get(format!("/api/v1/namespaces/{}/events", edge.namespace));
        let all = edge.cluster.admin().request_text(request.body(Vec::new()).unwrap()).await.unwrap();
        assert!(!all.contains("hunter2") && !all.contains("theirs"), "{all}");
    });
}

#[test]
fn events_can_be_silenced() {
    on_shared_cluster(async |cluster| {
        let edge = Edge::new(cluster).await;
        with_tls(&edge, "web").await;
        let landfall = edge.landfall("one", &["--disable-sync-events", "--publish-status-address=192.0.2.1"]).await;
        let later = edge.ingress("later").await;
        edge.until_status(&landfall, &later, &json!([{ "ip": "192.0.2.1" }])).await;
        landfall.stop().await;
        assert_eq!(edge.events("MissingSecret").await, Vec::<Value>::new());
    });
}

#[test]
fn without_an_election_events_are_written_and_statuses_are_not() {
    on_shared_cluster(async |cluster| {
        let edge = Edge::new(cluster).await;
        let web = with_tls(&edge, "web").await;
        let flags = ["--disable-leader-election", "--publish-status-address=192.0.2.1"];
        let landfall = edge.landfall("one", &flags).await;
        only(&edge, &landfall, "MissingSecret", 1).await;
        landfall.stop().await;
        assert_eq!(edge.status(&web).await, Value::Null);
    });
}
