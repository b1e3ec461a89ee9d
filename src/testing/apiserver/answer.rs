//! One request answered: a list, an object, a watch, or the trouble that the test makes.

use std::collections::BTreeMap;
use std::future::pending;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use hyper::header::{CONTENT_TYPE, RETRY_AFTER};
use hyper::{Response, Uri};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::state::{Event, Request, Shared, State, Trouble, set_metadata};

type Answer = Response<BoxBody<Bytes, io::Error>>;

pub(super) async fn answer(shared: &Arc<Shared>, uri: Uri) -> io::Result<Answer> {
    let request = read(&uri);
    let trouble = shared.change(|state| {
        state.requests.push(request.clone());
        (state.trouble)(&request)
    });
    match trouble {
        None if request.watch => Ok(watch_objects(shared, request)),
        None => Ok(show(&shared.state(), &request)),
        Some(Trouble::Refuse(code, None)) => Ok(status(code)),
        Some(Trouble::Refuse(code, Some(seconds))) => {
            let mut answer = text(code, "Too many requests, please try again later.\n");
            answer.headers_mut().insert(RETRY_AFTER, seconds.into());
            Ok(answer)
        }
        Some(Trouble::TellStatus(code)) => {
            let event = json!({ "type": "ERROR", "object": status_object(code) });
            Ok(text(200, format!("{event}\n")))
        }
        Some(Trouble::Hang) => pending().await,
        Some(Trouble::HangUp) => Err(io::ErrorKind::ConnectionReset.into()),
        Some(Trouble::Rubbish) => Ok(text(200, "<html>hunter2</html>")),
    }
}

fn read(uri: &Uri) -> Request {
    let path = uri.path().trim_start_matches('/').split('/').collect::<Vec<_>>();
    let rest = match path.as_slice() {
        ["api", _, rest @ ..] | ["apis", _, _, rest @ ..] => rest,
        other => other,
    };
    let (namespace, resource, name) = match rest {
        ["namespaces", namespace, resource, name @ ..] => (*namespace, *resource, name.first().copied()),
        [resource, name @ ..] => ("", *resource, name.first().copied()),
        [] => ("", "", None),
    };
    let pairs = form(uri.query().unwrap_or_default());
    let mut parameters: BTreeMap<String, String> = pairs.into_iter().collect();
    let watch = parameters.remove("watch").is_some_and(|value| value == "true");
    let name = name.unwrap_or_default().to_owned();
    Request { resource: resource.to_owned(), namespace: namespace.to_owned(), name, watch, parameters }
}

/// The pairs of a query, decoded.
fn form(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).map(|(k, v)| (decoded(k), decoded(v))).collect()
}

fn decoded(text: &str) -> String {
    let mut octets = Vec::new();
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        match octet {
            b'+' => octets.push(b' '),
            b'%' => {
                let digits = [rest.next().unwrap_or(b'0'), rest.next().unwrap_or(b'0')];
                let digits = String::from_utf8_lossy(&digits).into_owned();
                octets.push(u8::from_str_radix(&digits, 16).expect("two hexadecimal digits"));
            }
            other => octets.push(other),
        }
    }
    String::from_utf8_lossy(&octets).into_owned()
}

/// A list or an object.
fn show(state: &State, request: &Request) -> Answer {
    if !request.name.is_empty() {
        let key = (request.resource.clone(), request.namespace.clone(), request.name.clone());
        return state.objects.get(&key).map_or_else(|| status(404), |object| text(200, object.to_string()));
    }
    let (version, objects) = state.listed();
    let objects: Vec<&Value> = objects
        .iter()
        .filter(|((resource, ..), object)| *resource == request.resource && selects(request, object))
        .map(|(_, object)| object)
        .collect();
    let limit = request.parameter("limit").parse().unwrap_or(usize::MAX);
    let from: usize = request.parameter("continue").parse().unwrap_or(0);
    let page: Vec<_> = objects.iter().skip(from).take(limit).collect();
    let next = from + page.len();
    let more = if next < objects.len() { next.to_string() } else { String::new() };
    let metadata = json!({ "resourceVersion": version.to_string(), "continue": more });
    text(200, json!({ "kind": "List", "apiVersion": "v1", "metadata": metadata, "items": page }).to_string())
}

