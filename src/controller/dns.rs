//! Names of ExternalName Services: resolved, and resolved again when their time to live is over.
//!
//! A lookup that fails leaves the last good addresses in use. Addresses that requests may not be sent to are left out
//! whenever they turn up, so that a name cannot be pointed at a metadata service later.

#![expect(clippy::disallowed_methods, reason = "the control plane measures real time")]

use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use crate::diagnostic::Diagnostic;
use crate::ir::{BackendId, Endpoint, ObjectKind, ObjectRef};
use crate::settings::LocalAddresses;

/// The bounds of a time to live; the upper one is also what a failed lookup waits for at most.
const TIME_TO_LIVE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));
/// How soon a failed lookup is tried again.
const RETRY: Duration = Duration::from_secs(5);
/// The longest that one lookup may take.
const LOOKUP: Duration = Duration::from_secs(5);
/// The longest that a publication waits for names that are new.
const FIRST: Duration = Duration::from_secs(1);

/// What is known of one name.
#[derive(Debug, Default)]
struct Known {
    addresses: Vec<IpAddr>,
    /// Why the newest lookup gave nothing.
    failure: Option<String>,
    /// When to look again; `None` while a lookup is under way, and for names that are addresses.
    due: Option<Instant>,
}

struct Answer {
    name: String,
    result: Result<(Vec<IpAddr>, Duration), String>,
}

/// The names that the current configuration has.
pub(super) struct Names {
    local: LocalAddresses,
    resolver: Option<TokioResolver>,
    known: BTreeMap<String, Known>,
    lookups: JoinSet<Answer>,
}

impl Names {
    pub(super) fn new(local: LocalAddresses) -> Self {
        Self { local, resolver: None, known: BTreeMap::new(), lookups: JoinSet::new() }
    }

    /// Watches these names and no others. Waits for the first answers of new ones, for a second at most.
    pub(super) async fn watch<'a>(&mut self, names: impl Iterator<Item = &'a str>) {
        let wanted: BTreeSet<&str> = names.collect();
        self.known.retain(|name, _| wanted.contains(name.as_str()));
        let new: Vec<&str> = wanted.into_iter().filter(|name| !self.known.contains_key(*name)).collect();
        for name in &new {
            self.add(name);
        }
        let deadline = Instant::now() + FIRST;
        while new.iter().any(|name| self.is_unanswered(name)) {
            match timeout_at(deadline, self.lookups.join_next()).await {
                Ok(Some(Ok(answer))) => _ = self.take(answer),
                Ok(Some(Err(_))) => {}
                Ok(None) | Err(_) => return,
            }
        }
    }

    /// Returns when a name has other addresses. Safe to drop.
    pub(super) async fn changed(&mut self) {
        loop {
            let due = self.known.values().filter_map(|known| known.due).min();
            tokio::select! {
                Some(Ok(answer)) = self.lookups.join_next() => {
                    if self.take(answer) {
                        return;
                    }
                }
                () = until(due) => self.look_up_due(),
            }
        }
    }

    /// The endpoints of a backend whose Service has this name.
    pub(super) fn endpoints(
        &self,
        id: &BackendId,
        host: &str,
        port: u16,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Vec<Endpoint> {
        let Some(known) = self.known.get(host) else { return Vec::new() };
        let service = ObjectRef::new(ObjectKind::Service, &*id.namespace, &*id.service).field("spec.externalName");
        if let Some(failure) = &known.failure {
            let kept = known.addresses.len();
            let message =
                format!("{host:?} cannot be resolved ({failure}); {kept} addresses known from before are used");
            diagnostics.push(Diagnostic::warning("unresolved-name", service.clone(), message));
        }
        let (admitted, refused): (Vec<IpAddr>, Vec<IpAddr>) =
            known.addresses.iter().copied().partition(|address| self.local.admit(*address));
        for address in refused {
            let message =
                format!("{host:?} leads to {address}, a loopback, link-local or metadata address; it is left out");
            diagnostics.push(Diagnostic::error("local-address", service.clone(), message));
        }
        let endpoints: BTreeSet<_> =
            admitted.into_iter().map(|address| Endpoint { address: SocketAddr::new(address, port) }).collect();
        endpoints.into_iter().collect()
    }

    fn add(&mut self, name: &str) {
        let mut known = Known::default();
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        match bare.parse::<IpAddr>() {
            Ok(address) => known.addresses.push(address.to_canonical()),
            Err(_) => self.look_up(name),
        }
        self.known.insert(name.to_owned(), known);
    }

    fn is_unanswered(&self, name: &str) -> bool {
        self.known
            .get(name)
            .is_some_and(|known| known.due.is_none() && known.addresses.is_empty() && known.failure.is_none())
    }

    fn look_up_due(&mut self) {
        let now = Instant::now();
        let due: Vec<String> = self
            .known
            .iter_mut()
            .filter(|(_, known)| known.due.is_some_and(|due| due <= now))
            .map(|(name, known)| {
                known.due = None;
                name.clone()
            })
            .collect();
        for name in due {
            self.look_up(&name);
        }
    }

    fn look_up(&mut self, name: &str) {
        let resolver = self.resolver().map_err(|error| error.to_string());
        let name = name.to_owned();
        self.lookups.spawn(async move {
            let result = match resolver {
                Ok(resolver) => resolve(&resolver, &name).await,
                Err(error) => Err(error),
            };
            Answer { name, result }
        });
    }

    /// The resolver of this machine's configuration, made when the first name needs it.
    fn resolver(&mut self) -> Result<TokioResolver, hickory_resolver::net::NetError> {
        if let Some(resolver) = &self.resolver {
            return Ok(resolver.clone());
        }
        let resolver = TokioResolver::builder_tokio()?.build()?;
        Ok(self.resolver.insert(resolver).clone())
    }

    /// Takes an answer; `true` if it changes what is to be published.
    fn take(&mut self, answer: Answer) -> bool {
        let Some(known) = self.known.get_mut(&answer.name) else { return false };
        let now = Instant::now();
        match answer.result {
            Ok((addresses, live)) => {
                known.due = Some(now + live.clamp(TIME_TO_LIVE.0, TIME_TO_LIVE.1));
                let changed = known.addresses != addresses || known.failure.is_some();
                known.addresses = addresses;
                known.failure = None;
                changed
            }
            Err(failure) => {
                known.due = Some(now + RETRY);
                let changed = known.failure.as_ref() != Some(&failure);
                known.failure = Some(failure);
                changed
            }
        }
    }
}

async fn resolve(resolver: &TokioResolver, name: &str) -> Result<(Vec<IpAddr>, Duration), String> {
    let lookup = timeout(LOOKUP, resolver.lookup_ip(name)).await.map_err(|_| "no answer in time".to_owned())?;
    let lookup = lookup.map_err(|error| error.to_string())?;
    let addresses: BTreeSet<_> = lookup.iter().map(|address| address.to_canonical()).collect();
    let live = lookup.valid_until().saturating_duration_since(std::time::Instant::now());
    Ok((addresses.into_iter().collect(), live))
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => pending().await,
    }
}
