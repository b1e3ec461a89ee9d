//! What is installed agrees with the program that it runs, and with itself.
//!
//! `install.yaml` is read as it is. The other overlays and the chart are rendered by kustomize and helm; where these are
//! not installed the tests of them say that they are passed over, and with `LANDFALL_REQUIRE_INSTALL_TOOLS=1` they fail.
//! Whether an API server accepts all this is tested beside the cluster.

#![expect(clippy::disallowed_methods, reason = "what is installed is files")]
#![expect(clippy::indexing_slicing, reason = "a field that is not there is null, and the comparison fails")]

mod render;
mod workload;

use std::fs;

use landfall::settings::{Flags, Settings};
use render::{RELEASE, chart, kustomize, objects, path, values};
use serde_json::{Value, json};
use workload::{Workload, kind, of_kind};

fn read(relative: &str) -> String {
    fs::read_to_string(path(relative)).expect("the file can be read")
}

fn install() -> Vec<Value> {
    objects(&read("manifests/install.yaml"))
}

/// The chart with a case of `values/`, which it accepts.
fn accepted(case: &str) -> Option<render::Chart> {
    let rendered = chart(&path("tests/manifests/values").join(format!("{case}.yaml")))?;
    Some(rendered.unwrap_or_else(|refused| panic!("{case}: {refused}")))
}

/// Everything that is installed, by where it comes from; only what needs no tool where they are missing.
fn everything() -> Vec<(String, Vec<Value>)> {
    let mut all = vec![("install.yaml".to_owned(), install())];
    for folder in render::KUSTOMIZATIONS {
        all.extend(kustomize(folder).map(|objects| (folder.to_owned(), objects)));
    }
    for file in values("values") {
        let name = file.display().to_string();
        let Some(rendered) = chart(&file) else { continue };
        let rendered = rendered.unwrap_or_else(|refused| panic!("{name}: {refused}"));
        all.push((name, rendered.objects));
    }
    all
}

#[test]
fn install_yaml_holds_one_edge_installation_of_the_class_landfall() {
    let objects = install();
    let kinds: Vec<_> = objects.iter().map(kind).collect();
    let expected = [
        "Namespace",
        "ServiceAccount",
        "Role",
        "ClusterRole",
        "RoleBinding",
        "ClusterRoleBinding",
        "ConfigMap",
        "DaemonSet",
        "IngressClass",
        "NetworkPolicy",
    ];
    assert_eq!(kinds, expected);
    let class = of_kind(&objects, "IngressClass").next().expect("there is one");
    assert_eq!(class["metadata"]["name"], "landfall");
    assert_eq!(class["spec"]["controller"], "landfall.dev/ingress-controller");
}

#[test]
fn install_yaml_is_what_kustomize_makes_of_the_edge_overlay() {
    let Some(rendered) = kustomize("manifests/overlays/edge") else { return };
    assert_eq!(install(), rendered, "run manifests/generate");
}

#[test]
fn a_kustomization_adds_components_and_names_the_image() {
    let Some(objects) = kustomize("tests/manifests/kustomization") else { return };
    let monitor = of_kind(&objects, "PodMonitor").next().expect("there is one");
    let workload = Workload::controller(&objects);
    let image = concat!("registry.example/landfall:", env!("CARGO_PKG_VERSION"));
    assert_eq!(workload.container()["image"], image);
    let port = monitor["spec"]["podMetricsEndpoints"][0]["port"].as_str().expect("ports are meant by name");
    assert_eq!(workload.port(port), Some(workload.settings().listen.healthz_port));
}

#[test]
fn every_flag_is_understood() {
    for (source, objects) in everything() {
        let flags = Flags::parse(Workload::controller(&objects).arguments());
        let flags = flags.unwrap_or_else(|error| panic!("{source}: {error}"));
        Settings::from_flags(&flags).unwrap_or_else(|faults| panic!("{source}: {faults:?}"));
    }
}

#[test]
fn the_ports_of_the_flags_are_the_containers() {
    for (source, objects) in everything() {
        let workload = Workload::controller(&objects);
        let settings = workload.settings();
        assert_eq!(workload.port("http"), Some(settings.listen.http_port), "{source}");
        assert_eq!(workload.port("https"), Some(settings.listen.https_port), "{source}");
        let admin = settings.listen.healthz_port;
        for probe in ["livenessProbe", "readinessProbe"] {
            assert_eq!(workload.probed_port(probe), Some(admin), "{source}: {probe}");
        }
    }
}