fn selects(request: &Request, object: &Value) -> bool {
    let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let mut fields = request.parameter("fieldSelector").split(',').filter(|field| !field.is_empty());
    let mut labels = request.parameter("labelSelector").split(',').filter(|label| !label.is_empty());
    let field = |field: &str| match field.split_once('=') {
        Some(("metadata.name", name)) => text("/metadata/name") == name,
        Some(("type!", type_)) => text("/type") != type_,
        _ => panic!("cannot select by {field}"),
    };
    let label = |label: &str| {
        let (key, value) = label.split_once('=').expect("labels are compared");
        object.pointer("/metadata/labels").and_then(|labels| labels.get(key)).is_some_and(|label| label == value)
    };
    (request.namespace.is_empty() || request.namespace == text("/metadata/namespace"))
        && fields.all(field)
        && labels.all(label)
}

/// The events of a watch, from its version on.
fn watch_objects(shared: &Arc<Shared>, request: Request) -> Answer {
    let from: u64 = request.parameter("resourceVersion").parse().unwrap_or(0);
    let ends = {
        let state = shared.state();
        if from < state.oldest {
            let event = json!({ "type": "ERROR", "object": status_object(410) });
            return text(200, format!("{event}\n"));
        }
        state.watches_end
    };
    let changes = shared.changes();
    let watching = Watching { shared: Arc::clone(shared), changes, request, version: from, bookmarked: from, ends };
    let frames = stream::unfold(watching, async |mut watching| {
        let lines = watching.next().await?;
        Some((Ok(Frame::data(Bytes::from(lines))), watching))
    });
    let mut answer = Response::new(StreamBody::new(frames).boxed());
    answer.headers_mut().insert(CONTENT_TYPE, "application/json".parse().expect("a media type is a value"));
    answer
}

struct Watching {
    shared: Arc<Shared>,
    changes: watch::Receiver<()>,
    request: Request,
    version: u64,
    bookmarked: u64,
    /// How often watches had been ended when this began.
    ends: u64,
}

impl Watching {
    /// The next lines; `None` is the end.
    async fn next(&mut self) -> Option<String> {
        loop {
            self.changes.borrow_and_update();
            let lines = {
                let shared = Arc::clone(&self.shared);
                let state = shared.state();
                let lines = self.lines(&state);
                if lines.is_empty() && state.watches_end != self.ends {
                    return None;
                }
                lines
            };
            if !lines.is_empty() {
                return Some(lines);
            }
            self.changes.changed().await.ok()?;
        }
    }

    fn lines(&mut self, state: &State) -> String {
        let since = self.version;
        let news =
            state.history.iter().filter(|event| event.version > since && event.resource == self.request.resource);
        let mut events: Vec<Value> = news.filter_map(|event| self.tell(event)).collect();
        self.version = state.version;
        if state.bookmarked > self.bookmarked {
            self.bookmarked = state.bookmarked;
            let metadata = json!({ "resourceVersion": state.bookmarked.to_string() });
            events.push(
                json!({ "type": "BOOKMARK", "object": { "kind": "X", "apiVersion": "v1", "metadata": metadata } }),
            );
        }
        events.iter().flat_map(|event| [event.to_string(), "\n".to_owned()]).collect()
    }

    /// What an event is to this watch: an object that is not selected any more is deleted for it.
    fn tell(&self, event: &Event) -> Option<Value> {
        let selected =
            |object: &Option<Value>| object.as_ref().filter(|object| selects(&self.request, object)).cloned();
        let (kind, mut object) = match (selected(&event.before), selected(&event.after)) {
            (None, None) => return None,
            (None, Some(after)) => ("ADDED", after),
            (Some(_), Some(after)) => ("MODIFIED", after),
            (Some(before), None) => ("DELETED", before),
        };
        set_metadata(&mut object, "resourceVersion", &event.version.to_string());
        Some(json!({ "type": kind, "object": object }))
    }
}

fn status_object(code: u16) -> Value {
    json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": format!("told to answer {code}") })
}

fn status(code: u16) -> Answer {
    text(code, status_object(code).to_string())
}

fn text(code: u16, body: impl Into<Bytes>) -> Answer {
    let body = Full::new(body.into()).map_err(|never| match never {}).boxed();
    Response::builder().status(code).body(body).expect("a status and a body are a response")
}
