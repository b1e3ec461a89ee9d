//! The better of two at random by peak exponentially weighted moving average of latency, as ingress-nginx's `ewma`.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::proxy::clock::now;
use crate::proxy::upstream::EndpointState;

/// How fast old latencies are forgotten (ingress-nginx: 10 s).
const DECAY: Duration = Duration::from_secs(10);

/// One endpoint's average, in seconds, with the requests in flight that weigh on it.
#[derive(Debug)]
pub(crate) struct Ewma {
    average: Cell<f64>,
    updated: Cell<Instant>,
    in_flight: Cell<u32>,
}

impl Ewma {
    /// New endpoints start at the average of the others, so that they are neither flooded nor avoided.
    pub(crate) fn starting_at(average: f64) -> Self {
        Self { average: Cell::new(average), updated: Cell::new(now()), in_flight: Cell::new(0) }
    }

    /// The mean over endpoints; 0 for none.
    pub(crate) fn average<'a>(all: impl Iterator<Item = &'a Self>) -> f64 {
        let (sum, count) = all.fold((0.0, 0_u32), |(sum, count), ewma| (sum + ewma.average.get(), count + 1));
        if count == 0 { 0.0 } else { sum / f64::from(count) }
    }

    pub(crate) fn begin(&self) {
        self.in_flight.set(self.in_flight.get() + 1);
    }

    /// Ends what [`begin`](Self::begin) began; `latency` is absent where nothing was answered.
    pub(crate) fn end(&self, latency: Option<Duration>) {
        self.in_flight.set(self.in_flight.get().saturating_sub(1));
        let Some(latency) = latency else { return };
        let now = now();
        let observed = latency.as_secs_f64();
        let weight = self.weight(now);
        let average = self.average.get();
        // A peak counts at once; recovery takes the decay time.
        let next = if observed > average { observed } else { average * weight + observed * (1.0 - weight) };
        self.average.set(next);
        self.updated.set(now);
    }

    /// The share of the old average that is left at `now`.
    fn weight(&self, now: Instant) -> f64 {
        let elapsed = now.saturating_duration_since(self.updated.get()).as_secs_f64();
        (-elapsed / DECAY.as_secs_f64()).exp()
    }

    /// What a further request would cost here.
    fn score(&self, now: Instant) -> f64 {
        self.average.get() * self.weight(now) * f64::from(self.in_flight.get() + 1)
    }
}

/// The better of two different endpoints drawn at random among those that are `fresh`; among all, if none is.
pub(crate) fn pick(
    endpoints: &[Rc<EndpointState>],
    fresh: impl Fn(&Rc<EndpointState>) -> bool,
) -> Option<&Rc<EndpointState>> {
    let candidates = endpoints.iter().filter(|endpoint| fresh(endpoint)).count();
    if candidates == 0 {
        return draw(endpoints.iter(), endpoints.len());
    }
    draw(endpoints.iter().filter(|endpoint| fresh(endpoint)), candidates)
}

fn draw<'a>(
    candidates: impl Iterator<Item = &'a Rc<EndpointState>> + Clone,
    count: usize,
) -> Option<&'a Rc<EndpointState>> {
    if count <= 1 {
        return candidates.into_iter().next();
    }
    let first = fastrand::usize(..count);
    let other = (first + 1 + fastrand::usize(..count - 1)) % count;
    let (a, b) = (candidates.clone().nth(first)?, candidates.clone().nth(other)?);
    let now = now();
    Some(if a.latency.score(now) <= b.latency.score(now) { a } else { b })
}
