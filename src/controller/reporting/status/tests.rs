//! Statuses against a server, in paused time.

use k8s_openapi::api::networking::v1::Ingress;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::*;
use crate::compile::{IngressStatus, Verdict};
use crate::controller::reporting::fake::{Fake, Trouble as Made};
use crate::ir::{ObjectKind, ObjectRef};
use crate::settings::reporting::{AddressSource, NodeAddresses, StatusAddress};

/// The path of an Ingress in namespace shop.
pub(super) fn path(name: &str) -> String {
    format!("/apis/networking.k8s.io/v1/namespaces/shop/ingresses/{name}")
}

fn ingress(name: &str) -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": { "namespace": "shop", "name": name, "uid": name, "labels": { "team": "shop" } },
        "spec": { "ingressClassName": "nginx" },
        "status": { "loadBalancer": {} },
    })
}

fn given(address: &str) -> AddressSource {
    AddressSource::Given(vec![StatusAddress::parse(address).unwrap()])
}

/// A process named `pod` and the cluster that it is in.
struct Scene {
    fake: Fake,
    now: watch::Sender<Outcome>,
    report: Arc<ReportCell>,
}

impl Scene {
    /// A cluster with Ingresses, each ours or not.
    fn new(ingresses: &[(&str, Verdict)]) -> Self {
        let scene = Self { fake: Fake::new(), now: watch::Sender::default(), report: Arc::default() };
        for (name, _) in ingresses {
            scene.fake.put(&path(name), ingress(name));
        }
        scene.sees(ingresses);
        scene
    }

    /// The process sees what there is now.
    fn sees(&self, ingresses: &[(&str, Verdict)]) {
        let status = |(name, verdict): &(&str, Verdict)| IngressStatus {
            ingress: ObjectRef::new(ObjectKind::Ingress, "shop", *name),
            verdict: *verdict,
            hosts: Vec::new(),
            served: 0,
            refused: 0,
            dropped: 0,
        };
        let objects = self.fake.below(&path(""));
        self.now.send_replace(Outcome {
            snapshot: objects.into_iter().map(|object| serde_json::from_value::<Ingress>(object).unwrap()).collect(),
            statuses: ingresses.iter().map(status).collect(),
            ..Outcome::default()
        });
    }

    fn process(&self, source: AddressSource) -> Statuses {
        let interval = Duration::from_secs(60);
        let settings = StatusUpdates { source, clear_on_shutdown: true, interval };
        let pod = Pod { name: Some("pod".into()), namespace: Some("edge".into()) };
        Statuses::new(self.fake.client(), settings, &pod, self.now.subscribe(), Arc::clone(&self.report))
    }

    fn pod(&self, name: &str, node: &str, ready: &str) {
        let labels = json!({ "app": "landfall", "pod-template-hash": name });
        let conditions = json!([{ "type": "Ready", "status": ready }]);
        self.fake.put(
            &format!("/api/v1/namespaces/edge/pods/{name}"),
            json!({
                "metadata": { "namespace": "edge", "name": name, "labels": labels },
                "spec": { "nodeName": node, "containers": [] },
                "status": { "phase": "Running", "conditions": conditions },
            }),
        );
    }

    fn node(&self, name: &str, address: &str) {
        let addresses = json!([{ "type": "InternalIP", "address": address }]);
        let object = json!({ "metadata": { "name": name }, "status": { "addresses": addresses } });
        self.fake.put(&format!("/api/v1/nodes/{name}"), object);
    }

    /// What stands in the status of an Ingress.
    fn status(&self, name: &str) -> Value {
        self.fake.get(&path(name)).unwrap()["status"]["loadBalancer"]["ingress"].clone()
    }

    /// Lets the process run until its Ingress `name` has a status.
    async fn until_written(&self, statuses: &mut Statuses, name: &str) {
        tokio::select! {
            () = statuses.run() => {}
            () = self.fake.until(|_| self.status(name) != Value::Null) => {}
        }
    }

    async fn run_for(&self, statuses: &mut Statuses, seconds: u64) {
        assert!(timeout(Duration::from_secs(seconds), statuses.run()).await.is_err());
    }
}

