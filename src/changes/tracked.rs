//! What the tracking connection reports.

use std::sync::atomic::Ordering;

use tokio::time::sleep;

use crate::changes::index::{Index, SYNCED};
use crate::changes::source::{Changes, FALLBACK_POLL_INTERVAL};

/// What the keeper of the connection tells.
impl Changes {
    /// Rings for a context by its key.
    pub(crate) fn mark_key_changed(&self, key: &[u8]) {
        let fingerprint = self.fingerprinter.fingerprint_key(key);
        self.mark_dirty_now(fingerprint);
        self.listeners.notify(fingerprint);
    }

    /// Gives the time, for [`heard_all_before`](Self::heard_all_before).
    pub(crate) fn now(&self) -> u64 {
        self.index().map_or(0, Index::now)
    }

    /// Notes that all has been heard that had changed before this time.
    pub(crate) fn record_heartbeat(&self, time: u64) {
        if let Some(index) = self.index() {
            index.last_heartbeat.store(time, Ordering::Release);
        }
    }

    /// Forgets all: changes may have gone unheard. Every page asks, and every watch rings if it relied on being
    /// told.
    pub(crate) fn invalidate_all(&self) {
        if let Some(index) = self.index() {
            let guard = index.invalidation_lock();
            self.invalidate_locked(index, &guard);
            index.resync_requested.notify_one();
        }
    }

    /// Rings every watch once a second while changes go unheard, for as long as it is polled.
    pub(crate) async fn poll_while_disconnected(&self) {
        loop {
            sleep(FALLBACK_POLL_INTERVAL).await;
            if !self.is_receiving() {
                self.listeners.notify_all();
            }
        }
    }

    /// Has what is pending known from now on: pages are served here. Who only watches keeps no marks.
    #[cfg(feature = "web")]
    pub(crate) fn enable_index(&self) {
        let Some(index) = self.index() else {
            return;
        };
        let guard = index.invalidation_lock();
        if !index.dirty.is_enabled() {
            index.dirty.enable();
            self.invalidate_locked(index, &guard);
            index.resync_requested.notify_one();
        }
    }

    /// Waits until all has to be gone through at once.
    pub(crate) async fn resync_requested(&self) {
        match self.index() {
            Some(index) => index.resync_requested.notified().await,
            None => std::future::pending().await,
        }
    }

    /// Tells whether there may soon be no room for another mark, or was none: a round clears those that nobody
    /// else clears, of contexts that expired or were confirmed elsewhere.
    pub(crate) fn needs_resync(&self) -> bool {
        let wants = |index: &Index| {
            let synced = index.state.load(Ordering::Acquire) & SYNCED != 0;
            !synced || index.dirty.needs_resync()
        };
        self.index().is_some_and(wants)
    }

    /// Tells whether nothing is known since there was no room for all marks.
    pub(crate) fn is_over_capacity(&self) -> bool {
        self.index()
            .is_some_and(|index| index.over_capacity.load(Ordering::Relaxed))
    }
}
