//! What the store makes of watches and reads that tell of one object in any order.

use k8s_openapi::api::networking::v1::{IngressSpec, IngressTLS};

use super::*;
use crate::controller::cluster::plan;
use crate::settings::{Flags, Settings, Source};
use crate::snapshot::{Secret, SecretBytes};

/// A store, and the numbers of its watches by subject.
struct Scene {
    store: Store,
    planned: Vec<(Subject, Scope)>,
}

impl Scene {
    fn new(flags: &[&str]) -> Self {
        let flags = flags.iter().chain(&["--watch-ingress-without-class"]);
        let (settings, _) = Settings::from_flags(&Flags::parse(flags).unwrap()).unwrap();
        let Source::Cluster(cluster) = &settings.source else { panic!("not a cluster") };
        let planned = plan::watches(cluster, &settings.objects);
        Self { store: Store::new(settings.classes, settings.objects, &planned), planned }
    }

    /// A store that an Ingress has made refer to the Secrets `a` and `b`.
    fn referring() -> Self {
        let mut scene = Self::new(&[]);
        scene.tell(ObjectKind::Ingress, Change::Applied(item(ingress("web", &["a", "b"]), 1)));
        scene.store.refer();
        scene
    }

    fn tell(&mut self, kind: ObjectKind, change: Change) -> Effect {
        let watch = self.planned.iter().position(|(subject, _)| *subject == Subject::Objects(kind)).unwrap();
        self.store.take(Delivery { watch, change })
    }

    /// A list of Secrets, made while these were looked for.
    fn list(&mut self, version: u64, items: Vec<Item>, looked_for: &References) -> Effect {
        let looked_for = Some(Arc::new(looked_for.secrets.clone()));
        self.tell(ObjectKind::Secret, Change::Listed(List { items, version, looked_for, anew: false }))
    }

    /// What the Secret `a` says.
    fn held(&self) -> Option<String> {
        let secret = self.store.snapshot().secrets.get("shop", "a")?;
        secret.get("text").map(|text| String::from_utf8_lossy(text).into_owned())
    }

    fn references(&self) -> References {
        self.store.references().clone()
    }
}

fn ingress(name: &str, secrets: &[&str]) -> Ingress {
    let entry = |secret: &&str| IngressTLS { hosts: None, secret_name: Some((*secret).to_owned()) };
    let spec = IngressSpec { tls: Some(secrets.iter().map(entry).collect()), ..IngressSpec::default() };
    let metadata =
        ObjectMeta { name: Some(name.to_owned()), namespace: Some("shop".to_owned()), ..ObjectMeta::default() };
    Ingress { metadata, spec: Some(spec), status: None }
}

fn secret(name: &str, text: &str) -> Secret {
    let data = [("text".to_owned(), SecretBytes::new(text.as_bytes()))].into();
    Secret { namespace: "shop".to_owned(), name: name.to_owned(), uid: None, type_: "Opaque".to_owned(), data }
}

fn item(object: impl Into<Object>, version: u64) -> Item {
    Item { kept: Kept::Object(object.into()), version }
}

#[test]
fn what_nothing_refers_to_is_not_held() {
    let mut scene = Scene::referring();
    assert_eq!(scene.tell(ObjectKind::Secret, Change::Applied(item(secret("other", "x"), 5))), Effect::Same);
    assert_eq!(scene.tell(ObjectKind::Secret, Change::Applied(item(secret("a", "x"), 6))), Effect::Changed);
    assert_eq!(scene.store.snapshot().secrets.len(), 1);
}

#[test]
fn what_is_not_referred_to_any_more_is_dropped_and_what_newly_is_is_told() {
    let mut scene = Scene::referring();
    scene.tell(ObjectKind::Secret, Change::Applied(item(secret("a", "x"), 5)));
    scene.tell(ObjectKind::Ingress, Change::Applied(item(ingress("web", &["b", "c"]), 6)));
    assert_eq!(scene.store.refer(), [ObjectRef::new(ObjectKind::Secret, "shop", "c")]);
    assert_eq!(scene.held(), None);
    assert!(scene.store.versions.is_empty());
}

#[test]
fn a_read_that_is_older_than_what_the_watch_told_changes_nothing() {
    let mut scene = Scene::referring();
    scene.tell(ObjectKind::Secret, Change::Applied(item(secret("a", "new"), 9)));
    assert_eq!(scene.store.take_read(item(secret("a", "old"), 5)), Effect::Same);
    assert_eq!(scene.held().as_deref(), Some("new"));
}

#[test]
fn a_read_does_not_bring_back_what_the_watch_has_told_to_be_deleted() {
    let mut scene = Scene::referring();
    scene.tell(ObjectKind::Secret, Change::Deleted(item(secret("a", "old"), 9)));
    assert_eq!(scene.store.take_read(item(secret("a", "old"), 5)), Effect::Same);
    assert_eq!(scene.held(), None);
}