fn ips(addresses: &[&str]) -> Value {
    addresses.iter().map(|address| json!({ "ip": address })).collect()
}

#[tokio::test(start_paused = true)]
async fn ours_get_their_status_and_keep_everything_else_and_others_are_not_touched() {
    let ingresses = [("others", Verdict::NotOurs), ("web", Verdict::Served)];
    let scene = Scene::new(&ingresses);
    let mut statuses = scene.process(given("192.0.2.1"));
    scene.run_for(&mut statuses, 5).await;
    let mut wanted = ingress("web");
    wanted["status"] = json!({ "loadBalancer": { "ingress": [{ "ip": "192.0.2.1" }] } });
    let mut written = scene.fake.get(&path("web")).unwrap();
    written["metadata"].as_object_mut().unwrap().remove("resourceVersion");
    assert_eq!(written, wanted);
    assert_eq!(scene.fake.requests(&format!("GET {}", path("others"))), [""; 0]);
    assert_eq!(scene.fake.requests("PUT"), [format!("PUT {}/status", path("web"))]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_asked_or_written_where_everything_is_as_it_should_be() {
    let scene = Scene::new(&[("web", Verdict::Served)]);
    let mut statuses = scene.process(given("192.0.2.1"));
    scene.until_written(&mut statuses, "web").await;
    scene.sees(&[("web", Verdict::Served)]);
    let before = scene.fake.requests("").len();
    scene.run_for(&mut statuses, 3600).await;
    assert_eq!(scene.fake.requests("").len(), before);
}

#[tokio::test(start_paused = true)]
async fn who_was_faster_is_read_again() {
    let scene = Scene::new(&[("web", Verdict::Served)]);
    let (fake, mut first) = (scene.fake.clone(), true);
    scene.fake.trouble(move |method, _| (method == "PUT" && std::mem::take(&mut first)).then_some(Made::Refuse(409)));
    let mut statuses = scene.process(given("192.0.2.1"));
    scene.until_written(&mut statuses, "web").await;
    assert_eq!(fake.requests("GET").len(), 2);
    assert_eq!(scene.status("web"), ips(&["192.0.2.1"]));
}

#[tokio::test(start_paused = true)]
async fn an_ingress_that_changed_its_class_meanwhile_is_left() {
    let scene = Scene::new(&[("web", Verdict::Served)]);
    let mut changed = ingress("web");
    changed["spec"]["ingressClassName"] = json!("traefik");
    scene.fake.put(&path("web"), changed);
    scene.run_for(&mut scene.process(given("192.0.2.1")), 600).await;
    assert_eq!(scene.fake.requests("PUT"), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn another_controller_on_the_same_ingress_is_answered_once_an_interval() {
    let ingresses = [("web", Verdict::Served)];
    let scene = Scene::new(&ingresses);
    let mut statuses = scene.process(given("192.0.2.1"));
    let contest = async {
        loop {
            scene.fake.until(|_| scene.status("web") == ips(&["192.0.2.1"])).await;
            let mut theirs = scene.fake.get(&path("web")).unwrap();
            theirs["status"] = json!({ "loadBalancer": { "ingress": [{ "ip": "192.0.2.9" }] } });
            scene.fake.put(&path("web"), theirs);
            scene.sees(&ingresses);
        }
    };
    tokio::select! {
        () = statuses.run() => {}
        () = contest => {}
        () = tokio::time::sleep(Duration::from_secs(630)) => {}
    }
    assert_eq!(scene.fake.requests("PUT").len(), 11);
}

#[tokio::test(start_paused = true)]
async fn nodes_with_ready_pods_like_ours_are_published_of_whatever_revision() {
    let scene = Scene::new(&[("web", Verdict::Served)]);
    for (pod, node, address, ready) in [
        ("pod", "node-1", "10.0.0.1", "True"),
        ("newer", "node-2", "10.0.0.2", "True"),
        ("unready", "node-3", "10.0.0.3", "False"),
    ] {
        scene.pod(pod, node, ready);
        scene.node(node, address);
    }
    let mut statuses = scene.process(AddressSource::Nodes(NodeAddresses::External));
    scene.until_written(&mut statuses, "web").await;
    assert_eq!(scene.status("web"), ips(&["10.0.0.1", "10.0.0.2"]));
}

#[tokio::test(start_paused = true)]
async fn while_nobody_is_ready_what_stands_is_left() {
    let scene = Scene::new(&[("web", Verdict::Served)]);
    scene.pod("pod", "node-1", "True");
    scene.node("node-1", "10.0.0.1");
    let mut statuses = scene.process(AddressSource::Nodes(NodeAddresses::External));
    scene.until_written(&mut statuses, "web").await;
    scene.pod("pod", "node-1", "False");
    scene.run_for(&mut statuses, 600).await;
    assert_eq!(scene.status("web"), ips(&["10.0.0.1"]));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_gets_its_address_is_noticed_soon() {
    let scene = Scene::new(&[("web", Verdict::Served)]);
    let service = |balanced: Value| {
        let service = json!({
            "metadata": { "namespace": "edge", "name": "lb" },
            "spec": { "type": "LoadBalancer" },
            "status": { "loadBalancer": { "ingress": balanced } },
        });
        scene.fake.put("/api/v1/namespaces/edge/services/lb", service);
    };
    service(json!([]));
    let mut statuses = scene.process(AddressSource::Service(ObjectRef::new(ObjectKind::Service, "edge", "lb")));
    let coming = async {
        tokio::time::sleep(Duration::from_secs(60)).await;
        service(json!([{ "hostname": "lb.example.com" }]));
        let came = Instant::now();
        scene.fake.until(|_| scene.status("web") == json!([{ "hostname": "lb.example.com" }])).await;
        assert!(came.elapsed() <= StatusUpdates::SHORTEST_INTERVAL, "{:?}", came.elapsed());
    };
    tokio::select! {
        () = statuses.run() => {}
        () = coming => {}
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_pod_clears_what_was_published_and_not_what_others_wrote() {
    let ingresses = [("theirs", Verdict::Served), ("web", Verdict::Served)];
    let scene = Scene::new(&ingresses);
    scene.pod("pod", "node-1", "True");
    let mut statuses = scene.process(given("192.0.2.1"));
    scene.run_for(&mut statuses, 5).await;
    let mut theirs = scene.fake.get(&path("theirs")).unwrap();
    theirs["status"] = json!({ "loadBalancer": { "ingress": [{ "ip": "192.0.2.9" }] } });
    scene.fake.put(&path("theirs"), theirs);
    statuses.clear().await;
    assert_eq!((scene.status("web"), scene.status("theirs")), (Value::Null, ips(&["192.0.2.9"])));
}

#[tokio::test(start_paused = true)]
async fn statuses_are_left_to_a_pod_that_stays_and_where_that_is_not_known() {
    let scene = Scene::new(&[("web", Verdict::Served)]);
    scene.pod("pod", "node-1", "True");
    scene.pod("newer", "node-2", "False");
    let mut statuses = scene.process(given("192.0.2.1"));
    scene.until_written(&mut statuses, "web").await;
    statuses.clear().await;
    assert_eq!(scene.status("web"), ips(&["192.0.2.1"]));
    scene.fake.trouble(|_, path| path.contains("/pods").then_some(Made::Refuse(403)));
    statuses.clear().await;
    assert_eq!(scene.status("web"), ips(&["192.0.2.1"]));
}

#[tokio::test(start_paused = true)]
async fn one_that_cannot_be_written_holds_up_no_other_and_is_tried_again() {
    let scene = Scene::new(&[("a", Verdict::Served), ("web", Verdict::Served)]);
    let mut left = 3;
    scene.fake.trouble(move |method, at| {
        let refused = method == "PUT" && at.starts_with(&path("a"));
        left -= i32::from(refused);
        (refused && left >= 0).then_some(Made::Refuse(403))
    });
    let mut statuses = scene.process(given("192.0.2.1"));
    scene.until_written(&mut statuses, "web").await;
    assert_eq!(scene.status("a"), Value::Null);
    scene.until_written(&mut statuses, "a").await;
}
