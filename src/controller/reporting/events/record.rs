//! A diagnostic as an Event of the core API (`v1`), which `kubectl describe` shows below its object.
//!
//! The name of the Event follows from the object and the diagnostic. So whoever reports the same again, be it another
//! process after this one, finds the Event and renews it.

use std::fmt::Write as _;

use k8s_openapi::api::core::v1::{Event, EventSource, ObjectReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use serde_json::{Value, json};

use crate::compile::Verdict;
use crate::controller::outcome::Outcome;
use crate::diagnostic::{Diagnostic, Severity};
use crate::ir::ObjectKind;
use crate::snapshot::Object;

/// Who reports.
pub(super) const COMPONENT: &str = "landfall";
/// The longest message, as `events.k8s.io` limits it.
const LONGEST_MESSAGE: usize = 1024;
/// How much of an object's name goes into that of an Event, which the API limits to 253.
const LONGEST_NAME: usize = 200;

/// What an Event is about, and what tells it from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subject {
    pub(super) uid: String,
    /// The same for the same diagnostic of the same object, and for nothing else.
    pub(super) key: u64,
}

impl Subject {
    /// `None` where there is no object in the cluster to tell of it: flags and files, objects that are not there, and
    /// Ingresses that are not ours.
    pub(super) fn of(diagnostic: &Diagnostic, outcome: &Outcome) -> Option<Self> {
        let uid = uid(diagnostic, outcome)?;
        let Diagnostic { severity: _, code, provenance, message } = diagnostic;
        let key = fingerprint(&[provenance.object.kind.as_str(), &uid, code, &provenance.field, message]);
        Some(Self { uid, key })
    }
}

/// The identifier of the object that a diagnostic is about.
fn uid(diagnostic: &Diagnostic, outcome: &Outcome) -> Option<String> {
    let reference = &diagnostic.provenance.object;
    let uid = match outcome.snapshot.get(reference)? {
        Object::Ingress(ingress) => match outcome.statuses.get(reference)?.verdict {
            Verdict::Served | Verdict::Partly | Verdict::NotServed => ingress.metadata.uid.clone(),
            Verdict::NotOurs => None,
        },
        Object::IngressClass(object) => object.metadata.uid.clone(),
        Object::Service(object) => object.metadata.uid.clone(),
        Object::EndpointSlice(object) => object.metadata.uid.clone(),
        Object::Endpoints(object) => object.metadata.uid.clone(),
        Object::Secret(object) => object.uid.clone(),
        Object::ConfigMap(object) => object.uid.clone(),
    };
    uid.filter(|uid| !uid.is_empty())
}

/// FNV-1a, 64 bits: the same in every version of the program, which the standard library's hashes are not.
fn fingerprint(parts: &[&str]) -> u64 {
    let octets = parts.iter().flat_map(|part| part.bytes().chain([0]));
    octets.fold(0xcbf2_9ce4_8422_2325, |hash, octet| (hash ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3))
}

/// Where the Event of a diagnostic is: that of an object without a namespace is in `default`.
pub(super) fn namespace(diagnostic: &Diagnostic) -> &str {
    let namespace = &*diagnostic.provenance.object.namespace;
    if namespace.is_empty() { "default" } else { namespace }
}

/// The name of the Event: a DNS subdomain, as the object's is.
pub(super) fn name(diagnostic: &Diagnostic, key: u64) -> String {
    let object = &diagnostic.provenance.object.name;
    let end = object.floor_char_boundary(LONGEST_NAME);
    let object = object.get(..end).unwrap_or_default().trim_end_matches(['.', '-']);
    format!("{object}.{key:016x}")
}

/// The Event, told for the first time.
pub(super) fn event(diagnostic: &Diagnostic, subject: &Subject, instance: &str, now: &Time) -> Event {
    let object = &diagnostic.provenance.object;
    let non_empty = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Event {
        metadata: ObjectMeta {
            name: Some(name(diagnostic, subject.key)),
            namespace: Some(namespace(diagnostic).to_owned()),
            ..ObjectMeta::default()
        },
        involved_object: ObjectReference {
            api_version: Some(api_version(object.kind).to_owned()),
            kind: Some(object.kind.as_str().to_owned()),
            name: Some(object.name.to_string()),
            namespace: non_empty(&object.namespace),
            uid: Some(subject.uid.clone()),
            ..ObjectReference::default()
        },
        type_: Some(type_(diagnostic.severity).to_owned()),
        reason: Some(reason(diagnostic.code)),
        message: Some(message(diagnostic)),
        source: Some(EventSource { component: Some(COMPONENT.to_owned()), host: None }),
        reporting_component: Some(COMPONENT.to_owned()),
        reporting_instance: non_empty(instance),
        first_timestamp: Some(now.clone()),
        last_timestamp: Some(now.clone()),
        count: Some(1),
        ..Event::default()
    }
}

/// The change to an Event that is told of again: for the `count`th time, or, where that is not known, as often as
/// before.
pub(super) fn again(count: Option<i32>, now: &Time) -> Value {
    match count {
        Some(count) => json!({ "lastTimestamp": now, "count": count }),
        None => json!({ "lastTimestamp": now }),
    }
}

const fn type_(severity: Severity) -> &'static str {
    match severity {
        Severity::Error | Severity::Warning => "Warning",
        Severity::Info => "Normal",
    }
}