#[test]
fn the_kubelet_waits_for_the_whole_of_a_graceful_end() {
    for (source, objects) in everything() {
        let workload = Workload::controller(&objects);
        let shutdown = workload.settings().shutdown;
        let needed = shutdown.grace + shutdown.drain;
        let given = workload.pod()["terminationGracePeriodSeconds"].as_u64().expect("it is set");
        assert!(given >= needed.as_secs() + 5, "{source}: {given} s for {needed:?}");
        assert!(shutdown.grace.as_secs() >= 15, "{source}: load balancers are given {:?}", shutdown.grace);
    }
}

#[test]
fn nothing_runs_as_root_or_with_more_than_it_needs() {
    for (source, objects) in everything() {
        let workload = Workload::controller(&objects);
        let (pod, container) = (&workload.pod()["securityContext"], &workload.container()["securityContext"]);
        let either = |field: &str| if container[field].is_null() { &pod[field] } else { &container[field] };
        assert_eq!(either("runAsNonRoot"), true, "{source}");
        assert_eq!(either("seccompProfile")["type"], "RuntimeDefault", "{source}");
        assert_eq!(container["allowPrivilegeEscalation"], false, "{source}");
        assert_eq!(container["capabilities"]["drop"], json!(["ALL"]), "{source}");
        let low = workload.settings().listen.http_port < 1024;
        let added = if low { json!(["NET_BIND_SERVICE"]) } else { Value::Null };
        assert_eq!(container["capabilities"]["add"], added, "{source}");
        // ingress-nginx's own value, which a values file may still hold.
        let writable = source.contains("ingress-nginx-cloud");
        assert_eq!(container["readOnlyRootFilesystem"], !writable, "{source}");
        assert!(workload.container()["resources"]["requests"].is_object(), "{source}");
    }
}

#[test]
fn selectors_and_references_lead_to_what_is_installed_with_them() {
    for (source, objects) in everything() {
        workload::references_hold(&source, &objects);
    }
}

#[test]
fn versions_are_those_of_the_program() {
    let version = env!("CARGO_PKG_VERSION");
    let Value::Object(about) = objects(&read("manifests/chart/Chart.yaml")).remove(0) else { panic!("not an object") };
    assert_eq!(about["appVersion"], version);
    assert_eq!(Workload::controller(&install()).container()["image"], format!("landfall:{version}"));
    assert!(read("Dockerfile").contains(&format!("REGISTRY/landfall:{version} ")));
    let toolchain = read("rust-toolchain.toml");
    let (_, toolchain) = toolchain.split_once("channel = \"").expect("it names a channel");
    let (toolchain, _) = toolchain.split_once('"').expect("the channel ends");
    assert!(read("Dockerfile").contains(&format!("FROM rust:{toolchain}-slim-bookworm")), "not Rust {toolchain}");
}

#[test]
fn the_chart_refuses_what_it_cannot_serve_and_says_which_value() {
    for file in values("refused") {
        let text = fs::read_to_string(&file).expect("the values can be read");
        let reason = text.lines().next().and_then(|line| line.strip_prefix("# refused: ")).expect("it says why");
        let Some(rendered) = chart(&file) else { return };
        let refused = rendered.expect_err(&file.display().to_string());
        assert!(refused.contains(reason), "{}: {refused}", file.display());
    }
}

#[test]
fn the_chart_gives_no_notes_on_its_own_defaults() {
    let Some(chart) = accepted("default") else { return };
    assert!(!chart.notes.contains("no effect"), "{}", chart.notes);
    assert!(chart.notes.contains("IngressClass landfall"), "{}", chart.notes);
}

#[test]
fn the_chart_names_every_value_without_effect_that_was_given() {
    let Some(chart) = accepted("without-effect") else { return };
    for row in rows_without_effect() {
        let value = row["value"].as_str().expect("a row names its value");
        assert!(chart.notes.contains(&format!("* {value} has no effect: ")), "{value}: {}", chart.notes);
    }
    assert!(
        chart.notes.contains("* controller.lifecycle calls sleep, which the image does not hold"),
        "{}",
        chart.notes
    );
}

/// The list is the chart's own, so it must be kept level with the code: a flag or key that is acted on leaves it.
#[test]
fn what_the_chart_says_has_no_effect_has_none_in_the_program() {
    let keys = landfall::compile::configmap_table();
    let supported = keys.lines().find(|line| line.ends_with("| supported |")).expect("some keys are supported");
    for row in rows_without_effect() {
        if let Some(flag) = row["flag"].as_str() {
            let notes = Flags::parse([format!("--{flag}=1")]).expect("it is known").without_effect.diagnostics();
            assert_eq!(notes.len(), 1, "--{flag} is acted on");
        }
        if let Some(key) = row["key"].as_str() {
            assert!(keys.contains(&format!("`{key}`")), "{key} is not known");
            assert!(!supported.contains(&format!("`{key}`")), "{key} is acted on");
        }
    }
}

