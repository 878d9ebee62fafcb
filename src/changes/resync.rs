//! One pass over all keys of the store.

use std::sync::atomic::Ordering;

use futures_util::FutureExt;

use crate::changes::index::{Index, SYNCED};
use crate::changes::source::Changes;

impl Changes {
    /// Begins to go through all that there is in the store.
    pub(crate) fn begin_resync(&self) -> Option<ResyncPass<'_>> {
        let index = self.index()?;
        let _guard = index.invalidation_lock();
        // This round is what it rang for.
        index.resync_requested.notified().now_or_never();
        index.dirty.begin_generation();
        Some(ResyncPass {
            changes: self,
            index,
            state: index.state.load(Ordering::Acquire),
        })
    }
}

/// Going through all that there is in the store, while changes ring.
pub(crate) struct ResyncPass<'a> {
    changes: &'a Changes,
    index: &'a Index,
    state: u64,
}

impl ResyncPass<'_> {
    /// Tells whether keys have to be seen: not while all was lost again, nor where no marks are kept.
    pub(crate) fn is_current(&self) -> bool {
        let state = self.index.state.load(Ordering::Acquire);
        state == self.state && self.index.dirty.is_enabled()
    }

    /// Notes that a key is there. Where all was known before, what is known of it stays; else nobody knows
    /// whether it has changed, and it is asked for.
    pub(crate) fn touch(&self, key: &[u8]) {
        let fingerprint = self.changes.fingerprinter.fingerprint_key(key);
        match self.was_synced() {
            true => self
                .changes
                .check_capacity(self.index, self.index.dirty.touch(fingerprint)),
            false => self.changes.mark_dirty_now(fingerprint),
        }
    }

    /// Tells whether all was known when it began, so that nobody waits for its end.
    pub(crate) fn was_synced(&self) -> bool {
        self.state & SYNCED != 0
    }

    /// Ends it: what was neither seen nor rung for is gone, and from now on what has no mark has nothing to
    /// show.
    pub(crate) fn finish(self) {
        self.index.dirty.drop_stale();
        let synced = self.state | SYNCED;
        let state = &self.index.state;
        let synced =
            state.compare_exchange(self.state, synced, Ordering::AcqRel, Ordering::Acquire);
        // Refused if all was lost meanwhile: then nothing is known.
        if synced.is_err() {
            return;
        }
        self.index.over_capacity.store(false, Ordering::Relaxed);
        if !self.was_synced() {
            // What changed while nobody told has not rung.
            self.changes.listeners.notify_all();
        }
    }
}
