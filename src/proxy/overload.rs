//! What is given up when there is too much: first new requests, which are answered 503; then idle connections, and with
//! them new requests on old connections, which are told to go away; at last new connections. What is being served goes on.

use std::sync::atomic::{AtomicU64, Ordering};

/// How far it has come. Each stage includes those before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    #[default]
    Calm,
    /// New requests are answered 503.
    Shedding,
    /// Connections end with their current requests, idle ones at once.
    Leaving,
    /// New connections are closed at once.
    Refusing,
}

/// From how many hundredths of a bound each stage begins.
#[derive(Debug, Clone, Copy)]
struct Thresholds {
    shedding: u64,
    leaving: u64,
    refusing: u64,
}

/// Memory cannot be had back at once, so something is left for what is being served.
const MEMORY: Thresholds = Thresholds { shedding: 85, leaving: 90, refusing: 95 };

/// The bound itself is held by `admission`.
const CONNECTIONS: Thresholds = Thresholds { shedding: 90, leaving: 95, refusing: 100 };

impl Stage {
    fn of(used: u64, bound: u64, thresholds: Thresholds) -> Self {
        let reached = |hundredths: u64| u128::from(used) * 100 >= u128::from(bound) * u128::from(hundredths);
        if reached(thresholds.refusing) {
            Self::Refusing
        } else if reached(thresholds.leaving) {
            Self::Leaving
        } else if reached(thresholds.shedding) {
            Self::Shedding
        } else {
            Self::Calm
        }
    }

    /// That of so many connections.
    pub(crate) fn of_connections(connections: u32, most: u32) -> Self {
        Self::of(connections.into(), most.into(), CONNECTIONS)
    }
}

/// The memory of the process: how much it may hold, and how much it was last seen to hold. Whoever looks at the process
/// writes it; the workers read it ten times a second.
#[derive(Debug)]
pub struct Memory {
    bound: Option<u64>,
    held: AtomicU64,
}

impl Memory {
    /// Without a bound nothing is ever given up for it.
    #[must_use]
    pub const fn new(bound: Option<u64>) -> Self {
        Self { bound, held: AtomicU64::new(0) }
    }

    /// Says how many octets the process holds now.
    pub fn holds(&self, octets: u64) {
        self.held.store(octets, Ordering::Relaxed);
    }

    pub(crate) fn stage(&self) -> Stage {
        self.bound.map_or(Stage::Calm, |bound| Stage::of(self.held.load(Ordering::Relaxed), bound, MEMORY))
    }
}

/// Where a worker is with either.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Pressure {
    pub(crate) memory: Stage,
    pub(crate) connections: Stage,
}

impl Pressure {
    /// Whether connections are to end with what is being served on them.
    pub(crate) fn is_leaving(self) -> bool {
        self.memory.max(self.connections) >= Stage::Leaving
    }
}

/// How a connection stands that was taken on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Welcome,
    /// There were so many that its requests are answered 503.
    Surplus,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stage_begins_at_its_share_of_the_bound() {
        let memory = Memory::new(Some(1000));
        for (octets, stage) in [
            (0, Stage::Calm),
            (849, Stage::Calm),
            (850, Stage::Shedding),
            (899, Stage::Shedding),
            (900, Stage::Leaving),
            (950, Stage::Refusing),
            (u64::MAX, Stage::Refusing),
        ] {
            memory.holds(octets);
            assert_eq!(memory.stage(), stage, "{octets}");
        }
        for (connections, stage) in
            [(89, Stage::Calm), (90, Stage::Shedding), (95, Stage::Leaving), (100, Stage::Refusing)]
        {
            assert_eq!(Stage::of_connections(connections, 100), stage, "{connections}");
        }
    }

    #[test]
    fn without_a_bound_nothing_is_given_up() {
        let memory = Memory::new(None);
        memory.holds(u64::MAX);
        assert_eq!(memory.stage(), Stage::Calm);
    }
}
