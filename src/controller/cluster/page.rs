//! How many objects are asked for at a time.
//!
//! A page is in memory some five times over while it is read. Of kinds whose objects may be large, of which most are
//! dropped as they arrive, as many are asked for as those before let expect to fit.

/// The most, as Kubernetes's own clients ask for.
const MOST: u32 = 500;
/// How many are asked for while nothing is known. A Secret holds up to a mebibyte, but most are small.
const FEW: u32 = 8;
/// How many octets of values a page should hold.
const OCTETS: usize = 1 << 20;

/// The size of the next page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Page {
    limit: u32,
}

impl Page {
    pub(super) const fn of_light_kind() -> Self {
        Self { limit: MOST }
    }

    pub(super) const fn of_heavy_kind() -> Self {
        Self { limit: FEW }
    }

    pub(super) const fn limit(self) -> u32 {
        self.limit
    }

    /// Takes note of what the objects of a page weighed, and doubles or shrinks the next.
    pub(super) fn weigh(&mut self, weights: impl Iterator<Item = usize>) {
        let (count, total) = weights.fold((0, 0), |(count, total), weight| (count + 1, total + weight));
        if count == 0 {
            return;
        }
        let fits = u32::try_from(OCTETS / (total / count).max(1)).unwrap_or(MOST);
        self.limit = fits.min(self.limit.saturating_mul(2)).clamp(1, MOST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_small_objects_grow_and_those_of_large_ones_do_not() {
        let mut page = Page::of_heavy_kind();
        for wanted in [16, 32, 64, 128, 256, 349, 349] {
            page.weigh([3_000; 20].into_iter());
            assert_eq!(page.limit(), wanted);
        }
        page.weigh([64 << 10; 20].into_iter());
        assert_eq!(page.limit(), 16);
        page.weigh([1 << 20; 16].into_iter());
        assert_eq!(page.limit(), 1);
        page.weigh([10_000; 1].into_iter());
        assert_eq!(page.limit(), 2);
        page.weigh(std::iter::empty());
        assert_eq!(page.limit(), 2);
    }
}
