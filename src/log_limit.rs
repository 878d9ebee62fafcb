//! Rate limit for log lines that every page could write.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// Shortest time between two lines. A failure that lasts stays visible without filling the log.
const INTERVAL: Duration = Duration::from_secs(60);

/// The rate limit of one log statement: one line in each [`INTERVAL`].
#[derive(Debug, Default)]
pub(crate) struct LogLimit {
    /// Time of the last line: milliseconds since the first call of [`allow`](Self::allow) in this
    /// process, plus one. 0 before the first line.
    last: AtomicU64,
}

impl LogLimit {
    pub(crate) const fn new() -> Self {
        Self {
            last: AtomicU64::new(0),
        }
    }

    /// Returns whether the line may be written now, and counts it as written.
    pub(crate) fn allow(&self) -> bool {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        let now = u64::try_from(START.elapsed().as_millis()).unwrap_or(u64::MAX - 1) + 1;
        let last = self.last.load(Ordering::Relaxed);
        let due = last == 0 || now - last.min(now) >= INTERVAL.as_millis() as u64;
        // Of two threads only one exchanges the value: the other does not write the line.
        due && self
            .last
            .compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_line_a_minute_is_allowed() {
        let limit = LogLimit::new();
        assert!(limit.allow());
        assert!(!limit.allow());
        advance(INTERVAL - Duration::from_millis(1)).await;
        assert!(!limit.allow());
        advance(Duration::from_millis(1)).await;
        assert!(limit.allow());
        assert!(!limit.allow());
    }
}
