//! The roles that are installed suffice, hold nothing without a use, and lack of any verb in them is felt.

#![expect(clippy::disallowed_methods, reason = "what is installed is a file")]

use std::collections::BTreeSet;

use landfall::testing::Origin;
use landfall::testing::certificates::TestCa;
use serde_json::{Value, json};

use crate::render;
use crate::support::audit::Asked;
use crate::support::objects::{ingress, service, slice, tls_secret};
use crate::support::{Cluster, Landfall, User, eventually, on_own_cluster};

/// The namespace and the name that everything is installed under.
const INSTALLED: &str = "landfall";

/// The name of the pod that Landfall takes itself for.
const POD: &str = "landfall-1";

/// What a role lets its subject do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Right {
    group: String,
    resource: String,
    verb: String,
}

impl Right {
    fn of(asked: &Asked) -> Self {
        Self { group: asked.group.clone(), resource: asked.resource.clone(), verb: asked.verb.clone() }
    }
}

/// What is installed, without the workload.
fn installed() -> Vec<Value> {
    let text = std::fs::read_to_string(render::path("manifests/install.yaml")).unwrap();
    let mut objects = render::objects(&text);
    objects.retain(|object| object["kind"] != "DaemonSet");
    objects
}

/// The arguments that it is installed with, but for what [`Landfall::start`] gives itself.
fn arguments() -> Vec<String> {
    let text = std::fs::read_to_string(render::path("manifests/install.yaml")).unwrap();
    let objects = render::objects(&text);
    let workload = objects.iter().find(|object| object["kind"] == "DaemonSet").unwrap();
    let written = workload["spec"]["template"]["spec"]["containers"][0]["args"].as_array().unwrap();
    let given = ["--http-port", "--https-port", "--enable-metrics", "--shutdown-grace-period"];
    let arguments = written.iter().map(|argument| argument.as_str().unwrap().to_owned());
    arguments.filter(|argument| !given.iter().any(|name| argument.starts_with(name))).collect()
}

/// Everything that the installed roles grant.
fn rights() -> BTreeSet<Right> {
    let texts = |list: &Value| -> Vec<String> {
        list.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    let mut rights = BTreeSet::new();
    for role in installed().iter().filter(|object| object["kind"] == "ClusterRole" || object["kind"] == "Role") {
        for rule in role["rules"].as_array().unwrap() {
            for (group, resource) in texts(&rule["apiGroups"])
                .iter()
                .flat_map(|group| texts(&rule["resources"]).into_iter().map(move |r| (group, r)))
            {
                rights.extend(texts(&rule["verbs"]).into_iter().map(|verb| Right {
                    group: group.clone(),
                    resource: resource.clone(),
                    verb,
                }));
            }
        }
    }
    rights
}

/// Rules that grant these rights.
fn rules<'a>(rights: impl IntoIterator<Item = &'a Right>) -> Value {
    let rule = |right: &Right| {
        json!({
            "apiGroups": [right.group], "resources": [right.resource], "verbs": [right.verb],
        })
    };
    rights.into_iter().map(rule).collect()
}

/// A namespace with something for every right: a Service with slices and one with Endpoints alone, a certificate that is
/// there and one that is not, and a pod of Landfall's on a node.
struct Stage {
    namespace: String,
    _pod: Origin,
}

impl Stage {
    async fn set(cluster: &Cluster, namespace: String) -> Self {
        let pod = cluster.pod("web-1").await;
        let node = json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": "edge-1" } });
        cluster.apply(node.clone()).await;
        let addresses = json!([{ "type": "ExternalIP", "address": "192.0.2.1" }]);
        cluster.patch_status(&node, json!({ "addresses": addresses })).await;
        let own = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": { "name": POD, "namespace": namespace, "labels": { "app.kubernetes.io/name": "landfall" } },
            "spec": { "nodeName": "edge-1", "containers": [{ "name": "landfall", "image": "landfall" }] },
        });
        cluster.apply(own.clone()).await;
        let conditions = json!([{ "type": "Ready", "status": "True" }]);
        cluster.patch_status(&own, json!({ "phase": "Running", "conditions": conditions })).await;
        let endpoints = json!({
            "apiVersion": "v1", "kind": "Endpoints", "metadata": { "name": "old", "namespace": namespace },
            "subsets": [{
                "addresses": [{ "ip": pod.address().ip().to_string() }],
                "ports": [{ "name": "http", "port": pod.address().port() }],
            }],
        });
        cluster
            .apply_all([
                service(&namespace, "web"),
                slice(&namespace, "web", "web-1", &[pod.address()]),
                service(&namespace, "old"),
                endpoints,
                tls_secret(&namespace, "there", &TestCa::new().issue_for(["web.test"])),
                Self::ingress(&namespace, "web", "there"),
                Self::ingress(&namespace, "old", "missing"),
            ])
            .await;
        Self { namespace, _pod: pod }
    }

    /// An Ingress of the installed class for `NAME.test`, to the Service of that name, with a certificate.
    fn ingress(namespace: &str, name: &str, secret: &str) -> Value {
        let host = format!("{name}.test");
        let mut object = ingress(namespace, name, &host, "/", name);
        object["spec"]["ingressClassName"] = json!(INSTALLED);
        object["metadata"]["annotations"] = json!({ "nginx.ingress.kubernetes.io/ssl-redirect": "false" });
        object["spec"]["tls"] = json!([{ "hosts": [host], "secretName": secret }]);
        object
    }

    /// How often the missing certificate was told of.
    async fn told(&self, cluster: &Cluster) -> i64 {
        let path = format!("/api/v1/namespaces/{}/events?fieldSelector=reason%3DMissingSecret", self.namespace);
        let request = http::Request::get(path).body(Vec::new()).unwrap();
        let list: Value = cluster.admin().request(request).await.unwrap();
        list["items"].as_array().unwrap().iter().filter_map(|event| event["count"].as_i64()).sum()
    }

    /// Starts Landfall again once the missing certificate is told of: it goes on with the Event that is there.
    async fn start_again(&self, cluster: &Cluster, user: &User, flags: &[&str], landfall: Landfall) -> Landfall {
        landfall.until("the certificate is told of", async || self.told(cluster).await > 0).await;
        landfall.stop().await;
        self.start(cluster, user, flags)
    }

    fn start(&self, cluster: &Cluster, user: &User, flags: &[&str]) -> Landfall {
        let arguments = arguments();
        let all: Vec<&str> = arguments.iter().map(String::as_str).chain(flags.iter().copied()).collect();
        let variables = [("POD_NAME", POD), ("POD_NAMESPACE", self.namespace.as_str())];
        Landfall::start_with(cluster, user, &all, &variables)
    }
}

