//! Statuses of Ingresses: where the addresses come from, whose statuses are written and by whom, and what becomes of
//! them at the end.

use kube::api::{WatchEvent, WatchParams};
use serde_json::{Value, json};

use crate::reporting::{Edge, REPORTING};
use crate::support::objects::{class, ingress};
use crate::support::on_shared_cluster;

fn ips(addresses: &[&str]) -> Value {
    addresses.iter().map(|address| json!({ "ip": address })).collect()
}

#[test]
fn ours_get_the_addresses_given_and_keep_all_else_and_others_are_not_touched() {
    on_shared_cluster(async |cluster| {
        let edge = Edge::new(cluster).await;
        edge.cluster.apply(class("theirs", "example.com/other")).await;
        let mut theirs = ingress(&edge.namespace, "theirs", "theirs.test", "/", "web");
        theirs["spec"]["ingressClassName"] = json!("theirs");
        edge.cluster.apply(theirs.clone()).await;
        let before = edge.cluster.read(&theirs).await;
        let mut ours = ingress(&edge.namespace, "ours", "ours.test", "/", "web");
        ours["metadata"]["labels"] = json!({ "team": "shop" });
        ours["metadata"]["annotations"] = json!({ "example.com/note": "kept" });
        let spec = edge.cluster.apply(ours.clone()).await.data["spec"].clone();
        let addresses = "--publish-status-address=2001:db8::1, 192.0.2.1,edge.example.com";
        let landfall = edge.landfall("one", &[addresses]).await;
        let wanted = json!([{ "ip": "192.0.2.1" }, { "ip": "2001:db8::1" }, { "hostname": "edge.example.com" }]);
        edge.until_status(&landfall, &ours, &wanted).await;
        let written = edge.cluster.read(&ours).await;
        assert_eq!(written["metadata"]["labels"], json!({ "team": "shop" }));
        assert_eq!(written["metadata"]["annotations"]["example.com/note"], "kept");
        assert_eq!(written["spec"], spec);
        // A later one is written after everything that was there at the start.
        let later = edge.ingress("later").await;
        edge.until_status(&landfall, &later, &wanted).await;
        assert_eq!(edge.cluster.read(&theirs).await, before);
        assert_eq!(landfall.metric("landfall_status_updates_total", &["outcome=\"written\""]).await, Some(2.0));
        assert_eq!(landfall.metric("landfall_status_updates_total", &["outcome=\"failed\""]).await, Some(0.0));
    });
}

#[test]
fn an_ingress_that_becomes_ours_gets_a_status() {
    on_shared_cluster(async |cluster| {
        let edge = Edge::new(cluster).await;
        let mut object = ingress(&edge.namespace, "web", "web.test", "/", "web");
        object["spec"]["ingressClassName"] = json!("nobody");
        edge.cluster.apply(object.clone()).await;
        let landfall = edge.landfall("one", &["--publish-status-address=192.0.2.1"]).await;
        let first = edge.ingress("first").await;
        edge.until_status(&landfall, &first, &ips(&["192.0.2.1"])).await;
        assert_eq!(edge.status(&object).await, Value::Null);
        let ours = edge.ingress("web").await;
        edge.until_status(&landfall, &ours, &ips(&["192.0.2.1"])).await;
    });
}

#[test]
fn the_addresses_of_a_service_follow_its_type_and_what_it_has() {
    on_shared_cluster(async |cluster| {
        let edge = Edge::new(cluster).await;
        let web = edge.ingress("web").await;
        let mut service = json!({
            "apiVersion": "v1", "kind": "Service", "metadata": { "name": "edge", "namespace": edge.namespace },
            "spec": { "type": "LoadBalancer", "ports": [{ "port": 80 }], "externalIPs": ["192.0.2.7"] },
        });
        edge.cluster.apply(service.clone()).await;
        let flag = format!("--publish-service={}/edge", edge.namespace);
        let landfall = edge.landfall("one", &[&flag]).await;
        edge.until_status(&landfall, &web, &ips(&["192.0.2.7"])).await;
        let balanced = json!([{ "ip": "192.0.2.1" }, { "hostname": "lb.example.com" }]);
        edge.cluster.patch_status(&service, json!({ "loadBalancer": { "ingress": balanced } })).await;
        let wanted = json!([{ "ip": "192.0.2.1" }, { "ip": "192.0.2.7" }, { "hostname": "lb.example.com" }]);
        edge.until_status(&landfall, &web, &wanted).await;
        service["spec"]["type"] = json!("NodePort");
        edge.cluster.apply(service.clone()).await;
        edge.until_status(&landfall, &web, &ips(&["192.0.2.7"])).await;
        service["spec"]["type"] = json!("ClusterIP");
        edge.cluster.apply(service.clone()).await;
        let address = edge.cluster.read(&service).await["spec"]["clusterIP"].as_str().unwrap().to_owned();
        edge.until_status(&landfall, &web, &ips(&[&address])).await;
        edge.cluster.delete(&service).await;
        service["spec"] = json!({ "type": "ExternalName", "externalName": "edge.example.com" });
        edge.cluster.apply(service).await;
        edge.until_status(&landfall, &web, &json!([{ "hostname": "edge.example.com" }])).await;
    });
}

