//! The dynamic table (RFC 7541 §2.3.2, §4): the fields that sections have inserted, the newest first.
//!
//! The octets of all entries lie behind each other in one buffer; those of evicted entries stay in front of it until
//! there are enough of them to be worth moving the rest. An empty table that never held anything has no heap memory; a
//! table that keeps to [`LIMIT`] has a buffer of at most 2.5 times that, and rarely more than 1.25 times.

use std::collections::VecDeque;

/// The size of a table unless it is told otherwise (RFC 9113 §6.5.2), and the largest in use here.
pub(super) const LIMIT: usize = 4096;
/// What an entry counts beside its octets (RFC 7541 §4.1).
const OVERHEAD: usize = 32;
/// So many octets of evicted entries stay in the buffer.
const SLACK: usize = 1024;
/// The buffer's first allocation; it grows by what it has, up to [`SLACK`].
const FIRST: usize = 512;

/// The size of an entry (RFC 7541 §4.1).
pub(super) const fn size(name: &[u8], value: &[u8]) -> usize {
    name.len() + value.len() + OVERHEAD
}

#[derive(Debug)]
pub(super) struct Table {
    octets: Vec<u8>,
    entries: VecDeque<Entry>,
    size: usize,
    limit: usize,
}

/// Where the octets of an entry are: the name, then the value.
#[derive(Debug, Clone, Copy)]
struct Entry {
    start: u16,
    name: u16,
    value: u16,
}

impl Entry {
    fn size(self) -> usize {
        usize::from(self.name) + usize::from(self.value) + OVERHEAD
    }
}

impl Default for Table {
    fn default() -> Self {
        Self::new(LIMIT)
    }
}

impl Table {
    /// An empty table of up to `limit` octets, at most [`LIMIT`].
    pub(super) fn new(limit: usize) -> Self {
        Self { octets: Vec::new(), entries: VecDeque::new(), size: 0, limit: limit.min(LIMIT) }
    }

    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// The name and the value of an entry; the newest is at 0.
    #[inline]
    pub(super) fn get(&self, place: usize) -> Option<(&[u8], &[u8])> {
        let entry = self.entries.get(place)?;
        let name = usize::from(entry.name);
        self.octets.get(usize::from(entry.start)..)?.get(..name + usize::from(entry.value))?.split_at_checked(name)
    }

    /// All entries, the newest first.
    #[cfg(test)]
    pub(super) fn entries(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        (0..self.len()).filter_map(|place| self.get(place))
    }

    /// Sets the limit, at most [`LIMIT`], and evicts what goes beyond it (RFC 7541 §4.3).
    pub(super) fn resize(&mut self, limit: usize) {
        self.limit = limit.min(LIMIT);
        self.evict();
        self.tidy();
    }

    /// Inserts an entry and evicts what goes beyond the limit: everything and the entry too if it is larger than that
    /// (RFC 7541 §4.4).
    pub(super) fn insert(&mut self, name: &[u8], value: &[u8]) {
        if self.prepare(size(name, value)) {
            self.octets.extend_from_slice(name);
            self.admit(name.len(), value);
        }
    }

    /// Inserts an entry with its name in lower case.
    pub(super) fn insert_lowered(&mut self, name: &[u8], value: &[u8]) {
        if self.prepare(size(name, value)) {
            self.octets.extend(name.iter().map(u8::to_ascii_lowercase));
            self.admit(name.len(), value);
        }
    }

    /// Inserts an entry that has the name of another, which may be evicted by it (RFC 7541 §4.4). `None` if there is no
    /// such entry.
    pub(super) fn insert_named(&mut self, place: usize, value: &[u8]) -> Option<()> {
        let Entry { start, name, .. } = *self.entries.get(place)?;
        let (start, name) = (usize::from(start), usize::from(name));
        if self.prepare(name + value.len() + OVERHEAD) {
            self.octets.extend_from_within(start..start + name);
            self.admit(name, value);
        }
        Some(())
    }

    /// Makes the buffer ready for an entry of this size. False if it cannot be held, which empties the table.
    fn prepare(&mut self, size: usize) -> bool {
        if size > self.limit {
            self.clear();
            return false;
        }
        let octets = size - OVERHEAD;
        let capacity = self.octets.capacity();
        if capacity - self.octets.len() < octets {
            self.octets.reserve_exact(octets.max(capacity.clamp(FIRST, SLACK)));
        }
        true
    }