/// Whether the server would let a user do that in a namespace.
async fn is_allowed(cluster: &Cluster, user: &User, namespace: &str, right: &Right) -> bool {
    let (resource, subresource) = right.resource.split_once('/').unwrap_or((&right.resource, ""));
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
        "spec": { "user": user.name, "resourceAttributes": {
            "namespace": namespace, "verb": right.verb, "group": right.group,
            "resource": resource, "subresource": subresource, "name": INSTALLED,
        } },
    });
    let request = http::Request::post("/apis/authorization.k8s.io/v1/subjectaccessreviews");
    let answer: Value = cluster.admin().request(request.body(review.to_string().into_bytes()).unwrap()).await.unwrap();
    answer["status"]["allowed"] == true
}

/// Returns when the server knows that a user may do all of that, but for one thing.
async fn until_known(cluster: &Cluster, user: &User, namespace: &str, all: &BTreeSet<Right>, but: Option<&Right>) {
    for right in all {
        let wanted = but != Some(right);
        eventually("the grant is known", async || is_allowed(cluster, user, namespace, right).await == wanted).await;
    }
}

#[test]
fn the_installed_roles_suffice_and_hold_nothing_without_a_use() {
    on_own_cluster(async |cluster| {
        cluster.apply_all(installed()).await;
        let stage = Stage::set(&cluster, INSTALLED.to_owned()).await;
        let user = cluster.service_account(INSTALLED, INSTALLED).await;
        until_known(&cluster, &user, INSTALLED, &rights(), None).await;

        let landfall = stage.start(&cluster, &user, &[]);
        landfall.until("it is ready", async || landfall.is_ready().await).await;
        landfall.until_answer("web.test", "/", "web-1").await;
        landfall.until_answer("old.test", "/", "web-1").await;
        let web = Stage::ingress(INSTALLED, "web", "there");
        let wanted = json!([{ "ip": "192.0.2.1" }]);
        landfall
            .until("the status is written", async || {
                cluster.read(&web).await["status"]["loadBalancer"]["ingress"] == wanted
            })
            .await;
        let landfall = stage.start_again(&cluster, &user, &[], landfall).await;
        let made_use_of = || cluster.asked_by(&user).iter().map(Right::of).collect::<BTreeSet<_>>();
        landfall.until("every right is used", async || rights().is_subset(&made_use_of())).await;
        landfall.stop().await;

        let asked = cluster.asked_by(&user);
        let refused: Vec<_> = asked.iter().filter(|asked| asked.status == 403).collect();
        assert!(refused.is_empty(), "{refused:#?}");
    });
}

#[test]
fn a_role_that_lacks_any_verb_of_the_installed_ones_does_not_suffice() {
    on_own_cluster(async |cluster| {
        cluster.apply_all(installed()).await;
        let all = rights();
        for missing in &all {
            let stage = Stage::set(&cluster, cluster.namespace("lacking").await).await;
            let user = cluster.new_user();
            cluster.grant(&user, rules(all.iter().filter(|right| *right != missing))).await;
            until_known(&cluster, &user, &stage.namespace, &all, Some(missing)).await;
            let watched = format!("--watch-namespace={}", stage.namespace);
            let mut landfall = stage.start(&cluster, &user, &[&watched]);
            if missing.resource == "events" && missing.verb == "patch" {
                landfall = stage.start_again(&cluster, &user, &[&watched], landfall).await;
            }
            let refused = async || {
                let asked = cluster.asked_by(&user);
                asked.iter().any(|asked| asked.status == 403 && Right::of(asked) == *missing)
            };
            landfall.until(&format!("the lack of {missing:?} is felt"), refused).await;
        }
    });
}
