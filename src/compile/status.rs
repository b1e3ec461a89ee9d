//! What became of each Ingress.

use std::fmt;
use std::sync::Arc;

use crate::ir::ObjectRef;
use crate::persistent::Map;

use super::hosts::Hosts;
use super::ingresses::{Ingresses, Known};
use super::lower::Lowered;
use super::routes::Tally;

/// What became of one Ingress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngressStatus {
    pub ingress: ObjectRef,
    pub verdict: Verdict,
    /// The hosts it has routes on, as an Ingress writes them (`*` for any), sorted, each once.
    pub hosts: Vec<String>,
    /// Routes that forward or redirect.
    pub served: usize,
    /// Routes that answer an error because a setting cannot be honoured.
    pub refused: usize,
    /// Paths that made no route: invalid, claimed by an older Ingress, or with a backend that is not served.
    pub dropped: usize,
}

/// The summary of an [`IngressStatus`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Every path is served.
    Served,
    /// Some paths are served, others refused or dropped.
    Partly,
    /// Nothing of it is served, though it is ours.
    NotServed,
    /// It belongs to another controller, namespace or class.
    NotOurs,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Served => "served",
            Self::Partly => "partly served",
            Self::NotServed => "not served",
            Self::NotOurs => "not ours",
        })
    }
}

/// The statuses of all Ingresses, sorted by namespace and name. A clone shares what neither of the two changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IngressStatuses(Map<ObjectRef, Arc<IngressStatus>>);

impl IngressStatuses {
    #[must_use]
    pub fn get(&self, ingress: &ObjectRef) -> Option<&IngressStatus> {
        self.0.get(ingress).map(Arc::as_ref)
    }

    pub fn iter(&self) -> impl Iterator<Item = &IngressStatus> {
        self.0.values().map(Arc::as_ref)
    }

    /// Adds a status, or replaces the one of its Ingress.
    pub fn insert(&mut self, status: IngressStatus) {
        self.0.insert(status.ingress.clone(), Arc::new(status));
    }

    /// Finds out anew what became of an Ingress.
    pub(super) fn update(&mut self, ingress: &ObjectRef, ingresses: &Ingresses, hosts: &Hosts) {
        match ingresses.get(ingress) {
            Some(Known::Ours(lowered)) => self.insert(of_ours(lowered, hosts)),
            Some(Known::NotOurs(_)) => self.insert(of_others(ingress)),
            None => _ = self.0.remove(ingress),
        }
    }
}

impl FromIterator<IngressStatus> for IngressStatuses {
    fn from_iter<I: IntoIterator<Item = IngressStatus>>(statuses: I) -> Self {
        let mut all = Self::default();
        statuses.into_iter().for_each(|status| all.insert(status));
        all
    }
}

fn of_ours(lowered: &Lowered, hosts: &Hosts) -> IngressStatus {
    let mut status = IngressStatus { dropped: lowered.dropped, ..of_others(&lowered.ingress) };
    for pattern in lowered.patterns() {
        let Tally { served, refused, dropped } = hosts.tally(pattern, lowered);
        status.served += served;
        status.refused += refused;
        status.dropped += dropped;
        if served + refused > 0 {
            status.hosts.push(pattern.to_string());
        }
    }
    status.hosts.sort();
    status.verdict = verdict(&status);
    status
}

fn of_others(ingress: &ObjectRef) -> IngressStatus {
    IngressStatus {
        ingress: ingress.clone(),
        verdict: Verdict::NotOurs,
        hosts: Vec::new(),
        served: 0,
        refused: 0,
        dropped: 0,
    }
}

fn verdict(status: &IngressStatus) -> Verdict {
    match (status.served > 0, status.refused + status.dropped > 0) {
        (true, false) => Verdict::Served,
        (true, true) => Verdict::Partly,
        (false, _) => Verdict::NotServed,
    }
}
