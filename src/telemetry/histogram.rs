//! Histograms over integers: observed without floating point, cumulated and scaled when they are read.

use std::time::Duration;

use super::cells::Cell;

/// The upper bounds of a histogram's buckets, ascending; there is one more bucket, without a bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounds {
    unit: Unit,
    /// In the unit that is counted in.
    limits: Box<[u64]>,
}

impl Bounds {
    /// Bounds in seconds. What is not ascending is left out, so that there is always an order.
    #[must_use]
    pub fn seconds(bounds: &[f64]) -> Self {
        Self::of(Unit::Seconds, bounds)
    }

    /// Bounds in octets, likewise.
    #[must_use]
    pub fn octets(bounds: &[f64]) -> Self {
        Self::of(Unit::Octets, bounds)
    }

    fn of(unit: Unit, bounds: &[f64]) -> Self {
        let mut limits: Vec<u64> = Vec::with_capacity(bounds.len());
        for limit in bounds.iter().filter(|bound| bound.is_finite()).map(|bound| unit.count(*bound)) {
            if limits.last().is_none_or(|last| *last < limit) {
                limits.push(limit);
            }
        }
        Self { unit, limits: limits.into() }
    }
}

/// The bounds of the request metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buckets {
    /// `--time-buckets`.
    pub time: Bounds,
    /// `--length-buckets`: of requests and responses.
    pub length: Bounds,
    /// `--size-buckets`: of what is sent to clients.
    pub size: Bounds,
}

impl Default for Buckets {
    /// ingress-nginx's, of which those of times are Prometheus's own.
    fn default() -> Self {
        Self {
            time: Bounds::seconds(&[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0]),
            length: Bounds::octets(&[10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 100.0]),
            size: Bounds::octets(&[1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7]),
        }
    }
}

/// What the numbers of a histogram count, and so how they are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// Held in nanoseconds, shown in seconds.
    Seconds,
    Octets,
}

impl Unit {
    fn scale(self, value: u64) -> f64 {
        match self {
            Self::Seconds => value as f64 / 1e9,
            Self::Octets => value as f64,
        }
    }

    /// A shown value in the unit that is counted in. Saturates.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast from float to integer saturates"
    )]
    fn count(self, shown: f64) -> u64 {
        match self {
            Self::Seconds => (shown * 1e9).round() as u64,
            Self::Octets => shown.floor() as u64,
        }
    }
}

/// Observations by bucket. Single-writer.
#[derive(Debug)]
pub(super) struct Histogram {
    /// One for each bound, and one beyond the last.
    buckets: Box<[Cell]>,
    sum: Cell,
}

impl Histogram {
    pub(super) fn new(bounds: &Bounds) -> Self {
        Self { buckets: (0..=bounds.limits.len()).map(|_| Cell::default()).collect(), sum: Cell::default() }
    }

    /// Counts a value. `bounds` are those that the histogram was made with.
    pub(super) fn observe(&self, bounds: &Bounds, value: u64) {
        let beyond = bounds.limits.len();
        let at = bounds.limits.iter().position(|bound| value <= *bound).unwrap_or(beyond);
        if let Some(bucket) = self.buckets.get(at) {
            bucket.add(1);
        }
        self.sum.add(value);
    }

    pub(super) fn observe_time(&self, bounds: &Bounds, elapsed: Duration) {
        self.observe(bounds, u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX));
    }
}

/// The sum of several workers' histograms.
#[derive(Debug, Clone, Default)]
pub(super) struct Totals {
    buckets: Vec<u64>,
    sum: u64,
}

impl Totals {
    pub(super) fn add(&mut self, histogram: &Histogram) {
        self.buckets.resize(histogram.buckets.len(), 0);
        for (total, cell) in self.buckets.iter_mut().zip(&histogram.buckets) {
            *total += cell.get();
        }
        self.sum = self.sum.wrapping_add(histogram.sum.get());
    }

    /// As Prometheus has it: cumulative buckets. The last, `+Inf`, is the sample count, which the text encoder adds.
    /// `None` if nothing was observed.
    pub(super) fn to_proto(&self, bounds: &Bounds) -> Option<prometheus::proto::Histogram> {
        let samples: u64 = self.buckets.iter().sum();
        if samples == 0 {
            return None;
        }
        let mut below = 0;
        let cumulative = bounds.limits.iter().zip(&self.buckets).map(|(bound, count)| {
            below += count;
            bucket(bounds.unit.scale(*bound), below)
        });
        let mut proto = prometheus::proto::Histogram::default();
        proto.set_bucket(cumulative.collect());
        proto.set_sample_count(samples);
        proto.set_sample_sum(bounds.unit.scale(self.sum));
        Some(proto)
    }
}

fn bucket(bound: f64, cumulative: u64) -> prometheus::proto::Bucket {
    let mut bucket = prometheus::proto::Bucket::default();
    bucket.set_upper_bound(bound);
    bucket.set_cumulative_count(cumulative);
    bucket
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(bounds: &Bounds, values: &[u64]) -> (Vec<(f64, u64)>, u64, f64) {
        let histogram = Histogram::new(bounds);
        for value in values {
            histogram.observe(bounds, *value);
        }
        let mut totals = Totals::default();
        totals.add(&histogram);
        let proto = totals.to_proto(bounds).expect("something was observed");
        let buckets = proto.get_bucket().iter().map(|b| (b.upper_bound(), b.cumulative_count())).collect();
        (buckets, proto.get_sample_count(), proto.get_sample_sum())
    }

    #[test]
    fn a_value_on_a_bound_counts_below_it_and_buckets_cumulate() {
        let (buckets, count, sum) = shown(&Bounds::octets(&[10.0, 20.0, 100.0]), &[10, 11, 1_000]);
        assert_eq!(buckets, [(10.0, 1), (20.0, 2), (100.0, 2)]);
        assert_eq!(count, 3);
        assert!((sum - 1_021.0).abs() < f64::EPSILON);
    }

    #[test]
    fn seconds_are_counted_in_nanoseconds_and_shown_as_they_were_given() {
        let (buckets, ..) = shown(&Bounds::seconds(&[0.0005, 0.1, 2.5]), &[500_000, 500_001, 2_500_000_000]);
        assert_eq!(buckets, [(0.0005, 1), (0.1, 2), (2.5, 3)]);
    }

    #[test]
    fn bounds_without_an_order_and_without_an_end_are_left_out() {
        let bounds = Bounds::octets(&[10.0, 10.0, 5.0, f64::NAN, 20.0, f64::INFINITY]);
        assert_eq!(bounds, Bounds::octets(&[10.0, 20.0]));
    }

    #[test]
    fn nothing_is_shown_of_nothing() {
        let bounds = Bounds::octets(&[10.0]);
        let mut totals = Totals::default();
        totals.add(&Histogram::new(&bounds));
        assert!(totals.to_proto(&bounds).is_none());
    }
}
