//! What the tracking connection reports.

use std::sync::atomic::Ordering;

use tokio::time::sleep;

use crate::changes::index::{COMPLETE, Index};
use crate::changes::source::{BLIND, Doorbell};

/// What the keeper of the connection tells.
impl Doorbell {
    /// Rings for a context by its key.
    pub(crate) fn ring_key(&self, key: &[u8]) {
        let mark = self.marker.of_key(key);
        self.ask_at_once(mark);
        self.watches.ring(mark);
    }

    /// Gives the time, for [`heard_all_before`](Self::heard_all_before).
    pub(crate) fn now(&self) -> u64 {
        self.index().map_or(0, Index::now)
    }

    /// Notes that all has been heard that had changed before this time.
    pub(crate) fn heard_all_before(&self, time: u64) {
        if let Some(index) = self.index() {
            index.heard.store(time, Ordering::Release);
        }
    }

    /// Forgets all: changes may have gone unheard. Every page asks, and every watch rings if it relied on being
    /// told.
    pub(crate) fn lose(&self) {
        if let Some(index) = self.index() {
            let losing = index.losing();
            self.forget(index, &losing);
            index.lost.notify_one();
        }
    }

    /// Rings every watch once a second while changes go unheard, for as long as it is polled.
    pub(crate) async fn ring_while_blind(&self) {
        loop {
            sleep(BLIND).await;
            if !self.is_told() {
                self.watches.ring_all();
            }
        }
    }

    /// Has what is pending known from now on: pages are served here. Who only watches keeps no marks.
    #[cfg(feature = "web")]
    pub(crate) fn serve_pages(&self) {
        let Some(index) = self.index() else {
            return;
        };
        let losing = index.losing();
        if !index.marks.are_kept() {
            index.marks.keep();
            self.forget(index, &losing);
            index.lost.notify_one();
        }
    }

    /// Waits until all has to be gone through at once.
    pub(crate) async fn lost(&self) {
        match self.index() {
            Some(index) => index.lost.notified().await,
            None => std::future::pending().await,
        }
    }

    /// Tells whether there may soon be no room for another mark, or was none: a round clears those that nobody
    /// else clears, of contexts that expired or were confirmed elsewhere.
    pub(crate) fn wants_room(&self) -> bool {
        let wants = |index: &Index| {
            let known = index.state.load(Ordering::Acquire) & COMPLETE != 0;
            !known || index.marks.are_many()
        };
        self.index().is_some_and(wants)
    }

    /// Tells whether nothing is known since there was no room for all marks.
    pub(crate) fn is_crowded(&self) -> bool {
        self.index()
            .is_some_and(|index| index.crowded.load(Ordering::Relaxed))
    }
}
