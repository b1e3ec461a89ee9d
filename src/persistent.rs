//! A sorted map whose versions share what they have in common.
//!
//! A clone costs one reference count. Changing a clone copies the run of entries that the key is in, and the list of
//! runs; what two versions differ in is found without looking at what they share. So a generation that differs from the
//! last one in little costs little to make, to keep and to tell apart.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::iter;
use std::sync::Arc;

/// The most entries of one run: what a change copies, against how many runs there are, of which a change copies the list.
const LONGEST: usize = 64;
/// A run of no more than this is joined to its neighbour, if there is room.
const SHORTEST: usize = LONGEST / 4;

/// Entries in order of their keys; never empty within a map.
type Run<K, V> = Arc<Vec<(K, V)>>;

/// A sorted map, cheap to clone and to compare with an earlier version of itself.
pub struct Map<K, V> {
    runs: Arc<Vec<Run<K, V>>>,
    len: usize,
}

/// A key at which two versions of a map differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change<'m, K, V> {
    pub key: &'m K,
    /// `None` if the key is new.
    pub before: Option<&'m V>,
    /// `None` if the key is gone.
    pub now: Option<&'m V>,
}

impl<K, V> Map<K, V> {
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether the two are one version: equal, and known to be without looking at their entries.
    #[must_use]
    pub fn ptr_eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.runs, &other.runs)
    }

    /// All entries, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> + Clone {
        self.runs.iter().flat_map(|run| run.iter()).map(|(key, value)| (key, value))
    }

    /// All keys, sorted.
    pub fn keys(&self) -> impl Iterator<Item = &K> + Clone {
        self.iter().map(|(key, _)| key)
    }

    /// All values, by key.
    pub fn values(&self) -> impl Iterator<Item = &V> + Clone {
        self.iter().map(|(_, value)| value)
    }
}

impl<K: Ord, V> Map<K, V> {
    /// The value of a key. Costs the logarithm of the number of entries.
    #[must_use]
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let Seat { run, place } = self.seat(key);
        self.runs.get(run)?.get(place.ok()?).map(|(_, value)| value)
    }

    #[must_use]
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.get(key).is_some()
    }

    /// What is different in a later version: the keys that are in one of the two only, and those with values that are
    /// not the `same`, sorted. Costs what the versions do not share, and one comparison of pointers for each run that
    /// they do.
    pub fn changes<'m>(
        &'m self,
        now: &'m Self,
        same: impl Fn(&V, &V) -> bool + 'm,
    ) -> impl Iterator<Item = Change<'m, K, V>> {
        let mut walk = Walk { before: Cursor::new(self), now: Cursor::new(now) };
        if self.ptr_eq(now) {
            walk.end();
        }
        iter::from_fn(move || {
            loop {
                match walk.step()? {
                    Change { before: Some(before), now: Some(now), .. } if same(before, now) => {}
                    change => return Some(change),
                }
            }
        })
    }

    /// Where a key is, or would be.
    fn seat<Q: Ord + ?Sized>(&self, key: &Q) -> Seat
    where
        K: Borrow<Q>,
    {
        let begun = self.runs.partition_point(|run| run.first().is_some_and(|(first, _)| first.borrow() <= key));
        let run = begun.saturating_sub(1);
        let place = self.runs.get(run).map_or(Err(0), |run| run.binary_search_by(|(known, _)| known.borrow().cmp(key)));
        Seat { run, place }
    }
}

