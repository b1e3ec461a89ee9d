//! What became of each Ingress.

use std::fmt;
use std::sync::Arc;

use crate::ir::ObjectRef;

use super::hosts::Merged;
use super::lower::Lowered;

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

/// The statuses while hosts are merged.
pub(super) struct Statuses {
    ours: Vec<IngressStatus>,
    others: Vec<ObjectRef>,
}

impl Statuses {
    /// Our Ingresses in the order in which hosts refer to them.
    pub(super) fn new(ours: &[Arc<Lowered>], others: Vec<ObjectRef>) -> Self {
        let ours = ours.iter().map(|lowered| IngressStatus {
            ingress: lowered.ingress.clone(),
            verdict: Verdict::NotServed,
            hosts: Vec::new(),
            served: 0,
            refused: 0,
            dropped: lowered.dropped,
        });
        Self { ours: ours.collect(), others }
    }

    /// Counts what one host made of its Ingresses.
    pub(super) fn add(&mut self, host: &Merged<'_>) {
        let name = host.outcome.host.pattern.to_string();
        for (index, tally) in host.members.iter().zip(&host.outcome.tallies) {
            if let Some(status) = self.ours.get_mut(*index) {
                status.served += tally.served;
                status.refused += tally.refused;
                status.dropped += tally.dropped;
                if tally.served + tally.refused > 0 {
                    status.hosts.push(name.clone());
                }
            }
        }
    }

    /// Every Ingress, sorted by namespace and name.
    pub(super) fn finish(self) -> Vec<IngressStatus> {
        let ours = self.ours.into_iter().map(|status| IngressStatus { verdict: verdict(&status), ..status });
        let others = self.others.into_iter().map(|ingress| IngressStatus {
            ingress,
            verdict: Verdict::NotOurs,
            hosts: Vec::new(),
            served: 0,
            refused: 0,
            dropped: 0,
        });
        let mut statuses: Vec<IngressStatus> = ours.chain(others).collect();
        statuses.sort_by(|a, b| a.ingress.cmp(&b.ingress));
        for status in &mut statuses {
            status.hosts.sort();
        }
        statuses
    }
}

fn verdict(status: &IngressStatus) -> Verdict {
    match (status.served > 0, status.refused + status.dropped > 0) {
        (true, false) => Verdict::Served,
        (true, true) => Verdict::Partly,
        (false, _) => Verdict::NotServed,
    }
}
