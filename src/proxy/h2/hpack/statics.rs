//! The static table (RFC 7541 §2.3.1, Appendix A), by index and by name.

use super::hash;

/// How many entries there are: the dynamic table's begin behind them (RFC 7541 §2.3.3).
pub(super) const COUNT: usize = 61;

/// The names and values, from index 1 on.
#[rustfmt::skip]
static ENTRIES: [(&[u8], &[u8]); COUNT] = [
    (b":authority", b""),
    (b":method", b"GET"),
    (b":method", b"POST"),
    (b":path", b"/"),
    (b":path", b"/index.html"),
    (b":scheme", b"http"),
    (b":scheme", b"https"),
    (b":status", b"200"),
    (b":status", b"204"),
    (b":status", b"206"),
    (b":status", b"304"),
    (b":status", b"400"),
    (b":status", b"404"),
    (b":status", b"500"),
    (b"accept-charset", b""),
    (b"accept-encoding", b"gzip, deflate"),
    (b"accept-language", b""),
    (b"accept-ranges", b""),
    (b"accept", b""),
    (b"access-control-allow-origin", b""),
    (b"age", b""),
    (b"allow", b""),
    (b"authorization", b""),
    (b"cache-control", b""),
    (b"content-disposition", b""),
    (b"content-encoding", b""),
    (b"content-language", b""),
    (b"content-length", b""),
    (b"content-location", b""),
    (b"content-range", b""),
    (b"content-type", b""),
    (b"cookie", b""),
    (b"date", b""),
    (b"etag", b""),
    (b"expect", b""),
    (b"expires", b""),
    (b"from", b""),
    (b"host", b""),
    (b"if-match", b""),
    (b"if-modified-since", b""),
    (b"if-none-match", b""),
    (b"if-range", b""),
    (b"if-unmodified-since", b""),
    (b"last-modified", b""),
    (b"link", b""),
    (b"location", b""),
    (b"max-forwards", b""),
    (b"proxy-authenticate", b""),
    (b"proxy-authorization", b""),
    (b"range", b""),
    (b"referer", b""),
    (b"refresh", b""),
    (b"retry-after", b""),
    (b"server", b""),
    (b"set-cookie", b""),
    (b"strict-transport-security", b""),
    (b"transfer-encoding", b""),
    (b"user-agent", b""),
    (b"vary", b""),
    (b"via", b""),
    (b"www-authenticate", b""),
];

/// As many slots that few of the names share one.
const SLOTS: usize = 256;

/// The first index of each name, at the slot that its hash begins with or the next free one; 0 is free.
static BY_NAME: [u8; SLOTS] = build();

#[expect(clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "evaluated at build time")]
const fn build() -> [u8; SLOTS] {
    let mut slots = [0; SLOTS];
    let mut index = 1;
    while index <= COUNT {
        if run(index).start == index {
            let mut slot = slot(hash::name(ENTRIES[index - 1].0));
            while slots[slot] != 0 {
                slot = (slot + 1) % SLOTS;
            }
            slots[slot] = index as u8;
        }
        index += 1;
    }
    slots
}

const fn slot(hash: u32) -> usize {
    (hash >> 24) as usize
}

/// The indices that have the name of this one.
#[inline]
const fn run(index: usize) -> std::ops::Range<usize> {
    match index {
        2 | 3 => 2..4,
        4 | 5 => 4..6,
        6 | 7 => 6..8,
        8..=14 => 8..15,
        _ => index..index + 1,
    }
}

/// The name and the value at an index.
#[inline]
pub(super) fn get(index: usize) -> Option<(&'static [u8], &'static [u8])> {
    ENTRIES.get(index.checked_sub(1)?).copied()
}

/// The first index of a name, in any case, whose [`hash::name`] is given.
#[inline]
pub(super) fn find(name: &[u8], hash: u32) -> Option<usize> {
    let (before, from) = BY_NAME.split_at_checked(slot(hash))?;
    let found = from.iter().chain(before).map(|index| usize::from(*index));
    found.take_while(|index| *index != 0).find(|index| get(*index).is_some_and(|(known, _)| hash::same(name, known)))
}

/// The index of the entry that has the name of `first`, which [`find`] gave, and this value.
#[inline]
pub(super) fn exact(first: usize, value: &[u8]) -> Option<usize> {
    run(first).find(|index| get(*index).is_some_and(|(_, known)| known == value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_the_indices_of_the_appendix() {
        for (index, name, value) in [
            (1, ":authority", ""),
            (2, ":method", "GET"),
            (3, ":method", "POST"),
            (4, ":path", "/"),
            (5, ":path", "/index.html"),
            (6, ":scheme", "http"),
            (7, ":scheme", "https"),
            (8, ":status", "200"),
            (14, ":status", "500"),
            (15, "accept-charset", ""),
            (16, "accept-encoding", "gzip, deflate"),
            (17, "accept-language", ""),
            (23, "authorization", ""),
            (28, "content-length", ""),
            (31, "content-type", ""),
            (32, "cookie", ""),
            (38, "host", ""),
            (46, "location", ""),
            (51, "referer", ""),
            (55, "set-cookie", ""),
            (58, "user-agent", ""),
            (61, "www-authenticate", ""),
        ] {
            assert_eq!(get(index), Some((name.as_bytes(), value.as_bytes())));
        }
        assert_eq!((get(0), get(62), get(usize::MAX)), (None, None, None));
    }

    #[test]
    fn the_regular_names_are_in_order_and_only_some_entries_have_values() {
        // As in the appendix, but for `accept`, which stands behind the names that begin with it.
        let names: Vec<_> = ENTRIES[14..].iter().map(|(name, _)| *name).filter(|name| *name != b"accept").collect();
        assert!(names.is_sorted_by(|left, right| left < right));
        for (index, (_, value)) in (1..).zip(ENTRIES) {
            assert_eq!(!value.is_empty(), matches!(index, 2..=14 | 16), "{index}");
        }
    }

    #[test]
    fn every_entry_is_found_in_any_case() {
        for (index, (name, value)) in (1..).zip(ENTRIES) {
            let upper = name.to_ascii_uppercase();
            for name in [name, &upper] {
                let first = find(name, hash::name(name)).unwrap();
                assert_eq!(get(first).unwrap().0, name.to_ascii_lowercase());
                assert!(first <= index && first.checked_sub(1).and_then(get).is_none_or(|entry| entry.0 != name));
                assert_eq!(exact(first, value), Some(index));
                assert_eq!(exact(first, b"other"), None);
            }
        }
    }

    #[test]
    fn other_names_are_not_found_whatever_their_hash() {
        for name in [&b"x-request-id"[..], b"", b"ETAGS", b":statu", b"dat\x05"] {
            for hash in (0..=255).map(|slot| slot << 24) {
                assert_eq!(find(name, hash), None);
            }
        }
    }
}
