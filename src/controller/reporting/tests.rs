//! Whole processes against a server, in paused time: who reports, and what becomes of it at the end.

#![expect(clippy::disallowed_methods, reason = "time is paused")]

use std::pin::Pin;

use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};

use super::fake::{Fake, Trouble};
use super::*;
use crate::compile::{IngressStatus, Verdict};
use crate::ir::{ObjectKind, ObjectRef};
use crate::settings::{Flags, Settings};

const INGRESS: &str = "/apis/networking.k8s.io/v1/namespaces/shop/ingresses/web";
const LEASE: &str = "/apis/coordination.k8s.io/v1/namespaces/edge/leases/ingress-controller-leader";

/// A cluster with one Ingress, and what every process makes of it.
fn cluster() -> (Fake, watch::Sender<Outcome>) {
    let fake = Fake::new();
    let ingress = json!({ "metadata": { "namespace": "shop", "name": "web", "uid": "1" } });
    fake.put(INGRESS, ingress.clone());
    let reference = ObjectRef::new(ObjectKind::Ingress, "shop", "web");
    let status = IngressStatus {
        ingress: reference.clone(),
        verdict: Verdict::Partly,
        hosts: Vec::new(),
        served: 0,
        refused: 0,
        dropped: 0,
    };
    let outcome = Outcome {
        snapshot: [serde_json::from_value::<k8s_openapi::api::networking::v1::Ingress>(ingress).unwrap()]
            .into_iter()
            .collect(),
        statuses: [status].into_iter().collect(),
        diagnostics: [crate::diagnostic::Diagnostic::error("missing-secret", reference.field(""), "it is missing")]
            .into_iter()
            .collect(),
    };
    (fake, watch::Sender::new(outcome))
}

/// A pod that publishes an address.
struct Process {
    reporting: Reporting,
}

impl Process {
    fn new(fake: &Fake, now: &watch::Sender<Outcome>, name: &str, flags: &[&str]) -> Self {
        fake.put(
            &format!("/api/v1/namespaces/edge/pods/{name}"),
            json!({
                "metadata": { "namespace": "edge", "name": name, "labels": { "app": "landfall" } },
            }),
        );
        let address = format!("--publish-status-address={name}.example.com");
        let mut flags = Flags::parse(flags.iter().copied().chain([address.as_str()])).unwrap();
        flags.reporting.pod = Pod { name: Some(name.into()), namespace: Some("edge".into()) };
        let (settings, _) = Settings::from_flags(&flags).unwrap();
        let reporting = Reporting::new(&fake.client(), &settings, &now.subscribe(), &Arc::default());
        now.send_modify(|_| {});
        Self { reporting }
    }

    fn run(self, stop: oneshot::Receiver<()>) -> Pin<Box<dyn Future<Output = ()>>> {
        Box::pin(self.reporting.run(async { _ = stop.await }))
    }
}

fn status(fake: &Fake) -> Value {
    fake.get(INGRESS).unwrap()["status"]["loadBalancer"]["ingress"].clone()
}

fn says(fake: &Fake, name: &str) -> bool {
    status(fake) == json!([{ "hostname": format!("{name}.example.com") }])
}