#[test]
fn a_watch_that_lags_behind_a_read_takes_nothing_back() {
    let mut scene = Scene::referring();
    assert_eq!(scene.store.take_read(item(secret("a", "new"), 9)), Effect::Changed);
    assert_eq!(scene.tell(ObjectKind::Secret, Change::Applied(item(secret("a", "old"), 5))), Effect::Same);
    assert_eq!(scene.tell(ObjectKind::Secret, Change::Deleted(item(secret("a", "old"), 6))), Effect::Same);
    assert_eq!(scene.held().as_deref(), Some("new"));
    assert_eq!(scene.tell(ObjectKind::Secret, Change::Applied(item(secret("a", "newer"), 10))), Effect::Changed);
    assert_eq!(scene.held().as_deref(), Some("newer"));
}

#[test]
fn a_list_says_nothing_of_what_it_did_not_look_for() {
    let mut scene = Scene::new(&[]);
    scene.tell(ObjectKind::Ingress, Change::Applied(item(ingress("web", &["b"]), 1)));
    scene.store.refer();
    let before = scene.references();
    scene.tell(ObjectKind::Ingress, Change::Applied(item(ingress("web", &["a", "b"]), 2)));
    scene.store.refer();
    scene.store.take_read(item(secret("a", "read"), 3));
    scene.list(8, vec![item(secret("b", "x"), 1)], &before);
    assert_eq!(scene.held().as_deref(), Some("read"));
}

#[test]
fn a_list_says_nothing_of_what_became_newer_since() {
    let mut scene = Scene::referring();
    let looked_for = scene.references();
    scene.store.take_read(item(secret("a", "newer"), 9));
    scene.list(8, Vec::new(), &looked_for);
    assert_eq!(scene.held().as_deref(), Some("newer"));
}

#[test]
fn what_a_list_looked_for_and_did_not_find_is_gone() {
    let mut scene = Scene::referring();
    let looked_for = scene.references();
    scene.tell(ObjectKind::Secret, Change::Applied(item(secret("a", "x"), 5)));
    assert_eq!(scene.list(8, Vec::new(), &looked_for), Effect::Changed);
    assert_eq!(scene.held(), None);
}

/// A cluster that was restored from a backup counts from an earlier version on.
#[test]
fn a_list_that_begins_anew_is_believed_whatever_was_there_before() {
    let mut scene = Scene::referring();
    let looked_for = Some(Arc::new(scene.references().secrets));
    scene.tell(ObjectKind::Secret, Change::Applied(item(secret("a", "after the backup"), 900)));
    let items = vec![item(secret("a", "of the backup"), 50)];
    scene.tell(ObjectKind::Secret, Change::Listed(List { items, version: 60, looked_for, anew: true }));
    assert_eq!(scene.held().as_deref(), Some("of the backup"));
}

#[test]
fn what_arrives_unchanged_stays_the_same_object() {
    let mut scene = Scene::referring();
    let before = Arc::clone(scene.store.snapshot().ingresses.get("shop", "web").unwrap());
    let change = Change::Applied(item(ingress("web", &["a", "b"]), 7));
    assert_eq!(scene.tell(ObjectKind::Ingress, change), Effect::Same);
    assert!(Arc::ptr_eq(&before, scene.store.snapshot().ingresses.get("shop", "web").unwrap()));
    let items = vec![item(ingress("web", &["a", "b"]), 7), item(ingress("more", &[]), 8)];
    let list = Change::Listed(List { items, version: 9, looked_for: None, anew: false });
    assert_eq!(scene.tell(ObjectKind::Ingress, list), Effect::Changed);
    assert!(Arc::ptr_eq(&before, scene.store.snapshot().ingresses.get("shop", "web").unwrap()));
}

#[test]
fn a_list_of_one_scope_leaves_other_scopes_alone() {
    let mut scene = Scene::new(&["--watch-namespace=shop", "--default-ssl-certificate=system/fallback"]);
    scene.store.refer();
    let watches = scene.planned.iter().enumerate();
    let secrets = watches.filter(|(_, (subject, _))| *subject == Subject::Objects(ObjectKind::Secret));
    let numbers: Vec<usize> = secrets.map(|(number, _)| number).collect();
    let [within, named] = numbers[..] else { panic!("{numbers:?}") };
    let fallback = Secret { namespace: "system".to_owned(), ..secret("fallback", "x") };
    let looked_for = Some(Arc::new(scene.references().secrets));
    let list = |items, version| Change::Listed(List { items, version, looked_for: looked_for.clone(), anew: false });
    scene.store.take(Delivery { watch: named, change: list(vec![item(fallback, 3)], 5) });
    scene.store.take(Delivery { watch: within, change: list(Vec::new(), 9) });
    assert_eq!(scene.store.snapshot().secrets.len(), 1);
}
