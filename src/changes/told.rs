//! What the store tells its bell: its own looks, and what it hears over the connection.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::sleep;

use crate::Context;
use crate::changes::Doorbell;
use crate::changes::dirty_map::Tick;
use crate::changes::fingerprint::Mark;
use crate::changes::index::{COMPLETE, Index};
use crate::changes::listen::BLIND;

/// Longest time for which an answer is trusted that says when something falls due: the server's clock and this
/// process's may run apart.
const LONGEST: Duration = Duration::from_secs(60);

impl Doorbell {
    /// Begins a look: what rang before is answered by it, what rings from now on is not. Until it is answered
    /// others ask too.
    pub(crate) fn look(&self, contexts: &[Context]) -> Look<'_> {
        let marks = self.marker.of_all(contexts);
        if let Some(index) = self.index() {
            marks.iter().for_each(|mark| index.marks.asked(*mark));
        }
        Look { bell: self, marks }
    }
}

/// A look that is under way. Dropped without an answer, its contexts are asked for again.
#[must_use]
pub(crate) struct Look<'a> {
    bell: &'a Doorbell,
    /// Those whose answer is not there yet.
    marks: Vec<Mark>,
}

impl Look<'_> {
    /// Notes the answer: nothing more may be shown before this time, unless it rings.
    pub(crate) fn answered(mut self, next: Option<Duration>) {
        let marks = std::mem::take(&mut self.marks);
        let Some(index) = self.bell.index() else {
            return;
        };
        let due = next.map(|next| {
            let next = u64::try_from(next.min(LONGEST).as_millis()).unwrap_or(u64::MAX);
            Tick::of(index.now().saturating_add(next))
        });
        for mark in marks {
            self.bell.note(index, index.marks.answered(mark, due));
        }
    }
}

impl Drop for Look<'_> {
    fn drop(&mut self) {
        self.marks
            .iter()
            .for_each(|mark| self.bell.ask_at_once(*mark));
    }
}

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

    /// Begins to go through all that there is in the store.
    pub(crate) fn begin_round(&self) -> Option<Round<'_>> {
        let index = self.index()?;
        let _losing = index.losing();
        // This round is what it rang for.
        index.lost.notified().now_or_never();
        index.marks.begin_generation();
        Some(Round {
            bell: self,
            index,
            state: index.state.load(Ordering::Acquire),
        })
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

/// Going through all that there is in the store, while changes ring.
pub(crate) struct Round<'a> {
    bell: &'a Doorbell,
    index: &'a Index,
    state: u64,
}

impl Round<'_> {
    /// Tells whether keys have to be seen: not while all was lost again, nor where no marks are kept.
    pub(crate) fn goes_on(&self) -> bool {
        let state = self.index.state.load(Ordering::Acquire);
        state == self.state && self.index.marks.are_kept()
    }

    /// Notes that a key is there. Where all was known before, what is known of it stays; else nobody knows
    /// whether it has changed, and it is asked for.
    pub(crate) fn seen(&self, key: &[u8]) {
        let mark = self.bell.marker.of_key(key);
        match self.is_repeated() {
            true => self.bell.note(self.index, self.index.marks.seen(mark)),
            false => self.bell.ask_at_once(mark),
        }
    }

    /// Tells whether all was known when it began, so that nobody waits for its end.
    pub(crate) fn is_repeated(&self) -> bool {
        self.state & COMPLETE != 0
    }

    /// Ends it: what was neither seen nor rung for is gone, and from now on what has no mark has nothing to
    /// show.
    pub(crate) fn end(self) {
        self.index.marks.end_generation();
        let complete = self.state | COMPLETE;
        let state = &self.index.state;
        let known =
            state.compare_exchange(self.state, complete, Ordering::AcqRel, Ordering::Acquire);
        // Refused if all was lost meanwhile: then nothing is known.
        if known.is_err() {
            return;
        }
        self.index.crowded.store(false, Ordering::Relaxed);
        if !self.is_repeated() {
            // What changed while nobody told has not rung.
            self.bell.watches.ring_all();
        }
    }
}