fn holder(fake: &Fake) -> Value {
    fake.get(LEASE).map(|lease| lease["spec"]["holderIdentity"].clone()).unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn one_of_two_reports_and_hands_over_when_it_ends() {
    let (fake, now) = cluster();
    let (stop_one, one_stopped) = oneshot::channel();
    let (_keep, other_stopped) = oneshot::channel();
    let one = Process::new(&fake, &now, "one", &[]).run(one_stopped);
    let other = Process::new(&fake, &now, "other", &[]).run(other_stopped);
    let story = async {
        fake.until(|fake| says(fake, "one")).await;
        sleep(Duration::from_secs(600)).await;
        assert_eq!((says(&fake, "one"), holder(&fake)), (true, json!("one")));
        let ended = Instant::now();
        drop(stop_one);
        fake.until(|fake| says(fake, "other")).await;
        assert!(ended.elapsed() < Duration::from_secs(17), "one wait of a follower: {:?}", ended.elapsed());
        assert_eq!(holder(&fake), "other");
    };
    let one = async {
        one.await;
        pending::<()>().await;
    };
    let other = async {
        fake.until(|fake| holder(fake) == "one").await;
        other.await;
    };
    tokio::select! {
        () = one => {}
        () = other => panic!("it was not told to end"),
        () = story => {}
    }
    assert_eq!(fake.below("/api/v1/namespaces/shop/events").len(), 1, "one Event, whoever reported");
}

#[tokio::test(start_paused = true)]
async fn the_last_one_clears_statuses_and_gives_the_lease_up() {
    let (fake, now) = cluster();
    let (stop, stopped) = oneshot::channel();
    let process = Process::new(&fake, &now, "one", &[]).run(stopped);
    let story = async {
        fake.until(|fake| says(fake, "one")).await;
        drop(stop);
    };
    tokio::join!(process, story);
    assert_eq!((status(&fake), holder(&fake)), (Value::Null, json!("")));
}

#[tokio::test(start_paused = true)]
async fn the_end_takes_a_few_seconds_whatever_the_server_does() {
    let (fake, now) = cluster();
    let (stop, stopped) = oneshot::channel();
    let process = Process::new(&fake, &now, "one", &[]).run(stopped);
    let story = async {
        fake.until(|fake| says(fake, "one")).await;
        fake.trouble(|_, _| Some(Trouble::Hang));
        drop(stop);
        Instant::now()
    };
    let ((), told) = tokio::join!(process, story);
    assert!(told.elapsed() <= Duration::from_secs(14), "{:?}", told.elapsed());
}

#[tokio::test(start_paused = true)]
async fn who_loses_the_lease_writes_nothing_more_until_it_has_it_again() {
    let (fake, now) = cluster();
    let (_keep, stopped) = oneshot::channel();
    let mut process = Process::new(&fake, &now, "one", &[]).run(stopped);
    let story = async {
        fake.until(|fake| says(fake, "one")).await;
        let mut lease = fake.get(LEASE).unwrap();
        lease["spec"]["holderIdentity"] = json!("thief");
        fake.put(LEASE, lease);
        sleep(Duration::from_secs(8)).await;
        fake.put(INGRESS, json!({ "metadata": { "namespace": "shop", "name": "web", "uid": "1" } }));
        now.send_modify(|_| {});
        // The thief does not renew; until its time is over, it is left alone.
        sleep(Duration::from_secs(20)).await;
        assert_eq!(status(&fake), Value::Null);
        fake.until(|fake| says(fake, "one")).await;
        assert_eq!(holder(&fake), "one");
    };
    tokio::select! {
        () = &mut process => panic!("it was not told to end"),
        () = story => {}
    }
}

#[tokio::test(start_paused = true)]
async fn without_an_election_nobody_writes_statuses_and_everyone_writes_events() {
    let (fake, now) = cluster();
    let (stop, stopped) = oneshot::channel();
    let process = Process::new(&fake, &now, "one", &["--disable-leader-election"]);
    let story = async {
        fake.until(|fake| !fake.below("/api/v1/namespaces/shop/events").is_empty()).await;
        sleep(Duration::from_secs(600)).await;
        drop(stop);
    };
    tokio::join!(process.run(stopped), story);
    assert_eq!((status(&fake), holder(&fake)), (Value::Null, Value::Null));
}

#[tokio::test(start_paused = true)]
async fn statuses_can_be_left_to_another_controller_and_events_be_silenced() {
    let (fake, now) = cluster();
    let (stop, stopped) = oneshot::channel();
    let process = Process::new(&fake, &now, "one", &["--update-status=false", "--disable-sync-events"]);
    let story = async {
        fake.until(|fake| holder(fake) == "one").await;
        sleep(Duration::from_secs(600)).await;
        drop(stop);
    };
    tokio::join!(process.run(stopped), story);
    assert_eq!(status(&fake), Value::Null);
    assert_eq!(fake.requests("POST /api/v1"), [""; 0]);
}
