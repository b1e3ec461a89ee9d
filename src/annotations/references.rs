//! Which other objects annotations name, whether or not the annotation is supported.

use std::collections::BTreeMap;

/// Annotations whose value names a Secret.
const SECRETS: &[&str] = &["auth-secret", "auth-tls-secret", "proxy-ssl-secret"];
/// Annotations whose value names a ConfigMap.
const CONFIG_MAPS: &[&str] = &["auth-proxy-set-headers", "custom-headers", "fastcgi-params-configmap"];

/// Another object, as an annotation names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named<'a> {
    pub kind: NamedKind,
    /// `None` is the namespace of the Ingress.
    pub namespace: Option<&'a str>,
    pub name: &'a str,
}

/// What is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamedKind {
    Secret,
    ConfigMap,
}

/// Every Secret and ConfigMap that annotations under `prefix` name. A value is `name` or `namespace/name`; what is
/// neither names nothing.
pub fn named<'a>(annotations: &'a BTreeMap<String, String>, prefix: &str) -> impl Iterator<Item = Named<'a>> {
    annotations.iter().filter_map(move |(key, value)| {
        let annotation = key.strip_prefix(prefix)?.strip_prefix('/')?;
        let kind = kind_of(annotation)?;
        let (namespace, name) = match value.trim().split_once('/') {
            Some((namespace, name)) => (Some(namespace), name),
            None => (None, value.trim()),
        };
        let legal = !name.is_empty() && !name.contains('/') && namespace.is_none_or(|namespace| !namespace.is_empty());
        legal.then_some(Named { kind, namespace, name })
    })
}

fn kind_of(annotation: &str) -> Option<NamedKind> {
    if SECRETS.contains(&annotation) {
        Some(NamedKind::Secret)
    } else if CONFIG_MAPS.contains(&annotation) {
        Some(NamedKind::ConfigMap)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::annotations::catalogue;

    #[test]
    fn names_are_read_with_and_without_a_namespace() {
        let written = [
            ("p/auth-secret", "users"),
            ("p/auth-tls-secret", "other/ca"),
            ("p/custom-headers", " headers "),
            ("p/proxy-ssl-secret", "a/b/c"),
            ("p/fastcgi-params-configmap", ""),
            ("q/auth-secret", "foreign"),
            ("p/rewrite-target", "/x"),
        ];
        let annotations = written.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        let found: Vec<_> = named(&annotations, "p").map(|n| (n.kind, n.namespace, n.name)).collect();
        assert_eq!(
            found,
            [
                (NamedKind::Secret, None, "users"),
                (NamedKind::Secret, Some("other"), "ca"),
                (NamedKind::ConfigMap, None, "headers"),
            ]
        );
    }

    #[test]
    fn every_name_is_in_the_catalogue() {
        for name in SECRETS.iter().chain(CONFIG_MAPS) {
            assert!(catalogue::find(name).is_some(), "{name}");
        }
    }

    #[test]
    fn no_annotation_whose_name_says_what_it_names_is_forgotten() {
        let telling = |name: &str| name.ends_with("-secret") || name.ends_with("-configmap");
        let forgotten: Vec<_> =
            catalogue().map(|row| row.name).filter(|name| telling(name) && kind_of(name).is_none()).collect();
        assert_eq!(forgotten, Vec::<&str>::new());
    }
}
