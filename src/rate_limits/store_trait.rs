//! The interface of the storage of rate limits.

use std::time::Duration;

use crate::store::StoreFuture;

/// How many calls are allowed in a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RateLimit {
    pub(crate) period: Duration,
    pub(crate) calls: u64,
}

/// The storage of rate limits. Each call is atomic.
///
/// # Errors
///
/// Any error of the storage itself.
pub(super) trait RateLimitStore: Send + Sync {
    /// Counts a call of some kind. Returns whether it is allowed by all limits; a call that is not allowed is not
    /// counted.
    fn allow<'a>(
        &'a self,
        app: &'a str,
        what: &'a str,
        limits: &'a [RateLimit],
    ) -> StoreFuture<'a, bool>;
}
