//! Follows one kind of object in one scope: lists once, then watches, and never gives up.
//!
//! kube's own watcher does the same but keeps two things to itself that we need: that it is back after a failure, and
//! at which version it is. A list is read from the quorum, so it is never older than what a watch has told; should a
//! server give an older one all the same, it is asked again a few times before it is believed, for a cluster may have
//! been restored from a backup.

#![expect(clippy::disallowed_methods, reason = "the control plane measures real time")]

use std::fmt::Debug;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use kube::api::{Api, ListParams, WatchEvent, WatchParams};
use kube::{Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, watch as cell};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::backoff::Backoff;
use super::delivery::{Change, Delivery, Item, List, parse_version};
use super::fault::Fault;
use super::line::{Line, Standing};
use super::page::Page;
use super::trim::{Kept, Trim};
use crate::compile::references::Names;
use crate::snapshot::Object;

/// The longest that a page of a list may take. API servers end a request themselves after a minute.
const PAGE_TIME: Duration = Duration::from_secs(65);
/// How long a watch is asked to last, at random between the two, so that watches do not end all at once.
const WATCH_SECONDS: (u32, u32) = (240, 290);
/// How much longer a watch may be silent before its connection counts as dead.
const MARGIN: Duration = Duration::from_secs(10);
/// A watch that has told nothing works once it has lasted so long.
const SOUND: Duration = Duration::from_secs(1);
/// How often an older list is refused before it is believed.
const STALE_REFUSALS: u32 = 5;

/// What to keep of the objects that arrive.
#[derive(Debug, Clone)]
pub(super) enum Keep {
    All,
    /// Those of these names; while there are none to go by, nothing is asked for.
    Named(cell::Receiver<Option<Arc<Names>>>),
}

/// Where what arrives goes, and what of it.
#[derive(Debug)]
pub(super) struct Sink {
    /// The watch's number.
    pub(super) watch: usize,
    pub(super) keep: Keep,
    /// The prefix of annotations.
    pub(super) prefix: Arc<str>,
    pub(super) deliveries: mpsc::Sender<Delivery>,
}

/// One watch. Dropping its future ends it and leaves nothing behind.
#[derive(Debug)]
pub(super) struct Reflector<K> {
    pub(super) api: Api<K>,
    /// Selectors of the objects.
    pub(super) labels: Option<String>,
    pub(super) fields: Option<String>,
    pub(super) page: Page,
    /// How long until everything is listed again.
    pub(super) sync_period: Option<Duration>,
    pub(super) sink: Sink,
    pub(super) line: Line,
}

/// Nobody takes deliveries any more.
#[derive(Debug)]
struct Closed;

/// How far following has come.
#[derive(Debug, Default)]
struct Progress {
    /// What to watch from; `None` asks for a list.
    version: Option<String>,
    /// The newest version seen.
    newest: u64,
    /// When to list again though nothing is wrong.
    relist: Option<Instant>,
    /// How many lists in a row were older.
    stale: u32,
    /// How many watches in a row were cut short.
    cuts: u32,
}