    /// Makes an entry of the name that has been put at the end of the buffer.
    fn admit(&mut self, name: usize, value: &[u8]) {
        let start = self.octets.len() - name;
        self.octets.extend_from_slice(value);
        // The buffer ends before 65536: what it holds is bounded by the limit thrice.
        let [start, name, value] = [start, name, value.len()].map(|number| u16::try_from(number).unwrap_or(u16::MAX));
        let entry = Entry { start, name, value };
        self.size += entry.size();
        self.entries.push_front(entry);
        self.evict();
        self.tidy();
    }

    fn evict(&mut self) {
        while self.size > self.limit
            && let Some(oldest) = self.entries.pop_back()
        {
            self.size -= oldest.size();
        }
    }

    fn clear(&mut self) {
        self.entries.clear();
        self.octets.clear();
        self.size = 0;
    }

    /// Drops the octets of evicted entries from the buffer once there are many.
    fn tidy(&mut self) {
        let Some(oldest) = self.entries.back() else { return self.clear() };
        let dead = oldest.start;
        if usize::from(dead) < SLACK {
            return;
        }
        self.octets.drain(..usize::from(dead));
        for entry in &mut self.entries {
            entry.start -= dead;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(table: &Table) -> Vec<(&[u8], &[u8])> {
        table.entries().collect()
    }

    #[test]
    fn an_unused_table_has_no_heap_memory() {
        let mut table = Table::new(100);
        table.insert(b"name", &[b'v'; 65]);
        table.resize(LIMIT);
        assert_eq!((table.octets.capacity(), table.entries.capacity()), (0, 0));
    }

    #[test]
    fn the_newest_entry_is_first() {
        let mut table = Table::default();
        table.insert(b"a", b"1");
        table.insert_lowered(b"B", b"X");
        table.insert_named(1, b"3").unwrap();
        assert_eq!(held(&table), [(&b"a"[..], &b"3"[..]), (b"b", b"X"), (b"a", b"1")]);
        assert_eq!(table.get(3), None);
        assert_eq!(table.insert_named(3, b""), None);
    }

    #[test]
    fn entries_count_32_octets_more_than_they_have() {
        let mut table = Table::new(2 * 34);
        table.insert(b"a", b"1");
        table.insert(b"b", b"2");
        assert_eq!((table.len(), table.size), (2, 68));
        table.insert(b"", b"");
        assert_eq!(held(&table), [(&b""[..], &b""[..]), (b"b", b"2")]);
        table.insert(b"c", b"33");
        assert_eq!(held(&table), [(&b"c"[..], &b"33"[..]), (b"", b"")]);
    }

    #[test]
    fn an_entry_of_just_the_limit_is_held_and_one_larger_empties_the_table() {
        let mut table = Table::default();
        table.insert(b"a", b"1");
        table.insert(b"name", &[b'v'; LIMIT - OVERHEAD - 4]);
        assert_eq!((table.len(), table.size), (1, LIMIT));
        table.insert(b"name", &[b'v'; LIMIT - OVERHEAD - 3]);
        assert_eq!((table.len(), table.size, table.octets.len()), (0, 0, 0));
    }

    #[test]
    fn an_entry_may_take_its_name_from_one_that_it_evicts() {
        let mut table = Table::new(80);
        table.insert(b"name", b"value");
        table.insert_named(0, b"another value").unwrap();
        assert_eq!(held(&table), [(&b"name"[..], &b"another value"[..])]);
        table.insert_named(0, &[b'v'; 45]).unwrap();
        assert_eq!(held(&table), []);
    }

    #[test]
    fn a_lower_limit_evicts_the_oldest() {
        let mut table = Table::default();
        for name in [b"a", b"b", b"c"] {
            table.insert(name, b"1");
        }
        table.resize(2 * 34 + 33);
        assert_eq!(held(&table), [(&b"c"[..], &b"1"[..]), (b"b", b"1")]);
        table.resize(0);
        assert_eq!((table.len(), table.size), (0, 0));
        table.resize(usize::MAX);
        assert_eq!(table.limit(), LIMIT);
    }

    #[test]
    fn the_buffer_is_bounded_however_long_the_table_is_used() {
        let mut table = Table::default();
        let mut model = VecDeque::new();
        for round in 0..10_000_usize {
            let value = vec![b'v'; round * 37 % [40, 4060][usize::from(round % 50 == 0)]];
            let name = round.to_string().into_bytes();
            table.insert(&name, &value);
            model.push_front((name, value));
            while model.iter().map(|(name, value)| size(name, value)).sum::<usize>() > LIMIT {
                model.pop_back();
            }
            let expected: Vec<_> = model.iter().map(|(name, value)| (&name[..], &value[..])).collect();
            assert_eq!(held(&table), expected);
            assert!(table.octets.len() < LIMIT + SLACK);
            assert!(table.octets.capacity() <= 5 * LIMIT / 2);
        }
    }
}
