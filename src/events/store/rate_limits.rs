//! Rate limits in the memory of this process.

use std::collections::HashMap;

use crate::events::store::store_trait::RateLimit;
use crate::store::millis;

/// Application, and what is limited.
type Key = (Box<str>, Box<str>);

/// The calls of each kind: for each limit the beginning of its period, and how many there were.
#[derive(Default)]
pub(super) struct RateLimits(HashMap<Key, Vec<(u64, u64)>>);

impl RateLimits {
    /// Counts a call. Returns whether all limits allow it.
    pub(super) fn allow(&mut self, now: u64, key: Key, limits: &[RateLimit]) -> bool {
        let longest = limits.iter().map(|limit| millis(limit.period)).max();
        let longest = longest.unwrap_or_default();
        self.0
            .retain(|_, counts| counts.iter().any(|(from, _)| from + longest > now));
        let counts = self.0.entry(key).or_default();
        counts.resize(limits.len(), (now, 0));
        for ((from, calls), limit) in counts.iter_mut().zip(limits) {
            if *from + millis(limit.period) <= now {
                (*from, *calls) = (now, 0);
            }
        }
        let mut used = counts.iter().zip(limits);
        let is_allowed = used.all(|((_, calls), limit)| *calls < limit.calls);
        if is_allowed {
            for (_, calls) in counts {
                *calls += 1;
            }
        }
        is_allowed
    }
}
