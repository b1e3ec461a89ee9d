//! The hosts of all Ingresses, each merged again only if something it is made of has changed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::diagnostic::Diagnostics;
use crate::ir::host::HostTls;
use crate::ir::{HostPattern, VirtualHosts};

use super::ingresses::Remade;
use super::lower::Lowered;
use super::routes::{self, HostOutcome, Tally};

/// The merged hosts of the last update.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    known: BTreeMap<HostPattern, Known>,
    virtual_hosts: VirtualHosts,
}

/// What is known of one host.
#[derive(Debug, Default)]
struct Known {
    /// The Ingresses of the host, oldest first.
    members: Vec<Arc<Lowered>>,
    /// Whether one of them has a `tls` section.
    has_tls: bool,
    /// What it came to, once it is merged.
    outcome: Option<HostOutcome>,
}

impl Hosts {
    /// Merges the hosts that are other Ingresses' than before, or that these say other things of. Returns which those
    /// are.
    pub(super) fn update(&mut self, remade: &[Remade], diagnostics: &mut Diagnostics) -> BTreeSet<HostPattern> {
        let mut stale = BTreeSet::new();
        for Remade { ingress: _, before, now } in remade {
            for (pattern, lowered) in before.iter().flat_map(patterns) {
                self.known.entry(pattern.clone()).or_default().leave(lowered);
                stale.insert(pattern.clone());
            }
            for (pattern, lowered) in now.iter().flat_map(patterns) {
                self.known.entry(pattern.clone()).or_default().join(lowered);
                stale.insert(pattern.clone());
            }
        }
        let mut below = BTreeSet::new();
        for pattern in &stale {
            if self.known.get_mut(pattern).is_some_and(Known::note_tls) {
                below.extend(self.below(pattern));
            }
        }
        stale.extend(below);
        for pattern in &stale {
            self.merge(pattern, diagnostics);
        }
        stale
    }

    pub(super) fn virtual_hosts(&self) -> &VirtualHosts {
        &self.virtual_hosts
    }

    /// The Ingresses of a host, oldest first.
    pub(super) fn members(&self, pattern: &HostPattern) -> &[Arc<Lowered>] {
        self.known.get(pattern).map_or(&[], |known| &known.members)
    }

    /// What an Ingress came to on a host.
    pub(super) fn tally(&self, pattern: &HostPattern, lowered: &Lowered) -> Tally {
        let tally = |known: &Known| {
            let place = known.place(lowered).ok()?;
            known.outcome.as_ref()?.tallies.get(place).copied()
        };
        self.known.get(pattern).and_then(tally).unwrap_or_default()
    }

    /// The hosts that a wildcard covers. Looks at all: that a wildcard begins or ceases to be one of HTTPS is rare.
    fn below(&self, wildcard: &HostPattern) -> Vec<HostPattern> {
        match wildcard {
            HostPattern::Wildcard(_) => {
                let covered = |pattern: &&HostPattern| pattern.covering_wildcard().as_ref() == Some(wildcard);
                self.known.keys().filter(covered).cloned().collect()
            }
            HostPattern::Exact(_) | HostPattern::Any => Vec::new(),
        }
    }

    /// Merges a host; if it comes to what it was, the virtual host stays the same object.
    fn merge(&mut self, pattern: &HostPattern, diagnostics: &mut Diagnostics) {
        let tls = self.tls_of(pattern);
        let Some(known) = self.known.get_mut(pattern) else { return };
        let before = known.outcome.take();
        let said_before = before.as_ref().map_or(&[][..], |outcome| &outcome.diagnostics);
        if known.members.is_empty() {
            diagnostics.replace(said_before, &[]);
            self.known.remove(pattern);
            self.virtual_hosts.remove(pattern);
            return;
        }
        let mut outcome = routes::merge(pattern, &known.members, tls);
        diagnostics.replace(said_before, &outcome.diagnostics);
        match before {
            Some(before) if before.host == outcome.host => outcome.host = before.host,
            Some(_) | None => self.virtual_hosts.insert(Arc::clone(&outcome.host)),
        }
        known.outcome = Some(outcome);
    }

    /// Whether the host is one of HTTPS: an Ingress of it has a `tls` section, or one of the wildcard that covers it.
    fn tls_of(&self, pattern: &HostPattern) -> HostTls {
        let has_tls = |pattern: &HostPattern| self.known.get(pattern).is_some_and(|known| known.has_tls);
        let yes = match pattern {
            HostPattern::Exact(_) => {
                has_tls(pattern) || pattern.covering_wildcard().is_some_and(|wildcard| has_tls(&wildcard))
            }
            HostPattern::Wildcard(_) => has_tls(pattern),
            HostPattern::Any => false,
        };
        if yes { HostTls::Configured } else { HostTls::None }
    }
}

impl Known {
    fn join(&mut self, lowered: &Arc<Lowered>) {
        if let Err(place) = self.place(lowered) {
            self.members.insert(place, Arc::clone(lowered));
        }
    }

    fn leave(&mut self, lowered: &Lowered) {
        if let Ok(place) = self.place(lowered) {
            self.members.remove(place);
        }
    }

    fn place(&self, lowered: &Lowered) -> Result<usize, usize> {
        self.members.binary_search_by(|member| member.age.cmp(&lowered.age))
    }

    /// Finds out anew whether the host has a `tls` section. Returns whether that is other than before.
    fn note_tls(&mut self) -> bool {
        let has_tls = self.members.iter().any(|member| !member.tls.is_empty());
        std::mem::replace(&mut self.has_tls, has_tls) != has_tls
    }
}

/// The hosts of an Ingress, with it.
fn patterns(lowered: &Arc<Lowered>) -> impl Iterator<Item = (&HostPattern, &Arc<Lowered>)> {
    lowered.patterns().map(move |pattern| (pattern, lowered))
}
