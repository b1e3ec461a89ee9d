//! The hosts of all Ingresses, each merged again only if something it is made of has changed.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::ir::HostPattern;
use crate::ir::host::HostTls;

use super::lower::Lowered;
use super::routes::{self, HostOutcome};

/// The merged hosts of the last update.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    kept: BTreeMap<HostPattern, Kept>,
}

#[derive(Debug)]
struct Kept {
    members: Vec<Arc<Lowered>>,
    tls: HostTls,
    outcome: HostOutcome,
}

/// One host and what it came to.
pub(super) struct Merged<'h> {
    pub(super) outcome: &'h HostOutcome,
    /// The Ingresses of the host, as indices into what was handed in, oldest first.
    pub(super) members: Vec<usize>,
}

impl Hosts {
    /// Merges the hosts of `ingresses`, which are in order of age. Sorted by pattern.
    pub(super) fn update(&mut self, ingresses: &[Arc<Lowered>]) -> Vec<Merged<'_>> {
        let groups = group(ingresses);
        let mut previous = std::mem::take(&mut self.kept);
        let mut memberships = Vec::with_capacity(groups.len());
        for (pattern, indices) in &groups {
            let members: Vec<&Arc<Lowered>> = indices.iter().filter_map(|index| ingresses.get(*index)).collect();
            let tls = tls_of(pattern, &groups, ingresses);
            let kept = match previous.remove(pattern) {
                Some(kept) if kept.tls == tls && same(&kept.members, &members) => kept,
                earlier => merge(pattern, &members, tls, earlier),
            };
            self.kept.insert((*pattern).clone(), kept);
            memberships.push(indices.clone());
        }
        let merged = self.kept.values().zip(memberships);
        merged.map(|(kept, members)| Merged { outcome: &kept.outcome, members }).collect()
    }
}

/// Merges a host; if it comes to what it was, the virtual host stays the same object.
fn merge(pattern: &HostPattern, members: &[&Arc<Lowered>], tls: HostTls, earlier: Option<Kept>) -> Kept {
    let members: Vec<Arc<Lowered>> = members.iter().map(|member| Arc::clone(member)).collect();
    let mut outcome = routes::merge(pattern, &members, tls);
    if let Some(earlier) = earlier
        && earlier.outcome.host == outcome.host
    {
        outcome.host = earlier.outcome.host;
    }
    Kept { members, tls, outcome }
}

fn same(kept: &[Arc<Lowered>], now: &[&Arc<Lowered>]) -> bool {
    kept.len() == now.len() && kept.iter().zip(now).all(|(kept, now)| Arc::ptr_eq(kept, now))
}

type Groups<'l> = BTreeMap<&'l HostPattern, Vec<usize>>;

/// The Ingresses of every host, each once and in order of age.
fn group(ingresses: &[Arc<Lowered>]) -> Groups<'_> {
    let mut groups = Groups::new();
    for (index, ingress) in ingresses.iter().enumerate() {
        let rules = ingress.rules.keys();
        let catch_all = ingress.catch_all.iter().map(|_| &HostPattern::Any);
        for pattern in rules.chain(catch_all) {
            groups.entry(pattern).or_default().push(index);
        }
    }
    groups
}

/// Whether the host is one of HTTPS: an Ingress of it has a `tls` section, or one of the wildcard that covers it.
fn tls_of(pattern: &HostPattern, groups: &Groups<'_>, ingresses: &[Arc<Lowered>]) -> HostTls {
    let configured = |pattern: &HostPattern| {
        let members = groups.get(pattern).into_iter().flatten();
        members.filter_map(|index| ingresses.get(*index)).any(|ingress| !ingress.tls.is_empty())
    };
    let yes = match pattern {
        HostPattern::Exact(_) => {
            configured(pattern) || pattern.covering_wildcard().is_some_and(|wildcard| configured(&wildcard))
        }
        HostPattern::Wildcard(_) => configured(pattern),
        HostPattern::Any => false,
    };
    if yes { HostTls::Configured } else { HostTls::None }
}
