//! The memory that regular expressions need while they match, owned by one caller (a worker or a connection).
//!
//! [`Pattern`]s are shared and immutable; what a search writes lives here, so that matching takes no lock and writes
//! nothing shared. The number of caches kept is bounded; those not used lately are dropped.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use regex_automata::Input;
use regex_automata::meta::Cache;
use regex_automata::util::primitives::NonMaxUsize;

use crate::ir::Pattern;

/// How many patterns have a cache before the older half is given up.
const GENERATION: usize = 512;
/// The whole match and `$1` to `$9`.
const GROUPS: usize = 10;

/// Search caches by pattern, in two generations: what is used stays, and at most 1,024 are kept. A cache is made at a
/// pattern's first search; after that a search does not allocate.
#[derive(Default)]
pub struct RegexScratch {
    young: HashMap<usize, Slot>,
    old: HashMap<usize, Slot>,
}

/// A pattern's cache. Holding the pattern keeps its identity from being given to another one.
struct Slot {
    pattern: Pattern,
    cache: Cache,
}

impl RegexScratch {
    /// Whether `pattern` matches anywhere in `haystack`.
    pub fn is_match(&mut self, pattern: &Pattern, haystack: &[u8]) -> bool {
        let slot = self.slot(pattern);
        slot.pattern.regex().search_half_with(&mut slot.cache, &Input::new(haystack).earliest(true)).is_some()
    }

    /// The leftmost match of `pattern` in `haystack`, with its groups.
    pub fn captures(&mut self, pattern: &Pattern, haystack: &[u8]) -> Option<Captures> {
        let slot = self.slot(pattern);
        let mut slots = [None; 2 * GROUPS];
        slot.pattern.regex().search_slots_with(&mut slot.cache, &Input::new(haystack), &mut slots)?;
        Some(Captures { slots })
    }

    fn slot(&mut self, pattern: &Pattern) -> &mut Slot {
        let identity = pattern.identity();
        if !self.young.contains_key(&identity) {
            if self.young.len() >= GENERATION {
                self.old = std::mem::take(&mut self.young);
            }
            let kept = self.old.remove(&identity);
            let slot = kept.unwrap_or_else(|| Slot { pattern: pattern.clone(), cache: pattern.regex().create_cache() });
            self.young.insert(identity, slot);
        }
        self.young.get_mut(&identity).expect("inserted above where it was missing")
    }
}

impl fmt::Debug for RegexScratch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegexScratch").field("young", &self.young.len()).field("old", &self.old.len()).finish()
    }
}

/// Where a match and its first nine groups lie in the haystack.
#[derive(Debug, Clone, Copy)]
pub struct Captures {
    slots: [Option<NonMaxUsize>; 2 * GROUPS],
}

impl Captures {
    /// The range of group `number` (0 is the whole match); `None` if it took no part in the match or does not exist.
    #[must_use]
    pub fn range(&self, number: u8) -> Option<Range<usize>> {
        let first = usize::from(number) * 2;
        let start = (*self.slots.get(first)?)?.get();
        let end = (*self.slots.get(first + 1)?)?.get();
        Some(start..end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_found_where_they_match() {
        let pattern = Pattern::new("(?i)/api(/|$)(.*)(x)?").unwrap();
        let captures = RegexScratch::default().captures(&pattern, b"/API/v1").unwrap();
        assert_eq!(captures.range(1), Some(4..5));
        assert_eq!(captures.range(2), Some(5..7));
        assert_eq!(captures.range(3), None);
        assert_eq!(captures.range(9), None);
    }

    #[test]
    fn the_number_of_caches_is_bounded() {
        let mut scratch = RegexScratch::default();
        let patterns: Vec<_> = (0..3 * GENERATION).map(|n| Pattern::new(&format!("^/{n}$")).unwrap()).collect();
        for (n, pattern) in patterns.iter().enumerate() {
            assert!(scratch.is_match(pattern, format!("/{n}").as_bytes()));
            assert!(scratch.young.len() + scratch.old.len() <= 2 * GENERATION);
        }
        assert!(!scratch.is_match(patterns.first().unwrap(), b"/1"));
    }
}
