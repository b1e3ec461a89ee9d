//! Candidates against a server, in paused time.

use serde_json::json;
use tokio::time::{advance, timeout};

use super::*;
use crate::controller::reporting::fake::{Fake, Trouble as Made};
use crate::settings::reporting::Election as Wanted;

const LEASE: &str = "/apis/coordination.k8s.io/v1/namespaces/edge/leases/leader";
const TTL: Duration = Duration::from_secs(30);

fn candidate(fake: &Fake, identity: &str) -> Election {
    let settings = Wanted { lease: "leader".into(), ttl: TTL };
    Election::new(fake.client(), "edge", &settings, identity.into(), Arc::default())
}

fn holder(fake: &Fake) -> String {
    fake.get(LEASE).unwrap()["spec"]["holderIdentity"].as_str().unwrap().to_owned()
}

/// How long a future takes.
async fn lasting(future: impl Future<Output = ()>) -> Duration {
    let start = Instant::now();
    future.await;
    start.elapsed()
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_not_there_is_created_as_client_go_writes_it() {
    let fake = Fake::new();
    candidate(&fake, "one").acquire().await;
    let spec = &fake.get(LEASE).unwrap()["spec"];
    assert_eq!((&spec["leaseDurationSeconds"], &spec["leaseTransitions"]), (&json!(30), &json!(0)));
    let renewed = spec["renewTime"].as_str().unwrap();
    let (_, fraction) = renewed.split_once('.').unwrap();
    assert_eq!((fraction.len(), fraction.ends_with('Z')), (7, true), "microseconds: {renewed}");
}

#[tokio::test(start_paused = true)]
async fn one_of_two_leads_and_renews_for_as_long_as_it_can() {
    let fake = Fake::new();
    let (mut one, mut other) = (candidate(&fake, "one"), candidate(&fake, "other"));
    one.acquire().await;
    tokio::select! {
        () = one.hold() => panic!("the Lease was lost"),
        () = other.acquire() => panic!("two lead"),
        () = sleep(TTL * 100) => {}
    }
    assert_eq!(holder(&fake), "one");
    let renewals = fake.requests("PUT").len();
    assert!((395..=405).contains(&renewals), "one renewal a quarter: {renewals}");
    assert!(fake.requests("GET").len() < 400, "the holder does not look, and the other not more often than that");
}

#[tokio::test(start_paused = true)]
async fn who_cannot_renew_stops_before_another_begins() {
    let fake = Fake::new();
    let (mut one, mut other) = (candidate(&fake, "one"), candidate(&fake, "other"));
    one.acquire().await;
    assert_eq!(other.attempt().await.unwrap(), Standing::Follows);
    // The first one's connection dies, the other's does not: they are told apart by what they ask for.
    fake.trouble(|method, _| (method == "PUT").then_some(Made::Hang));
    let lost = lasting(one.hold());
    let taken = lasting(async {
        sleep(TTL * 3 / 4).await;
        fake.trouble(|_, _| None);
        other.acquire().await;
    });
    let (lost, taken) = tokio::join!(lost, taken);
    assert!(lost <= TTL * 3 / 4, "{lost:?}");
    assert!(taken >= TTL, "{taken:?}");
    assert_eq!(
        (holder(&fake).as_str(), fake.get(LEASE).unwrap()["spec"]["leaseTransitions"].clone()),
        ("other", json!(1))
    );
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_passes_loses_nothing() {
    let fake = Fake::new();
    let mut one = candidate(&fake, "one");
    one.acquire().await;
    let mut failures = 0;
    fake.trouble(move |_, _| {
        failures += 1;
        (failures <= 4).then_some(Made::Refuse(500))
    });
    assert!(timeout(TTL * 10, one.hold()).await.is_err(), "the Lease was lost");
    assert_eq!(holder(&fake), "one");
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_taken_away_is_lost_at_the_next_renewal() {
    let fake = Fake::new();
    let mut one = candidate(&fake, "one");
    one.acquire().await;
    let mut lease = fake.get(LEASE).unwrap();
    lease["spec"]["holderIdentity"] = json!("thief");
    fake.put(LEASE, lease);
    assert!(lasting(one.hold()).await <= TTL / 4 + Duration::from_millis(10));
    assert_eq!(holder(&fake), "thief");
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_given_up_is_had_at_once() {
    let fake = Fake::new();
    let (mut one, mut other) = (candidate(&fake, "one"), candidate(&fake, "other"));
    one.acquire().await;
    one.release().await;
    assert_eq!(holder(&fake), "");
    assert_eq!(lasting(other.acquire()).await, Duration::ZERO);
    assert_eq!(holder(&fake), "other");
}

#[tokio::test(start_paused = true)]
async fn what_is_given_up_is_not_anothers() {
    let fake = Fake::new();
    let mut one = candidate(&fake, "one");
    one.acquire().await;
    let mut lease = fake.get(LEASE).unwrap();
    lease["spec"]["holderIdentity"] = json!("other");
    fake.put(LEASE, lease);
    one.release().await;
    assert_eq!(holder(&fake), "other");
}

#[tokio::test(start_paused = true)]
async fn giving_up_does_not_wait_for_a_server_that_is_silent() {
    let fake = Fake::new();
    let mut one = candidate(&fake, "one");
    one.acquire().await;
    fake.trouble(|_, _| Some(Made::Hang));
    assert!(lasting(one.release()).await <= RELEASE + Duration::from_millis(10));
}

#[tokio::test(start_paused = true)]
async fn who_comes_back_under_the_same_name_leads_at_once() {
    let fake = Fake::new();
    candidate(&fake, "one").acquire().await;
    advance(Duration::from_secs(1)).await;
    assert_eq!(lasting(candidate(&fake, "one").acquire()).await, Duration::ZERO);
    assert_eq!(fake.get(LEASE).unwrap()["spec"]["leaseTransitions"], json!(0));
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_vanished_is_followed_when_its_record_is_over() {
    let fake = Fake::new();
    candidate(&fake, "one").acquire().await;
    let taken = lasting(candidate(&fake, "other").acquire()).await;
    assert!(taken >= TTL && taken <= TTL + TTL * 55 / 100, "{taken:?}");
}

#[tokio::test(start_paused = true)]
async fn two_that_create_the_lease_together_do_not_both_have_it() {
    let fake = Fake::new();
    let (mut one, mut other) = (candidate(&fake, "one"), candidate(&fake, "other"));
    let (first, second) = tokio::join!(one.attempt(), other.attempt());
    let standings = [first.unwrap(), second.unwrap()];
    assert_eq!(standings.iter().filter(|standing| **standing == Standing::Leads).count(), 1, "{standings:?}");
}
