//! What waiting is about, in paused time: against answers that are written down, without a socket.

use std::collections::VecDeque;
use std::sync::Mutex;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::StreamBody;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Frame;
use k8s_openapi::api::core::v1::Service;
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};

use super::*;
use crate::controller::cluster::client::{BoxError, guarded};
use crate::controller::cluster::scope::Scope;
use crate::telemetry::watch::Watches;

/// One answer of the API server.
enum Answer {
    Status(u16, Option<u32>),
    /// An empty list of this version.
    List(u64),
    /// A watch that tells these and stays.
    Watch(Vec<Value>),
    /// A watch that ends at once.
    Cut,
    Never,
}

/// What was asked, and when.
struct Asked {
    at: Instant,
    watch: bool,
    version: String,
}

/// The API server: answers as written down, and from then on never.
#[derive(Default)]
struct Script {
    answers: Mutex<VecDeque<Answer>>,
    asked: Mutex<Vec<Asked>>,
    told: cell::Sender<()>,
}

type Octets = UnsyncBoxBody<Bytes, BoxError>;

impl Script {
    async fn answer(&self, request: Request<Body>) -> Result<Response<Octets>, BoxError> {
        let query = request.uri().query().unwrap_or_default();
        let parameter = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        let asked = Asked {
            at: Instant::now(),
            watch: parameter("watch").is_some(),
            version: parameter("resourceVersion").unwrap_or_default().to_owned(),
        };
        self.asked.lock().unwrap().push(asked);
        self.told.send_replace(());
        let answer = self.answers.lock().unwrap().pop_front();
        match answer.unwrap_or(Answer::Never) {
            Answer::Status(code, seconds) => {
                let mut response = Response::new(body(vec!["no".to_owned()], Stays::No));
                *response.status_mut() = code.try_into().unwrap();
                if let Some(seconds) = seconds {
                    response.headers_mut().insert(http::header::RETRY_AFTER, seconds.into());
                }
                Ok(response)
            }
            Answer::List(version) => {
                let metadata = json!({ "resourceVersion": version.to_string() });
                let list = json!({ "kind": "List", "apiVersion": "v1", "metadata": metadata, "items": [] });
                Ok(Response::new(body(vec![list.to_string()], Stays::No)))
            }
            Answer::Watch(events) => {
                let lines = events.iter().flat_map(|event| [event.to_string(), "\n".to_owned()]).collect();
                Ok(Response::new(body(lines, Stays::Yes)))
            }
            Answer::Cut => Ok(Response::new(body(Vec::new(), Stays::No))),
            Answer::Never => std::future::pending().await,
        }
    }
}

#[derive(Clone, Copy)]
enum Stays {
    Yes,
    No,
}

fn body(lines: Vec<String>, stays: Stays) -> Octets {
    let frames = futures_util::stream::iter(lines.into_iter().map(|line| Ok(Frame::data(Bytes::from(line)))));
    match stays {
        Stays::Yes => UnsyncBoxBody::new(StreamBody::new(frames.chain(futures_util::stream::pending()))),
        Stays::No => UnsyncBoxBody::new(StreamBody::new(frames)),
    }
}

/// A reflector that follows a script.
struct Scene {
    script: Arc<Script>,
    deliveries: mpsc::Receiver<Delivery>,
    _running: tokio::task::JoinSet<()>,
}

impl Scene {
    fn play(answers: impl IntoIterator<Item = Answer>) -> Self {
        let script = Arc::new(Script { answers: Mutex::new(answers.into_iter().collect()), ..Script::default() });
        let server = Arc::clone(&script);
        let service = tower::service_fn(move |request| {
            let server = Arc::clone(&server);
            guarded(async move { server.answer(request).await })
        });
        let (sender, deliveries) = mpsc::channel(100);
        let reflector = Reflector {
            api: Api::<Service>::all(Client::new(service, "default")),
            labels: None,
            fields: None,
            page: Page::of_light_kind(),
            sync_period: None,
            sink: Sink { watch: 0, keep: Keep::All, prefix: "p".into(), deliveries: sender },
            line: Line::new("Service", Scope::Everywhere, Watches::default().add("Service")),
        };
        let mut running = tokio::task::JoinSet::new();
        running.spawn(reflector.run(Duration::ZERO));
        Self { script, deliveries, _running: running }
    }

    /// The request of this number, from 1, once it has come; and how long after the one before it.
    async fn asked(&self, number: usize) -> (Duration, bool, String) {
        let mut told = self.script.told.subscribe();
        told.mark_changed();
        loop {
            told.changed().await.unwrap();
            let asked = self.script.asked.lock().unwrap();
            if let Some(Asked { at, watch, version }) = asked.get(number - 1) {
                let before = number.checked_sub(2).map_or(*at, |index| asked[index].at);
                return (*at - before, *watch, version.clone());
            }
        }
    }

    async fn delivered(&mut self) -> Change {
        self.deliveries.recv().await.unwrap().change
    }
}

