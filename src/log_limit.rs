//! What is worth a line in the log, and not one for every page.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How often a line is repeated at most.
const INTERVAL: Duration = Duration::from_secs(60);

/// Says yes once a minute.
#[derive(Debug, Default)]
pub(crate) struct LogLimit {
    /// Milliseconds since the first question of this process, plus one; 0 before the first yes.
    last: AtomicU64,
}

impl LogLimit {
    pub(crate) const fn new() -> Self {
        Self {
            last: AtomicU64::new(0),
        }
    }

    pub(crate) fn allow(&self) -> bool {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        let now = u64::try_from(START.elapsed().as_millis()).unwrap_or(u64::MAX - 1) + 1;
        let last = self.last.load(Ordering::Relaxed);
        let due = last == 0 || now - last.min(now) >= INTERVAL.as_millis() as u64;
        // Whoever comes second finds another number there, and stays silent.
        due && self
            .last
            .compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    }
}
