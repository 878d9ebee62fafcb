//! Which contexts to ask for, and from when: one small number for each.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::changes::fingerprint::{Fingerprint, IdentityHasher};

/// How many parts the table has, each with a lock of its own: pages look while marks are made.
const SHARDS: usize = 64;
/// The bit that tells in which of two generations a mark was last seen to have a cause.
const GENERATION: u32 = 1 << 31;
/// A tick is milliseconds divided by this: coarse, so that a mark is one small number for years.
const MILLIS_PER_TICK: u64 = 64;

/// From which tick on to ask; 0 is at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Due(u32);

impl Due {
    pub(crate) const NOW: Self = Self(0);
    /// Somebody is asking: at once too, until there is an answer.
    const IN_FLIGHT: Self = Self(1);

    /// Gives the tick of a time, rounded down: better asked a moment early than late. After four years every
    /// tick is the last one, and every page with a mark asks.
    pub(crate) fn after_millis(millis: u64) -> Self {
        let due = u32::try_from(millis / MILLIS_PER_TICK).unwrap_or(u32::MAX);
        Self(due.saturating_add(2).min(GENERATION - 1))
    }
}

type Shard = HashMap<Fingerprint, u32, BuildHasherDefault<IdentityHasher>>;

/// There is room for no more marks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CapacityExceeded;

/// The marks of all contexts that may have something.
pub(crate) struct DirtyMap {
    shards: [Mutex<Shard>; SHARDS],
    count: AtomicUsize,
    /// Most of them.
    capacity: usize,
    /// With so many half of the room is taken that there was after the last round.
    resync_threshold: AtomicUsize,
    /// Whether somebody reads them: what nobody reads nobody clears.
    enabled: AtomicBool,
    /// The present one of the two generations: [`GENERATION`] or 0.
    generation: AtomicU32,
}

impl DirtyMap {
    #[cfg(feature = "redis")]
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            count: AtomicUsize::new(0),
            capacity,
            resync_threshold: AtomicUsize::new(capacity / 2),
            enabled: AtomicBool::new(false),
            generation: AtomicU32::new(0),
        }
    }

    /// Keeps marks from now on.
    #[cfg(feature = "web")]
    pub(crate) fn enable(&self) {
        self.enabled.store(true, Ordering::Release);
    }

    pub(crate) fn is_enabled(&self) -> bool {
        self.enabled.load(Ordering::Acquire)
    }

    /// Tells whether half of the room is taken that the last round left.
    pub(crate) fn needs_resync(&self) -> bool {
        self.count.load(Ordering::Relaxed) >= self.resync_threshold.load(Ordering::Relaxed)
    }

    /// Tells from which tick on to ask for a context, if at all.
    #[cfg(feature = "web")]
    pub(crate) fn get(&self, fingerprint: Fingerprint) -> Option<Due> {
        let value = self.shard(fingerprint).get(&fingerprint).copied()?;
        Some(Due(value & !GENERATION))
    }

    /// Has a context asked for from this tick on, or earlier where that is so already.
    pub(crate) fn mark_dirty(
        &self,
        fingerprint: Fingerprint,
        due: Due,
    ) -> Result<(), CapacityExceeded> {
        self.upsert(fingerprint, |old| old.map_or(due, |old| old.min(due)))
    }

    /// Notes that there is something in a context: what is known of it stays, else it is asked for at once.
    pub(crate) fn touch(&self, fingerprint: Fingerprint) -> Result<(), CapacityExceeded> {
        self.upsert(fingerprint, |old| old.unwrap_or(Due::NOW))
    }

    /// Notes that somebody is about to ask for a context: what changes from now on is not in the answer.
    pub(crate) fn begin_query(&self, fingerprint: Fingerprint) {
        if let Some(value) = self.shard(fingerprint).get_mut(&fingerprint) {
            *value = *value & GENERATION | Due::IN_FLIGHT.0;
        }
    }

    /// Notes the answer, if nothing has changed since somebody asked: nothing more before this tick, or at all.
    pub(crate) fn finish_query(
        &self,
        fingerprint: Fingerprint,
        due: Option<Due>,
    ) -> Result<(), CapacityExceeded> {
        let mut shard = self.shard(fingerprint);
        if shard
            .get(&fingerprint)
            .is_some_and(|value| value & !GENERATION == Due::IN_FLIGHT.0)
        {
            shard.remove(&fingerprint);
            self.count.fetch_sub(1, Ordering::Relaxed);
        }
        drop(shard);
        due.map_or(Ok(()), |due| self.mark_dirty(fingerprint, due))
    }

    /// Begins another generation: what is marked or seen from now on is of it.
    pub(crate) fn begin_generation(&self) {
        self.generation.fetch_xor(GENERATION, Ordering::AcqRel);
    }

    /// Removes what is not of the present generation.
    pub(crate) fn drop_stale(&self) {
        let present = self.generation.load(Ordering::Relaxed);
        self.retain(|value| value & GENERATION == present);
        let left = self.count.load(Ordering::Relaxed);
        let room = self.capacity.saturating_sub(left);
        self.resync_threshold
            .store(left + room.div_ceil(2), Ordering::Relaxed);
    }

    pub(crate) fn clear(&self) {
        self.retain(|_| false);
    }

    fn upsert(
        &self,
        fingerprint: Fingerprint,
        due: impl FnOnce(Option<Due>) -> Due,
    ) -> Result<(), CapacityExceeded> {
        if !self.is_enabled() {
            return Ok(());
        }
        let mut shard = self.shard(fingerprint);
        // Under the lock: who sees the mark after this sees it in this generation or a later one.
        let generation = self.generation.load(Ordering::Acquire);
        if let Some(value) = shard.get_mut(&fingerprint) {
            *value = due(Some(Due(*value & !GENERATION))).0 | generation;
            return Ok(());
        }
        if self.count.load(Ordering::Relaxed) >= self.capacity {
            return Err(CapacityExceeded);
        }
        shard.insert(fingerprint, due(None).0 | generation);
        self.count.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Keeps some, one shard after the other, so that no page waits for long.
    fn retain(&self, keep: impl Fn(u32) -> bool) {
        for shard in &self.shards {
            let mut shard = lock(shard);
            let before = shard.len();
            shard.retain(|_, value| keep(*value));
            self.count
                .fetch_sub(before - shard.len(), Ordering::Relaxed);
            if shard.len() < shard.capacity() / 4 {
                shard.shrink_to_fit();
            }
        }
    }

    fn shard(&self, fingerprint: Fingerprint) -> MutexGuard<'_, Shard> {
        #[expect(clippy::indexing_slicing, reason = "there are so many")]
        lock(&self.shards[fingerprint.shard_index(SHARDS)])
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    // Nothing in here is half-changed when a panic strikes.
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}
