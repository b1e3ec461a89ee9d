//! How long to leave the API server alone after a failure.

use std::time::Duration;

/// The wait after the first failure.
const FIRST: Duration = Duration::from_millis(250);
/// The longest wait that we think of ourselves.
const LONGEST: Duration = Duration::from_secs(10);
/// The longest wait that the server may ask for.
const LONGEST_ASKED: Duration = Duration::from_secs(120);
/// What lasted so long was no failure, whatever ended it.
const SOUND: Duration = Duration::from_secs(10);

/// Waits that double with every failure in a row, at random between half and all of it, so that many who failed at once
/// do not come back at once.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The wait after one more failure. What the server asks for is waited for, and up to a quarter more.
    pub(super) fn after_failure(&mut self, asked: Option<Duration>) -> Duration {
        let wait = FIRST.saturating_mul(1 << self.failures.min(10)).min(LONGEST).mul_f64(random(0.5, 1.0));
        self.failures = self.failures.saturating_add(1);
        match asked {
            Some(asked) => wait.max(asked.min(LONGEST_ASKED).mul_f64(random(1.0, 1.25))),
            None => wait,
        }
    }

    /// Something went well for so long.
    pub(super) fn after_success(&mut self, lasted: Duration) {
        if lasted >= SOUND {
            self.failures = 0;
        }
    }
}

/// A random number between two.
fn random(low: f64, high: f64) -> f64 {
    low + (high - low) * fastrand::f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let mut backoff = Backoff::default();
        for ceiling in [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0] {
            let wait = backoff.after_failure(None).as_secs_f64();
            assert!(wait >= ceiling / 2.0 && wait <= ceiling, "{wait} of {ceiling}");
        }
    }

    #[test]
    fn what_the_server_asks_for_is_waited_for() {
        let wait = Backoff::default().after_failure(Some(Duration::from_secs(7))).as_secs_f64();
        assert!((7.0..=8.75).contains(&wait), "{wait}");
        let longest = Backoff::default().after_failure(Some(Duration::from_secs(86_400)));
        assert!(longest <= LONGEST_ASKED.mul_f64(1.25), "{longest:?}");
    }

    #[test]
    fn a_watch_that_ends_at_once_is_no_success() {
        let mut backoff = Backoff::default();
        for _ in 0..6 {
            backoff.after_failure(None);
            backoff.after_success(Duration::from_millis(100));
        }
        assert!(backoff.after_failure(None) >= Duration::from_secs(5));
        backoff.after_success(SOUND);
        assert!(backoff.after_failure(None) <= FIRST);
    }
}
