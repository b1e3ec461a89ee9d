//! Giving back what the allocator keeps for later.
//!
//! jemalloc gives pages that nobody uses back to the kernel by and by, while its threads allocate. Serving requests
//! allocates nothing, so that what ten thousand connections have left behind would stay; and what is resident is what the
//! bound on memory is compared with.

use tikv_jemalloc_ctl::{Access, AsName, arenas};

/// Gives back all pages that nobody uses. Costs microseconds for each arena, and a system call for each run of pages.
pub(super) fn give_back() {
    let arenas = arenas::narenas::read().unwrap_or(0);
    for arena in 0..arenas {
        let text = format!("arena.{arena}.dirty_decay_ms\0");
        let pages = text.as_bytes().name();
        // No time at all is over at once. An arena that no thread has yet is an error.
        if let Ok(kept) = pages.update(0_isize) {
            let _restored = pages.write(kept);
        }
    }
}
