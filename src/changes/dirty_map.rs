//! The contexts that pages have to query, each with the time from which they have to.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::changes::fingerprint::{Fingerprint, IdentityHasher};

/// Number of shards, each with its own lock. Bounds how often a page waits while another thread
/// writes an entry.
const SHARDS: usize = 64;
/// The bit of an entry that holds the generation in which the entry was last written. Each resync
/// pass begins a generation.
const GENERATION_BIT: u32 = 1 << 31;
/// Length of a tick in milliseconds. Coarse, so that 31 bits of ticks last for four years.
const MILLIS_PER_TICK: u64 = 64;

/// Values of entries below the first tick: 0, and the queries in flight. So many that no query outlasts all numbers, while
/// ticks last a day less.
const FIRST_TICK: u32 = 1 << 20;

/// The tick from which a page has to query a context; below the first one immediately.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Due(u32);

impl Due {
    pub(crate) const NOW: Self = Self(0);

    /// Returns the tick of a time, rounded down: an early query costs a round trip, a late one
    /// delays a message. After four years all times have the last tick, and every entry is due.
    pub(crate) fn after_millis(millis: u64) -> Self {
        let due = u32::try_from(millis / MILLIS_PER_TICK).unwrap_or(u32::MAX);
        Self(due.saturating_add(FIRST_TICK).min(GENERATION_BIT - 1))
    }
}

/// A query in flight. Its entries hold its number, which makes other pages query too, until its result is recorded: a
/// change, and a later query, replace the number, so that an older result does not remove what it does not cover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QueryNumber(u32);

type Shard = HashMap<Fingerprint, u32, BuildHasherDefault<IdentityHasher>>;

/// The error for an entry that was not stored, because the map is at capacity.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CapacityExceeded;

/// The dirty entries: one for each context that may have a visible message.
pub(crate) struct DirtyMap {
    shards: [Mutex<Shard>; SHARDS],
    count: AtomicUsize,
    /// Maximum number of entries.
    capacity: usize,
    /// Number of entries from which a resync pass is due. Half of the capacity that was free after
    /// the last pass is then used.
    resync_threshold: AtomicUsize,
    /// Whether pages read the entries. Queries of pages clear entries, so without pages none is
    /// stored.
    enabled: AtomicBool,
    /// The current generation: [`GENERATION_BIT`] or 0.
    generation: AtomicU32,
    queries: AtomicU32,
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
            queries: AtomicU32::new(0),
        }
    }

    /// Starts to store entries.
    #[cfg(feature = "web")]
    pub(crate) fn enable(&self) {
        self.enabled.store(true, Ordering::Release);
    }

    pub(crate) fn is_enabled(&self) -> bool {
        self.enabled.load(Ordering::Acquire)
    }

    /// Returns whether half of the capacity that the last resync pass left free is used.
    pub(crate) fn needs_resync(&self) -> bool {
        self.count.load(Ordering::Relaxed) >= self.resync_threshold.load(Ordering::Relaxed)
    }

    /// Returns the tick from which a page has to query a context, or `None` without an entry.
    #[cfg(feature = "web")]
    pub(crate) fn get(&self, fingerprint: Fingerprint) -> Option<Due> {
        let value = self.shard(fingerprint).get(&fingerprint).copied()?;
        Some(Due(value & !GENERATION_BIT))
    }

    /// Requires a query of a context from this tick on. An entry with an earlier tick keeps it.
    pub(crate) fn mark_dirty(
        &self,
        fingerprint: Fingerprint,
        due: Due,
    ) -> Result<(), CapacityExceeded> {
        self.upsert(fingerprint, |old| old.map_or(due, |old| old.min(due)))
    }

    /// Records that a context exists. An entry keeps its tick; a new entry is due immediately.
    pub(crate) fn touch(&self, fingerprint: Fingerprint) -> Result<(), CapacityExceeded> {
        self.upsert(fingerprint, |old| old.unwrap_or(Due::NOW))
    }

    /// Records that a query of contexts begins. Its result does not cover later changes.
    pub(crate) fn begin_query(&self, fingerprints: &[Fingerprint]) -> QueryNumber {
        let query = self.queries.fetch_add(1, Ordering::Relaxed) % (FIRST_TICK - 1) + 1;
        for fingerprint in fingerprints {
            if let Some(value) = self.shard(*fingerprint).get_mut(fingerprint) {
                *value = *value & GENERATION_BIT | query;
            }
        }
        QueryNumber(query)
    }

    /// Records the result of a query. Removes the entry, unless the context has changed, or is queried
    /// again, since the query began. With `due`, the next query is required from that tick on.
    pub(crate) fn finish_query(
        &self,
        query: QueryNumber,
        fingerprint: Fingerprint,
        due: Option<Due>,
    ) -> Result<(), CapacityExceeded> {
        if let Some(due) = due {
            return self.upsert(fingerprint, |old| match old {
                Some(old) if old.0 != query.0 => old.min(due),
                _ => due,
            });
        }
        let mut shard = self.shard(fingerprint);
        let is_covered = |value: &u32| value & !GENERATION_BIT == query.0;
        if shard.get(&fingerprint).is_some_and(is_covered) {
            shard.remove(&fingerprint);
            self.count.fetch_sub(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Begins a new generation. Entries that are written from now on belong to it.
    pub(crate) fn begin_generation(&self) {
        self.generation.fetch_xor(GENERATION_BIT, Ordering::AcqRel);
    }

    /// Removes the entries of the previous generation, and sets the threshold for the next resync
    /// pass.
    pub(crate) fn drop_stale(&self) {
        let current = self.generation.load(Ordering::Relaxed);
        self.retain(|value| value & GENERATION_BIT == current);
        let remaining = self.count.load(Ordering::Relaxed);
        let free = self.capacity.saturating_sub(remaining);
        self.resync_threshold
            .store(remaining + free.div_ceil(2), Ordering::Relaxed);
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
        // Loaded under the shard lock, so that no write moves an entry back to an earlier
        // generation.
        let generation = self.generation.load(Ordering::Acquire);
        if let Some(value) = shard.get_mut(&fingerprint) {
            *value = due(Some(Due(*value & !GENERATION_BIT))).0 | generation;
            return Ok(());
        }
        if self.count.load(Ordering::Relaxed) >= self.capacity {
            return Err(CapacityExceeded);
        }
        shard.insert(fingerprint, due(None).0 | generation);
        self.count.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Keeps the entries that match. Locks one shard at a time, so that no page waits for the whole
    /// scan.
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
        #[expect(clippy::indexing_slicing, reason = "a shard index is below SHARDS")]
        lock(&self.shards[fingerprint.shard_index(SHARDS)])
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    // A panic cannot leave a shard half changed, so a poisoned lock is safe to use.
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}
