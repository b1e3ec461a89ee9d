//! The paths of one virtual host, indexed: exact paths and prefixes in one ordered tree, regular expressions in order.
//!
//! Precedence: an exact path; else the first regular expression that matches; else the longest prefix (Kubernetes
//! Ingress v1 for exact and prefix; nginx's locations for the place of regular expressions among them).

use std::cmp::Ordering;
use std::num::NonZeroU32;
use std::sync::Arc;

use smallvec::SmallVec;

use super::scratch::RegexScratch;
use crate::ir::{PathMatcher, Pattern, Route};

/// The routes of one virtual host by path. Those of a few short paths, as most hosts have, lie in one place: at many
/// hosts a look-up's time is that of the places in memory it has to wait for, one after the other.
#[derive(Debug, Default)]
pub(super) struct PathIndex {
    /// Literal paths in tree order: a path is followed by everything below it.
    nodes: SmallVec<[Node; 4]>,
    /// The paths of `nodes`, one behind the other.
    text: SmallVec<[u8; 32]>,
    /// The routes of `nodes`.
    routes: SmallVec<[Arc<Route>; 4]>,
    /// Tried in this order.
    patterns: Vec<(Pattern, Arc<Route>)>,
}

/// One literal path.
#[derive(Debug)]
struct Node {
    /// Where the path starts and ends in the index's text.
    start: u32,
    end: u32,
    /// The nearest node above this one that holds a prefix.
    parent: Option<Place>,
    exact: Option<Place>,
    prefix: Option<Place>,
}

/// A place in one of the index's lists; none takes no room of its own.
#[derive(Debug, Clone, Copy)]
struct Place(NonZeroU32);

/// A literal path on its way into the index.
struct Literal<'r> {
    path: &'r [u8],
    exact: Option<&'r Arc<Route>>,
    prefix: Option<&'r Arc<Route>>,
}

impl PathIndex {
    /// Indexes `routes`. Of several with one literal path, the first counts.
    pub(super) fn new(routes: &[Arc<Route>]) -> Self {
        let mut index = Self::default();
        let mut literals = Vec::new();
        for route in routes {
            match &route.matcher {
                PathMatcher::Exact(path) => {
                    literals.push(Literal { path: path.as_bytes(), exact: Some(route), prefix: None });
                }
                PathMatcher::Prefix(path) => {
                    literals.push(Literal { path: prefix_key(path), exact: None, prefix: Some(route) });
                }
                PathMatcher::Regex { pattern, .. } => index.patterns.push((pattern.clone(), Arc::clone(route))),
            }
        }
        index.insert_literals(literals);
        index
    }

    /// The route that claims `path`.
    pub(super) fn find(&self, path: &[u8], scratch: &mut RegexScratch) -> Option<&Arc<Route>> {
        let nearest = self.nearest(path);
        if let Some(node) = nearest
            && let Some(exact) = node.exact
            && self.path_of(node) == path
        {
            return self.routes.get(exact.index());
        }
        let matching = self.patterns.iter().find(|(pattern, _)| scratch.is_match(pattern, path));
        matching.map(|(_, route)| route).or_else(|| self.longest_prefix(nearest?, path))
    }

    /// The last node that is not behind `path` in tree order.
    fn nearest(&self, path: &[u8]) -> Option<&Node> {
        let behind = self.nodes.partition_point(|node| tree_order(self.path_of(node), path) != Ordering::Greater);
        self.nodes.get(behind.checked_sub(1)?)
    }

    /// Walks up from the node nearest to `path`. Every prefix of `path` is that node or above it: whatever lies between
    /// a prefix and the path in tree order lies below the prefix. So the first that fits is the longest.
    fn longest_prefix<'i>(&'i self, nearest: &'i Node, path: &[u8]) -> Option<&'i Arc<Route>> {
        let mut node = nearest;
        loop {
            match node.prefix {
                Some(route) if is_element_prefix(self.path_of(node), path) => return self.routes.get(route.index()),
                Some(_) | None => node = self.nodes.get(node.parent?.index())?,
            }
        }
    }

    fn path_of(&self, node: &Node) -> &[u8] {
        self.text.get(node.start as usize..node.end as usize).unwrap_or_default()
    }