#[test]
fn a_service_of_a_namespace_that_is_not_watched_is_asked_for() {
    on_shared_cluster(async |cluster| {
        let edge = Edge::new(cluster).await;
        let (web, elsewhere) = (edge.ingress("web").await, edge.cluster.namespace("elsewhere").await);
        let service = json!({
            "apiVersion": "v1", "kind": "Service", "metadata": { "name": "edge", "namespace": elsewhere },
            "spec": { "type": "ExternalName", "externalName": "edge.example.com" },
        });
        let flag = format!("--publish-service={elsewhere}/edge");
        let landfall = edge.landfall("one", &[&flag]).await;
        landfall.log().wait_for("cannot find out what to write into statuses").await;
        edge.cluster.apply(service).await;
        edge.until_status(&landfall, &web, &json!([{ "hostname": "edge.example.com" }])).await;
    });
}

#[test]
fn the_nodes_that_run_ready_pods_are_published_as_pods_come_and_go() {
    on_shared_cluster(async |cluster| {
        let edge = Edge::new(cluster).await;
        let web = edge.ingress("web").await;
        let outer =
            edge.node(&[("InternalIP", "10.9.0.1"), ("ExternalIP", "192.0.2.1"), ("ExternalIP", "2001:db8::1")]);
        let (outer, inner) = (outer.await, edge.node(&[("InternalIP", "10.9.0.2")]).await);
        edge.pod("one", &outer).await;
        let landfall = edge.landfall("one", &[]).await;
        edge.until_status(&landfall, &web, &ips(&["192.0.2.1", "2001:db8::1"])).await;
        let other = edge.pod("other", &inner).await;
        edge.until_status(&landfall, &web, &ips(&["10.9.0.2", "192.0.2.1", "2001:db8::1"])).await;
        // Without a kubelet it stays until its grace is over, ready and about to end.
        edge.cluster.delete(&other).await;
        edge.until_status(&landfall, &web, &ips(&["192.0.2.1", "2001:db8::1"])).await;
    });
}

#[test]
fn internal_addresses_of_nodes_are_published_where_a_flag_says_so() {
    on_shared_cluster(async |cluster| {
        let edge = Edge::new(cluster).await;
        let web = edge.ingress("web").await;
        let node = edge.node(&[("InternalIP", "10.9.0.1"), ("ExternalIP", "192.0.2.1")]).await;
        let pod = edge.pod("one", &node).await;
        edge.is_ready(&pod, "False").await;
        let landfall = edge.landfall("one", &["--report-node-internal-ip-address"]).await;
        landfall.log().wait_for("leads").await;
        assert_eq!(edge.status(&web).await, Value::Null);
        edge.is_ready(&pod, "True").await;
        edge.until_status(&landfall, &web, &ips(&["10.9.0.1"])).await;
    });
}

/// The statuses that an Ingress has had from a version on, up to one that is `wanted`.
async fn statuses_until(edge: &Edge, ingress: &Value, from: &str, wanted: &Value) -> Vec<Value> {
    use futures_util::{StreamExt as _, TryStreamExt as _};
    let (api, name) = edge.cluster.api_of(ingress);
    let params = WatchParams::default().fields(&format!("metadata.name={name}"));
    let mut events = Box::pin(api.watch(&params, from).await.unwrap()).into_stream();
    let mut seen = Vec::new();
    while let Some(event) = events.next().await {
        let WatchEvent::Modified(object) = event.unwrap() else { continue };
        seen.push(object.data["status"]["loadBalancer"]["ingress"].clone());
        if seen.last() == Some(wanted) {
            break;
        }
    }
    seen
}

