//! How much memory the process may hold, and looking how much it holds.

#![expect(clippy::disallowed_methods, reason = "the kernel tells of memory by files")]

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::allocator;
use crate::proxy::Memory;
use crate::settings::MemoryLimit;

/// How often the process is looked at: as often as the workers ask.
const EVERY: Duration = Duration::from_millis(100);

/// What nobody uses is given back at every so many looks.
const GIVE_BACK_EVERY: u32 = 10;

/// The limit of a cgroup, of either version of them, as a container sees its own.
const CGROUPS: [&str; 2] = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];

/// Beyond so much a limit is none: the first version of cgroups says so by a number.
const UNLIMITED: u64 = 1 << 60;

/// The memory of this process, bounded as the flag says.
pub(super) fn bounded(limit: MemoryLimit) -> Arc<Memory> {
    let bound = match limit {
        MemoryLimit::Off => None,
        MemoryLimit::Octets(octets) => Some(octets),
        MemoryLimit::Cgroup => CGROUPS.iter().find_map(|path| of_cgroup(&fs::read_to_string(path).ok()?)),
    };
    if let Some(octets) = bound {
        tracing::info!(octets, "memory is limited; new work is shed as it comes near");
    }
    Arc::new(Memory::new(bound))
}

fn of_cgroup(text: &str) -> Option<u64> {
    text.trim().parse().ok().filter(|octets| *octets < UNLIMITED)
}

/// Looks at the process, and gives back what it does not use, for as long as the result is kept.
pub(super) fn watch(memory: Arc<Memory>) -> JoinSet<()> {
    let mut watching = JoinSet::new();
    let page = rustix::param::page_size() as u64;
    watching.spawn(async move {
        let mut looks = interval(EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for look in (1..=GIVE_BACK_EVERY).cycle() {
            looks.tick().await;
            if look == GIVE_BACK_EVERY {
                allocator::give_back();
            }
            if let Some(pages) = fs::read_to_string("/proc/self/statm").ok().and_then(|text| resident(&text)) {
                memory.holds(pages * page);
            }
        }
    });
    watching
}

/// The pages that are in memory: the second number.
fn resident(statm: &str) -> Option<u64> {
    statm.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_of_cgroups_are_numbers_that_are_not_too_large() {
        assert_eq!(of_cgroup("536870912\n"), Some(512 << 20));
        assert_eq!(of_cgroup("max\n"), None);
        assert_eq!(of_cgroup("9223372036854771712\n"), None);
    }

    #[test]
    fn what_is_resident_is_the_second_number() {
        assert_eq!(resident("5012 1234 900 300 0 2000 0\n"), Some(1234));
        assert_eq!(resident(""), None);
    }
}
