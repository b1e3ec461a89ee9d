//! Writes the status of one Ingress: reads it as it is now, changes the points alone, and puts it back if nobody was
//! faster; else reads it again.
//!
//! `update` of `ingresses/status` rather than `patch`, because that is what ingress-nginx's roles allow. Verbs:
//! `ingresses` get; `ingresses/status` update.

use std::collections::BTreeSet;
use std::time::Duration;

use k8s_openapi::api::networking::v1::{Ingress, IngressStatus};
use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, PostParams};
use serde_json::Value;

use super::point::{Point, Points};
use crate::compile::CLASS_ANNOTATION;
use crate::controller::cluster::fault::Fault;
use crate::controller::reporting::request::{FIELD_MANAGER, within};
use crate::snapshot::object::{name_of, namespace_of};

/// The longest that one Ingress may take.
const WRITE: Duration = Duration::from_secs(30);
/// How often an Ingress is read again because somebody was faster.
const ATTEMPTS: u32 = 5;

/// What a status is to become.
#[derive(Debug, Clone, Copy)]
pub(super) enum Goal<'g> {
    /// These points and no others.
    Publish(&'g Points),
    /// Nothing, unless there are points which are not among these: others' are none of our business.
    Clear(&'g BTreeSet<Point>),
}

/// What became of a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// It is as it should be now.
    Changed,
    /// There was nothing to do: it is right, or the Ingress is gone, or no longer what it was when it was ours.
    Left,
}

/// Writes the status of the Ingress that `known` is a version of.
pub(super) async fn write(client: &Client, known: &Ingress, goal: Goal<'_>) -> Result<Effect, Fault> {
    within(WRITE, write_patiently(client, known, goal)).await
}

async fn write_patiently(client: &Client, known: &Ingress, goal: Goal<'_>) -> Result<Effect, Fault> {
    let resource = ApiResource::erase::<Ingress>(&());
    let ingresses: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace_of(&known.metadata), &resource);
    let name = name_of(&known.metadata);
    let parameters = PostParams { dry_run: false, field_manager: Some(FIELD_MANAGER.to_owned()) };
    let mut attempts = 1;
    loop {
        let Some(mut live) = ingresses.get_opt(name).await? else { return Ok(Effect::Left) };
        if !is_still(&live, known) || !goal.reach(&mut live.data) {
            return Ok(Effect::Left);
        }
        match ingresses.replace_status(name, &parameters, &live).await.map_err(Fault::from) {
            Ok(_) => return Ok(Effect::Changed),
            Err(failure) if failure.is_missing() => return Ok(Effect::Left),
            Err(failure) if failure.is_conflict() && attempts < ATTEMPTS => attempts += 1,
            Err(failure) => return Err(failure),
        }
    }
}

/// Whether the Ingress is the same object, of the same class; if not, whether it is ours has yet to be seen.
fn is_still(live: &DynamicObject, known: &Ingress) -> bool {
    let class = live.data.pointer("/spec/ingressClassName").and_then(Value::as_str);
    let known_class = known.spec.as_ref().and_then(|spec| spec.ingress_class_name.as_deref());
    let annotation = live.metadata.annotations.as_ref().and_then(|all| all.get(CLASS_ANNOTATION));
    let known_annotation = known.metadata.annotations.as_ref().and_then(|all| all.get(CLASS_ANNOTATION));
    live.metadata.uid == known.metadata.uid && class == known_class && annotation == known_annotation
}

impl Goal<'_> {
    /// Changes the status in an Ingress's fields; `false` if it is as it should be.
    fn reach(self, fields: &mut Value) -> bool {
        let status = fields.get("status").cloned().unwrap_or_default();
        let current: Option<IngressStatus> = serde_json::from_value(status).unwrap_or_default();
        let current = Points::of_status(current.as_ref());
        let nothing = Points::default();
        let wanted = match self {
            Self::Publish(points) => points,
            Self::Clear(ours) if current.iter().all(|point| ours.contains(point)) => &nothing,
            Self::Clear(_) => return false,
        };
        if current == *wanted {
            return false;
        }
        if let Some(fields) = fields.as_object_mut() {
            wanted.write_to(fields.entry("status").or_insert_with(|| Value::Object(serde_json::Map::new())));
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(points: &[&str]) -> Value {
        let points: Vec<_> = points.iter().map(|ip| json!({ "ip": ip })).collect();
        json!({ "spec": { "rules": [] }, "status": { "loadBalancer": { "ingress": points } } })
    }

    fn points(addresses: &[&str]) -> Points {
        addresses.iter().filter_map(|address| Point::of_address(address)).collect()
    }

    #[test]
    fn publishing_changes_the_points_and_nothing_else() {
        let mut changed = fields(&["192.0.2.9"]);
        assert!(Goal::Publish(&points(&["192.0.2.1"])).reach(&mut changed));
        assert_eq!(changed, fields(&["192.0.2.1"]));
        assert!(!Goal::Publish(&points(&["192.0.2.1"])).reach(&mut changed), "it is as it should be");
    }

    #[test]
    fn clearing_takes_away_what_was_published_and_leaves_what_others_wrote() {
        let ours: BTreeSet<Point> = points(&["192.0.2.1", "192.0.2.2"]).iter().cloned().collect();
        let mut of_ours = fields(&["192.0.2.2"]);
        assert!(Goal::Clear(&ours).reach(&mut of_ours));
        assert_eq!(of_ours["status"], json!({ "loadBalancer": {} }));
        let mut of_both = fields(&["192.0.2.1", "192.0.2.9"]);
        assert!(!Goal::Clear(&ours).reach(&mut of_both));
        assert!(!Goal::Clear(&ours).reach(&mut fields(&[])));
    }
}
