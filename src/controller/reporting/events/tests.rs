//! Events against a server, in paused time.

use serde_json::{Value, json};
use tokio::time::timeout;

use super::*;
use crate::compile::{IngressStatus, Verdict};
use crate::controller::reporting::fake::{Fake, Trouble as Made};
use crate::ir::{ObjectKind, ObjectRef};
use crate::snapshot::ConfigMap;

const EVENTS: &str = "/api/v1/namespaces/shop/events";

/// An error about `spec.tls[0]` of Ingress shop/web.
pub(super) fn diagnostic(code: &'static str, message: &str) -> Diagnostic {
    Diagnostic::error(code, ObjectRef::new(ObjectKind::Ingress, "shop", "web").field("spec.tls[0]"), message)
}

/// A cluster with Ingress shop/web, which is ours, shop/others, which is not, and these diagnostics.
pub(super) fn outcome(diagnostics: impl IntoIterator<Item = Diagnostic>) -> Outcome {
    let ingress = |name: &str| -> k8s_openapi::api::networking::v1::Ingress {
        let uid = format!("uid-{name}");
        serde_json::from_value(json!({ "metadata": { "namespace": "shop", "name": name, "uid": uid } })).unwrap()
    };
    let status = |name: &str, verdict| IngressStatus {
        ingress: ObjectRef::new(ObjectKind::Ingress, "shop", name),
        verdict,
        hosts: Vec::new(),
        served: 0,
        refused: 0,
        dropped: 0,
    };
    let without_uid = ConfigMap { namespace: "shop".into(), name: "without-uid".into(), uid: None, data: [].into() };
    let mut snapshot: crate::snapshot::Snapshot = [ingress("others"), ingress("web")].into_iter().collect();
    snapshot.insert(without_uid);
    Outcome {
        snapshot,
        statuses: [status("others", Verdict::NotOurs), status("web", Verdict::Partly)].into_iter().collect(),
        diagnostics: diagnostics.into_iter().collect(),
    }
}

struct Scene {
    fake: Fake,
    report: Arc<ReportCell>,
    now: watch::Sender<Outcome>,
}

impl Scene {
    fn new() -> Self {
        Self { fake: Fake::new(), report: Arc::default(), now: watch::Sender::default() }
    }

    fn is_the_case(&self, diagnostics: impl IntoIterator<Item = Diagnostic>) {
        self.now.send_replace(outcome(diagnostics));
    }

    fn events(&self) -> Vec<Value> {
        self.fake.below(EVENTS)
    }

    /// Lets a process report until something has been seen to be so.
    async fn report_until(&self, wanted: impl FnMut(&Fake) -> bool) {
        let mut events = self.process();
        tokio::select! {
            () = events.run() => {}
            () = self.fake.until(wanted) => {}
        }
    }

    /// Lets a process report for so long.
    async fn report_for(&self, time: Duration) {
        let mut events = self.process();
        assert!(timeout(time, events.run()).await.is_err());
    }

    fn process(&self) -> Events {
        Events::new(self.fake.client(), "landfall-7".into(), self.now.subscribe(), Arc::clone(&self.report))
    }
}

#[tokio::test(start_paused = true)]
async fn a_diagnostic_that_stays_is_one_event_however_often_everything_is_rebuilt() {
    let scene = Scene::new();
    let mut events = scene.process();
    let rebuilds = async {
        for _ in 0..100 {
            scene.is_the_case([diagnostic("missing-secret", "it is missing")]);
            sleep(Duration::from_millis(700)).await;
        }
    };
    tokio::select! {
        () = events.run() => {}
        () = rebuilds => {}
    }
    assert_eq!(scene.fake.requests("P"), [format!("POST {EVENTS}")]);
    assert_eq!(scene.events()[0]["count"], 1);
}

#[tokio::test(start_paused = true)]
async fn one_that_comes_back_is_counted_in_the_event_there_is() {
    let scene = Scene::new();
    let mut events = scene.process();
    let comings = async {
        for round in 1..=3 {
            scene.is_the_case([diagnostic("missing-secret", "it is missing")]);
            scene.fake.until(|fake| fake.below(EVENTS).first().is_some_and(|event| event["count"] == round)).await;
            scene.is_the_case([]);
            sleep(Duration::from_secs(3)).await;
        }
    };
    tokio::select! {
        () = events.run() => {}
        () = comings => {}
    }
    assert_eq!(scene.events().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn another_process_goes_on_with_the_events_of_the_first() {
    let scene = Scene::new();
    scene.is_the_case([diagnostic("missing-secret", "it is missing")]);
    scene.report_until(|fake| !fake.below(EVENTS).is_empty()).await;
    scene.report_until(|fake| !fake.requests("PATCH").is_empty()).await;
    let events = scene.events();
    assert_eq!((events.len(), &events[0]["count"]), (1, &json!(1)), "it was the case all the time");
}

#[tokio::test(start_paused = true)]
async fn an_event_that_the_server_forgot_is_made_again() {
    let scene = Scene::new();
    scene.is_the_case([diagnostic("missing-secret", "it is missing")]);
    let mut events = scene.process();
    let forgetting = async {
        scene.fake.until(|fake| !fake.below(EVENTS).is_empty()).await;
        let name = scene.events()[0]["metadata"]["name"].as_str().unwrap().to_owned();
        scene.fake.remove(&format!("{EVENTS}/{name}"));
        scene.fake.until(|fake| !fake.below(EVENTS).is_empty()).await;
    };
    tokio::select! {
        () = events.run() => {}
        () = forgetting => {}
    }
}

#[tokio::test(start_paused = true)]
async fn many_are_told_some_at_once_and_then_some_a_second() {
    let scene = Scene::new();
    let of = |number: usize| {
        let mut diagnostic = diagnostic("missing-secret", "it is missing");
        diagnostic.provenance.object.name = format!("web-{number:04}").into();
        diagnostic
    };
    let mut many = outcome((0..1000).map(of));
    let status = many.statuses.get(&ObjectRef::new(ObjectKind::Ingress, "shop", "web")).unwrap().clone();
    for number in 0..1000 {
        let mut ingress = (**many.snapshot.ingresses.get("shop", "web").unwrap()).clone();
        let name = format!("web-{number:04}");
        ingress.metadata.name = Some(name.clone());
        ingress.metadata.uid = Some(name.clone());
        many.snapshot.insert(ingress);
        let ingress = ObjectRef::new(ObjectKind::Ingress, "shop", name);
        many.statuses.insert(IngressStatus { ingress, ..status.clone() });
    }
    scene.now.send_replace(many);
    scene.report_for(Duration::from_secs(20)).await;
    let told = scene.events().len();
    assert!((145..=151).contains(&told), "{told} in 20 seconds");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_written_for_now_is_written_when_it_can_be_and_counted() {
    let scene = Scene::new();
    scene.is_the_case([diagnostic("missing-secret", "it is missing")]);
    let mut left = 3;
    scene.fake.trouble(move |_, _| {
        left -= 1;
        (left >= 0).then_some(Made::Refuse(503))
    });
    scene.report_until(|fake| !fake.below(EVENTS).is_empty()).await;
    assert_eq!(scene.fake.requests("POST").len(), 4);
}

#[tokio::test(start_paused = true)]
async fn without_permission_the_server_is_left_alone() {
    let scene = Scene::new();
    scene.is_the_case([diagnostic("missing-secret", "it is missing")]);
    scene.fake.trouble(|_, _| Some(Made::Refuse(403)));
    scene.report_for(Duration::from_secs(30 * 60)).await;
    assert_eq!(scene.fake.requests("P").len(), 1);
}
