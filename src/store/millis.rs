//! Durations in the unit of Redis commands.

use std::time::Duration;

/// Returns whole milliseconds, rounded up, so that a limit is never shorter than configured.
pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}
