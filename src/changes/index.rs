//! The pending index: contexts that have no mark have nothing to show, while a connection tells of changes.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

#[cfg(feature = "redis")]
use tokio::sync::Notify;

use crate::changes::dirty_map::DirtyMap;
#[cfg(feature = "web")]
use crate::changes::dirty_map::Due;
#[cfg(feature = "web")]
use crate::changes::fingerprint::Fingerprint;

/// How long the connection may be silent before nothing is known any more: less than the second that is promised.
const HEARTBEAT_TIMEOUT: Duration = Duration::from_millis(700);
/// The bit of the state that says that all that there is in the store has been marked.
pub(crate) const SYNCED: u64 = 1;

/// What is known without asking.
pub(crate) struct Index {
    created_at: Instant,
    /// How often all was lost, times two, and [`COMPLETE`].
    pub(crate) state: AtomicU64,
    /// When something was heard last, in milliseconds after birth.
    pub(crate) last_heartbeat: AtomicU64,
    pub(crate) dirty: DirtyMap,
    /// Rung when all has to be gone through at once.
    #[cfg(feature = "redis")]
    pub(crate) resync_requested: Notify,
    /// Whether all was lost for want of room.
    pub(crate) over_capacity: AtomicBool,
    /// Held while all is lost: a round that begins halfway would not know which of its marks went.
    invalidating: Mutex<()>,
}

/// That all was known: the state, and the time.
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

    /// Tells whether what has no mark has nothing to show.
    pub(crate) fn synced_at(&self) -> Option<SyncedAt> {
        let state = self.state.load(Ordering::Acquire);
        // The time is looked at here too: whoever is to notice the silence may itself be standing still.
        let at = self.now();
        let silent = at.saturating_sub(self.last_heartbeat.load(Ordering::Acquire));
        let synced = state & SYNCED != 0 && silent <= HEARTBEAT_TIMEOUT.as_millis() as u64;
        synced.then_some((state, at))
    }

    #[cfg(feature = "web")]
    pub(super) fn is_known_empty(&self, now: Due, fingerprint: Fingerprint) -> bool {
        self.dirty.get(fingerprint).is_none_or(|from| from > now)
    }

    /// Keeps others from losing all, or waits until they have.
    pub(crate) fn invalidation_lock(&self) -> MutexGuard<'_, ()> {
        self.invalidating
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells whether all was known until now.
    pub(super) fn invalidate(&self, _guard: &MutexGuard<'_, ()>) -> bool {
        let invalidated = |state: u64| Some((state | SYNCED).wrapping_add(1));
        let before = self
            .state
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, invalidated);
        self.dirty.clear();
        // It always gives a next state, so it never fails.
        before.is_ok_and(|state| state & SYNCED != 0)
    }

    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.created_at.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
