//! What an estate comes to, worked out from the estate alone and as plainly as the rules read. It shares no code with
//! the compiler and the table.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use crate::estate::{Class, Estate, Key, Kind, Plan, Tls, address, is_for};

/// Who has a request: an Ingress, and the Service it sends it to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) ingress: Key,
    pub(crate) service: String,
}

/// Where a backend's requests may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Addresses(Vec<String>),
    Name(&'static str),
}

/// The Ingresses of ours in an estate, oldest first.
pub(crate) struct Oracle<'e> {
    estate: &'e Estate,
    ours: Vec<(Key, &'e Plan)>,
}

impl<'e> Oracle<'e> {
    pub(crate) fn of(estate: &'e Estate) -> Self {
        let mut ours: Vec<_> = estate.ingresses.iter().map(|(key, plan)| (*key, plan)).collect();
        ours.retain(|(_, plan)| plan.class == Class::Ours);
        ours.sort_by_key(|((namespace, name), plan)| (plan.created, Reverse(format!("{namespace}/{name}"))));
        Self { estate, ours }
    }

    /// The patterns that an Ingress of ours claims.
    pub(crate) fn patterns(&self) -> BTreeSet<String> {
        self.ours.iter().flat_map(|(_, plan)| patterns(plan)).collect()
    }

    /// The pattern that a host is served under.
    pub(crate) fn pattern(&self, host: &str) -> Option<String> {
        let parent = host.split_once('.').map(|(_, parent)| format!("*.{parent}"));
        let all = self.patterns();
        [Some(host.to_owned()), parent, Some("*".to_owned())]
            .into_iter()
            .flatten()
            .find(|pattern| all.contains(pattern))
    }

    /// Who has requests for a path, in canonical form, of a pattern.
    pub(crate) fn owner(&self, pattern: &str, path: &str) -> Option<Owner> {
        let mut best: Option<(usize, bool, Owner)> = None;
        for (key, rule) in self.members(pattern).flat_map(|(key, plan)| plan.rules.iter().map(move |rule| (key, rule)))
        {
            if canonical(rule.host).as_deref() != Some(pattern) {
                continue;
            }
            for candidate in &rule.paths {
                let text = if candidate.text.is_empty() { "/" } else { candidate.text };
                let literal = if candidate.exact { text } else { trimmed(text) };
                let claims =
                    !text.contains("//") && if candidate.exact { path == literal } else { is_below(path, literal) };
                let rank = (literal.len(), candidate.exact);
                if claims && best.as_ref().is_none_or(|(length, exact, _)| rank > (*length, *exact)) {
                    best = Some((rank.0, rank.1, Owner { ingress: key, service: candidate.service.clone() }));
                }
            }
        }
        best.map(|(_, _, owner)| owner).or_else(|| self.fallback(pattern))
    }

    /// The oldest default backend of a pattern.
    fn fallback(&self, pattern: &str) -> Option<Owner> {
        let mut backends = self.members(pattern).filter_map(|(key, plan)| Some((key, plan.default_backend.clone()?)));
        backends.next().map(|(ingress, service)| Owner { ingress, service })
    }

    fn members(&self, pattern: &str) -> impl Iterator<Item = (Key, &'e Plan)> {
        self.ours.iter().filter(move |(_, plan)| patterns(plan).contains(pattern)).copied()
    }

    /// The Secret whose certificate a pattern is served with; `None` for the default certificate.
    pub(crate) fn secret(&self, pattern: &str) -> Option<Key> {
        let (key, plan) = self.members(pattern).find(|(_, plan)| !plan.tls.is_empty())?;
        let lists = |tls: &&Tls| tls.hosts.iter().any(|host| canonical(host).as_deref() == Some(pattern));
        match plan.tls.iter().find(lists) {
            Some(tls) => self.usable(key, tls, pattern),
            None => plan.tls.iter().find_map(|tls| self.usable(key, tls, pattern)),
        }
    }

    /// The Secret of an entry, if it is in the namespace of the Ingress and holds a certificate for the pattern.
    fn usable(&self, (namespace, _): Key, tls: &Tls, pattern: &str) -> Option<Key> {
        let mut secrets = self.estate.secrets.iter();
        let found = secrets.find(|((of, name), _)| *of == namespace && Some(*name) == tls.secret.as_deref());
        found.filter(|(_, which)| is_for(**which, pattern)).map(|(key, _)| *key)
    }

    /// The endpoints of a Service that an Ingress of `namespace` names.
    pub(crate) fn place(&self, namespace: &str, service: &str) -> Place {
        let mut services = self.estate.services.iter();
        let found = services.find(|((of, name), _)| *of == namespace && *name == service);
        match found {
            None => Place::Addresses(Vec::new()),
            Some((_, Kind::Named(name))) => Place::Name(name),
            Some((key, Kind::Pods(turn))) => {
                let last = if self.by_cluster_address(*key) { 100 + turn } else { *turn };
                Place::Addresses(vec![address(*key, last)])
            }
        }
    }

    /// Whether the oldest Ingress that refers to a Service asks for its cluster address.
    fn by_cluster_address(&self, (namespace, service): Key) -> bool {
        let refers = |plan: &Plan| {
            let rules = plan.rules.iter().filter(|rule| canonical(rule.host).is_some());
            let paths = rules.flat_map(|rule| &rule.paths).map(|path| &path.service);
            paths.chain(&plan.default_backend).any(|named| named == service)
        };
        let mut all = self.ours.iter().filter(|((of, _), plan)| *of == namespace && refers(plan));
        all.next().is_some_and(|(_, plan)| plan.annotations.iter().any(|(name, _)| *name == "service-upstream"))
    }
}

/// The patterns of an Ingress; that of one without rules is every host that nothing else claims.
fn patterns(plan: &Plan) -> BTreeSet<String> {
    if plan.rules.is_empty() {
        return plan.default_backend.iter().map(|_| "*".to_owned()).collect();
    }
    plan.rules.iter().filter_map(|rule| canonical(rule.host)).collect()
}

/// A host of a rule as a pattern; `None` for what is none.
fn canonical(host: &str) -> Option<String> {
    match host {
        "" => Some("*".to_owned()),
        "*" | "a..test" => None,
        named => Some(named.to_ascii_lowercase()),
    }
}

fn trimmed(path: &str) -> &str {
    let trimmed = path.trim_end_matches('/');
    if trimmed.is_empty() { "/" } else { trimmed }
}

/// Whether a path begins with all elements of a prefix.
fn is_below(path: &str, prefix: &str) -> bool {
    prefix == "/" || path == prefix || path.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/'))
}
