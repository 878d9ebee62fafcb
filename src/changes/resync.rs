//! One resync pass over all keys of the store.

use std::sync::atomic::Ordering;

use futures_util::FutureExt;

use crate::changes::index::{Index, SYNCED_BIT};
use crate::changes::source::Changes;

impl Changes {
    /// Begins a pass over all keys of the store. Returns `None` without a pending index.
    pub(crate) fn begin_resync(&self) -> Option<ResyncPass<'_>> {
        let index = self.index()?;
        let _guard = index.invalidation_lock();
        // This pass fulfils the request, if there is one.
        index.resync_requested.notified().now_or_never();
        index.dirty.begin_generation();
        Some(ResyncPass {
            changes: self,
            index,
            state: index.state.load(Ordering::Acquire),
        })
    }
}

/// A pass over all keys of the store. Changes are recorded during the pass.
pub(crate) struct ResyncPass<'a> {
    changes: &'a Changes,
    index: &'a Index,
    state: u64,
}

impl ResyncPass<'_> {
    /// Returns whether the pass needs further keys. It does not after an invalidation, or if the
    /// index stores no entries.
    pub(crate) fn is_current(&self) -> bool {
        let state = self.index.state.load(Ordering::Acquire);
        state == self.state && self.index.dirty.is_enabled()
    }

    /// Records that a key exists. If the index was synced when the pass began, the entry keeps its
    /// tick. Otherwise a change may have been missed, and the context is due immediately.
    pub(crate) fn touch(&self, key: &[u8]) {
        let fingerprint = self.changes.fingerprinter.fingerprint_key(key);
        match self.was_synced() {
            true => self
                .changes
                .check_capacity(self.index, self.index.dirty.touch(fingerprint)),
            false => self.changes.mark_dirty_now(fingerprint),
        }
    }

    /// Returns whether the index was synced when the pass began. No page waits for the end of such
    /// a pass.
    pub(crate) fn was_synced(&self) -> bool {
        self.state & SYNCED_BIT != 0
    }

    /// Ends the pass. Removes the entries of contexts that were neither scanned nor changed during
    /// it. Unless the index was invalidated meanwhile, it is synced from now on.
    pub(crate) fn finish(self) {
        self.index.dirty.drop_stale();
        let synced = self.state | SYNCED_BIT;
        let state = &self.index.state;
        let updated =
            state.compare_exchange(self.state, synced, Ordering::AcqRel, Ordering::Acquire);
        // Fails after an invalidation during the pass: the index stays out of sync.
        if updated.is_err() {
            return;
        }
        self.index.over_capacity.store(false, Ordering::Relaxed);
        if !self.was_synced() {
            // Listeners were not notified of changes while the index was out of sync.
            self.changes.listeners.notify_all();
        }
    }
}