#[test]
fn one_of_two_processes_writes_and_the_other_takes_over_without_a_gap() {
    on_shared_cluster(async |cluster| {
        let edge = Edge::new(cluster).await;
        let web = edge.ingress("web").await;
        for pod in ["one", "other"] {
            edge.pod(pod, "no-such-node").await;
        }
        let one = edge.landfall("one", &["--publish-status-address=192.0.2.1"]).await;
        edge.until_status(&one, &web, &ips(&["192.0.2.1"])).await;
        let other = edge.landfall("other", &["--publish-status-address=192.0.2.2"]).await;
        other.log().wait_for("follows").await;
        let leads = async |landfall: &crate::support::Landfall| {
            let name = "nginx_ingress_controller_leader_election_status";
            landfall.metric(name, &["name=\"ingress-controller-leader\""]).await
        };
        assert_eq!((leads(&one).await, leads(&other).await), (Some(1.0), Some(0.0)));
        assert_eq!(edge.holder().await, "one");
        let version = edge.cluster.read(&web).await["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
        one.stop().await;
        let seen = statuses_until(&edge, &web, &version, &ips(&["192.0.2.2"])).await;
        assert_eq!(seen, [ips(&["192.0.2.2"])], "never without an address");
        assert_eq!((leads(&other).await, edge.holder().await), (Some(1.0), json!("other")));
    });
}

#[test]
fn a_leader_that_is_killed_is_followed_when_its_lease_is_over() {
    on_shared_cluster(async |cluster| {
        let edge = Edge::new(cluster).await;
        let web = edge.ingress("web").await;
        let one = edge.landfall("one", &["--publish-status-address=192.0.2.1"]).await;
        edge.until_status(&one, &web, &ips(&["192.0.2.1"])).await;
        let other = edge.landfall("other", &["--publish-status-address=192.0.2.2"]).await;
        other.log().wait_for("follows").await;
        drop(one);
        edge.until_status(&other, &web, &ips(&["192.0.2.2"])).await;
        assert_eq!(edge.holder().await, "other");
    });
}

#[test]
fn the_last_process_clears_statuses_and_gives_the_lease_up() {
    on_shared_cluster(async |cluster| {
        let edge = Edge::new(cluster).await;
        let (web, theirs) = (edge.ingress("web").await, edge.ingress("theirs").await);
        let (own, other) = (edge.pod("one", "no-such-node").await, edge.pod("other", "no-such-node").await);
        let landfall = edge.landfall("one", &["--publish-status-address=192.0.2.1"]).await;
        for ingress in [&web, &theirs] {
            edge.until_status(&landfall, ingress, &ips(&["192.0.2.1"])).await;
        }
        edge.cluster.patch_status(&theirs, json!({ "loadBalancer": { "ingress": ips(&["192.0.2.9"]) } })).await;
        // All are told to end at once, as when a workload is deleted.
        for pod in [own, other] {
            edge.cluster.delete(&pod).await;
        }
        landfall.stop().await;
        assert_eq!((edge.status(&web).await, edge.holder().await), (Value::Null, json!("")));
        assert_eq!(edge.status(&theirs).await, ips(&["192.0.2.9"]), "somebody else has it now");
    });
}

#[test]
fn statuses_stay_at_the_end_where_a_flag_says_so() {
    on_shared_cluster(async |cluster| {
        let edge = Edge::new(cluster).await;
        let web = edge.ingress("web").await;
        edge.pod("one", "no-such-node").await;
        let flags = ["--publish-status-address=192.0.2.1", "--update-status-on-shutdown=false"];
        let landfall = edge.landfall("one", &flags).await;
        edge.until_status(&landfall, &web, &ips(&["192.0.2.1"])).await;
        landfall.stop().await;
        assert_eq!(edge.status(&web).await, ips(&["192.0.2.1"]));
    });
}

#[test]
fn statuses_are_left_to_another_controller_where_a_flag_says_so() {
    on_shared_cluster(async |cluster| {
        let edge = Edge::new(cluster).await;
        let web = edge.ingress("web").await;
        edge.pod("one", "no-such-node").await;
        edge.cluster.patch_status(&web, json!({ "loadBalancer": { "ingress": ips(&["192.0.2.9"]) } })).await;
        let landfall = edge.landfall("one", &["--publish-status-address=192.0.2.1", "--update-status=false"]).await;
        // It leads, for it has Events to write: the Service is missing.
        landfall.until("it has reported", async || !edge.events("MissingService").await.is_empty()).await;
        landfall.stop().await;
        assert_eq!(edge.status(&web).await, ips(&["192.0.2.9"]));
    });
}

/// That the rights are enough is what every other test here shows.
#[test]
fn each_right_that_reporting_is_said_to_take_is_missed_without_it() {
    on_shared_cluster(async |cluster| {
        let rights = REPORTING.iter().flat_map(|(_, resource, verbs)| verbs.iter().map(move |verb| (*resource, *verb)));
        for (resource, verb) in rights {
            let edge = Edge::without(cluster.clone(), Some((resource, verb))).await;
            edge.ingress("web").await;
            let node = edge.node(&[("InternalIP", "10.9.0.1")]).await;
            edge.pod("one", &node).await;
            let mut landfall = edge.landfall("one", &[]).await;
            if (resource, verb) == ("events", "patch") {
                // That takes an Event that is there already.
                landfall.until("it has reported", async || !edge.events("MissingService").await.is_empty()).await;
                landfall.stop().await;
                landfall = edge.landfall("one", &[]).await;
            }
            landfall.log().wait_for(&format!("cannot {verb} resource \"{resource}\"")).await;
        }
    });
}
