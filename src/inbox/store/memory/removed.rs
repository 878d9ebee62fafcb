//! The ids of removed notifications: the counterpart of a sorted set in Redis.

use std::collections::BTreeSet;

use crate::MessageId;
use crate::inbox::limits::{MAX_REMOVED, REMOVED_TTL};
use crate::store::millis;

/// The newest ids that were removed, with the time of the removal.
#[derive(Default)]
pub(super) struct Removed(BTreeSet<(u64, MessageId)>);

impl Removed {
    /// Returns whether an id was removed recently. Those that [`trim`](Self::trim) has not
    /// forgotten yet may be older.
    pub(super) fn contains(&self, now: u64, id: MessageId) -> bool {
        let is_recent = |time: u64| time > now.saturating_sub(millis(REMOVED_TTL));
        let mut all = self.0.iter();
        all.any(|(time, removed)| *removed == id && is_recent(*time))
    }

    /// Remembers an id.
    pub(super) fn insert(&mut self, time: u64, id: MessageId) {
        self.0.insert((time, id));
    }

    /// Forgets the oldest ids.
    pub(super) fn trim(&mut self, now: u64) {
        let oldest = now.saturating_sub(millis(REMOVED_TTL));
        self.0.retain(|(time, _)| *time > oldest);
        while self.0.len() > MAX_REMOVED {
            self.0.pop_first();
        }
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
