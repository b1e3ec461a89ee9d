//! An API server in memory, without a socket, so that time can be paused: objects by path, versions, conflicts, and
//! whatever trouble a test makes. `tests/cluster` shows that a real one does the same.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::{Arc, Mutex};

use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::sync::watch;

/// What goes wrong with a request.
#[derive(Debug, Clone, Copy)]
pub(super) enum Trouble {
    Refuse(u16),
    /// Never answered.
    Hang,
}

type Decide = Box<dyn FnMut(&Method, &str) -> Option<Trouble> + Send>;

/// The server. Clones are the same.
#[derive(Clone)]
pub(super) struct Fake {
    state: Arc<Mutex<State>>,
    changes: Arc<watch::Sender<()>>,
}

struct State {
    objects: BTreeMap<String, Value>,
    version: u64,
    requests: Vec<String>,
    trouble: Decide,
}

impl Fake {
    pub(super) fn new() -> Self {
        let state =
            State { objects: BTreeMap::new(), version: 0, requests: Vec::new(), trouble: Box::new(|_, _| None) };
        Self { state: Arc::new(Mutex::new(state)), changes: Arc::default() }
    }

    pub(super) fn client(&self) -> Client {
        let fake = self.clone();
        Client::new(tower::service_fn(move |request| fake.clone().answer(request)), "default")
    }

    /// Puts an object at a path, as if someone else had written it.
    pub(super) fn put(&self, path: &str, object: Value) {
        self.change(|state| _ = state.store(path, object));
    }

    pub(super) fn remove(&self, path: &str) {
        self.change(|state| _ = state.objects.remove(path));
    }

    /// The object at a path.
    pub(super) fn get(&self, path: &str) -> Option<Value> {
        self.state.lock().unwrap().objects.get(path).cloned()
    }

    /// All objects below a path.
    pub(super) fn below(&self, path: &str) -> Vec<Value> {
        let state = self.state.lock().unwrap();
        state.objects.iter().filter(|(at, _)| at.starts_with(path)).map(|(_, object)| object.clone()).collect()
    }

    /// The requests so far that begin so, such as `PUT /apis`.
    pub(super) fn requests(&self, prefix: &str) -> Vec<String> {
        let state = self.state.lock().unwrap();
        state.requests.iter().filter(|request| request.starts_with(prefix)).cloned().collect()
    }

    /// Decides from now on, request by request, what goes wrong.
    pub(super) fn trouble(&self, decide: impl FnMut(&Method, &str) -> Option<Trouble> + Send + 'static) {
        self.change(|state| state.trouble = Box::new(decide));
    }

    /// Returns once the server is in a state that is `wanted`.
    pub(super) async fn until(&self, mut wanted: impl FnMut(&Self) -> bool) {
        let mut changes = self.changes.subscribe();
        while !wanted(self) {
            changes.changed().await.unwrap();
        }
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap());
        self.changes.send_replace(());
    }

    async fn answer(self, request: Request<Body>) -> Result<Response<Body>, std::convert::Infallible> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let (path, query) = (head.uri.path(), head.uri.query().unwrap_or_default());
        let mut trouble = None;
        self.change(|state| {
            state.requests.push(format!("{} {path}", head.method));
            trouble = (state.trouble)(&head.method, path);
        });
        let mut answer = (500, Value::Null);
        match trouble {
            Some(Trouble::Hang) => pending().await,
            Some(Trouble::Refuse(code)) => answer = refusal(code),
            None => self.change(|state| answer = state.answer(&head.method, path, query, body)),
        }
        let (code, object) = answer;
        let mut response = Response::new(Body::from(object.to_string().into_bytes()));
        *response.status_mut() = StatusCode::from_u16(code).unwrap();
        Ok(response)
    }
}

impl State {
    fn answer(&mut self, method: &Method, path: &str, query: &str, body: Value) -> (u16, Value) {
        let (object, is_status) = path.strip_suffix("/status").map_or((path, false), |object| (object, true));
        let known = self.objects.get(object).cloned();
        match (method.as_str(), known) {
            ("GET", None) if is_collection(path) => (200, self.list(path, query)),
            ("POST", _) => {
                let path = format!("{path}/{}", body["metadata"]["name"].as_str().unwrap());
                if self.objects.contains_key(&path) { refusal(409) } else { (201, self.store(&path, body)) }
            }
            (_, None) => refusal(404),
            ("GET", Some(object)) => (200, object),
            ("PUT", Some(known)) if body["metadata"]["resourceVersion"] != known["metadata"]["resourceVersion"] => {
                refusal(409)
            }
            ("PUT", Some(known)) if is_status => {
                let mut changed = body.clone();
                changed["spec"] = known["spec"].clone();
                (200, self.store(object, changed))
            }
            ("PUT", Some(_)) => (200, self.store(object, body)),
            ("PATCH", Some(mut known)) => {
                merge(&mut known, body);
                (200, self.store(object, known))
            }
            _ => refusal(405),
        }
    }

    fn store(&mut self, path: &str, mut object: Value) -> Value {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.objects.insert(path.to_owned(), object.clone());
        object
    }

    /// Selects by `metadata.name` and labels, as far as `name=value` terms go.
    fn list(&self, path: &str, query: &str) -> Value {
        let query = query.replace("%3D", "=").replace("%2C", ",");
        let of = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        let (fields, labels) = (of("fieldSelector"), of("labelSelector"));
        let selects = |object: &Value| {
            let named = fields.is_none_or(|term| {
                term.strip_prefix("metadata.name=").is_some_and(|name| object["metadata"]["name"] == name)
            });
            let mut terms = labels.into_iter().flat_map(|labels| labels.split(','));
            named
                && terms.all(|term| {
                    let (name, value) = term.split_once('=').unwrap();
                    object["metadata"]["labels"][name] == value
                })
        };
        let prefix = format!("{path}/");
        let items = self.objects.iter().filter(|(at, object)| at.starts_with(&prefix) && selects(object));
        json!({ "metadata": {}, "items": items.map(|(_, object)| object.clone()).collect::<Vec<_>>() })
    }
}

fn is_collection(path: &str) -> bool {
    ["ingresses", "pods", "nodes", "services", "events", "leases"].iter().any(|plural| path.ends_with(plural))
}

fn refusal(code: u16) -> (u16, Value) {
    let reason = match code {
        404 => "NotFound",
        409 => "Conflict",
        _ => "",
    };
    let status = json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason });
    (code, status)
}

/// RFC 7396.
fn merge(target: &mut Value, patch: Value) {
    let Value::Object(fields) = patch else { return *target = patch };
    if !target.is_object() {
        *target = json!({});
    }
    for (name, value) in fields {
        if value.is_null() {
            target.as_object_mut().unwrap().remove(&name);
        } else {
            merge(&mut target[name], value);
        }
    }
}