/// A code in CamelCase: `missing-secret` is `MissingSecret`.
fn reason(code: &str) -> String {
    let capitalised = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect::<String>()
    };
    code.split('-').map(capitalised).collect()
}

/// The field and what is wrong with it, shortened if it is very long.
fn message(diagnostic: &Diagnostic) -> String {
    let field = &diagnostic.provenance.field;
    let mut text = String::new();
    if !field.is_empty() {
        write!(text, "{field}: ").expect("a string takes any text");
    }
    text += &diagnostic.message;
    if text.len() > LONGEST_MESSAGE {
        text.truncate(text.floor_char_boundary(LONGEST_MESSAGE - '…'.len_utf8()));
        text.push('…');
    }
    text
}

const fn api_version(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Ingress | ObjectKind::IngressClass => "networking.k8s.io/v1",
        ObjectKind::EndpointSlice => "discovery.k8s.io/v1",
        ObjectKind::Service
        | ObjectKind::Endpoints
        | ObjectKind::Secret
        | ObjectKind::ConfigMap
        | ObjectKind::File
        | ObjectKind::Setting => "v1",
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::jiff::Timestamp;

    use super::*;
    use crate::controller::reporting::events::tests::{diagnostic, outcome};

    fn told(diagnostic: &Diagnostic) -> Value {
        let subject = Subject::of(diagnostic, &outcome([diagnostic.clone()])).unwrap();
        let now = Time(Timestamp::from_second(1_700_000_000).unwrap());
        serde_json::to_value(event(diagnostic, &subject, "landfall-7", &now)).unwrap()
    }

    #[test]
    fn an_event_says_what_is_wrong_where_and_what_was_done_instead() {
        let event = told(&diagnostic("missing-secret", "Secret shop/tls does not exist; another is served"));
        let name = event["metadata"]["name"].as_str().unwrap();
        assert!(name.starts_with("web.") && name.len() == "web.".len() + 16, "{name}");
        let wanted = json!({
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": { "namespace": "shop", "name": name },
            "involvedObject": {
                "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "namespace": "shop", "name": "web", "uid": "uid-web",
            },
            "type": "Warning",
            "reason": "MissingSecret",
            "message": "spec.tls[0]: Secret shop/tls does not exist; another is served",
            "source": { "component": "landfall" },
            "reportingComponent": "landfall",
            "reportingInstance": "landfall-7",
            "firstTimestamp": "2023-11-14T22:13:20Z",
            "lastTimestamp": "2023-11-14T22:13:20Z",
            "count": 1,
        });
        assert_eq!(event, wanted);
    }

    #[test]
    fn what_is_only_worth_knowing_is_normal() {
        let mut info = diagnostic("annotation-without-effect", "it does nothing");
        info.severity = Severity::Info;
        assert_eq!(told(&info)["type"], "Normal");
    }

    #[test]
    fn the_same_diagnostic_has_the_same_event_and_another_object_another() {
        let one = diagnostic("missing-secret", "it is missing");
        let subject = |uid: &str| {
            let mut outcome = outcome([one.clone()]);
            let mut ingress = (**outcome.snapshot.ingresses.get("shop", "web").unwrap()).clone();
            ingress.metadata.uid = Some(uid.into());
            outcome.snapshot.insert(ingress);
            Subject::of(&one, &outcome).unwrap()
        };
        assert_eq!(subject("a"), subject("a"));
        assert_ne!(subject("a").key, subject("b").key, "an object of the same name, made anew");
        // This name is in clusters: if it changes, everything is told again by new Events after an upgrade.
        assert_eq!(name(&one, subject("a").key), "web.7c956152f4025dfd");
    }

    #[test]
    fn there_is_no_event_for_flags_files_or_objects_that_are_not_there_or_not_ours() {
        let of =
            |kind, name: &str| Diagnostic::error("x", crate::ir::ObjectRef::new(kind, "shop", name).field(""), "y");
        for diagnostic in [
            of(ObjectKind::Setting, "--configmap"),
            of(ObjectKind::File, "a.yaml"),
            of(ObjectKind::Ingress, "missing"),
            of(ObjectKind::Ingress, "others"),
            of(ObjectKind::ConfigMap, "without-uid"),
        ] {
            assert_eq!(Subject::of(&diagnostic, &outcome([])), None, "{diagnostic}");
        }
    }

    #[test]
    fn long_names_and_messages_are_cut_between_characters() {
        let mut long = diagnostic("x", "");
        long.message = "ä".repeat(1000);
        assert!((LONGEST_MESSAGE - 3..=LONGEST_MESSAGE).contains(&message(&long).len()), "{}", message(&long));
        assert!(message(&long).ends_with("ä…"));
        long.provenance.object.name = format!("{}.{}", "a".repeat(199), "b".repeat(53)).into();
        assert_eq!(name(&long, 1), format!("{}.0000000000000001", "a".repeat(199)));
    }

    #[test]
    fn objects_without_a_namespace_have_their_events_in_the_default_one() {
        let mut class = diagnostic("x", "y");
        class.provenance.object = crate::ir::ObjectRef::new(ObjectKind::IngressClass, "", "nginx");
        assert_eq!(namespace(&class), "default");
    }
}