impl<K: Ord + Clone, V: Clone> Map<K, V> {
    /// Adds an entry, or replaces the value of its key, which is returned.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let Seat { run: number, place } = self.seat(&key);
        let runs = Arc::make_mut(&mut self.runs);
        let is_last = number + 1 >= runs.len();
        let Some(run) = runs.get_mut(number).map(Arc::make_mut) else {
            runs.push(Arc::new(vec![(key, value)]));
            self.len = 1;
            return None;
        };
        let index = match place {
            Ok(index) => return run.get_mut(index).map(|(_, known)| std::mem::replace(known, value)),
            Err(index) => index,
        };
        // Where entries come in order, runs are left full behind.
        let appends = is_last && index == run.len();
        run.insert(index, (key, value));
        self.len += 1;
        if run.len() > LONGEST {
            let rest = run.split_off(if appends { LONGEST } else { LONGEST / 2 });
            run.shrink_to_fit();
            runs.insert(number + 1, Arc::new(rest));
        }
        None
    }

    /// The value of a key, to change it.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let Seat { run, place } = self.seat(key);
        let place = place.ok()?;
        let run = Arc::make_mut(Arc::make_mut(&mut self.runs).get_mut(run)?);
        run.get_mut(place).map(|(_, value)| value)
    }

    /// Takes an entry out.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let Seat { run: number, place } = self.seat(key);
        let index = place.ok()?;
        let runs = Arc::make_mut(&mut self.runs);
        let run = Arc::make_mut(runs.get_mut(number)?);
        let (_, value) = run.remove(index);
        self.len -= 1;
        if run.len() <= SHORTEST {
            join(runs, number);
        }
        Some(value)
    }
}

/// Joins a short run to the one behind it, or to the one before, unless that would make a long one; drops an empty run.
fn join<K: Clone, V: Clone>(runs: &mut Vec<Run<K, V>>, number: usize) {
    let length = |number: usize| runs.get(number).map_or(LONGEST, |run| run.len());
    if length(number) == 0 {
        runs.remove(number);
        return;
    }
    let pairs = [(number, number + 1), (number.wrapping_sub(1), number)];
    let fits = |(first, second): &(usize, usize)| length(*first) + length(*second) <= LONGEST / 2;
    let Some((first, second)) = pairs.into_iter().find(fits) else { return };
    let behind = runs.remove(second);
    if let Some(before) = runs.get_mut(first).map(Arc::make_mut) {
        before.extend(behind.iter().cloned());
    }
}

/// The run that a key belongs into, and its place there.
struct Seat {
    run: usize,
    place: Result<usize, usize>,
}

/// Two versions, walked through side by side.
struct Walk<'m, K, V> {
    before: Cursor<'m, K, V>,
    now: Cursor<'m, K, V>,
}

impl<'m, K: Ord, V> Walk<'m, K, V> {
    fn end(&mut self) {
        self.before.runs = &[];
        self.now.runs = &[];
    }

    /// The next key that is not in a shared run, with its values.
    fn step(&mut self) -> Option<Change<'m, K, V>> {
        while self.before.is_at_same_run(&self.now) {
            self.before.skip();
            self.now.skip();
        }
        let (before, now) = (self.before.entry(), self.now.entry());
        let order = match (before, now) {
            (None, None) => return None,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((before, _)), Some((now, _))) => before.cmp(now),
        };
        if order.is_le() {
            self.before.advance();
        }
        if order.is_ge() {
            self.now.advance();
        }
        let before = before.filter(|_| order.is_le());
        let now = now.filter(|_| order.is_ge());
        let (key, _) = now.or(before)?;
        Some(Change { key, before: before.map(|(_, value)| value), now: now.map(|(_, value)| value) })
    }
}

/// A place in a map.
struct Cursor<'m, K, V> {
    runs: &'m [Run<K, V>],
    /// Within the first of `runs`.
    index: usize,
}

impl<'m, K, V> Cursor<'m, K, V> {
    fn new(map: &'m Map<K, V>) -> Self {
        Self { runs: &map.runs, index: 0 }
    }

    fn entry(&self) -> Option<&'m (K, V)> {
        self.runs.first()?.get(self.index)
    }

    fn advance(&mut self) {
        self.index += 1;
        if self.runs.first().is_none_or(|run| self.index >= run.len()) {
            self.skip();
        }
    }

    /// Goes to the start of the next run.
    fn skip(&mut self) {
        self.runs = self.runs.get(1..).unwrap_or_default();
        self.index = 0;
    }

    /// Whether both are at the start of one and the same run.
    fn is_at_same_run(&self, other: &Self) -> bool {
        match (self.runs.first(), other.runs.first()) {
            (Some(run), Some(others)) => self.index == 0 && other.index == 0 && Arc::ptr_eq(run, others),
            (Some(_) | None, _) => false,
        }
    }
}

impl<K, V> Clone for Map<K, V> {
    fn clone(&self) -> Self {
        Self { runs: Arc::clone(&self.runs), len: self.len }
    }
}

