//! Token buckets: how often something may happen.

use std::time::Duration;

use tokio::time::Instant;

/// So many at once, and one more each `every`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rate {
    pub(super) burst: u32,
    pub(super) every: Duration,
}

/// What is left of a rate.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket {
    rate: Rate,
    tokens: u32,
    /// When the newest of the tokens came.
    filled: Instant,
}

impl Bucket {
    /// A full bucket.
    pub(super) const fn new(rate: Rate, now: Instant) -> Self {
        Self { rate, tokens: rate.burst, filled: now }
    }

    /// Takes a token, or says when there will be one.
    pub(super) fn take(&mut self, now: Instant) -> Result<(), Instant> {
        self.fill(now);
        match self.tokens.checked_sub(1) {
            Some(left) => {
                self.tokens = left;
                Ok(())
            }
            None => Err(self.filled + self.rate.every),
        }
    }

    /// Whether nothing has been taken for so long that the bucket need not be kept.
    pub(super) fn is_full(&mut self, now: Instant) -> bool {
        self.fill(now);
        self.tokens == self.rate.burst
    }

    fn fill(&mut self, now: Instant) {
        let every = self.rate.every.as_nanos().max(1);
        let come = now.saturating_duration_since(self.filled).as_nanos() / every;
        let come = u32::try_from(come).unwrap_or(u32::MAX);
        if self.tokens.saturating_add(come) >= self.rate.burst {
            self.tokens = self.rate.burst;
            self.filled = now;
        } else {
            self.tokens += come;
            self.filled += self.rate.every * come;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { burst: 2, every: Duration::from_secs(10) };

    #[test]
    fn a_burst_is_had_at_once_and_then_one_at_a_time() {
        let start = Instant::now();
        let mut bucket = Bucket::new(RATE, start);
        assert_eq!((bucket.take(start), bucket.take(start)), (Ok(()), Ok(())));
        assert_eq!(bucket.take(start + Duration::from_secs(9)), Err(start + RATE.every));
        assert_eq!(bucket.take(start + Duration::from_secs(19)), Ok(()));
        assert_eq!(bucket.take(start + Duration::from_secs(19)), Err(start + 2 * RATE.every), "time passed counts");
    }

    #[test]
    fn tokens_do_not_add_up_beyond_the_burst() {
        let start = Instant::now();
        let mut bucket = Bucket::new(RATE, start);
        bucket.take(start).unwrap();
        assert!(!bucket.is_full(start));
        let later = start + Duration::from_secs(1000);
        assert!(bucket.is_full(later));
        bucket.take(later).unwrap();
        bucket.take(later).unwrap();
        assert_eq!(bucket.take(later), Err(later + RATE.every));
    }
}
