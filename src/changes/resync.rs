//! One pass over all keys of the store.

use std::sync::atomic::Ordering;

use futures_util::FutureExt;

use crate::changes::index::{COMPLETE, Index};
use crate::changes::source::Doorbell;

impl Doorbell {
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
