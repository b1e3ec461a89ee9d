//! The objects, how they came to be, and what is wrong at the moment.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::sync::watch;

/// One request, as the server understood it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The plural of the kind, such as `ingresses`.
    pub resource: String,
    /// Empty for all.
    pub namespace: String,
    /// Empty for a list or a watch.
    pub name: String,
    pub watch: bool,
    /// The other parameters, decoded.
    pub parameters: BTreeMap<String, String>,
}

impl Request {
    /// Whether it is a list.
    #[must_use]
    pub fn is_list(&self) -> bool {
        !self.watch && self.name.is_empty()
    }

    #[must_use]
    pub fn parameter(&self, name: &str) -> &str {
        self.parameters.get(name).map_or("", String::as_str)
    }
}

/// What a request gets instead of its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// A status, and how many seconds to wait before asking again, if any.
    Refuse(u16, Option<u32>),
    /// A watch that begins and tells of this status at once.
    TellStatus(u16),
    /// Nothing, ever.
    Hang,
    /// The end of the connection.
    HangUp,
    /// An answer that is no JSON.
    Rubbish,
}

/// What one change did to one object.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) version: u64,
    pub(super) resource: String,
    pub(super) before: Option<Value>,
    pub(super) after: Option<Value>,
}

type Decide = Box<dyn Fn(&Request) -> Option<Trouble> + Send>;
type Key = (String, String, String);

pub(super) struct State {
    pub(super) version: u64,
    /// The oldest version that can be watched from.
    pub(super) oldest: u64,
    pub(super) objects: BTreeMap<Key, Value>,
    pub(super) history: Vec<Event>,
    /// The version of the newest bookmark.
    pub(super) bookmarked: u64,
    pub(super) stale: bool,
    /// How often watches were ended.
    pub(super) watches_end: u64,
    pub(super) trouble: Decide,
    pub(super) requests: Vec<Request>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("version", &self.version).field("objects", &self.objects).finish_non_exhaustive()
    }
}

impl Default for State {
    fn default() -> Self {
        Self {
            version: 100,
            oldest: 100,
            objects: BTreeMap::new(),
            history: Vec::new(),
            bookmarked: 0,
            stale: false,
            watches_end: 0,
            trouble: Box::new(|_| None),
            requests: Vec::new(),
        }
    }
}

impl State {
    pub(super) fn apply(&mut self, mut object: Value) {
        let key = key_of(&object);
        self.version += 1;
        set_metadata(&mut object, "resourceVersion", &self.version.to_string());
        set_metadata(&mut object, "uid", &format!("uid-of-{}", key.2));
        let before = self.objects.insert(key.clone(), object.clone());
        self.history.push(Event { version: self.version, resource: key.0, before, after: Some(object) });
    }

    pub(super) fn delete(&mut self, object: &Value) {
        let key = key_of(object);
        let before = self.objects.remove(&key);
        assert!(before.is_some(), "there is no {key:?}");
        self.version += 1;
        self.history.push(Event { version: self.version, resource: key.0, before, after: None });
    }

    pub(super) fn bookmark(&mut self) {
        self.bookmarked = self.version;
    }

    pub(super) fn forget_before(&mut self, version: u64) {
        self.oldest = version;
        self.history.retain(|event| event.version > version);
    }

    /// The version of lists, and the objects as of then.
    pub(super) fn listed(&self) -> (u64, Cow<'_, BTreeMap<Key, Value>>) {
        let newest = self.history.last().filter(|_| self.stale);
        let Some(Event { version, resource: _, before, after }) = newest else {
            return (self.version, Cow::Borrowed(&self.objects));
        };
        let mut objects = self.objects.clone();
        if let Some(after) = after {
            objects.remove(&key_of(after));
        }
        if let Some(before) = before {
            objects.insert(key_of(before), before.clone());
        }
        (version - 1, Cow::Owned(objects))
    }
}

pub(super) fn set_metadata(object: &mut Value, field: &str, value: &str) {
    let metadata = object.pointer_mut("/metadata").and_then(Value::as_object_mut).expect("objects have metadata");
    metadata.insert(field.to_owned(), Value::from(value));
}

fn key_of(object: &Value) -> Key {
    let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    let resource = match text("/kind").as_str() {
        "Endpoints" => "endpoints".to_owned(),
        kind if kind.ends_with('s') => format!("{}es", kind.to_lowercase()),
        kind => format!("{}s", kind.to_lowercase()),
    };
    (resource, text("/metadata/namespace"), text("/metadata/name"))
}

/// The state, and who waits for it to change.
#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    changed: watch::Sender<()>,
}

impl Default for Shared {
    fn default() -> Self {
        Self { state: Mutex::default(), changed: watch::Sender::new(()) }
    }
}

impl Shared {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn change<T>(&self, how: impl FnOnce(&mut State) -> T) -> T {
        let result = how(&mut self.state());
        self.changed.send_replace(());
        result
    }

    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }
}
