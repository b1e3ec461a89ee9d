//! Flow control (RFC 9113 §5.2, §6.9).

use super::MOST;

/// A window became larger than any may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooWide;

/// What the peer lets us send.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window(i64);

impl Window {
    pub(super) const fn new(octets: u32) -> Self {
        Self(octets as i64)
    }

    pub(super) fn available(self) -> usize {
        usize::try_from(self.0).unwrap_or(0)
    }

    pub(super) fn spend(&mut self, octets: usize) {
        self.0 -= i64::try_from(octets).unwrap_or(i64::MAX);
    }

    /// Grows or shrinks, also below zero (§6.9.2).
    pub(super) fn change(&mut self, by: i64) -> Result<(), TooWide> {
        self.0 += by;
        if self.0 > i64::from(MOST) { Err(TooWide) } else { Ok(()) }
    }
}

/// What we let the peer send.
#[derive(Debug, Clone, Copy)]
pub(super) struct Credit {
    /// What it may still send. Below zero after it was made smaller.
    left: i64,
    /// What went on and was not given back yet.
    due: u32,
    /// What it may send at most before anything went on.
    whole: u32,
}

impl Credit {
    pub(super) const fn new(whole: u32) -> Self {
        Self { left: whole as i64, due: 0, whole }
    }

    /// Takes octets that arrived. `false` if they are more than was allowed.
    #[must_use]
    pub(super) fn spend(&mut self, octets: usize) -> bool {
        self.left -= i64::try_from(octets).unwrap_or(i64::MAX);
        self.left >= 0
    }

    /// Octets have gone on. How many to allow now, if that is worth a frame: half of the whole.
    pub(super) fn release(&mut self, octets: usize) -> Option<u32> {
        self.due = self.due.saturating_add(u32::try_from(octets).unwrap_or(u32::MAX));
        if self.due < self.whole.div_ceil(2) {
            return None;
        }
        self.left += i64::from(self.due);
        Some(std::mem::take(&mut self.due))
    }

    /// Another whole, as the peer knows: streams by a setting that it has acknowledged.
    pub(super) fn resize(&mut self, whole: u32) {
        self.left += i64::from(whole) - i64::from(self.whole);
        self.whole = whole;
    }

    /// A larger whole; how many octets the peer has to be told of.
    pub(super) fn grow_to(&mut self, whole: u32) -> u32 {
        let more = whole.saturating_sub(self.whole);
        self.left += i64::from(more);
        self.whole += more;
        more
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_can_be_below_zero_and_is_never_beyond_the_largest() {
        let mut window = Window::new(10);
        window.spend(10);
        window.change(-5).unwrap();
        assert_eq!(window.available(), 0);
        window.change(6).unwrap();
        assert_eq!(window.available(), 1);
        window.change(i64::from(MOST) - 1).unwrap();
        assert_eq!(window.change(1), Err(TooWide));
    }

    #[test]
    fn credit_is_given_back_by_halves() {
        let mut credit = Credit::new(10);
        assert!(credit.spend(10));
        assert_eq!(credit.release(4), None);
        assert_eq!(credit.release(1), Some(5));
        assert!(credit.spend(5));
        assert!(!credit.spend(1));
    }

    #[test]
    fn credit_that_was_made_smaller_is_spent_first() {
        let mut credit = Credit::new(10);
        assert!(credit.spend(8));
        credit.resize(5);
        assert!(!credit.spend(0));
        assert_eq!(credit.release(8), Some(8));
        assert!(credit.spend(5));
        assert!(!credit.spend(1));
        assert_eq!(Credit::new(10).grow_to(5), 0);
        assert_eq!(Credit::new(10).grow_to(15), 5);
    }
}
