//! What runs, found among the objects that are installed.

use std::collections::BTreeMap;

use landfall::settings::{Flags, Settings};
use serde_json::Value;

use super::render::RELEASE;

/// A DaemonSet or Deployment.
pub(crate) struct Workload<'a> {
    object: &'a Value,
}

impl<'a> Workload<'a> {
    /// The one of the controller.
    pub(crate) fn controller(objects: &'a [Value]) -> Self {
        let is_backend =
            |object: &Value| object["metadata"]["labels"]["app.kubernetes.io/component"] == "default-backend";
        let mut found = workloads(objects).filter(|workload| !is_backend(workload.object));
        let workload = found.next().expect("something is run");
        assert!(found.next().is_none(), "two controllers");
        workload
    }

    pub(crate) fn object(&self) -> &'a Value {
        self.object
    }

    pub(crate) fn pod(&self) -> &'a Value {
        &self.object["spec"]["template"]["spec"]
    }

    /// The first container, which is the controller's.
    pub(crate) fn container(&self) -> &'a Value {
        &self.pod()["containers"][0]
    }

    /// The container's arguments as the kubelet expands them.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let namespace = self.object["metadata"]["namespace"].as_str().unwrap_or(RELEASE);
        let arguments = self.container()["args"].as_array().expect("a list");
        let expand = |argument: &Value| {
            let argument = argument.as_str().expect("an argument is text").replace("$(POD_NAMESPACE)", namespace);
            assert!(!argument.contains("$("), "{argument}");
            argument
        };
        arguments.iter().map(expand).collect()
    }

    /// What the program makes of its arguments.
    pub(crate) fn settings(&self) -> Settings {
        let flags = Flags::parse(self.arguments()).expect("the flags are known");
        Settings::from_flags(&flags).expect("the flags are sound").0
    }

    /// The number of a container port.
    pub(crate) fn port(&self, name: &str) -> Option<u16> {
        let ports = self.container()["ports"].as_array().expect("a list");
        let port = ports.iter().find(|port| port["name"] == name)?;
        port["containerPort"].as_u64().and_then(|port| port.try_into().ok())
    }

    pub(crate) fn probed_port(&self, probe: &str) -> Option<u16> {
        match &self.container()[probe]["httpGet"]["port"] {
            Value::String(name) => self.port(name),
            number => number.as_u64().and_then(|port| port.try_into().ok()),
        }
    }
}

pub(crate) fn kind(object: &Value) -> &str {
    object["kind"].as_str().expect("an object has a kind")
}

pub(crate) fn of_kind<'a>(objects: &'a [Value], wanted: &'a str) -> impl Iterator<Item = &'a Value> {
    objects.iter().filter(move |object| kind(object) == wanted)
}

fn workloads(objects: &[Value]) -> impl Iterator<Item = Workload<'_>> {
    let runs = |object: &&Value| matches!(kind(object), "DaemonSet" | "Deployment");
    objects.iter().filter(runs).map(|object| Workload { object })
}

fn labels(value: &Value) -> BTreeMap<String, String> {
    serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("labels are text: {error}: {value}"))
}

/// Panics unless whatever one object says of another holds.
pub(crate) fn references_hold(source: &str, objects: &[Value]) {
    for workload in workloads(objects) {
        let selector = labels(&workload.object["spec"]["selector"]["matchLabels"]);
        assert!(selects(&selector, &workload), "{source}: a workload does not select its own pods");
        assert_ne!(workload.object["spec"]["template"]["spec"]["serviceAccountName"], Value::Null, "{source}");
    }
    let selected = |selector: &Value| {
        let selector = labels(selector);
        workloads(objects).filter(|workload| selects(&selector, workload)).collect::<Vec<_>>()
    };
    for service in of_kind(objects, "Service") {
        let [workload] = &selected(&service["spec"]["selector"])[..] else {
            panic!("{source}: a Service selects not exactly one workload: {service}")
        };
        for port in service["spec"]["ports"].as_array().expect("a list") {
            let name = port["targetPort"].as_str().expect("ports are meant by name");
            assert!(workload.port(name).is_some(), "{source}: no container port {name}: {service}");
        }
    }
    for (kind, pointer) in
        [("PodDisruptionBudget", "/spec/selector/matchLabels"), ("NetworkPolicy", "/spec/podSelector/matchLabels")]
    {
        for object in of_kind(objects, kind) {
            let selector = object.pointer(pointer).expect("it selects by labels");
            assert_eq!(selected(selector).len(), 1, "{source}: {object}");
        }
    }
    for scaler in of_kind(objects, "HorizontalPodAutoscaler") {
        let target = &scaler["spec"]["scaleTargetRef"];
        assert!(names(objects, "Deployment", &target["name"]), "{source}: {target}");
    }
    bindings_hold(source, objects);
}

fn bindings_hold(source: &str, objects: &[Value]) {
    for binding in objects.iter().filter(|object| kind(object).ends_with("RoleBinding")) {
        let role = &binding["roleRef"];
        let role_kind = role["kind"].as_str().expect("a kind");
        assert!(names(objects, role_kind, &role["name"]), "{source}: {role}");
        for subject in binding["subjects"].as_array().expect("a list") {
            assert!(names(objects, "ServiceAccount", &subject["name"]), "{source}: {subject}");
            let account = Workload::controller(objects).pod()["serviceAccountName"].clone();
            assert_eq!(subject["name"], account, "{source}");
        }
    }
}

fn names(objects: &[Value], wanted: &str, name: &Value) -> bool {
    of_kind(objects, wanted).any(|object| object["metadata"]["name"] == *name)
}

fn selects(selector: &BTreeMap<String, String>, workload: &Workload<'_>) -> bool {
    let labels = labels(&workload.object["spec"]["template"]["metadata"]["labels"]);
    selector.iter().all(|(key, value)| labels.get(key) == Some(value))
}