impl<K, V> Default for Map<K, V> {
    fn default() -> Self {
        Self { runs: Arc::default(), len: 0 }
    }
}

impl<K: PartialEq, V: PartialEq> PartialEq for Map<K, V> {
    /// Compares by entries, however they lie in runs.
    fn eq(&self, other: &Self) -> bool {
        self.ptr_eq(other) || (self.len == other.len && self.iter().eq(other.iter()))
    }
}

impl<K: Eq, V: Eq> Eq for Map<K, V> {}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for Map<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<K: Ord + Clone, V: Clone> FromIterator<(K, V)> for Map<K, V> {
    /// The later of two entries of one key wins.
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Self::default();
        for (key, value) in entries {
            map.insert(key, value);
        }
        map
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// Insertions (`Some`) and removals.
    fn edits() -> impl Strategy<Value = Vec<(u16, Option<u8>)>> {
        prop::collection::vec((0..400_u16, prop::option::weighted(0.6, any::<u8>())), 0..600)
    }

    fn apply(map: &mut Map<u16, u8>, model: &mut BTreeMap<u16, u8>, edits: &[(u16, Option<u8>)]) {
        for (key, value) in edits {
            let (was, known) = match value {
                Some(value) => (map.insert(*key, *value), model.insert(*key, *value)),
                None => (map.remove(key), model.remove(key)),
            };
            assert_eq!(was, known);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn it_holds_what_a_tree_holds_and_a_clone_does_not_see_later_edits(first in edits(), second in edits()) {
            let (mut map, mut model) = (Map::default(), BTreeMap::new());
            apply(&mut map, &mut model, &first);
            let (earlier, earlier_model) = (map.clone(), model.clone());
            apply(&mut map, &mut model, &second);
            for (map, model) in [(&map, &model), (&earlier, &earlier_model)] {
                prop_assert!(map.iter().eq(model.iter()));
                prop_assert_eq!(map.len(), model.len());
                for key in 0..400 {
                    prop_assert_eq!(map.get(&key), model.get(&key));
                }
                prop_assert!(map.runs.iter().all(|run| !run.is_empty() && run.len() <= LONGEST));
                prop_assert_eq!(map, &model.iter().map(|(key, value)| (*key, *value)).collect::<Map<_, _>>());
            }
        }

        #[test]
        fn changes_are_what_a_comparison_of_every_key_finds(first in edits(), second in edits()) {
            let (mut before, mut model) = (Map::default(), BTreeMap::new());
            apply(&mut before, &mut model, &first);
            let mut now = before.clone();
            apply(&mut now, &mut model, &second);
            let found: Vec<_> = before.changes(&now, u8::eq).map(|change| (*change.key, change.before, change.now)).collect();
            let wanted: Vec<_> = (0..400_u16)
                .map(|key| (key, before.get(&key), now.get(&key)))
                .filter(|(_, before, now)| before != now)
                .collect();
            prop_assert_eq!(found, wanted);
        }
    }

    #[test]
    fn what_comes_in_order_fills_its_runs() {
        let map: Map<u32, ()> = (0..1_000).map(|key| (key, ())).collect();
        assert_eq!(map.runs.len(), 1_000_usize.div_ceil(LONGEST));
    }

    #[test]
    fn versions_share_all_runs_but_the_one_that_was_changed() {
        let before: Map<u32, u32> = (0..1_000).map(|key| (key, key)).collect();
        let mut now = before.clone();
        now.insert(500, 0);
        let shared = before.runs.iter().zip(now.runs.iter()).filter(|(before, now)| Arc::ptr_eq(before, now)).count();
        assert_eq!(shared, before.runs.len() - 1);
        assert_eq!(before.changes(&now, u32::eq).count(), 1);
    }

    #[test]
    fn a_map_that_empties_keeps_no_more_runs_than_it_needs() {
        let mut map: Map<u32, ()> = (0..10_000).map(|key| (key, ())).collect();
        for key in (0..10_000).filter(|key| key % 100 != 0) {
            map.remove(&key);
        }
        assert_eq!(map.len(), 100);
        assert!(map.runs.len() <= 2 * 100_usize.div_ceil(SHORTEST), "{} runs", map.runs.len());
    }
}
