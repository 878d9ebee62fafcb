//! Durations as Redis takes them.

use std::time::Duration;

/// Gives whole milliseconds, rounded up: a limit is never shorter than it was set.
pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}