fn rows_without_effect() -> Vec<Value> {
    let Value::Array(rows) = objects(&read("manifests/chart/without-effect.yaml")).remove(0) else {
        panic!("not a list")
    };
    rows
}

#[test]
fn values_of_ingress_nginx_keep_their_meaning() {
    let Some(chart) = accepted("ingress-nginx-cloud") else { return };
    let objects = &chart.objects;
    let workload = Workload::controller(objects);
    let arguments = workload.arguments();
    for argument in [
        "--controller-class=k8s.io/ingress-nginx",
        "--ingress-class=nginx",
        "--watch-ingress-without-class=true",
        "--default-ssl-certificate=ingress-nginx/wildcard",
        "--publish-service=edge/ingress-nginx-controller",
        "--configmap=edge/ingress-nginx-controller",
        "--default-backend-service=edge/ingress-nginx-defaultbackend",
        "--election-id=ingress-nginx-leader",
        "--update-status=true",
        "--v=2",
        "--drain-timeout=100s",
    ] {
        assert!(arguments.iter().any(|given| given == argument), "{argument}: {arguments:?}");
    }
    let settings = of_kind(objects, "ConfigMap").find(|map| map["metadata"]["name"] == "ingress-nginx-controller");
    let settings = &settings.expect("there is one")["data"];
    assert_eq!(settings["keep-alive-requests"], "1000000", "a number stays as it was written");
    assert_eq!(settings["compute-full-forwarded-for"], "true");
    assert_eq!(settings["proxy-real-ip-cidr"], "10.0.0.0/8,192.168.0.0/16", "templates are expanded");
    assert_eq!(settings["proxy-set-headers"], "edge/ingress-nginx-custom-proxy-headers");
    let classes: Vec<_> = of_kind(objects, "IngressClass").map(|class| &class["metadata"]["name"]).collect();
    assert_eq!(classes, ["nginx", "nginx-public"]);
    let service = of_kind(objects, "Service").find(|one| one["metadata"]["name"] == "ingress-nginx-controller");
    let service = service.expect("there is one");
    assert_eq!(service["spec"]["externalTrafficPolicy"], "Local");
    assert_eq!(service["spec"]["ports"][1]["targetPort"], "http", "TLS ends at the load balancer");
    let budget = of_kind(objects, "PodDisruptionBudget").next().expect("there is one");
    assert_eq!(budget["spec"]["minAvailable"], "50%");
}

#[test]
fn an_image_of_ingress_nginx_is_passed_over_with_a_note() {
    let Some(chart) = accepted("ingress-nginx-cloud") else { return };
    let image = &Workload::controller(&chart.objects).container()["image"];
    assert_eq!(*image, concat!("landfall:", env!("CARGO_PKG_VERSION")));
    assert!(chart.notes.contains("controller.image names an image of ingress-nginx"), "{}", chart.notes);
    let Some(chart) = accepted("the-rest") else { return };
    let image = Workload::controller(&chart.objects).container()["image"].as_str().unwrap_or_default().to_owned();
    assert!(image.starts_with("registry.example/edge/landfall:0.1.0@sha256:0123"), "{image}");
}

#[test]
fn on_the_hosts_network_the_ports_are_the_hosts() {
    let Some(chart) = accepted("ingress-nginx-bare-metal") else { return };
    let workload = Workload::controller(&chart.objects);
    assert_eq!((workload.port("http"), workload.port("https")), (Some(80), Some(443)));
    assert_eq!(workload.pod()["hostNetwork"], true);
    let reported = "--report-node-internal-ip-address=true";
    assert!(workload.arguments().iter().any(|argument| argument == reported));
}

#[test]
fn a_release_of_ingress_nginx_can_be_replaced_in_place() {
    let Some(chart) = accepted("ingress-nginx-cloud") else { return };
    let workload = Workload::controller(&chart.objects);
    // Names and selectors cannot be changed afterwards: these are what ingress-nginx's chart makes of such values.
    assert_eq!(workload.object()["metadata"]["name"], "ingress-nginx-controller");
    let selector = json!({
        "app.kubernetes.io/name": "ingress-nginx",
        "app.kubernetes.io/instance": RELEASE,
        "app.kubernetes.io/component": "controller",
    });
    assert_eq!(workload.object()["spec"]["selector"]["matchLabels"], selector);
}

#[test]
fn roles_of_one_namespace_reach_no_further() {
    let Some(chart) = accepted("one-namespace") else { return };
    assert_eq!(of_kind(&chart.objects, "ClusterRole").count(), 0);
    let roles: Vec<_> = of_kind(&chart.objects, "Role").map(|role| &role["metadata"]["namespace"]).collect();
    assert_eq!(roles, ["shop", RELEASE]);
}
