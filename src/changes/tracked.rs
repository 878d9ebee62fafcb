//! The reports of the tracking connection.

use std::sync::atomic::Ordering;

use tokio::time::{Instant, sleep};

use crate::changes::index::{Index, SYNCED_BIT};
use crate::changes::source::{Changes, FALLBACK_POLL_INTERVAL, Source};

/// The reports of the task that owns the tracking connection.
impl Changes {
    /// Reports that something may have changed in the context with this key.
    pub(crate) fn mark_key_changed(&self, key: &[u8]) {
        let fingerprint = self.fingerprinter.fingerprint_key(key);
        self.mark_dirty_now(fingerprint);
        self.listeners.notify(fingerprint);
    }

    /// Records that every change before this time has been received.
    pub(crate) fn record_heartbeat(&self, time: Instant) {
        match &self.source {
            Source::Tracked(index) => {
                let millis = index.millis_at(time);
                index.last_heartbeat.store(millis, Ordering::Release);
            }
            Source::Reported(freshness) => freshness.prove(time),
            Source::Local | Source::Polling => {}
        }
    }

    /// Invalidates the index, because changes may have been missed, and requests a resync pass.
    /// Every page queries until the pass ends. If the index was synced, every listener is notified.
    /// Without an index, every listener is notified now.
    pub(crate) fn invalidate_all(&self) {
        match &self.source {
            Source::Tracked(index) => {
                let guard = index.invalidation_lock();
                self.invalidate_locked(index, &guard);
                index.resync_requested.notify_one();
            }
            Source::Reported(freshness) => {
                freshness.revoke();
                self.listeners.notify_all();
            }
            Source::Local | Source::Polling => {}
        }
    }

    /// Notifies every listener once a second while changes are not received. Never returns.
    pub(crate) async fn poll_while_disconnected(&self) {
        loop {
            sleep(FALLBACK_POLL_INTERVAL).await;
            if !self.is_receiving() {
                self.listeners.notify_all();
            }
        }
    }

    /// Starts to store entries and requests a resync pass, because this process serves pages. A
    /// process that only has listeners stores no entries.
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

    /// Waits until a resync pass has to start immediately.
    pub(crate) async fn resync_requested(&self) {
        match self.index() {
            Some(index) => index.resync_requested.notified().await,
            None => std::future::pending().await,
        }
    }

    /// Returns whether the index is out of sync, or its entries may soon exceed its capacity. Only
    /// a resync pass removes the entries of contexts that expired or were confirmed by another
    /// process.
    pub(crate) fn needs_resync(&self) -> bool {
        let needs_resync = |index: &Index| {
            let synced = index.state.load(Ordering::Acquire) & SYNCED_BIT != 0;
            !synced || index.dirty.needs_resync()
        };
        self.index().is_some_and(needs_resync)
    }

    /// Returns whether the index is out of sync because its entries exceeded its capacity.
    pub(crate) fn is_over_capacity(&self) -> bool {
        self.index()
            .is_some_and(|index| index.over_capacity.load(Ordering::Relaxed))
    }
}
