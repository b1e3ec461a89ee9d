//! Histograms over integers: observed without floating point, cumulated and scaled when they are read.

use std::time::Duration;

use super::cells::Cell;

/// Prometheus's default buckets, which are ingress-nginx's `--time-buckets`: 5 ms to 10 s, in nanoseconds.
pub(super) const TIME_BOUNDS: [u64; 11] = [
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    10_000_000_000,
];

/// ingress-nginx's `--length-buckets`: 10 to 100 octets in steps of 10.
pub(super) const LENGTH_BOUNDS: [u64; 10] = [10, 20, 30, 40, 50, 60, 70, 80, 90, 100];

/// ingress-nginx's `--size-buckets`: 10 octets to 10 MB, each ten times the last.
pub(super) const SIZE_BOUNDS: [u64; 7] = [10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000];

/// What the numbers of a histogram count, and so how they are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// Held in nanoseconds, shown in seconds.
    Seconds,
    Octets,
}

impl Unit {
    pub(super) fn scale(self, value: u64) -> f64 {
        match self {
            Self::Seconds => value as f64 / 1e9,
            Self::Octets => value as f64,
        }
    }
}

/// Observations by bucket. Single-writer.
#[derive(Debug)]
pub(super) struct Histogram<const N: usize> {
    within: [Cell; N],
    beyond: Cell,
    sum: Cell,
}

impl<const N: usize> Default for Histogram<N> {
    fn default() -> Self {
        Self { within: std::array::from_fn(|_| Cell::default()), beyond: Cell::default(), sum: Cell::default() }
    }
}

impl<const N: usize> Histogram<N> {
    pub(super) fn observe(&self, bounds: &[u64; N], value: u64) {
        let bucket = bounds.iter().zip(&self.within).find(|(bound, _)| value <= **bound);
        bucket.map_or(&self.beyond, |(_, cell)| cell).add(1);
        self.sum.add(value);
    }
}

impl Histogram<11> {
    pub(super) fn observe_time(&self, elapsed: Duration) {
        self.observe(&TIME_BOUNDS, u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX));
    }
}

/// The sum of several workers' histograms.
#[derive(Debug, Clone)]
pub(super) struct Totals<const N: usize> {
    within: [u64; N],
    beyond: u64,
    sum: u64,
}

impl<const N: usize> Default for Totals<N> {
    fn default() -> Self {
        Self { within: [0; N], beyond: 0, sum: 0 }
    }
}

impl<const N: usize> Totals<N> {
    pub(super) fn add(&mut self, histogram: &Histogram<N>) {
        for (total, cell) in self.within.iter_mut().zip(&histogram.within) {
            *total += cell.get();
        }
        self.beyond += histogram.beyond.get();
        self.sum = self.sum.wrapping_add(histogram.sum.get());
    }

    /// As Prometheus has it: cumulative buckets. The last, `+Inf`, is the sample count, which the text encoder adds.
    pub(super) fn to_proto(&self, bounds: &[u64; N], unit: Unit) -> prometheus::proto::Histogram {
        let mut below = 0;
        let mut buckets = Vec::with_capacity(N);
        for (bound, count) in bounds.iter().zip(&self.within) {
            below += count;
            buckets.push(bucket(unit.scale(*bound), below));
        }
        below += self.beyond;
        let mut proto = prometheus::proto::Histogram::default();
        proto.set_bucket(buckets);
        proto.set_sample_count(below);
        proto.set_sample_sum(unit.scale(self.sum));
        proto
    }

    pub(super) fn is_empty(&self) -> bool {
        self.beyond == 0 && self.within.iter().all(|count| *count == 0)
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

    #[test]
    fn a_value_on_a_bound_counts_below_it_and_buckets_cumulate() {
        let histogram = Histogram::default();
        for value in [10, 11, 1_000] {
            histogram.observe(&LENGTH_BOUNDS, value);
        }
        let mut totals = Totals::default();
        totals.add(&histogram);
        let proto = totals.to_proto(&LENGTH_BOUNDS, Unit::Octets);
        let counts: Vec<_> = proto.get_bucket().iter().map(|b| (b.upper_bound(), b.cumulative_count())).collect();
        assert_eq!(counts.first(), Some(&(10.0, 1)));
        assert_eq!(counts.get(1), Some(&(20.0, 2)));
        assert_eq!(counts.last(), Some(&(100.0, 2)));
        assert_eq!(proto.get_sample_count(), 3);
        assert!((proto.get_sample_sum() - 1_021.0).abs() < f64::EPSILON);
    }
}
