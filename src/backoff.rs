//! Random waiting times, so that clients that wait for the same event do not all retry together.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// Returns a random duration between zero and `max`.
///
/// This is the full jitter of "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
pub(crate) fn jitter(max: Duration) -> Duration {
    // `RandomState` is randomly seeded: good enough for jitter, and no dependency.
    let random = RandomState::new().hash_one(0_u8);
    max.mul_f64(random as f64 / u64::MAX as f64)
}
