//! Objects that are read one by one: those of kinds that are kept by name, from the moment that they are referred to.
//!
//! A watch drops what nobody refers to, so what is referred to later must be asked for. The name is on the list of
//! what is kept before it is asked for, and the read is one from the quorum: so every change that the watch dropped is
//! in the answer, and every later one is kept by the watch. Versions tell which of the two is newer.

#![expect(clippy::disallowed_methods, reason = "the control plane measures real time")]

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{ConfigMap, Endpoints, Secret};
use kube::api::ListParams;
use kube::{Api, Client, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep};

use super::backoff::Backoff;
use super::delivery::{Item, parse_version};
use super::fault::Fault;
use super::scope::fields_of_one;
use super::trim::Trim;
use crate::ir::{ObjectKind, ObjectRef};

/// How many are asked for at a time.
const AT_A_TIME: usize = 16;
/// The longest that a publication waits for first answers.
const FIRST: Duration = Duration::from_secs(1);

/// What a read has given: `None` is an object that does not exist.
pub(super) type Answer = Result<Option<Item>, Fault>;

type Reading = Pin<Box<dyn Future<Output = Event> + Send>>;

/// One object to read. The ticket tells the reads of it from those before somebody stopped referring to it, which
/// know nothing of what the watch has dropped since.
struct Wanted {
    ticket: u64,
    backoff: Backoff,
}

/// A read, by its object and ticket.
type Read = (ObjectRef, u64);

enum Event {
    Answered(Read, Answer),
    /// The wait after a failure is over.
    Due(Read),
}

/// The reads under way. Dropping it ends them.
pub(super) struct Fetches {
    client: Client,
    prefix: Arc<str>,
    queue: VecDeque<Read>,
    /// Everything that is queued, being read, or waiting to be read again.
    wanted: HashMap<ObjectRef, Wanted>,
    tickets: u64,
    /// Those without any answer so far.
    unanswered: HashSet<ObjectRef>,
    /// Until when a publication waits for them.
    deadline: Instant,
    reads: FuturesUnordered<Reading>,
    waits: FuturesUnordered<Reading>,
}

impl Fetches {
    pub(super) fn new(client: Client, prefix: Arc<str>) -> Self {
        Self {
            client,
            prefix,
            queue: VecDeque::new(),
            wanted: HashMap::new(),
            tickets: 0,
            unanswered: HashSet::new(),
            deadline: Instant::now(),
            reads: FuturesUnordered::new(),
            waits: FuturesUnordered::new(),
        }
    }

    /// Begins to read an object, unless that is under way.
    pub(super) fn begin(&mut self, object: ObjectRef) {
        if self.wanted.contains_key(&object) {
            return;
        }
        if self.unanswered.is_empty() {
            self.deadline = Instant::now() + FIRST;
        }
        self.tickets += 1;
        self.wanted.insert(object.clone(), Wanted { ticket: self.tickets, backoff: Backoff::default() });
        self.unanswered.insert(object.clone());
        self.queue.push_back((object, self.tickets));
        self.fill();
    }

    /// Forgets what nobody refers to any more.
    pub(super) fn retain(&mut self, keep: impl Fn(&ObjectRef) -> bool) {
        self.wanted.retain(|object, _| keep(object));
        self.unanswered.retain(|object| keep(object));
    }

    /// Until when a publication is to wait; `None` if every object has been answered for once.
    pub(super) fn deadline(&self) -> Option<Instant> {
        (!self.unanswered.is_empty()).then_some(self.deadline)
    }

    /// The next answer; a failure is reported once an object, and tried again. Safe to drop.
    pub(super) async fn next(&mut self) -> Option<Item> {
        loop {
            let event = tokio::select! {
                Some(event) = self.reads.next() => event,
                Some(event) = self.waits.next() => event,
                else => std::future::pending().await,
            };
            match event {
                Event::Due(read) => self.queue.push_back(read),
                Event::Answered(read, answer) if self.is_wanted(&read) => match answer {
                    Ok(item) => {
                        self.wanted.remove(&read.0);
                        self.unanswered.remove(&read.0);
                        self.fill();
                        return item;
                    }
                    Err(fault) => self.again(read, &fault),
                },
                Event::Answered(..) => {}
            }
            self.fill();
        }
    }

    fn is_wanted(&self, (object, ticket): &Read) -> bool {
        self.wanted.get(object).is_some_and(|wanted| wanted.ticket == *ticket)
    }

    fn again(&mut self, read: Read, fault: &Fault) {
        let object = &read.0;
        let Some(wanted) = self.wanted.get_mut(object) else { return };
        let wait = wanted.backoff.after_failure(fault.retry_after());
        if self.unanswered.remove(object) {
            tracing::warn!(%object, "cannot read the object, and will try again: {fault}");
        } else {
            tracing::debug!(%object, %fault, "still cannot read the object");
        }
        self.waits.push(Box::pin(async move {
            sleep(wait).await;
            Event::Due(read)
        }));
    }

    fn fill(&mut self) {
        while self.reads.len() < AT_A_TIME
            && let Some(next) = self.queue.pop_front()
        {
            if self.is_wanted(&next) {
                self.reads.push(read(self.client.clone(), Arc::clone(&self.prefix), next));
            }
        }
    }
}

fn read(client: Client, prefix: Arc<str>, read: Read) -> Reading {
    Box::pin(async move {
        let object = &read.0;
        let answer = match object.kind {
            ObjectKind::Secret => read_as::<Secret>(client, &prefix, object).await,
            ObjectKind::ConfigMap => read_as::<ConfigMap>(client, &prefix, object).await,
            ObjectKind::Endpoints => read_as::<Endpoints>(client, &prefix, object).await,
            ObjectKind::Ingress
            | ObjectKind::IngressClass
            | ObjectKind::Service
            | ObjectKind::EndpointSlice
            | ObjectKind::File
            | ObjectKind::Setting => Ok(None),
        };
        Event::Answered(read, answer)
    })
}

async fn read_as<K>(client: Client, prefix: &str, object: &ObjectRef) -> Answer
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Trim + Clone + Debug + DeserializeOwned,
{
    // A list of the one, for which the permission to watch is enough: ingress-nginx's ClusterRole has no `get` here.
    let itself = ListParams::default().fields(&fields_of_one::<K>(&object.name));
    let found = Api::<K>::namespaced(client, &object.namespace).list(&itself).await?.items.into_iter().next();
    Ok(found.map(|found| {
        let version = parse_version(found.resource_version().as_deref());
        Item { kept: found.trim(prefix), version }
    }))
}
