//! Which watches the settings ask for.

use super::scope::Scope;
use super::store::Subject;
use crate::ir::{ObjectKind, ObjectRef};
use crate::settings::{Cluster, Objects};

/// Every watch, in the order of their numbers.
///
/// With `--watch-namespace` nothing outside of it is asked for but IngressClasses, which belong to no namespace, and
/// the very objects that other flags name.
pub(super) fn watches(cluster: &Cluster, objects: &Objects) -> Vec<(Subject, Scope)> {
    let wide = match &objects.namespace {
        Some(namespace) => Scope::Namespace(namespace.clone()),
        None => Scope::Everywhere,
    };
    let mut watches: Vec<_> = [
        ObjectKind::Ingress,
        ObjectKind::Service,
        ObjectKind::EndpointSlice,
        ObjectKind::Secret,
        ObjectKind::ConfigMap,
        ObjectKind::Endpoints,
    ]
    .map(|kind| (Subject::Objects(kind), wide.clone()))
    .into();
    watches.push((Subject::Objects(ObjectKind::IngressClass), Scope::Everywhere));
    if let Some(selector) = &cluster.namespace_selector {
        watches.push((Subject::Namespaces, Scope::Labelled(selector.clone())));
    }
    let named = [&objects.configmap, &objects.default_certificate, &objects.default_backend];
    for ObjectRef { kind, namespace, name } in named.into_iter().flatten() {
        if objects.namespace.as_ref().is_none_or(|watched| **watched == **namespace) {
            continue;
        }
        let one = Scope::One { namespace: namespace.to_string(), name: name.to_string() };
        if *kind == ObjectKind::Service {
            watches.push((Subject::Objects(ObjectKind::Endpoints), one.clone()));
            let slices = Scope::SlicesOf { namespace: namespace.to_string(), service: name.to_string() };
            watches.push((Subject::Objects(ObjectKind::EndpointSlice), slices));
        }
        watches.push((Subject::Objects(*kind), one));
    }
    watches
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Flags, Settings, Source};

    fn plan(flags: &[&str]) -> Vec<String> {
        let (settings, _) = Settings::from_flags(&Flags::parse(flags).unwrap()).unwrap();
        let Source::Cluster(cluster) = &settings.source else { panic!("not a cluster") };
        let shown = watches(cluster, &settings.objects).into_iter().map(|(subject, scope)| match subject {
            Subject::Objects(kind) => format!("{} {scope}", kind.as_str()),
            Subject::Namespaces => format!("Namespace {scope}"),
        });
        shown.collect()
    }

    #[test]
    fn without_flags_everything_is_watched_everywhere() {
        let plan = plan(&["--configmap=a/b"]);
        assert_eq!(plan.len(), 7);
        assert!(plan.iter().all(|watch| watch.ends_with(" everywhere")), "{plan:?}");
    }

    #[test]
    fn one_namespace_is_watched_alone_but_for_what_flags_name() {
        let plan =
            plan(&["--watch-namespace=shop", "--configmap=system/settings", "--default-backend-service=shop/web"]);
        let outside: Vec<_> = plan.iter().filter(|watch| !watch.ends_with(" namespace shop")).collect();
        assert_eq!(outside, ["IngressClass everywhere", "ConfigMap system/settings"]);
    }

    #[test]
    fn a_default_backend_elsewhere_is_watched_with_its_endpoints() {
        let plan = plan(&["--watch-namespace=shop", "--default-backend-service=system/errors"]);
        for wanted in ["Service system/errors", "EndpointSlice of Service system/errors", "Endpoints system/errors"] {
            assert!(plan.iter().any(|watch| watch == wanted), "{plan:?} lacks {wanted}");
        }
    }

    #[test]
    fn namespaces_are_watched_where_they_are_selected() {
        let plan = plan(&["--watch-namespace-selector=team=web"]);
        assert!(plan.iter().any(|watch| watch == "Namespace labelled team=web"), "{plan:?}");
    }
}
