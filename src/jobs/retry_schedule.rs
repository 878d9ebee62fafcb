//! When a failed job is attempted again, and an outcome recorded again.

use std::time::Duration;

use crate::backoff::{Backoff, jitter};
use crate::jobs::store_trait::Next;

const SECOND: u64 = 1;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
/// The delays after the first failures, in seconds: about 3.5 days in all. Long enough for a server that
/// is repaired after a weekend.
const DELAYS: [u64; 8] = [
    5 * SECOND,
    30 * SECOND,
    2 * MINUTE,
    10 * MINUTE,
    HOUR,
    6 * HOUR,
    24 * HOUR,
    48 * HOUR,
];
/// The jitter as a share of a delay, so that jobs that failed together are not retried together.
const JITTER_SHARE: f64 = 0.2;
/// Delays between attempts to record an outcome. A mail whose success is not recorded is sent again.
pub(crate) const RECORD_BACKOFF: Backoff =
    Backoff::new(Duration::from_millis(100), Duration::from_secs(5));

/// Returns when a job is attempted again after so many failures, the last one included.
pub(super) fn next_attempt(failures: u32) -> Next {
    let index = usize::try_from(failures.saturating_sub(1)).unwrap_or(usize::MAX);
    match DELAYS.get(index) {
        Some(seconds) => {
            let delay = Duration::from_secs(*seconds);
            Next::After(delay + jitter(delay.mul_f64(JITTER_SHARE)))
        }
        None => Next::Dead,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_until_job_is_dead() {
        for (failures, seconds) in (1..).zip(DELAYS) {
            let delay = match next_attempt(failures) {
                Next::After(delay) => delay.as_secs_f64() / seconds as f64,
                Next::Dead => f64::INFINITY,
            };
            assert!((1.0..=1.2).contains(&delay), "{failures}: {delay}");
        }
        assert_eq!(next_attempt(DELAYS.len() as u32 + 1), Next::Dead);
    }
}
