//! The pending index. While the tracking connection is synced, a context without a dirty entry has
//! no visible message.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

#[cfg(feature = "redis")]
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::changes::dirty_map::DirtyMap;
#[cfg(feature = "web")]
use crate::changes::dirty_map::Due;
#[cfg(feature = "web")]
use crate::changes::fingerprint::Fingerprint;

/// Maximum age of the last heartbeat before the index is out of sync. Below one second, because the
/// guarantees limit for how long pages trust a silent server.
pub(super) const HEARTBEAT_TIMEOUT: Duration = Duration::from_millis(700);
/// The bit of [`Index::state`] that is set once every context in the store has been scanned.
pub(crate) const SYNCED_BIT: u64 = 1;

/// The entries of the pending index, and whether they are complete.
pub(crate) struct Index {
    created_at: Instant,
    /// Twice the number of invalidations, plus the bit [`SYNCED_BIT`].
    pub(crate) state: AtomicU64,
    /// Time of the last answered heartbeat, in milliseconds since `created_at`.
    pub(crate) last_heartbeat: AtomicU64,
    pub(crate) dirty: DirtyMap,
    /// Notified when a resync pass has to start immediately.
    #[cfg(feature = "redis")]
    pub(crate) resync_requested: Notify,
    /// Whether the index was invalidated for lack of capacity, and no resync pass has succeeded
    /// since.
    pub(crate) over_capacity: AtomicBool,
    /// Held during an invalidation, so that no resync pass starts between clearing two shards. Such
    /// a pass could lose entries that it has just stored.
    invalidating: Mutex<()>,
}

/// The state, and the time in milliseconds since `created_at`, at which the index was synced.
type SyncedAt = (u64, u64);

impl Index {
    #[cfg(feature = "redis")]
    pub(crate) fn with_capacity(fingerprints: usize) -> Self {
        Self {
            created_at: Instant::now(),
            state: AtomicU64::new(0),
            last_heartbeat: AtomicU64::new(0),
            dirty: DirtyMap::with_capacity(fingerprints),
            resync_requested: Notify::new(),
            over_capacity: AtomicBool::new(false),
            invalidating: Mutex::default(),
        }
    }

    /// Returns the state and the time if the index is synced: every context without an entry then
    /// has no visible message.
    pub(crate) fn synced_at(&self) -> Option<SyncedAt> {
        let state = self.state.load(Ordering::Acquire);
        // The heartbeat task may itself be stalled, so the age of the last heartbeat is checked
        // here too.
        let now = self.now();
        let heartbeat_age = now.saturating_sub(self.last_heartbeat.load(Ordering::Acquire));
        let synced =
            state & SYNCED_BIT != 0 && heartbeat_age <= HEARTBEAT_TIMEOUT.as_millis() as u64;
        synced.then_some((state, now))
    }

    #[cfg(feature = "web")]
    pub(super) fn is_known_empty(&self, now: Due, fingerprint: Fingerprint) -> bool {
        self.dirty.get(fingerprint).is_none_or(|due| due > now)
    }

    /// Locks out other invalidations and the start of resync passes.
    pub(crate) fn invalidation_lock(&self) -> MutexGuard<'_, ()> {
        self.invalidating
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Clears all entries and the bit [`SYNCED_BIT`]. Returns whether the bit was set.
    pub(super) fn invalidate(&self, _guard: &MutexGuard<'_, ()>) -> bool {
        let invalidated = |state: u64| Some((state | SYNCED_BIT).wrapping_add(1));
        let before = self
            .state
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, invalidated);
        self.dirty.clear();
        // `invalidated` always returns a state, so the update never fails.
        before.is_ok_and(|state| state & SYNCED_BIT != 0)
    }

    pub(crate) fn now(&self) -> u64 {
        self.millis_at(Instant::now())
    }

    /// Returns a time in milliseconds since `created_at`.
    pub(crate) fn millis_at(&self, time: Instant) -> u64 {
        let elapsed = time.saturating_duration_since(self.created_at);
        u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
    }
}