impl<K> Reflector<K>
where
    K: Resource<DynamicType = ()> + Trim + Clone + Debug + DeserializeOwned + Send + 'static,
{
    /// Follows the objects, after a delay, until nobody takes deliveries any more.
    pub(super) async fn run(mut self, delay: Duration) {
        sleep(delay).await;
        if self.sink.keep.begun().await.is_ok() {
            let Closed = self.follow().await;
        }
    }

    async fn follow(&mut self) -> Closed {
        let mut progress = Progress::default();
        let (mut failures, mut relists) = (Backoff::default(), Backoff::default());
        loop {
            let began = Instant::now();
            let outcome = match progress.version.clone() {
                None => self.list(&mut progress).await,
                Some(version) => self.watch(&version, &mut progress).await,
            };
            failures.after_success(began.elapsed());
            relists.after_success(began.elapsed());
            let fault = match outcome {
                Ok(Ok(())) => continue,
                Ok(Err(fault)) => fault,
                Err(closed) => return closed,
            };
            if fault.needs_list() {
                progress.version = None;
            }
            // A server that has forgotten a version is there: what it was waited for before says nothing of how soon
            // to list.
            let backoff = if fault.needs_list() { &mut relists } else { &mut failures };
            let wait = backoff.after_failure(fault.retry_after());
            if self.line.failed(&fault) == Standing::Newly
                && let Err(closed) = self.sink.send(Change::Interrupted(fault)).await
            {
                return closed;
            }
            sleep(wait).await;
        }
    }

    /// Lists everything, page by page, and hands it over as a whole.
    async fn list(&mut self, progress: &mut Progress) -> Result<Result<(), Fault>, Closed> {
        let looked_for = self.sink.keep.names();
        let mut params = ListParams {
            label_selector: self.labels.clone(),
            field_selector: self.fields.clone(),
            limit: Some(self.page.limit()),
            ..ListParams::default()
        };
        let mut items = Vec::new();
        let version = loop {
            let page = match timeout(PAGE_TIME, self.api.list(&params)).await {
                Ok(Ok(page)) => page,
                Ok(Err(error)) => return Ok(Err(error.into())),
                Err(_) => return Ok(Err(Fault::Silent(PAGE_TIME))),
            };
            self.page.weigh(page.items.iter().map(Trim::weight));
            params.limit = Some(self.page.limit());
            items.extend(page.items.into_iter().filter_map(|object| self.sink.keep(object, looked_for.as_deref())));
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => params.continue_token = Some(token),
                None => break page.metadata.resource_version.unwrap_or_default(),
            }
        };
        let anew = match progress.listed(version) {
            Ok(anew) => anew,
            Err(fault) => return Ok(Err(fault)),
        };
        self.line.listed();
        progress.relist = self.sync_period.map(|period| Instant::now() + period);
        self.sink.send(Change::Listed(List { items, version: progress.newest, looked_for, anew })).await?;
        Ok(Ok(()))
    }

    /// Watches from `version` until the watch ends.
    async fn watch(&mut self, version: &str, progress: &mut Progress) -> Result<Result<(), Fault>, Closed> {
        let seconds = fastrand::u32(WATCH_SECONDS.0..=WATCH_SECONDS.1);
        let params = WatchParams {
            label_selector: self.labels.clone(),
            field_selector: self.fields.clone(),
            timeout: Some(seconds),
            bookmarks: true,
            send_initial_events: false,
        };
        let stream = match self.api.watch(&params, version).await {
            Ok(stream) => stream,
            Err(error) => return Ok(Err(error.into())),
        };
        let mut stream = pin!(stream);
        let mut sound = Some(Instant::now() + SOUND);
        self.line.begun();
        let silence = Duration::from_secs(seconds.into()) + MARGIN;
        let mut heard = Instant::now();
        loop {
            let relist = progress.relist;
            let deadline = [Some(heard + silence), sound, relist].into_iter().flatten().min();
            match timeout_at(deadline.unwrap_or(heard), stream.next()).await {
                Ok(Some(Ok(event))) => match self.take(event, progress).await? {
                    Ok(()) => heard = Instant::now(),
                    Err(fault) => return Ok(Err(fault)),
                },
                Ok(Some(Err(error))) => return Ok(Err(error.into())),
                Ok(None) => return Ok(if sound.is_some() { progress.cut() } else { Ok(()) }),
                Err(_) if relist.is_some_and(|at| at <= Instant::now()) => {
                    progress.version = None;
                    return Ok(Ok(()));
                }
                Err(_) if sound.is_none() => return Ok(Err(Fault::Silent(silence))),
                Err(_) => {}
            }
            // Something was told, or the watch has lasted: it works.
            if sound.take().is_some() {
                progress.cuts = 0;
                self.line.restored();
            }
        }
    }

    async fn take(&mut self, event: WatchEvent<K>, progress: &mut Progress) -> Result<Result<(), Fault>, Closed> {
        let (object, wrap): (K, fn(Item) -> Change) = match event {
            WatchEvent::Added(object) | WatchEvent::Modified(object) => (object, Change::Applied),
            WatchEvent::Deleted(object) => (object, Change::Deleted),
            WatchEvent::Bookmark(bookmark) => {
                progress.reached(bookmark.metadata.resource_version);
                return Ok(Ok(()));
            }
            WatchEvent::Error(status) => return Ok(Err(Fault::Refused(status))),
        };
        self.line.event();
        let version = object.resource_version();
        let names = self.sink.keep.names();
        if let Some(item) = self.sink.keep(object, names.as_deref()) {
            self.sink.send(wrap(item)).await?;
        }
        // After the hand-over: should that be cut short, the change is asked for again.
        if let Some(version) = version {
            progress.reached(version);
        }
        Ok(Ok(()))
    }
}

impl Progress {
    /// Takes up the version of a list, unless it is older than what was seen. Returns whether it is all the same.
    fn listed(&mut self, version: String) -> Result<bool, Fault> {
        let listed = parse_version(Some(&version));
        let older = listed < self.newest;
        if older && self.stale < STALE_REFUSALS {
            self.stale += 1;
            return Err(Fault::Stale { listed, known: self.newest });
        }
        self.stale = 0;
        self.newest = listed;
        self.version = Some(version);
        Ok(older)
    }

    /// A watch has ended too soon to say that it works. One may: the server is on its way out. Two are a failure.
    fn cut(&mut self) -> Result<(), Fault> {
        self.cuts += 1;
        if self.cuts > 1 { Err(Fault::Cut) } else { Ok(()) }
    }

    fn reached(&mut self, version: String) {
        self.newest = self.newest.max(parse_version(Some(&version)));
        self.version = Some(version);
    }
}

impl Keep {
    /// Returns once there is something to ask for.
    async fn begun(&mut self) -> Result<(), Closed> {
        match self {
            Self::All => Ok(()),
            Self::Named(names) => names.wait_for(Option::is_some).await.map(drop).map_err(|_| Closed),
        }
    }

    /// The names to keep; `None` is all.
    fn names(&self) -> Option<Arc<Names>> {
        match self {
            Self::All => None,
            Self::Named(names) => Some(names.borrow().clone().unwrap_or_default()),
        }
    }
}

impl Sink {
    /// What is kept of an object, if anything.
    fn keep<K: Resource<DynamicType = ()> + Trim>(&self, object: K, names: Option<&Names>) -> Option<Item> {
        if let Some(names) = names {
            let metadata = object.meta();
            let namespace = metadata.namespace.as_deref().unwrap_or_default();
            if !names.contains(namespace, metadata.name.as_deref().unwrap_or_default()) {
                return None;
            }
        }
        let version = parse_version(object.meta().resource_version.as_deref());
        let kept = object.trim(&self.prefix);
        // What has no name cannot be told from others, and no API server has it.
        let has_name = match &kept {
            Kept::Object(object) => !Object::name(object).is_empty(),
            Kept::Namespace(name) => !name.is_empty(),
        };
        has_name.then_some(Item { kept, version })
    }

    async fn send(&self, change: Change) -> Result<(), Closed> {
        self.deliveries.send(Delivery { watch: self.watch, change }).await.map_err(|_| Closed)
    }
}

#[cfg(test)]
mod tests;
