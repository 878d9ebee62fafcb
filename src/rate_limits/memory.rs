//! Rate limits in the memory of this process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::rate_limits::store_trait::{RateLimit, RateLimitStore};
use crate::store::{Clock, MemoryBackend, StoreFuture, millis};

/// The rate limits of a memory store.
pub(super) struct MemoryRateLimits {
    clock: Clock,
    data: Arc<Shared>,
}

#[derive(Default)]
struct Shared(Mutex<RateLimits>);

impl MemoryRateLimits {
    pub(super) fn new(backend: MemoryBackend) -> Self {
        Self {
            data: backend.data.get(),
            clock: backend.clock,
        }
    }
}

impl RateLimitStore for MemoryRateLimits {
    fn allow<'a>(
        &'a self,
        app: &'a str,
        what: &'a str,
        limits: &'a [RateLimit],
    ) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let now = self.clock.now();
            // A panic cannot leave the map half changed, so a poisoned lock is safe to use.
            let mut data = self.data.0.lock().unwrap_or_else(PoisonError::into_inner);
            Ok(data.count(now, (app.into(), what.into()), limits))
        })
    }
}

/// Application, and what is limited.
type Key = (Box<str>, Box<str>);

/// The calls of each kind.
#[derive(Default)]
struct RateLimits(HashMap<Key, Calls>);

#[derive(Default)]
struct Calls {
    /// When they are forgotten.
    expires: u64,
    /// For each limit the beginning of its period, and how many there were.
    counts: Vec<(u64, u64)>,
}

impl RateLimits {
    /// Counts a call. Returns whether all limits allow it.
    fn count(&mut self, now: u64, key: Key, limits: &[RateLimit]) -> bool {
        self.0.retain(|_, calls| calls.expires > now);
        let Calls { expires, counts } = self.0.entry(key).or_default();
        counts.resize(limits.len(), (now, 0));
        for ((from, calls), limit) in counts.iter_mut().zip(limits) {
            if *from + millis(limit.period) <= now {
                (*from, *calls) = (now, 0);
            }
        }
        let mut used = counts.iter().zip(limits);
        let is_allowed = used.all(|((_, calls), limit)| *calls < limit.calls);
        if is_allowed {
            let longest = limits.iter().map(|limit| millis(limit.period)).max();
            *expires = now + longest.unwrap_or_default();
            for (_, calls) in counts {
                *calls += 1;
            }
        }
        is_allowed
    }
}