    /// Fills the tree. `above` holds the prefixes on the way from the root to the node at hand.
    fn insert_literals(&mut self, mut literals: Vec<Literal<'_>>) {
        literals.sort_by(|a, b| tree_order(a.path, b.path));
        literals.dedup_by(|later, kept| later.merge_into(kept));
        let mut above: Vec<Place> = Vec::new();
        for literal in literals {
            while let Some(top) = above.last().and_then(|top| self.nodes.get(top.index()))
                && !is_element_prefix(self.path_of(top), literal.path)
            {
                above.pop();
            }
            let parent = above.last().copied();
            let start = position(self.text.len());
            self.text.extend_from_slice(literal.path);
            let end = position(self.text.len());
            let (exact, prefix) = (self.keep(literal.exact), self.keep(literal.prefix));
            if prefix.is_some() {
                above.push(Place::at(self.nodes.len()));
            }
            self.nodes.push(Node { start, end, parent, exact, prefix });
        }
        self.nodes.shrink_to_fit();
        self.text.shrink_to_fit();
        self.routes.shrink_to_fit();
    }

    fn keep(&mut self, route: Option<&Arc<Route>>) -> Option<Place> {
        let place = Place::at(self.routes.len());
        self.routes.push(Arc::clone(route?));
        Some(place)
    }
}

impl Place {
    fn at(index: usize) -> Self {
        Self(NonZeroU32::MIN.saturating_add(position(index)))
    }

    const fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

impl Literal<'_> {
    /// Adds this one's routes to an equal path's, which keeps what it has; whether the paths are equal.
    fn merge_into(&self, kept: &mut Self) -> bool {
        let equal = self.path == kept.path;
        if equal {
            kept.exact = kept.exact.or(self.exact);
            kept.prefix = kept.prefix.or(self.prefix);
        }
        equal
    }
}

/// Whether `matcher` matches `path`, alone: what [`PathIndex::find`] chooses among.
pub(super) fn matches(matcher: &PathMatcher, path: &[u8], scratch: &mut RegexScratch) -> bool {
    match matcher {
        PathMatcher::Exact(exact) => exact.as_bytes() == path,
        PathMatcher::Prefix(prefix) => is_element_prefix(prefix_key(prefix), path),
        PathMatcher::Regex { pattern, .. } => scratch.is_match(pattern, path),
    }
}

/// A prefix without its trailing slash; empty for the prefix `/`, which is above every path.
pub(super) fn prefix_key(prefix: &str) -> &[u8] {
    prefix.strip_suffix('/').unwrap_or(prefix).as_bytes()
}

/// Whether `prefix` is `path` or some of its leading elements.
fn is_element_prefix(prefix: &[u8], path: &[u8]) -> bool {
    match path.strip_prefix(prefix) {
        Some(rest) => prefix.is_empty() || rest.first().is_none_or(|next| *next == b'/'),
        None => false,
    }
}

/// Orders paths as a walk through the tree of their elements does, parents first: octet by octet with `/` before all
/// others, so that nothing comes between `/a` and `/a/b`.
fn tree_order(a: &[u8], b: &[u8]) -> Ordering {
    let rank = |octet: u8| if octet == b'/' { 0 } else { u16::from(octet) + 1 };
    let difference = a.iter().zip(b).find(|(a, b)| a != b);
    difference.map_or_else(|| a.len().cmp(&b.len()), |(a, b)| rank(*a).cmp(&rank(*b)))
}

fn position(length: usize) -> u32 {
    u32::try_from(length).expect("the paths of one host are objects in memory of far less than 4 GiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_comes_between_a_path_and_what_is_below_it() {
        let mut paths = ["/a-b", "/a/b", "/a", "/a/", "", "/", "/a.b/c"];
        paths.sort_by(|a, b| tree_order(a.as_bytes(), b.as_bytes()));
        assert_eq!(paths, ["", "/", "/a", "/a/", "/a/b", "/a-b", "/a.b/c"]);
    }

    #[test]
    fn a_prefix_ends_at_an_element() {
        assert!(is_element_prefix(b"/foo", b"/foo"));
        assert!(is_element_prefix(b"/foo", b"/foo/"));
        assert!(is_element_prefix(b"/foo", b"/foo/bar"));
        assert!(!is_element_prefix(b"/foo", b"/foobar"));
        assert!(is_element_prefix(b"", b"/anything"));
    }
}
