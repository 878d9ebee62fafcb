//! Times by chance, so that many who wait do not all come back at once.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// Gives a time from nothing up to `longest`. ("Exponential Backoff And Jitter", AWS Architecture Blog, 2015:
/// full jitter.)
pub(crate) fn jitter(longest: Duration) -> Duration {
    // The standard library's hasher is seeded by chance: enough for this, and no crate more.
    let chance = RandomState::new().hash_one(0_u8);
    longest.mul_f64(chance as f64 / u64::MAX as f64)
}