fn service(name: &str, version: u64) -> Value {
    let metadata = json!({ "name": name, "namespace": "a", "resourceVersion": version.to_string() });
    json!({ "type": "ADDED", "object": { "kind": "Service", "apiVersion": "v1", "metadata": metadata } })
}

#[tokio::test(start_paused = true)]
async fn a_server_that_asks_for_patience_is_given_it() {
    for code in [429, 503] {
        let scene = Scene::play([Answer::Status(code, Some(30)), Answer::List(5)]);
        let (wait, ..) = scene.asked(2).await;
        assert!(wait >= Duration::from_secs(30) && wait <= Duration::from_secs(38), "{wait:?} after {code}");
    }
}

#[tokio::test(start_paused = true)]
async fn failures_in_a_row_are_followed_by_longer_waits_up_to_ten_seconds() {
    let scene = Scene::play((0..20).map(|_| Answer::Status(500, None)));
    let (early, ..) = scene.asked(2).await;
    assert!(early <= Duration::from_millis(250), "{early:?}");
    for number in 10..=20 {
        let (wait, ..) = scene.asked(number).await;
        assert!(wait >= Duration::from_secs(5) && wait <= Duration::from_secs(10), "{wait:?}");
    }
}

/// A server that lists well and forgets what it has listed is not asked for lists as fast as it gives them.
#[tokio::test(start_paused = true)]
async fn lists_that_cannot_be_watched_from_are_not_asked_for_in_a_storm() {
    let round = |version| [Answer::List(version), Answer::Status(410, None)];
    let scene = Scene::play((1..20).flat_map(round));
    let (_, watch, _) = scene.asked(20).await;
    assert!(watch);
    let (wait, watch, _) = scene.asked(21).await;
    assert!(!watch && wait >= Duration::from_secs(5), "{wait:?}");
}

/// A server that was away has forgotten the version, and is there to list.
#[tokio::test(start_paused = true)]
async fn after_a_long_absence_a_version_that_is_forgotten_is_listed_at_once() {
    let away = (0..10).map(|_| Answer::Status(500, None));
    let answers = [Answer::List(5)].into_iter().chain(away).chain([Answer::Status(410, None), Answer::List(9)]);
    let scene = Scene::play(answers);
    let (wait, watch, _) = scene.asked(12).await;
    assert!(watch && wait >= Duration::from_secs(5), "{wait:?}");
    let (wait, watch, _) = scene.asked(13).await;
    assert!(!watch && wait <= Duration::from_millis(250), "{wait:?}");
}

#[tokio::test(start_paused = true)]
async fn a_list_that_is_never_answered_is_given_up_and_asked_for_again() {
    let mut scene = Scene::play([Answer::Never, Answer::List(5)]);
    assert!(matches!(scene.delivered().await, Change::Interrupted(_)));
    let (wait, watch, _) = scene.asked(2).await;
    assert!(!watch && wait >= PAGE_TIME && wait <= PAGE_TIME + Duration::from_secs(1), "{wait:?}");
    assert!(matches!(scene.delivered().await, Change::Listed(_)));
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_is_silent_for_longer_than_it_can_last_is_begun_again_where_it_was() {
    let mut scene = Scene::play([Answer::List(5), Answer::Watch(vec![service("web", 7)]), Answer::Watch(Vec::new())]);
    assert!(matches!(scene.delivered().await, Change::Listed(_)));
    assert!(matches!(scene.delivered().await, Change::Applied(Item { version: 7, .. })));
    assert!(matches!(scene.delivered().await, Change::Interrupted(Fault::Silent(_))));
    let (wait, watch, version) = scene.asked(3).await;
    assert!(watch);
    assert_eq!(version, "7");
    assert!(wait >= Duration::from_secs(240) && wait <= Duration::from_secs(302), "{wait:?}");
}

#[tokio::test(start_paused = true)]
async fn one_watch_may_be_cut_short_and_two_in_a_row_are_a_failure() {
    let mut scene = Scene::play([Answer::List(5), Answer::Cut, Answer::Cut, Answer::Watch(Vec::new())]);
    assert!(matches!(scene.delivered().await, Change::Listed(_)));
    let (wait, ..) = scene.asked(3).await;
    assert_eq!(wait, Duration::ZERO);
    assert!(matches!(scene.delivered().await, Change::Interrupted(Fault::Cut)));
    let (wait, _, version) = scene.asked(4).await;
    assert_eq!(version, "5");
    assert!(wait > Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn older_lists_are_believed_in_the_end() {
    let older = (0..=STALE_REFUSALS).map(|_| Answer::List(3));
    let answers = [Answer::List(5), Answer::Status(410, None)].into_iter().chain(older);
    let mut scene = Scene::play(answers);
    assert!(matches!(scene.delivered().await, Change::Listed(List { version: 5, anew: false, .. })));
    loop {
        match scene.delivered().await {
            Change::Interrupted(_) => {}
            Change::Listed(List { version, anew, .. }) => return assert_eq!((version, anew), (3, true)),
            other => panic!("{other:?}"),
        }
    }
}
