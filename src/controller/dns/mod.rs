//! Names of ExternalName Services: resolved, and resolved again when their time to live is over.
//!
//! A lookup that is not answered leaves the last good addresses in use for as long as it takes. A name that its name
//! servers no longer know keeps them for a while only: they may belong to somebody else by then. Addresses that requests
//! may not be sent to are left out whenever they turn up, so that a name cannot be pointed at a metadata service later.

#![expect(clippy::disallowed_methods, reason = "the control plane measures real time")]

mod lookup;

use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout_at};

use self::lookup::{Found, LookupError, Resolver};
use crate::diagnostic::Diagnostic;
use crate::ir::{BackendId, Endpoint, ObjectKind, ObjectRef};
use crate::settings::LocalAddresses;

/// Lookups that are under way at once.
const AT_ONCE: usize = 64;

/// How long things take, at least or at most.
#[derive(Debug, Clone, Copy)]
struct Pace {
    /// The bounds of a time to live.
    live: (Duration, Duration),
    /// How soon a failed lookup is tried again.
    retry: Duration,
    /// How long the addresses of a name are used that its name servers no longer know.
    hold: Duration,
    /// The longest that one lookup may take.
    lookup: Duration,
    /// The longest that a publication waits for names that are new.
    first: Duration,
}

const PACE: Pace = Pace {
    live: (Duration::from_secs(1), Duration::from_secs(300)),
    retry: Duration::from_secs(5),
    hold: Duration::from_secs(30),
    lookup: Duration::from_secs(10),
    first: Duration::from_secs(1),
};

/// What is known of one name.
#[derive(Debug, Default)]
struct Known {
    addresses: Vec<IpAddr>,
    /// Why the newest lookup gave nothing.
    failure: Option<LookupError>,
    /// Since when its name servers say that it leads nowhere.
    gone: Option<Instant>,
    /// When to look again; `None` while a lookup is under way, and for names that are addresses.
    due: Option<Instant>,
}

struct Answer {
    name: String,
    result: Result<Found, LookupError>,
}

/// The names that the current configuration has.
pub(super) struct Names {
    local: LocalAddresses,
    pace: Pace,
    is_routed: fn(IpAddr) -> bool,
    resolver: Option<Resolver>,
    known: BTreeMap<String, Known>,
    /// At most one for each known name, and the last one of names that no longer are.
    lookups: JoinSet<Answer>,
    turns: Arc<Semaphore>,
}

impl Names {
    pub(super) fn new(local: LocalAddresses) -> Self {
        Self {
            local,
            pace: PACE,
            is_routed: lookup::is_routed,
            resolver: None,
            known: BTreeMap::new(),
            lookups: JoinSet::new(),
            turns: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// Watches these names and no others. Waits for the first answers of new ones, for a second at most.
    pub(super) async fn watch<'a>(&mut self, names: impl Iterator<Item = &'a str>) {
        let wanted: BTreeSet<&str> = names.collect();
        self.known.retain(|name, _| wanted.contains(name.as_str()));
        let new: Vec<&str> = wanted.into_iter().filter(|name| !self.known.contains_key(*name)).collect();
        for name in &new {
            self.add(name);
        }
        let deadline = Instant::now() + self.pace.first;
        while new.iter().any(|name| self.is_unanswered(name)) {
            match timeout_at(deadline, self.lookups.join_next()).await {
                Ok(Some(Ok(answer))) => _ = self.take(answer),
                Ok(Some(Err(_))) => {}
                Ok(None) | Err(_) => return,
            }
        }
    }

    /// Returns when a name has other addresses, or fails otherwise than before. Safe to drop.
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
            let instead = match known.addresses.len() {
                0 => "requests for it answer 503".to_owned(),
                kept => format!("{kept} addresses known from before are used"),
            };
            let message = format!("{host:?} cannot be resolved ({failure}); {instead}");
            diagnostics.push(Diagnostic::warning("unresolved-name", service.clone(), message));
        }
        let (admitted, refused): (Vec<IpAddr>, Vec<IpAddr>) =
            known.addresses.iter().copied().partition(|address| self.local.admit(*address));
        for address in refused {
            let message =
                format!("{host:?} leads to {address}, a loopback, link-local or metadata address; it is left out");
            diagnostics.push(Diagnostic::error("local-address", service.clone(), message));
        }
        admitted.into_iter().map(|address| Endpoint { address: SocketAddr::new(address, port) }).collect()
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
        let resolver = self.resolver();
        let name = name.to_owned();
        let turns = Arc::clone(&self.turns);
        let patience = self.pace.lookup;
        self.lookups.spawn(async move {
            let _turn = turns.acquire_owned().await;
            let result = match resolver {
                Ok(resolver) => resolver.resolve(&name, patience).await,
                Err(error) => Err(error),
            };
            Answer { name, result }
        });
    }

    /// The resolver of this machine's configuration, made when the first name needs it.
    fn resolver(&mut self) -> Result<Resolver, LookupError> {
        if let Some(resolver) = &self.resolver {
            return Ok(resolver.clone());
        }
        let resolver = Resolver::of_this_machine()?;
        Ok(self.resolver.insert(resolver).clone())
    }

    /// Takes an answer; `true` if it changes what is to be published.
    fn take(&mut self, answer: Answer) -> bool {
        let Pace { live: (least, most), retry, hold, .. } = self.pace;
        let Some(known) = self.known.get_mut(&answer.name) else { return false };
        let now = Instant::now();
        match answer.result {
            Ok(Found { addresses, live }) => {
                let addresses = prefer_routed(addresses, self.is_routed);
                let changed = known.addresses != addresses || known.failure.is_some();
                *known = Known { addresses, failure: None, gone: None, due: Some(now + live.clamp(least, most)) };
                changed
            }
            Err(failure) => {
                known.due = Some(now + retry);
                let mut changed = known.failure.as_ref() != Some(&failure);
                if failure.is_final() && now - *known.gone.get_or_insert(now) >= hold {
                    changed |= !known.addresses.is_empty();
                    known.addresses.clear();
                }
                known.failure = Some(failure);
                changed
            }
        }
    }
}

/// Leaves out what there is no route to, unless that is everything: then the attempts say what is wrong.
fn prefer_routed(addresses: Vec<IpAddr>, is_routed: fn(IpAddr) -> bool) -> Vec<IpAddr> {
    let routed: Vec<IpAddr> = addresses.iter().copied().filter(|address| is_routed(*address)).collect();
    if routed.is_empty() { addresses } else { routed }
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => pending().await,
    }
}

#[cfg(test)]
mod tests;
